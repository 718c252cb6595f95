"""One state machine is one table: what is not in it does not happen."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

State = TypeVar("State", bound=StrEnum)


class IllegalMove(ValueError):  # noqa: N818 - it names what was asked for
    """A state was asked to go where its table does not lead, or an event that contradicts it came.

    Whatever raised it changed nothing.
    """


def check_move(table: Mapping[State, frozenset[State]], state: State, to: State) -> None:
    """Raise IllegalMove unless the table leads from one state to the other."""
    if to not in table[state]:
        allowed = ", ".join(sorted(table[state])) or "nothing, it is the end"
        raise IllegalMove(f"{state} cannot move to {to}; it can move to: {allowed}")
