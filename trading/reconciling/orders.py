"""Open orders: those of the ledger against those that the venue has."""

from collections.abc import Iterable, Iterator

from trading.engine.codes import OrderState
from trading.engine.units import text_from_micro as text
from trading.execution.messages import OpenOrder
from trading.reconciling.verdicts import Code, Difference
from trading.reconciling.views import LedgerOrder

OVER = frozenset(
    {OrderState.CANCELLED, OrderState.REFUSED, OrderState.CONFIRMED, OrderState.FAILED}
)


def compare_orders(
    ledger: Iterable[LedgerOrder], venue: Iterable[OpenOrder], *, told: frozenset[str]
) -> Iterator[Difference]:
    """Yield on what they do not agree.

    Only a RESTING order has to be at the venue: of one that was just sent nobody knows yet. `told`
    are hashes of orders with a trade that the ledger lacks, which explains the rest.
    """
    ours = {order.order_hash: order for order in ledger if order.order_hash}
    theirs = {order.order_hash: order for order in venue}
    for order_hash, there in theirs.items():
        here = ours.get(order_hash)
        if here is None:
            yield Difference(
                code=Code.ORDER_NOT_OURS,
                subject=order_hash,
                text=f"the venue has an open order that the ledger does not know: {_say(there)}",
                venue=_say(there),
                difference_micro=there.size_micro,
            )
        elif here.state in OVER:
            yield Difference(
                code=Code.ORDER_STILL_OPEN,
                subject=order_hash,
                text=f"the order is {here.state} in the ledger and open at the venue",
                ledger=f"{_say(here)}, {here.state}",
                venue=_say(there),
                difference_micro=there.size_micro - there.matched_micro,
            )
        elif order_hash not in told:
            yield from _terms(here, there)
    for order_hash, here in ours.items():
        missing = order_hash not in theirs and order_hash not in told
        if missing and here.state is OrderState.RESTING:
            yield Difference(
                code=Code.ORDER_MISSING_AT_VENUE,
                subject=order_hash,
                text="the ledger has the order resting and the venue does not have it",
                ledger=f"{_say(here)}, {here.state}",
                difference_micro=here.matched_micro - here.size_micro,
            )


def _terms(here: LedgerOrder, there: OpenOrder) -> Iterator[Difference]:
    """Yield a difference in what was asked for, or in how much of it was matched."""
    asked = (here.token_id, here.side, here.limit_micro, here.size_micro)
    same = asked == (there.token_id, there.side, there.price_micro, there.size_micro)
    if same and here.matched_micro == there.matched_micro:
        return
    by_size = there.size_micro - here.size_micro
    yield Difference(
        code=Code.ORDER_DIFFERS,
        subject=here.order_hash,
        text=f"the order is {_say(here)} in the ledger and {_say(there)} at the venue",
        ledger=_say(here),
        venue=_say(there),
        difference_micro=by_size or there.matched_micro - here.matched_micro,
    )


def _say(order: LedgerOrder | OpenOrder) -> str:
    price_micro = order.limit_micro if isinstance(order, LedgerOrder) else order.price_micro
    return (
        f"{order.side} {text(order.size_micro)} of {order.token_id:.20} at {text(price_micro)}, "
        f"{text(order.matched_micro)} matched"
    )
