"""The states of an alert: every allowed move, and what a verdict makes of a state. Pure."""

from enum import StrEnum

from alerts.rules.evaluate import Verdict


class State(StrEnum):
    """Where an alert is."""

    PENDING = "PENDING"  # bad, and its window is not over
    FIRING = "FIRING"
    ACKED = "ACKED"  # somebody has it; it goes on until the condition has ended
    RESOLVED = "RESOLVED"


OPEN = (State.PENDING, State.FIRING, State.ACKED)
RAISED = (State.FIRING, State.ACKED)

# Every allowed move and nothing else. What fires again while its cooldown lasts is the same alert.
ALLOWED_MOVES: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.FIRING, State.RESOLVED}),
    State.FIRING: frozenset({State.ACKED, State.RESOLVED}),
    State.ACKED: frozenset({State.FIRING, State.RESOLVED}),
    State.RESOLVED: frozenset({State.PENDING, State.FIRING}),
}


def next_state(state: State | None, verdict: Verdict) -> State | None:
    """Return where a verdict moves an alert, None when it stays; `state` None: there is none.

    Acknowledging and its undoing are moves of people and come from no verdict.
    """
    raises = verdict in (Verdict.FIRING, Verdict.UNKNOWN)
    if state in (None, State.RESOLVED):
        if raises:
            return State.FIRING
        return State.PENDING if verdict is Verdict.PENDING else None
    if state is State.PENDING:
        if raises:
            return State.FIRING
        return State.RESOLVED if verdict is Verdict.QUIET else None
    # Raised: what only begins to be bad again has not ended.
    return State.RESOLVED if verdict is Verdict.QUIET else None


def may_move(state: State, target: State) -> bool:
    """Return whether a move is allowed."""
    return target in ALLOWED_MOVES[state]
