"""The orders of live sets that are still open, with their fills: what a new session asks about."""

from collections import defaultdict
from collections.abc import Sequence

from django.db.models import Max

from trading.engine.codes import Side
from trading.engine.events import RestoredFill, RestoredOrder
from trading.models import ArbitrageSet, Order, OrderMove, Trade


def restored_orders(sets: Sequence[ArbitrageSet]) -> dict[str, tuple[RestoredOrder, ...]]:
    """Return by set all orders, in the order in which they were planned, also those that are over.

    All, because the number of a set's next order counts the ones before it.
    """
    ids = [one.set_id for one in sets]
    conditions = {
        (one.set_id, leg["token_id"]): leg["condition_id"] for one in sets for leg in one.legs
    }
    rows = list(Order.objects.filter(set_id__in=ids).order_by("id"))
    last = dict(
        OrderMove.objects.filter(order_id__in=[row.order_id for row in rows])
        .order_by()
        .values_list("order_id")
        .annotate(last=Max("sequence"))
    )
    fills = _fills(ids)
    orders: defaultdict[str, tuple[RestoredOrder, ...]] = defaultdict(tuple)
    for row in rows:
        order = RestoredOrder(
            order_id=row.order_id,
            order_hash=row.order_hash,
            condition_id=conditions[row.set_id, row.token_id],
            token_id=row.token_id,
            side=Side(row.side),
            limit_micro=row.limit_micro,
            size_micro=row.size_micro,
            purpose=row.purpose,
            state=row.state,
            sequence=last.get(row.order_id, 0),
            matched_micro=row.matched_micro,
            fills=fills.get(row.order_id, ()),
        )
        orders[row.set_id] = (*orders[row.set_id], order)
    return dict(orders)


def _fills(set_ids: list[str]) -> dict[str, tuple[RestoredFill, ...]]:
    fills: defaultdict[str, tuple[RestoredFill, ...]] = defaultdict(tuple)
    for row in Trade.objects.filter(set_id__in=set_ids).order_by("id"):
        fill = RestoredFill(
            trade_id=row.trade_id,
            price_micro=row.price_micro,
            size_micro=row.size_micro,
            fee_micro=row.fee_micro,
            state=row.state,
        )
        fills[row.order_id] = (*fills[row.order_id], fill)
    return dict(fills)
