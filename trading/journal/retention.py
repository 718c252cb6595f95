"""Which old journals may go: whole closed sessions, the oldest first, and how one is removed.

Nothing here knows whether a session is closed or in a backup: whoever asks says so of each.
"""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from trading.journal.files import sync_directory

DOOMED_PREFIX = ".removed-"
# A journal at its limit stops the engine. So there is to be room before it is reached.
FILLED_PERCENT_MAX = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRules:
    """How much is kept and for how long. `age_min` wins over both of the others."""

    bytes_max: int
    age_max: timedelta
    age_min: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredJournal:
    """A journal on the disk. `keep` says why it has to stay whatever its age, "" for no reason."""

    directory: Path
    size_bytes: int
    ended_at: datetime | None  # None: its session is running, or nobody closed it
    keep: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One journal that goes, and why."""

    journal: StoredJournal
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPlan:
    """What goes, in order, and what stays although it should go."""

    removals: tuple[Removal, ...]
    kept_back: tuple[tuple[StoredJournal, str], ...]
    bytes_after: int
    bytes_wanted: int

    @property
    def too_full(self) -> bool:
        """Whether more is left than there should be: nothing else may go."""
        return self.bytes_after > self.bytes_wanted


def plan_retention(
    journals: Iterable[StoredJournal], rules: RetentionRules, now: datetime, *, other_bytes: int = 0
) -> RetentionPlan:
    """Say what may go now. `other_bytes` are of journals that no session of ours wrote."""
    known = list(journals)
    left = other_bytes + sum(journal.size_bytes for journal in known)
    wanted = rules.bytes_max * FILLED_PERCENT_MAX // 100
    removals: list[Removal] = []
    kept_back: list[tuple[StoredJournal, str]] = []
    closed = [(journal.ended_at, journal) for journal in known if journal.ended_at is not None]
    for ended_at, journal in sorted(closed, key=lambda one: (one[0], one[1].directory.name)):
        age = now - ended_at
        reason = _reason(age, rules, left, wanted)
        if not reason:
            continue
        if age < rules.age_min:
            kept_back.append((journal, f"younger than {rules.age_min.days} days"))
        elif journal.keep:
            kept_back.append((journal, journal.keep))
        else:
            removals.append(Removal(journal=journal, reason=reason))
            left -= journal.size_bytes
    return RetentionPlan(
        removals=tuple(removals),
        kept_back=tuple(kept_back),
        bytes_after=left,
        bytes_wanted=wanted,
    )


def _reason(age: timedelta, rules: RetentionRules, left: int, wanted: int) -> str:
    if age > rules.age_max:
        return f"older than {rules.age_max.days} days"
    if left > wanted:
        return f"more than {FILLED_PERCENT_MAX} % of the room for journals is used"
    return ""


def doom(directory: Path) -> Path:
    """Rename a journal out of the way, so that none is ever seen half removed."""
    doomed = directory.with_name(f"{DOOMED_PREFIX}{directory.name}")
    directory.rename(doomed)
    sync_directory(doomed.parent)
    return doomed


def spare(doomed: Path) -> Path:
    """Take `doom` back."""
    directory = doomed.with_name(doomed.name.removeprefix(DOOMED_PREFIX))
    doomed.rename(directory)
    sync_directory(directory.parent)
    return directory


def doomed_journals(root: Path) -> list[Path]:
    """Return what was doomed and is still there: a removal was cut off."""
    return sorted(root.glob(f"*/{DOOMED_PREFIX}*"))


def remove_doomed(doomed: Path) -> None:
    """Remove the files for good."""
    shutil.rmtree(doomed)
