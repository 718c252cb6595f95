"""Carries trades through settlement: locks at the match, moves on the chain, late views."""

from collections.abc import Iterable
from functools import partial
from random import Random

from trading.engine.codes import Side, TradeState
from trading.simulator.accounts import Chain, RevertedError
from trading.simulator.agenda import Agenda
from trading.simulator.events import Event, Fill, TradeChanged
from trading.simulator.faults import Faults
from trading.simulator.orders import Order
from trading.simulator.settlement import SettlementSettings, Step, Trade, draw_timetable


class Clearing:
    """All trades that are not settled yet. Appends to the events of the exchange."""

    __slots__ = ("_agenda", "_chain", "_events", "_faults", "_random", "_settings", "trades")

    def __init__(
        self,
        *,
        chain: Chain,
        agenda: Agenda,
        random: Random,
        settings: SettlementSettings,
        events: list[Event],
        faults: Faults,
    ) -> None:
        self._faults = faults
        self._chain = chain
        self._agenda = agenda
        self._random = random
        self._settings = settings
        self._events = events
        self.trades: dict[str, Trade] = {}  # of which something is still to come

    def new_trade_id(self) -> str:
        """Draw an id that looks like the venue's."""
        text = f"{self._random.getrandbits(128):032x}"
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    def open(
        self, trade_id: str, taker: Order, fills: Iterable[Fill], spender: str, at_ms: int
    ) -> None:
        """Begin the settlement of a match: lock what both sides give, and plan what follows.

        `spender` is the contract that will take it; empty: without an allowance.
        """
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
        trade = Trade(event, spender)
        self._lock(trade)
        self._events.append(event)
        plan = draw_timetable(self._settings, self._random, at_ms)
        for due_ms, state in self._faults.settlement(plan, trade.parties(), at_ms):
            self._plan(trade, due_ms, Step(state))

    def restore(self, trade: Trade) -> None:
        """Go on with a trade of an earlier run; what was due meanwhile happens next."""
        trade.may_be_mined = trade.event.state in (TradeState.MATCHED, TradeState.RETRYING)
        if not trade.released:
            self._lock(trade)
        steps, trade.steps = trade.steps, ()
        for due_ms, step in steps:
            self._plan(trade, due_ms, step)

    def _lock(self, trade: Trade) -> None:
        for (account_id, asset), amount in trade.locks.items():
            self._chain.accounts[account_id].matched[asset] += amount

    def _plan(self, trade: Trade, due_ms: int, step: Step) -> None:
        self.trades[trade.event.trade_id] = trade
        trade.steps = (*trade.steps, (due_ms, step))
        self._agenda.at(due_ms, partial(self._step, trade, due_ms, step))

    def _step(self, trade: Trade, due_ms: int, step: Step, at_ms: int) -> None:
        if (due_ms, step) not in trade.steps:
            return  # it could not be paid, and what was planned for it is void
        trade.steps = tuple(one for one in trade.steps if one != (due_ms, step))
        match step:
            case Step.LOOK:
                self._look(trade, at_ms)
            case Step.RELEASE:
                self._release(trade)
            case Step.MINED:
                self._mine(trade, at_ms)
            case _:
                self._events.append(trade.move(TradeState(step), at_ms, ""))
        if step is Step.FAILED:
            self._plan(trade, at_ms + self._settings.release_lag_ms, Step.RELEASE)
        if not trade.steps:
            del self.trades[trade.event.trade_id]

    def _mine(self, trade: Trade, at_ms: int) -> None:
        """Put a trade on the chain; one that somebody cannot pay any more is retried and fails."""
        trade_id, condition_id = trade.event.trade_id, trade.event.condition_id
        try:
            if trade.may_be_mined and self._chain.has_mined(trade_id):
                self._chain.note(trade.moves, condition_id, trade.sets_micro, trade.fees_micro)
            else:
                self._chain.check_allowed(trade.locks, trade.spender)
                self._chain.transact(
                    trade.moves,
                    condition_id=condition_id,
                    sets_micro=trade.sets_micro,
                    fees_micro=trade.fees_micro,
                    trade_id=trade_id,
                )
                self._chain.use_allowance(trade.locks, trade.spender)
        except RevertedError:
            if trade.event.state is TradeState.MATCHED:
                self._events.append(trade.move(TradeState.RETRYING, at_ms, ""))
            self._events.append(trade.move(TradeState.FAILED, at_ms, ""))
            trade.steps = ()
            self._plan(trade, at_ms + self._settings.release_lag_ms, Step.RELEASE)
            return
        mined_by = self._chain.transaction_hash(trade_id)
        self._events.append(trade.move(TradeState.MINED, at_ms, mined_by))
        self._plan(trade, at_ms + self._settings.view_lag_ms, Step.LOOK)
        self._plan(trade, at_ms + self._settings.release_lag_ms, Step.RELEASE)

    def _look(self, trade: Trade, at_ms: int) -> None:
        """Let the venue see what a mined trade changed."""
        for account_id, asset in trade.moves:
            if not self._faults.hides_chain(account_id, at_ms):
                self._chain.refresh(account_id, asset)

    def _release(self, trade: Trade) -> None:
        """Give back what a trade that is settled or failed still locked."""
        trade.released = True
        for (account_id, asset), amount in trade.locks.items():
            self._chain.accounts[account_id].matched[asset] -= amount


def taker_amounts(side: Side, fills: Iterable[Fill]) -> tuple[int, int]:
    """Return what a taker gave and got in these fills, fees not counted, in its two assets."""
    fills = tuple(fills)
    dollars = sum(fill.taker_dollars_micro for fill in fills)
    shares = sum(fill.size_micro for fill in fills)
    return (dollars, shares) if side is Side.BUY else (shares, dollars)
