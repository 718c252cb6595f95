"""Markets in which some limit orders only rest for a while, so that a crossed book can last."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from trading.simulator.agenda import Agenda
from trading.simulator.orders import Order


class Hold(NamedTuple):
    """Whose limit orders only rest in a market, and until when."""

    account_ids: frozenset[str]
    until_ms: int


class Holds:
    """The holds that last. Everybody else can trade with what rests in one."""

    __slots__ = ("_agenda", "_ended", "_held")

    def __init__(self, agenda: Agenda, ended: Callable[[str, int], None]) -> None:
        """`ended` is called with the condition and the time when a hold is over."""
        self._agenda = agenda
        self._ended = ended
        self._held: dict[str, Hold] = {}  # by condition

    def begin(self, condition_id: str, account_ids: frozenset[str], until_ms: int) -> None:
        """Hold the orders of some accounts until a time; one that lasts is only made longer."""
        before = self._held.get(condition_id, Hold(frozenset(), 0))
        until_ms = max(until_ms, before.until_ms)
        self._held[condition_id] = Hold(account_ids | before.account_ids, until_ms)
        self._agenda.at(until_ms, partial(self._end, condition_id))

    def drop(self, condition_id: str) -> None:
        """Forget a hold: its market is over."""
        self._held.pop(condition_id, None)

    def lasts(self, condition_id: str) -> bool:
        """Say whether matching is held in a market."""
        return condition_id in self._held

    def only_rests(self, order: Order) -> bool:
        """Say whether an order would rest in its market whatever it crosses."""
        hold = self._held.get(order.condition_id)
        return hold is not None and order.rests and order.account_id in hold.account_ids

    def _end(self, condition_id: str, at_ms: int) -> None:
        if condition_id not in self._held or self._held[condition_id].until_ms > at_ms:
            return  # it was made longer meanwhile, and another end is due
        del self._held[condition_id]
        self._ended(condition_id, at_ms)
