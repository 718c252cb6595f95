"""Fills: those of the ledger against those that the venue tells of, and what they explain.

A trade on which the two do not agree is told once, under its own code; its dollars and shares may
be on the chain or not, so they explain their own part of the balances and nothing else.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from trading.engine.codes import Side, TradeState
from trading.engine.fees import fee_ceiling, fee_charged
from trading.engine.market import FeeSchedule
from trading.engine.units import MICRO, cost_up, divide_up, proceeds_down
from trading.engine.units import text_from_micro as text
from trading.execution.messages import VenueTrade
from trading.reconciling.explaining import Effect
from trading.reconciling.orders import OVER
from trading.reconciling.verdicts import Code, Difference
from trading.reconciling.views import CASH, LedgerTrade, LedgerView, Moves, TradeKey

# Our clock and the venue's are allowed to be so far apart, and we hear of a trade so much later.
CLOCK_MARGIN_S = 60
ENDED = frozenset({TradeState.CONFIRMED, TradeState.FAILED})


@dataclass(slots=True, kw_only=True)
class TradeFindings:
    """What came of comparing. `effects` may or may not be on the chain.

    `slack_micro` is how many dollars the effects of what is told may be off by, since nobody knows
    how the venue rounded.
    """

    differences: list[Difference] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    told: set[str] = field(default_factory=set)  # hashes of orders that the ledger is behind of
    slack_micro: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one order has of a trade: what is likely, and how far rounding may lead from it.

    Dollars are before the fee. A fee lies between the likely one and `fee_micro_max`.
    """

    order_hash: str
    token_id: str
    side: Side
    size_micro: int
    dollars_micro: int
    fee_micro: int
    fee_micro_max: int
    rounded_micro: int  # one micro dollar for each fill

    @property
    def moves(self) -> Moves:
        """Return what it moves once it is settled."""
        if self.side is Side.BUY:
            return ((CASH, -self.dollars_micro - self.fee_micro), (self.token_id, self.size_micro))
        return ((CASH, self.dollars_micro - self.fee_micro), (self.token_id, -self.size_micro))

    @property
    def slack_micro(self) -> int:
        """Return how far off the dollars of `moves` may be."""
        return self.rounded_micro + self.fee_micro_max - self.fee_micro

    def __str__(self) -> str:
        dollars = text(self.dollars_micro)
        return f"{self.side} {text(self.size_micro)} of {self.token_id:.20} for {dollars} dollars"


def compare_trades(
    ledger: LedgerView, venue: Sequence[VenueTrade], *, since_s: int
) -> TradeFindings:
    """Return on what they do not agree, and what is in flight."""
    found = TradeFindings()
    ours = {trade.key: trade for trade in ledger.trades}
    hashes = {order.order_hash for order in ledger.orders} | {key[1] for key in ours}
    hashes.discard("")  # an order that was never signed
    open_ones = {order.order_hash for order in ledger.orders if order.state not in OVER}
    judged: set[TradeKey] = set()
    told_of = {trade_id for trade_id, _ in ours}
    for there in venue:
        if there.matched_s < since_s and there.trade_id not in told_of:
            continue  # of before: nobody asked for it
        parts = tuple(_parts(there, hashes, ledger.fees))
        if not parts:
            _stranger(found, there, ledger.fees)
        for part in parts:
            key = (there.trade_id, part.order_hash)
            judged.add(key)
            if key in ours:
                _compare(found, ours[key], there, part)
            else:
                _unknown(found, there, part, expected=part.order_hash in open_ones)
    for key, here in ours.items():
        expected = here.at_s >= since_s + CLOCK_MARGIN_S and here.state is not TradeState.FAILED
        if key not in judged and expected:
            _not_there(found, here)
        elif here.state not in ENDED:
            found.effects.append(_not_yet(here))
    return found


def _not_yet(trade: LedgerTrade) -> Effect:
    return Effect(name=f"trade {trade.trade_id}", moves=_undone(trade.moves))


def _undone(moves: Moves) -> Moves:
    return tuple((asset, -amount) for asset, amount in moves)


def _compare(found: TradeFindings, here: LedgerTrade, there: VenueTrade, part: Part) -> None:
    """Compare one fill that both know of."""
    states = {here.state, there.state}
    if states == ENDED:
        _tell(
            found,
            Code.TRADE_STATE_CONTRADICTS,
            here,
            f"the trade is {here.state} in the ledger and {there.state} at the venue",
            ledger=here.state,
            venue=there.state,
        )
        done = here.state is TradeState.FAILED
        moves = here.moves if done else _undone(here.moves)
        found.effects.append(Effect(name=f"trade {here.trade_id}", moves=moves))
    elif there.state in ENDED and here.state not in ENDED:
        _tell(
            found,
            Code.TRADE_STATE_BEHIND,
            here,
            f"the trade is {there.state} at the venue and still {here.state} in the ledger",
            ledger=here.state,
            venue=there.state,
        )
    _compare_terms(found, here, part)


def _compare_terms(found: TradeFindings, here: LedgerTrade, part: Part) -> None:
    """Compare what was traded, and what the venue charges for it."""
    asked = (here.token_id, here.side, here.size_micro)
    same = asked == (part.token_id, part.side, part.size_micro)
    fee_micro = part.fee_micro - here.fee_micro
    if not same or not _dollars_fit(here, part):
        apart = _apart(part.moves, here.moves)
        _tell(
            found,
            Code.TRADE_DIFFERS,
            here,
            f"the trade is {_say(here)} in the ledger and {part} at the venue",
            ledger=_say(here),
            venue=str(part),
            difference_micro=part.size_micro - here.size_micro or dict(apart).get(CASH, 0),
        )
    elif not part.fee_micro <= here.fee_micro <= part.fee_micro_max:
        apart = ((CASH, -fee_micro),)
        _tell(
            found,
            Code.FEE_DIFFERS,
            here,
            f"the ledger has a fee of {text(here.fee_micro)}, and the market's schedule makes "
            f"{text(part.fee_micro)}",
            ledger=text(here.fee_micro),
            venue=text(part.fee_micro),
            difference_micro=fee_micro,
        )
    else:
        return
    found.slack_micro += part.slack_micro
    found.effects.append(Effect(name=f"what trade {here.trade_id} differs by", moves=apart))


def _apart(there: Moves, here: Moves) -> Moves:
    sums = dict.fromkeys((asset for asset, _ in (*there, *here)), 0)
    for asset, amount in (*there, *_undone(here)):
        sums[asset] += amount
    return tuple(sums.items())


def _dollars_fit(here: LedgerTrade, part: Part) -> bool:
    """Say whether a price of whole millionths can stand for what the parts cost together."""
    cash_micro = here.moves[0][1] + here.fee_micro
    dollars_micro = -cash_micro if here.side is Side.BUY else cash_micro
    rounded_micro = divide_up(here.size_micro, MICRO) + part.rounded_micro
    return abs(dollars_micro - part.dollars_micro) <= rounded_micro


def _unknown(found: TradeFindings, there: VenueTrade, part: Part, *, expected: bool) -> None:
    """Tell of a fill of an order of ours that the ledger has never heard of.

    As long as the ledger does not know how the order ended, it is `expected`: nobody lost it.
    """
    found.told.add(part.order_hash)
    found.slack_micro += part.slack_micro
    said = f"the venue tells of a fill that the ledger lacks: {part}, {there.state}"
    if expected:
        said = f"{said}; how its order ended is not known yet"
    found.differences.append(
        Difference(
            code=Code.TRADE_NOT_HEARD_OF if expected else Code.TRADE_NOT_IN_LEDGER,
            subject=there.trade_id,
            text=said,
            venue=f"{part}, {there.state}",
            difference_micro=part.moves[0][1],
        )
    )
    found.effects.append(Effect(name=f"trade {there.trade_id}", moves=part.moves))


def _stranger(found: TradeFindings, there: VenueTrade, fees: Mapping[str, FeeSchedule]) -> None:
    """Tell of a trade of this account in which the ledger knows no order. Any part may be ours."""
    found.differences.append(
        Difference(
            code=Code.TRADE_NOT_IN_LEDGER,
            subject=there.trade_id,
            text="the venue tells of a trade of this account, and the ledger knows none of its "
            f"orders: {there.side} {text(there.size_micro)} of {there.token_id:.20} at "
            f"{text(there.price_micro)}, {there.state}",
            venue=f"{there.side} {text(there.size_micro)} at {text(there.price_micro)}",
            difference_micro=there.size_micro,
        )
    )
    hashes = {there.taker_order_hash, *(maker.order_hash for maker in there.makers)}
    for part in _parts(there, hashes, fees):
        found.slack_micro += part.slack_micro
        found.effects.append(Effect(name=f"trade {there.trade_id}", moves=part.moves))


def _not_there(found: TradeFindings, here: LedgerTrade) -> None:
    _tell(
        found,
        Code.TRADE_NOT_AT_VENUE,
        here,
        f"the ledger has a fill that the venue does not tell of: {_say(here)}, {here.state}",
        ledger=f"{_say(here)}, {here.state}",
        difference_micro=-here.moves[0][1],
    )
    found.effects.append(_not_yet(here))


def _tell(
    found: TradeFindings,
    code: Code,
    here: LedgerTrade,
    said: str,
    *,
    ledger: str = "",
    venue: str = "",
    difference_micro: int | None = None,
) -> None:
    found.differences.append(
        Difference(
            code=code,
            subject=here.trade_id,
            text=said,
            ledger=ledger,
            venue=venue,
            difference_micro=difference_micro,
        )
    )


def _parts(trade: VenueTrade, hashes: set[str], fees: Mapping[str, FeeSchedule]) -> Iterator[Part]:
    """Yield the parts of a trade that belong to these orders."""
    if trade.taker_order_hash in hashes:
        yield _taker(trade, fees.get(trade.token_id))
    makers: dict[str, list[tuple[int, int]]] = {}
    for maker in trade.makers:
        makers.setdefault(maker.order_hash, []).append((maker.price_micro, maker.size_micro))
    for order_hash, fills in makers.items():
        if order_hash in hashes:
            first = next(maker for maker in trade.makers if maker.order_hash == order_hash)
            # A maker pays no fee.
            yield _part(order_hash, first.token_id, first.side, fills, fees_micro=(0, 0))


def _taker(trade: VenueTrade, schedule: FeeSchedule | None) -> Part:
    """Return the taker's part: at each maker's price, mirrored where the maker has the other token.

    What of its size no maker is named for is at the head price.
    """
    fills = [
        (
            maker.price_micro if maker.token_id == trade.token_id else MICRO - maker.price_micro,
            maker.size_micro,
        )
        for maker in trade.makers
    ]
    rest_micro = trade.size_micro - sum(size_micro for _, size_micro in fills)
    if rest_micro > 0:
        fills.append((trade.price_micro, rest_micro))
    part = _part(
        *(trade.taker_order_hash, trade.token_id, trade.side, fills),
        fees_micro=_fees(schedule, fills),
    )
    # A head that says less than its makers is believed: what differs is then told.
    return part if rest_micro >= 0 else replace(part, size_micro=trade.size_micro)


def _part(
    order_hash: str,
    token_id: str,
    side: Side,
    fills: Sequence[tuple[int, int]],
    *,
    fees_micro: tuple[int, int],
) -> Part:
    of_fills = cost_up if side is Side.BUY else proceeds_down
    return Part(
        order_hash=order_hash,
        token_id=token_id,
        side=side,
        size_micro=sum(size_micro for _, size_micro in fills),
        dollars_micro=sum(of_fills(price_micro, size_micro) for price_micro, size_micro in fills),
        fee_micro=fees_micro[0],
        fee_micro_max=fees_micro[1],
        rounded_micro=len(fills),
    )


def _fees(schedule: FeeSchedule | None, fills: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return what the fills cost in fees, rounded down and up; without a schedule up to a dollar
    a share.
    """
    if schedule is None:
        return 0, sum(size_micro for _, size_micro in fills)
    return (
        sum(fee_charged(schedule, price_micro, size_micro) for price_micro, size_micro in fills),
        sum(fee_ceiling(schedule, price_micro, size_micro) for price_micro, size_micro in fills),
    )


def _say(trade: LedgerTrade) -> str:
    return (
        f"{trade.side} {text(trade.size_micro)} of {trade.token_id:.20} at "
        f"{text(trade.price_micro)} with {text(trade.fee_micro)} fee"
    )
