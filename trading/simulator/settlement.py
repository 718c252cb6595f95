"""From match to chain: when a trade is mined or fails, and what it moves.

A match is only a promise. It locks what both sides give; the chain moves when the trade is mined,
all fills of a trade in one transaction. A trade that fails moves nothing and gives every lock back;
the orders stay matched, as at the venue. Source: polymarket.md sections 8 and 11.
"""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from trading.engine.codes import Side, TradeState
from trading.engine.units import MICRO
from trading.simulator.codes import COLLATERAL, MatchKind
from trading.simulator.events import Fill, TradeChanged

# Every allowed move and nothing else. MINED never goes back: what was paid out may be spent.
MOVES = {
    TradeState.MATCHED: {TradeState.MINED, TradeState.RETRYING},
    TradeState.RETRYING: {TradeState.MINED, TradeState.FAILED},
    TradeState.MINED: {TradeState.CONFIRMED},
    TradeState.CONFIRMED: set[TradeState](),
    TradeState.FAILED: set[TradeState](),
}


class Step(StrEnum):
    """What is planned for a trade: a move to another state, or what the venue does after one."""

    RETRYING = "RETRYING"
    MINED = "MINED"
    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"
    LOOK = "LOOK"  # the venue sees what changed on the chain
    RELEASE = "RELEASE"  # the trade no longer counts as matched


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementSettings:
    """How long settlement takes and how often it goes wrong. Shares are millionths of all trades.

    Times are drawn evenly between the two ends, both included. Observed live: 10 to 50 s in bad
    weeks, 35 % failed in one account (polymarket.md section 11). By default chance delays and
    fails none, since each failure halts trading: a drill fails what a person wants to see fail.
    """

    mined_ms_min: int = 1_500
    mined_ms_max: int = 4_000
    confirmed_ms_min: int = 2_000  # after it was mined
    confirmed_ms_max: int = 6_000
    retrying_ms_min: int = 2_000  # from RETRYING to what comes after
    retrying_ms_max: int = 20_000
    retrying_micro: int = 20_000  # of a million trades, so many need another try
    failed_micro: int = 0  # of a million retried trades, so many fail
    view_lag_ms: int = 500  # until the venue sees what changed on the chain
    release_lag_ms: int = 1_000  # until a settled or failed trade no longer counts as matched

    def __post_init__(self) -> None:
        """Refuse times and shares that make no sense; raises ValueError."""
        for low, high in (
            (self.mined_ms_min, self.mined_ms_max),
            (self.confirmed_ms_min, self.confirmed_ms_max),
            (self.retrying_ms_min, self.retrying_ms_max),
            (0, self.view_lag_ms),
            (self.view_lag_ms, self.release_lag_ms),  # else paid money could be spent twice
        ):
            if not 0 <= low <= high:
                raise ValueError(f"not a span of time in ms: {low} to {high}")
        for share in (self.retrying_micro, self.failed_micro):
            if not 0 <= share <= MICRO:
                raise ValueError(f"a share is 0 to {MICRO}: {share}")


def draw_timetable(
    settings: SettlementSettings, random: Random, matched_ms: int
) -> tuple[tuple[int, TradeState], ...]:
    """Return when a new trade moves, and to what: (at_ms, state), in order.

    A trade that is mined by this plan still fails when an account cannot pay by then.
    """
    steps: list[tuple[int, TradeState]] = []
    at_ms = matched_ms + random.randint(settings.mined_ms_min, settings.mined_ms_max)
    if random.randrange(MICRO) < settings.retrying_micro:
        steps.append((at_ms, TradeState.RETRYING))
        at_ms += random.randint(settings.retrying_ms_min, settings.retrying_ms_max)
        if random.randrange(MICRO) < settings.failed_micro:
            return (*steps, (at_ms, TradeState.FAILED))
    steps.append((at_ms, TradeState.MINED))
    at_ms += random.randint(settings.confirmed_ms_min, settings.confirmed_ms_max)
    return (*steps, (at_ms, TradeState.CONFIRMED))


class Trade:
    """One match of a taker with one or more makers, and how far its settlement is.

    `steps` are still to come: (due_ms, what), which with the event and `released` says all about
    it. One that outlived the venue's process may be mined already without a note of it.
    """

    __slots__ = (
        *("event", "locks", "may_be_mined", "moves", "released"),
        *("sets_micro", "spender", "steps"),
    )

    def __init__(self, event: TradeChanged, spender: str = "") -> None:
        self.event = event
        self.spender = spender  # the contract that takes what is given; empty: needs no allowance
        self.steps: tuple[tuple[int, Step], ...] = ()
        self.released = False
        self.may_be_mined = False
        self.locks: Counter[tuple[str, str]] = Counter()  # (account, asset) -> promised
        self.moves: Counter[tuple[str, str]] = Counter()  # (account, asset) -> change on chain
        self.sets_micro = 0
        for fill in event.fills:
            self._enter(fill)

    @property
    def fees_micro(self) -> int:
        """Return what the taker pays in fees."""
        return sum(fill.fee_micro for fill in self.event.fills)

    def parties(self) -> set[str]:
        """Return the accounts of both sides."""
        return {account_id for account_id, _ in self.locks}

    def move(self, state: TradeState, at_ms: int, transaction_hash: str) -> TradeChanged:
        """Go to another state and return the event; raises ValueError on a move not in MOVES."""
        old = self.event
        if state not in MOVES[old.state]:
            raise ValueError(f"a trade cannot go from {old.state} to {state}")
        self.event = TradeChanged(
            at_ms=at_ms,
            state=state,
            trade_id=old.trade_id,
            matched_ms=old.matched_ms,
            condition_id=old.condition_id,
            token_id=old.token_id,
            side=old.side,
            taker_order_id=old.taker_order_id,
            taker_account_id=old.taker_account_id,
            size_micro=old.size_micro,
            price_micro=old.price_micro,
            fills=old.fills,
            transaction_hash=transaction_hash or old.transaction_hash,
        )
        return self.event

    def _enter(self, fill: Fill) -> None:
        event = self.event
        taker, maker = event.taker_account_id, fill.maker_account_id
        size, fee = fill.size_micro, fill.fee_micro
        self._party(taker, event.token_id, event.side, size, fill.taker_dollars_micro, fee)
        self._party(maker, fill.maker_token_id, fill.maker_side, size, fill.maker_dollars_micro, 0)
        if fill.kind is MatchKind.MINT:
            self.sets_micro += size
        elif fill.kind is MatchKind.MERGE:
            self.sets_micro -= size

    def _party(
        self, account: str, token_id: str, side: Side, size: int, dollars: int, fee: int
    ) -> None:
        if side is Side.BUY:
            self.locks[account, COLLATERAL] += dollars + fee
            self.moves[account, COLLATERAL] -= dollars + fee
            self.moves[account, token_id] += size
        else:
            self.locks[account, token_id] += size
            self.moves[account, token_id] -= size
            self.moves[account, COLLATERAL] += dollars - fee
