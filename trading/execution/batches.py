"""Batches of orders: prepared whole or not at all, and their answers taken order by order."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from trading.engine.commands import OrderPlan
from trading.engine.events import Event, OrderAck, OrderPrepared, OrderRefused, OrderUnknown
from trading.engine.market import MarketSpec
from trading.execution.access import Access
from trading.execution.answers import TEXT_MAX, meaning_of
from trading.execution.requests import (
    BatchAnswered,
    BatchFailed,
    CancelByHash,
    FailureKind,
    OutgoingOrder,
    Request,
    SendBatch,
)
from trading.execution.tracking import Tracked, Tracking

Output: TypeAlias = Event | Request
SpecOf: TypeAlias = Callable[[str], MarketSpec | None]
# Makes the order to be signed and its hash. The last argument is the time in ms of UTC.
Prepare: TypeAlias = Callable[[OrderPlan, MarketSpec, int], OutgoingOrder | OrderRefused]
Plan: TypeAlias = Callable[[Tracked, int], None]


class Batches:
    """The batches under way. `plan` says when a followed order is asked after next."""

    def __init__(
        self,
        *,
        tracking: Tracking,
        access: Access,
        prepare: Prepare,
        spec_of: SpecOf,
        plan: Plan,
    ) -> None:
        self._tracking = tracking
        self._access = access
        self._prepare = prepare
        self._spec_of = spec_of
        self._plan = plan
        self._batches: dict[int, tuple[OutgoingOrder, ...]] = {}
        self._batch = 0

    def place(self, plans: Iterable[OrderPlan], now_ms: int) -> list[Output]:
        """Prepare all orders of a batch; when one cannot be sent, none is."""
        plans = tuple(plans)
        prepared = [self._prepared(plan, now_ms) for plan in plans]
        refused = [one for one in prepared if isinstance(one, OrderRefused)]
        ready = [one for one in prepared if isinstance(one, OutgoingOrder)]
        if refused:
            text = f"sent with none of its batch: {refused[0].text}"
            return [
                *refused,
                *(_local(one.order_id, "BATCH_REFUSED", text) for one in ready),
            ]
        self._batch += 1
        for plan, order in zip(plans, ready, strict=True):
            self._tracking.add(
                Tracked(
                    order_id=order.order_id,
                    order_hash=order.order_hash,
                    condition_id=plan.condition_id,
                    token_id=order.token_id,
                    side=order.side,
                    size_micro=plan.size_micro,
                    sent_ms=now_ms,
                )
            )
        self._batches[self._batch] = tuple(ready)
        return [
            *(OrderPrepared(order_id=o.order_id, order_hash=o.order_hash) for o in ready),
            SendBatch(
                batch=self._batch,
                entry=any(plan.purpose == "ENTRY" for plan in plans),
                orders=tuple(ready),
            ),
        ]

    def _prepared(self, plan: OrderPlan, now_ms: int) -> OutgoingOrder | OrderRefused:
        spec = self._spec_of(plan.condition_id)
        if spec is None:
            return _local(plan.order_id, "MARKET_UNKNOWN", "the market's parameters are not known")
        return self._prepare(plan, spec, now_ms)

    def answered(self, answer: BatchAnswered, now_ms: int) -> list[Output]:
        """Take the venue's answers to a batch."""
        orders = self._batches.pop(answer.batch, ())
        if len(answer.legs) != len(orders):
            text = f"{len(answer.legs)} answers for {len(orders)} orders"
            return self._unknown(orders, text, now_ms)
        self._access.orders_taken()
        out: list[Output] = []
        for order, leg in zip(orders, answer.legs, strict=True):
            out += self._settle_leg(order, meaning_of(order, leg), now_ms)
        return out

    def _settle_leg(
        self,
        order: OutgoingOrder,
        meaning: OrderAck | OrderRefused | OrderUnknown,
        now_ms: int,
    ) -> list[Output]:
        """Note what the answer means for how an order is followed, and tell the engine."""
        tracked = self._tracking.by_id(order.order_id)
        if tracked is None:
            return []  # it was over before its answer came: the user channel was quicker
        tracked.answered = True
        out: list[Output] = [meaning]
        match meaning:
            case OrderRefused():
                tracked.close(0)
            case OrderUnknown():
                tracked.unknown, tracked.unknown_ms = not tracked.closed, now_ms
            case OrderAck() if meaning.resting and not tracked.closed:
                # Orders of the market family never rest; the venue is asked to forget it.
                tracked.resting = True
                out.append(CancelByHash(order_hashes=(tracked.order_hash,)))
            case OrderAck():
                tracked.close(meaning.matched_micro)
        self._plan(tracked, now_ms)
        return out

    def failed(self, answer: BatchFailed, now_ms: int) -> list[Output]:
        """Take that a batch got no answers: refused as a whole, or nobody knows."""
        orders = self._batches.pop(answer.batch, ())
        failure = answer.failure
        out: list[Output] = []
        if failure.kind is FailureKind.UNKNOWN:
            return self._unknown(orders, failure.text, now_ms)
        for order in orders:
            tracked = self._tracking.by_id(order.order_id)
            if tracked is not None:
                tracked.close(0)
                self._plan(tracked, now_ms)
            code = failure.code or (
                "NOT_SENT" if failure.kind is FailureKind.NOT_SENT else f"HTTP_{failure.status}"
            )
            out.append(
                OrderRefused(
                    order_id=order.order_id,
                    code=code,
                    text=failure.text[:TEXT_MAX],
                    local=answer.local or failure.kind is FailureKind.NOT_SENT,
                )
            )
        return out

    def _unknown(self, orders: tuple[OutgoingOrder, ...], text: str, now_ms: int) -> list[Output]:
        out: list[Output] = []
        for order in orders:
            meaning = OrderUnknown(order_id=order.order_id, text=text[:TEXT_MAX])
            out += self._settle_leg(order, meaning, now_ms)
        return out


def _local(order_id: str, code: str, text: str) -> OrderRefused:
    return OrderRefused(order_id=order_id, code=code, text=text[:TEXT_MAX], local=True)
