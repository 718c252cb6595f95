"""Every duration of a shift."""

from dataclasses import dataclass, field

from django.conf import settings

from trading.execution.settings import DeskSettings
from trading.journal import JournalLimits
from trading.lease import LeaseTimes
from trading.ledger import LedgerLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftTimes:
    """Every duration of a shift, in milliseconds. Tests make them short."""

    lease: LeaseTimes = field(default_factory=LeaseTimes)
    journal: JournalLimits = field(default_factory=JournalLimits)
    ledger: LedgerLimits = field(default_factory=LedgerLimits)
    desk: DeskSettings = field(default_factory=DeskSettings)
    tick_ms: int = 100
    mandate_ms: int = 250
    reconcile_ms: int = 60_000  # ledger, venue and chain are compared so often
    loop_silence_ms_max: int = 2_000  # then the lease is not renewed any more
    drain_ms_max: int = 45_000  # for open sets to end before a wanted stop
    handover_ms_max: int = 15_000  # the same at the end of a shift: the next one carries them on
    stand_by_ms_max: int | None = None  # None: one and a half shifts
    clock_drift_ms_max: int = 5_000
    close_ms_max: int = 8_000


def shift_times() -> ShiftTimes:
    """Return the durations of a real shift, with the room that the settings leave its journal."""
    room = JournalLimits(
        bytes_max=settings.JOURNAL_BYTES_MAX,
        disk_free_bytes_min=settings.JOURNAL_DISK_FREE_BYTES_MIN,
    )
    return ShiftTimes(journal=room)
