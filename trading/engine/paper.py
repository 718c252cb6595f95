"""Fills by rule from the same book: what shadow mode puts behind PlaceOrders. Marked paper from
birth.

The rule. An order reaches the venue `latency_ms` after the decision, plus the delay that the
market's venue holds orders for, and meets the book as it is then: it takes level by level from the
best price up to its limit, what is there and no more. All-or-nothing orders that cannot be filled
whole buy nothing. Each level is a trade of its own with the venue's own fee, confirmed `settle_ms`
later. What was taken stays taken (book.py): the same liquidity is never bought twice.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from trading.engine.board import Board
from trading.engine.book import Book, take_asks, take_bids
from trading.engine.codes import MarketState, Side, TradeState
from trading.engine.commands import ConvertSet, MergeSet, OrderPlan, PlaceOrders
from trading.engine.events import ChainReceipt, Event, OrderAck, OrderClosed, TradeUpdate
from trading.engine.fees import fee_charged
from trading.engine.market import FeeSchedule
from trading.engine.units import MICRO, proceeds_down

MS_NS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSettings:
    """Times in milliseconds, gas in micro dollars per merge."""

    latency_ms: int = 250
    settle_ms: int = 2_000
    merge_ms: int = 2_000
    gas_micro: int = 0
    capital_micro: int = 100_000_000


class PaperDesk:
    """Orders and merges under way. `next_ns` is when the next of them is due."""

    NEVER_NS = 2**63

    def __init__(self, settings: PaperSettings, board: Board) -> None:
        self._settings = settings
        self._board = board
        self._queue: list[tuple[int, int, OrderPlan | Event]] = []
        self._number = 0
        self.next_ns = self.NEVER_NS

    def submit(self, command: PlaceOrders, now_ns: int) -> None:
        """Take orders: each meets the book after its latency."""
        for order in command.orders:
            delay_ms = self._settings.latency_ms
            watch = self._board.watches.get(order.condition_id)
            if watch is not None:
                delay_ms += watch.spec.taker_delay_ms + watch.spec.seconds_delay * 1_000
            self._push(now_ns + delay_ms * MS_NS, order)

    def merge(self, command: MergeSet | ConvertSet, now_ns: int) -> None:
        """Take a merge or conversion: it always succeeds, since the paper shares exist."""
        dollars = MICRO
        if isinstance(command, ConvertSet):
            dollars = (len(command.condition_ids) - 1) * MICRO
        receipt = ChainReceipt(
            set_id=command.set_id,
            ok=True,
            size_micro=command.size_micro,
            proceeds_micro=proceeds_down(dollars, command.size_micro),
            gas_micro=self._settings.gas_micro,
            reference=f"paper:{command.set_id}",
        )
        self._push(now_ns + self._settings.merge_ms * MS_NS, receipt)

    def cancel(self, order_ids: tuple[str, ...] | None, now_ns: int) -> None:
        """Cancel orders that did not reach the venue yet; None cancels all of them."""
        kept: list[tuple[int, int, OrderPlan | Event]] = []
        cancelled: list[OrderPlan] = []
        for due in self._queue:
            item = due[2]
            mine = isinstance(item, OrderPlan) and (order_ids is None or item.order_id in order_ids)
            if mine and isinstance(item, OrderPlan):
                cancelled.append(item)
            else:
                kept.append(due)
        heapq.heapify(kept)
        self._queue = kept
        for order in cancelled:
            self._push(now_ns, _closed(order, 0, "cancelled before it reached the venue"))
        self._mark()

    def due(self, now_ns: int) -> Iterator[tuple[int, Event]]:
        """Yield what is due by `now_ns`, each with its own time, in order."""
        while self._queue and self._queue[0][0] <= now_ns:
            at_ns, _, item = heapq.heappop(self._queue)
            self._mark()
            if isinstance(item, OrderPlan):
                for event in self._match(item, at_ns):
                    yield at_ns, event
            else:
                yield at_ns, item

    def _push(self, at_ns: int, item: OrderPlan | Event) -> None:
        self._number += 1
        heapq.heappush(self._queue, (at_ns, self._number, item))
        self._mark()

    def _mark(self) -> None:
        self.next_ns = self._queue[0][0] if self._queue else self.NEVER_NS

    def _match(self, order: OrderPlan, at_ns: int) -> list[Event]:
        found = self._books(order)
        if isinstance(found, str):
            return [_closed(order, 0, found)]
        book, sibling, fee = found
        fills = fills_for(order, book)
        matched_micro = sum(size for _, size in fills)
        events: list[Event] = [
            OrderAck(
                order_id=order.order_id,
                order_hash=f"paper:{order.order_id}",
                resting=False,
                matched_micro=matched_micro,
            )
        ]
        take = take_asks if order.side is Side.BUY else take_bids
        for number, (price_micro, size_micro) in enumerate(fills, start=1):
            take(book, sibling, price_micro, size_micro)
            trade = TradeUpdate(
                trade_id=f"{order.order_id}-t{number}",
                order_id=order.order_id,
                token_id=order.token_id,
                side=order.side,
                price_micro=price_micro,
                size_micro=size_micro,
                fee_micro=fee_charged(fee, price_micro, size_micro),
                state=TradeState.MATCHED,
                paper=True,
            )
            events.append(trade)
            self._push(at_ns + self._settings.settle_ms * MS_NS, _confirmed(trade))
        if matched_micro < order.size_micro:
            events.append(_closed(order, matched_micro, "not enough at the limit or better"))
        return events

    def _books(self, order: OrderPlan) -> tuple[Book, Book, FeeSchedule] | str:
        watch = self._board.watches.get(order.condition_id)
        if watch is None or watch.state is not MarketState.OPEN:
            return "the market is closed"
        first, second = watch.books
        book, sibling = (first, second) if first.token_id == order.token_id else (second, first)
        if book.invalid_reason:
            return f"no valid book to fill from: {book.invalid_reason}"
        if watch.spec.fee is None:
            return "the fee schedule is unknown"
        return book, sibling, watch.spec.fee


def fills_for(order: OrderPlan, book: Book) -> list[tuple[int, int]]:
    """Return (price, size) of each level that the order takes, best first; empty if killed."""
    buys = order.side is Side.BUY
    left_micro = order.size_micro
    fills: list[tuple[int, int]] = []
    for price_micro, size_micro in book.asks_left() if buys else book.bids_left():
        beyond = price_micro > order.limit_micro if buys else price_micro < order.limit_micro
        if beyond or not left_micro:
            break
        size = min(size_micro, left_micro)
        fills.append((price_micro, size))
        left_micro -= size
    if left_micro and order.all_or_nothing:
        return []
    return fills


def _closed(order: OrderPlan, matched_micro: int, reason: str) -> OrderClosed:
    return OrderClosed(order_id=order.order_id, matched_micro=matched_micro, reason=reason)


def _confirmed(trade: TradeUpdate) -> TradeUpdate:
    return TradeUpdate(
        trade_id=trade.trade_id,
        order_id=trade.order_id,
        token_id=trade.token_id,
        side=trade.side,
        price_micro=trade.price_micro,
        size_micro=trade.size_micro,
        fee_micro=trade.fee_micro,
        state=TradeState.CONFIRMED,
        paper=True,
    )
