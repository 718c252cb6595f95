"""Our fills in a trade of the venue: whose part, at which price of our own token, for which fee.

A trade has one taker and one or more makers. As the taker each maker's part is a fill of ours at
that maker's price: the same token's, or one less the other token's when a set is minted or merged.
As a maker only our own part counts. Makers pay no fee. Source: polymarket.md sections 4, 6 and 8.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from trading.engine.codes import Side, TradeState
from trading.engine.events import TradeUpdate
from trading.engine.units import MICRO
from trading.execution.messages import MakerPart, VenueTrade

# The fee of one fill of a condition in micro dollars, None when its schedule is not known here.
FeeOf: TypeAlias = Callable[[str, int, int], int | None]

# How far a settlement is. News that were overtaken are of an earlier step.
_STEPS = {
    TradeState.MATCHED: 0,
    TradeState.RETRYING: 1,
    TradeState.MINED: 2,
    TradeState.CONFIRMED: 3,
    TradeState.FAILED: 3,
}


def fills_of(
    trade: VenueTrade, ours: Mapping[str, str], fee_of: FeeOf
) -> Iterator[TradeUpdate | None]:
    """Yield the fills of our orders (order id by hash) in a trade; None for a fee not known yet."""
    taker_id = ours.get(trade.taker_order_hash)
    parts = sorted(trade.makers, key=lambda part: part.order_hash)
    for number, part in enumerate(parts, start=1):
        name = trade.trade_id if len(parts) == 1 else f"{trade.trade_id}:{number}"
        if taker_id is not None:
            price_micro = taker_price(trade, part)
            fee_micro = fee_of(trade.condition_id, price_micro, part.size_micro)
            if fee_micro is None:
                yield None
            else:
                yield _fill(
                    trade,
                    name,
                    taker_id,
                    (trade.token_id, trade.side),
                    (price_micro, part.size_micro, fee_micro),
                )
        maker_id = ours.get(part.order_hash)
        if maker_id is not None:
            yield _fill(
                trade,
                f"{name}:maker",
                maker_id,
                (part.token_id, part.side),
                (part.price_micro, part.size_micro, 0),
            )


def is_news(known: TradeState, told: TradeState) -> bool:
    """Say whether a state tells more of a settlement; two that end it differently must be heard."""
    if _STEPS[told] == _STEPS[known]:
        return told is not known
    return _STEPS[told] > _STEPS[known]


def venue_trade_id(fill_id: str) -> str:
    """Return the venue's id of the trade that a fill of ours is a part of."""
    return fill_id.partition(":")[0]


def taker_price(trade: VenueTrade, part: MakerPart) -> int:
    """Return what the taker's own token cost against one maker."""
    if part.token_id == trade.token_id:
        return part.price_micro
    return MICRO - part.price_micro


def _fill(
    trade: VenueTrade,
    name: str,
    order_id: str,
    what: tuple[str, Side],
    amounts: tuple[int, int, int],
) -> TradeUpdate:
    token_id, side = what
    price_micro, size_micro, fee_micro = amounts
    return TradeUpdate(
        trade_id=name,
        order_id=order_id,
        token_id=token_id,
        side=side,
        price_micro=price_micro,
        size_micro=size_micro,
        fee_micro=fee_micro,
        state=trade.state,
    )
