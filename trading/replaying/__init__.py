"""Replays of journals: what a session said once, said again, and what it would have said."""

from trading.replaying.inputs import OnProgress, ReplayError
from trading.replaying.session import Difference, JournalReplay, Scope, replay_journal
from trading.replaying.tally import Tally
from trading.replaying.trial import recorded_tally, trial

__all__ = [
    "Difference",
    "JournalReplay",
    "OnProgress",
    "ReplayError",
    "Scope",
    "Tally",
    "recorded_tally",
    "replay_journal",
    "trial",
]
