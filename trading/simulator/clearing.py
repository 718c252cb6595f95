"""Carries trades through settlement: locks at the match, moves on the chain, late views."""

from collections.abc import Iterable
from functools import partial
from hashlib import sha256
from random import Random

from trading.engine.codes import Side, TradeState
from trading.simulator.accounts import Chain, RevertedError
from trading.simulator.agenda import Agenda
from trading.simulator.events import Event, Fill, TradeChanged
from trading.simulator.orders import Order
from trading.simulator.settlement import SettlementSettings, Trade, draw_timetable


class Clearing:
    """All trades that are not settled yet. Appends to the events of the exchange."""

    __slots__ = ("_agenda", "_chain", "_events", "_random", "_settings")

    def __init__(
        self,
        *,
        chain: Chain,
        agenda: Agenda,
        random: Random,
        settings: SettlementSettings,
        events: list[Event],
    ) -> None:
        self._chain = chain
        self._agenda = agenda
        self._random = random
        self._settings = settings
        self._events = events

    def new_trade_id(self) -> str:
        """Draw an id that looks like the venue's."""
        text = f"{self._random.getrandbits(128):032x}"
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    def open(self, trade_id: str, taker: Order, fills: Iterable[Fill], at_ms: int) -> None:
        """Begin the settlement of a match: lock what both sides give, and plan what follows."""
        fills = tuple(fills)
        event = TradeChanged(
            at_ms=at_ms,
            state=TradeState.MATCHED,
            trade_id=trade_id,
            matched_ms=at_ms,
            condition_id=taker.condition_id,
            token_id=taker.token_id,
            side=taker.side,
            taker_order_id=taker.order_id,
            taker_account_id=taker.account_id,
            size_micro=sum(fill.size_micro for fill in fills),
            price_micro=fills[-1].taker_price_micro,
            fills=fills,
            transaction_hash="",
        )
        trade = Trade(event)
        for (account_id, asset), amount in trade.locks.items():
            self._chain.accounts[account_id].matched[asset] += amount
        self._events.append(event)
        for due_ms, state in draw_timetable(self._settings, self._random, at_ms):
            self._agenda.at(due_ms, partial(self._step, trade, state))

    def _step(self, trade: Trade, state: TradeState, at_ms: int) -> None:
        if trade.event.state is TradeState.FAILED:
            return  # it could not be paid, and what was planned for it is void
        if state is TradeState.MINED:
            self._mine(trade, at_ms)
        else:
            self._events.append(trade.move(state, at_ms, ""))
        if state is TradeState.FAILED:
            self._agenda.at(at_ms + self._settings.release_lag_ms, partial(self._release, trade))

    def _mine(self, trade: Trade, at_ms: int) -> None:
        """Put a trade on the chain; one that somebody cannot pay any more is retried and fails."""
        try:
            self._chain.transact(
                trade.moves,
                condition_id=trade.event.condition_id,
                sets_micro=trade.sets_micro,
                fees_micro=trade.fees_micro,
            )
        except RevertedError:
            if trade.event.state is TradeState.MATCHED:
                self._events.append(trade.move(TradeState.RETRYING, at_ms, ""))
            self._events.append(trade.move(TradeState.FAILED, at_ms, ""))
            self._agenda.at(at_ms + self._settings.release_lag_ms, partial(self._release, trade))
            return
        digest = sha256(trade.event.trade_id.encode()).hexdigest()
        self._events.append(trade.move(TradeState.MINED, at_ms, f"0x{digest}"))
        self._agenda.at(at_ms + self._settings.view_lag_ms, partial(self._look, trade))
        self._agenda.at(at_ms + self._settings.release_lag_ms, partial(self._release, trade))

    def _look(self, trade: Trade, _at_ms: int) -> None:
        """Let the venue see what a mined trade changed."""
        for account_id, asset in trade.moves:
            self._chain.refresh(account_id, asset)

    def _release(self, trade: Trade, _at_ms: int) -> None:
        """Give back what a trade that is settled or failed still locked."""
        for (account_id, asset), amount in trade.locks.items():
            self._chain.accounts[account_id].matched[asset] -= amount


def taker_amounts(side: Side, fills: Iterable[Fill]) -> tuple[int, int]:
    """Return what a taker gave and got in these fills, fees not counted, in its two assets."""
    fills = tuple(fills)
    dollars = sum(fill.taker_dollars_micro for fill in fills)
    shares = sum(fill.size_micro for fill in fills)
    return (dollars, shares) if side is Side.BUY else (shares, dollars)
