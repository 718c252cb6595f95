"""Rows of what was tried: gaps, sets, orders, fills.

The current state of a set or an order is not added up but read off its moves, so an old move that
comes again, as after a crash, cannot set it back.
"""

from collections.abc import Sequence
from dataclasses import asdict

from trading.engine import facts as f
from trading.ledger.columns import clipped, insert_once, moment, stored_id
from trading.models import ArbitrageSet, Opportunity, Order, OrderMove, SetMove, Trade


def write_opportunities(
    session_id: int, seen: Sequence[f.OpportunitySeen], repeated: Sequence[f.OpportunityRepeated]
) -> None:
    """Keep each gap, and for those that ended in how many frames they stood."""
    ends = {end.opportunity_id: end for end in repeated}
    rows = []
    for one in seen:
        end = ends.pop(one.opportunity_id, None)
        rows.append(
            Opportunity(
                opportunity_id=stored_id(one.opportunity_id),
                session_id=session_id,
                condition_id=one.condition_id,
                strategy=one.strategy,
                seen_at=moment(one.seen_ns),
                stage=one.stage,
                refusal=one.refusal,
                reason=clipped(Opportunity, "reason", one.reason),
                legs=[asdict(leg) for leg in one.legs],
                ladder=one.ladder,
                gap_micro=one.gap_micro,
                edge_micro=one.edge_micro,
                size_micro=one.size_micro,
                cost_micro=one.cost_micro,
                fee_micro=one.fee_micro,
                net_micro=one.net_micro,
                frames=end.frames if end else 1,
                last_seen_at=moment(end.last_seen_ns if end else one.seen_ns),
                set_id=stored_id(one.set_id),
                raised=one.raised,
            )
        )
    insert_once(rows, "opportunity_id")
    for end in ends.values():
        Opportunity.objects.filter(opportunity_id=stored_id(end.opportunity_id)).update(
            frames=end.frames, last_seen_at=moment(end.last_seen_ns)
        )


def write_sets(session_id: int, opened: Sequence[f.SetOpened], moved: Sequence[f.SetMoved]) -> None:
    """Keep sets and their moves, and let each set's state be that of its last move."""
    insert_once(
        [
            ArbitrageSet(
                set_id=stored_id(one.set_id),
                session_id=session_id,
                opportunity_id=stored_id(one.opportunity_id),
                condition_id=one.condition_id,
                strategy=one.strategy,
                state="SEEN",
                opened_at=moment(one.opened_ns),
                moved_at=moment(one.opened_ns),
                size_micro=one.size_micro,
                cost_micro=one.cost_micro,
                payout_micro=one.payout_micro,
                expected_net_micro=one.expected_net_micro,
                paper=one.paper,
                raised=one.raised,
                legs=[asdict(leg) for leg in one.legs],
            )
            for one in opened
        ],
        "set_id",
    )
    insert_once(
        [
            SetMove(
                set_id=stored_id(move.set_id),
                sequence=move.sequence,
                state_from=move.state_from,
                state_to=move.state_to,
                at=moment(move.at_ns),
                reason=clipped(SetMove, "reason", move.reason),
            )
            for move in moved
        ],
        "set_id",
        "sequence",
    )
    ids = {stored_id(move.set_id) for move in moved}
    moves = SetMove.objects.filter(set_id__in=ids).order_by("sequence")
    last = {move.set_id: move for move in moves}
    rows = list(ArbitrageSet.objects.filter(set_id__in=ids)) if ids else []
    for row in rows:
        move = last[row.set_id]
        row.state, row.reason, row.moved_at = move.state_to, move.reason, move.at
    ArbitrageSet.objects.bulk_update(rows, ["state", "reason", "moved_at"])


def write_orders(session_id: int, moved: Sequence[f.OrderMoved]) -> None:
    """Keep orders and their moves, and let each order's state be that of its last move."""
    first: dict[str, f.OrderMoved] = {}
    hashes: dict[str, str] = {}
    for move in moved:
        first.setdefault(stored_id(move.order_id), move)
        if move.order_hash:
            hashes[stored_id(move.order_id)] = move.order_hash
    insert_once(
        [
            Order(
                order_id=order_id,
                session_id=session_id,
                set_id=stored_id(move.set_id),
                token_id=move.token_id,
                side=move.side,
                purpose=move.purpose,
                limit_micro=move.limit_micro,
                size_micro=move.size_micro,
                state=move.state_to,
                created_at=moment(move.at_ns),
                moved_at=moment(move.at_ns),
            )
            for order_id, move in first.items()
        ],
        "order_id",
    )
    insert_once(
        [
            OrderMove(
                order_id=stored_id(move.order_id),
                sequence=move.sequence,
                state_from=move.state_from,
                state_to=move.state_to,
                matched_micro=move.matched_micro,
                at=moment(move.at_ns),
                reason=clipped(OrderMove, "reason", move.reason),
            )
            for move in moved
        ],
        "order_id",
        "sequence",
    )
    last = {
        move.order_id: move
        for move in OrderMove.objects.filter(order_id__in=first).order_by("sequence")
    }
    rows = list(Order.objects.filter(order_id__in=first)) if first else []
    for row in rows:
        latest = last[row.order_id]
        row.state, row.reason, row.moved_at = latest.state_to, latest.reason, latest.at
        row.matched_micro = latest.matched_micro
        row.order_hash = hashes.get(row.order_id, row.order_hash)
    Order.objects.bulk_update(rows, ["state", "reason", "moved_at", "matched_micro", "order_hash"])


def write_trades(session_id: int, recorded: Sequence[f.TradeRecorded]) -> None:
    """Keep fills. A fill that is told again moves on, and never back."""
    first: dict[tuple[str, str], f.TradeRecorded] = {}
    latest: dict[tuple[str, str], f.TradeRecorded] = {}
    for fact in recorded:
        key = (stored_id(fact.trade_id), stored_id(fact.order_id))
        first.setdefault(key, fact)
        latest[key] = fact
    insert_once(
        [
            Trade(
                trade_id=trade_id,
                order_id=order_id,
                session_id=session_id,
                set_id=stored_id(fact.set_id),
                condition_id=fact.condition_id,
                token_id=fact.token_id,
                side=fact.side,
                price_micro=fact.price_micro,
                size_micro=fact.size_micro,
                fee_micro=fact.fee_micro,
                state=fact.state,
                paper=fact.paper,
                matched_at=moment(fact.at_ns),
                moved_at=moment(fact.at_ns),
            )
            for (trade_id, order_id), fact in first.items()
        ],
        "trade_id",
        "order_id",
    )
    ids = {trade_id for trade_id, _ in latest}
    rows = []
    for row in Trade.objects.filter(trade_id__in=ids) if ids else ():
        newest = latest.get((row.trade_id, row.order_id))
        if newest is not None and row.moved_at <= moment(newest.at_ns):
            row.state, row.moved_at = newest.state, moment(newest.at_ns)
            rows.append(row)
    Trade.objects.bulk_update(rows, ["state", "moved_at"])
