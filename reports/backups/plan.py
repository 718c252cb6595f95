"""When a backup is due, which ones are kept, and what one is called."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

# Twice a day, so that one that fails does not make the newest verified one older than a day.
SLOT = timedelta(hours=12)
SLOT_BEGINS = timedelta(minutes=10)  # after midnight UTC, when the day's report is made
AGAIN_AFTER = timedelta(hours=1)  # a slot whose backup failed is tried again
KEPT = timedelta(days=7)
DRILL_EVERY = timedelta(days=7)
FAILED_KEPT = timedelta(days=1)  # long enough to look at what is wrong with it
COLLISIONS_MAX = 99

RUNNING, TAKEN, VERIFIED = "RUNNING", "TAKEN", "VERIFIED"
FAILED, PRUNED = "FAILED", "PRUNED"

# Every move of a backup and nothing else. A verified one is verified again, and may fail then; a
# failed one may be mended, by its key or by a disk that answers again. What is pruned stays so.
MOVES = {
    RUNNING: frozenset({TAKEN, FAILED}),
    TAKEN: frozenset({VERIFIED, FAILED, PRUNED}),
    VERIFIED: frozenset({VERIFIED, FAILED, PRUNED}),
    FAILED: frozenset({VERIFIED, FAILED, PRUNED}),
    PRUNED: frozenset[str](),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A backup as far as deciding about it goes. `files` says that it takes room on the disk."""

    name: str
    state: str
    started_at: datetime
    pinned: bool = False
    files: bool = True


def name_of(at: datetime, taken: Iterable[str]) -> str:
    """Return YYYYMMDD_HHMM in UTC, with a number behind it when that minute has one already.

    Raises ValueError for a hundredth backup of one minute.
    """
    plain = at.strftime("%Y%m%d_%H%M")
    others = frozenset(taken)
    numbered = (f"{plain}_{number}" for number in range(2, COLLISIONS_MAX + 1))
    for name in (plain, *numbered):
        if name not in others:
            return name
    raise ValueError(f"there are {COLLISIONS_MAX} backups of the minute {plain}")


def slot_start(now: datetime) -> datetime:
    """Return the beginning of the half day, in UTC, that wants a backup now."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    begins = midnight + SLOT_BEGINS
    if now < begins:
        return begins - SLOT
    return begins + (now - begins) // SLOT * SLOT


def is_due(backups: Iterable[Kept], now: datetime) -> bool:
    """Return whether this half day has no backup that counts, and none that was tried just now.

    A moment in the future, of a clock that was set back, counts as just now once and not for ever.
    """
    start = slot_start(now)
    for backup in backups:
        if not start <= backup.started_at <= now:
            continue
        if backup.state == VERIFIED or now - backup.started_at < AGAIN_AFTER:
            return False
    return True


def is_drill_due(drilled_at: datetime | None, now: datetime) -> bool:
    """Return whether a week went by since the last drill."""
    return drilled_at is None or now - drilled_at >= DRILL_EVERY


def to_prune(backups: Sequence[Kept], now: datetime) -> list[str]:
    """Return the names of the backups whose files may go, the oldest first.

    Never a pinned one, never one that is being taken, and never the newest verified one, however
    old it is: what cannot be restored is no reason to throw away what can.
    """
    verified = [one for one in backups if one.state == VERIFIED and one.files]
    last = max(verified, key=lambda one: (one.started_at, one.name), default=None)
    found = []
    for backup in sorted(backups, key=lambda one: (one.started_at, one.name)):
        if backup.pinned or not backup.files or backup.state in (RUNNING, PRUNED):
            continue
        if last is not None and backup.name == last.name:
            continue
        kept = FAILED_KEPT if backup.state == FAILED else KEPT
        if now - backup.started_at > kept:
            found.append(backup.name)
    return found
