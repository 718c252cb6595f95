"""Why a shift ended, one code per cause, and what its session is called then."""

from dataclasses import dataclass
from enum import StrEnum

from trading.models import EngineSession

State = EngineSession.State
SHIFT_OVER_TEXT = "the shift is over"  # told from a real stop by it
SHIFT_OVER_TEXT = "the shift is over"  # told from a real stop by it


class Ending(StrEnum):
    """The cause of a shift's end."""

    STOP_REQUESTED = "STOP_REQUESTED"  # the mandate says so
    PROCESS_STOPPED = "PROCESS_STOPPED"  # the process was told to end
    SHIFT_OVER = "SHIFT_OVER"  # the next shift takes over
    CHANGED = "CHANGED"  # another feed or mode: the next shift runs it
    CLOCK_JUMPED = "CLOCK_JUMPED"
    NO_MANDATE = "NO_MANDATE"
    FENCED = "FENCED"
    ORPHANED = "ORPHANED"  # the cluster that started it is gone
    JOURNAL_FAILED = "JOURNAL_FAILED"
    LEDGER_FAILED = "LEDGER_FAILED"
    CRASHED = "CRASHED"
    # before there was a session
    STANDBY_PRESENT = "STANDBY_PRESENT"
    NOT_WANTED = "NOT_WANTED"
    NOT_NEEDED = "NOT_NEEDED"  # waited its whole time, the owner is well


STATES: dict[Ending, EngineSession.State] = {
    Ending.STOP_REQUESTED: State.STOPPED,
    Ending.PROCESS_STOPPED: State.STOPPED,
    Ending.SHIFT_OVER: State.STOPPED,
    Ending.CHANGED: State.STOPPED,
    Ending.CLOCK_JUMPED: State.STOPPED,
    Ending.NO_MANDATE: State.STOPPED,
    Ending.ORPHANED: State.STOPPED,
    Ending.FENCED: State.FENCED,
    Ending.JOURNAL_FAILED: State.CRASHED,
    Ending.LEDGER_FAILED: State.CRASHED,
    Ending.CRASHED: State.CRASHED,
}
# After these nobody may trade until a person has looked.
HALTING = (Ending.JOURNAL_FAILED, Ending.LEDGER_FAILED)


@dataclass(frozen=True, slots=True)
class End:
    """The end of a shift: its cause, and the sentence for people."""

    ending: Ending
    reason: str

    @property
    def state(self) -> str:
        """What the session's row says."""
        return STATES.get(self.ending, State.STOPPED).value

    @property
    def orderly(self) -> bool:
        """Whether everything can be written down as always."""
        return self.state == State.STOPPED
