"""Takes orders in, matches them, lets them rest, cancels them: all that happens to an order."""

from collections import OrderedDict
from collections.abc import Iterable
from functools import partial

from trading.engine.codes import Side
from trading.engine.units import MICRO
from trading.simulator import answers
from trading.simulator.accounts import Account, Chain
from trading.simulator.agenda import Agenda
from trading.simulator.answers import OrderAnswer, Refusal
from trading.simulator.arrivals import Arrival, arrival_of
from trading.simulator.clearing import Clearing, taker_amounts
from trading.simulator.codes import OrderChange, OrderStatus, OrderType
from trading.simulator.events import BookChanged, DelayEnded, Event, Fill, TickChanged
from trading.simulator.holds import Holds
from trading.simulator.intake import read_order
from trading.simulator.matching import MarketBook, Plan, match_kind
from trading.simulator.orders import (
    EXPIRES_EARLY_S,
    AmountRules,
    Listing,
    NewOrder,
    Order,
    order_changed,
)

COARSE_TICK_MICRO = 10_000
FINE_TICK_MICRO = 1_000
FINE_ABOVE_MICRO = 960_000
FINE_BELOW_MICRO = 40_000


class Desk:
    """All markets and all open orders. Appends to the events of the exchange."""

    def __init__(
        self,
        *,
        chain: Chain,
        clearing: Clearing,
        agenda: Agenda,
        amounts: AmountRules,
        events: list[Event],
    ) -> None:
        self.books: dict[str, MarketBook] = {}  # by token: both tokens share one
        self.open: dict[str, Order] = {}  # resting and delayed orders by id
        self._chain = chain
        self._clearing = clearing
        self._agenda = agenda
        self._amounts = amounts
        self._events = events
        self.closed: set[str] = set()  # conditions that are resolved
        self._holds = Holds(agenda, self._end_hold)
        # By account: order ids that are remembered, and how many may be.
        self._seen: dict[str, OrderedDict[str, None]] = {}
        self._seen_max: dict[str, int] = {}
        self._sequence = 0
        self._is_quiet = False  # what changes in a book is told at the end of a requote

    def list_market(self, listing: Listing) -> None:
        """Open a market for orders; raises ValueError when one of its tokens is listed already."""
        if any(token_id in self.books for token_id in listing.token_ids):
            raise ValueError(f"a token of {listing.condition_id} is listed already")
        book = MarketBook(listing)
        for token_id in listing.token_ids:
            self.books[token_id] = book

    def open_account(self, account_id: str, seen_max: int) -> None:
        """Let an account place orders; so many of its latest are refused when they come again."""
        self._seen[account_id], self._seen_max[account_id] = OrderedDict(), seen_max

    def remember(self, account_id: str, order_id: str) -> None:
        """Refuse an order id of an account from now on; the oldest are forgotten."""
        seen = self._seen[account_id]
        seen[order_id] = None
        if len(seen) > self._seen_max[account_id]:
            seen.popitem(last=False)

    def accept(self, new: NewOrder, at_ms: int) -> OrderAnswer | Refusal:
        """Take an order, or return why it is refused; a refused order changes no balance."""
        book = self.books.get(new.token_id)
        if book is None or book.listing.condition_id in self.closed:
            return Refusal(http=404, text=answers.NO_BOOK)
        if new.order_id in self._seen[new.account_id]:
            return answers.duplicated(new.order_id)
        order = read_order(book, new, self._amounts, self._sequence + 1, at_ms)
        if isinstance(order, Refusal):
            return order
        self._sequence += 1
        marketable = self._is_marketable(book, order)
        least = self._amounts.BUY_NOTIONAL_MIN_MICRO
        if marketable and new.post_only:
            return answers.bad(answers.POST_ONLY_CROSSES)
        if marketable and order.side is Side.BUY and new.maker_micro < least:
            return answers.marketable_buy_too_small(new.maker_micro, least)
        arrival = self._arrival(book, order)
        account = self._chain.accounts[order.account_id]
        spender = book.listing.spender
        lacking = account.lacks(order.pays_asset, arrival.need_micro, spender)
        if lacking is not None:
            return lacking
        self.remember(order.account_id, order.order_id)
        self._plan_expiry(order)
        if not marketable or not book.listing.delay_ms:
            return self._arrive(book, order, arrival, at_ms)
        order.is_delayed = True
        self._reserve(order, arrival.need_micro)
        self.open[order.order_id] = order
        self._plan_end_of_delay(book, order)
        self._tell(order, OrderChange.PLACEMENT, OrderStatus.DELAYED, at_ms)
        return OrderAnswer(
            order_id=order.order_id, status="delayed", waits=book.listing.delay_answer_waits
        )

    def restore(self, order: Order, at_ms: int) -> None:
        """Go on with an open order of an earlier run; nothing is matched yet."""
        book = self.books[order.token_id]
        self._sequence = max(self._sequence, order.sequence)
        claim, order.reserved_micro = order.reserved_micro, 0
        self._reserve(order, claim)
        self.open[order.order_id] = order
        self._plan_expiry(order)
        if order.is_delayed:
            self._plan_end_of_delay(book, order)
        else:
            book.add(order)
            self._publish(book, order.order_id, at_ms)

    def uncross(self, at_ms: int) -> None:
        """Match what crosses in any book, as after a hold."""
        for book in dict.fromkeys(self.books.values()):
            self._uncross(book, at_ms)

    def requote(
        self, token_id: str, order_ids: Iterable[str], orders: Iterable[NewOrder], at_ms: int
    ) -> tuple[OrderAnswer | Refusal, ...]:
        """Cancel and place orders of one market as one change of its book, told once.

        When one of them is matched, that and what follows is told as it happens.
        """
        book = self.books[token_id]
        self._is_quiet = True
        for order_id in order_ids:
            if order_id in self.open:
                self.cancel(self.open[order_id], OrderStatus.CANCELED, at_ms)
        orders = tuple(orders)
        answers = tuple(self.accept(new, at_ms) for new in orders)
        self._is_quiet = False
        self._publish(book, orders[0].order_id if orders else "", at_ms)
        return answers

    def cancel(self, order: Order, status: OrderStatus, at_ms: int) -> None:
        """Take an open order that is not delayed out of the book and free what it reserved."""
        book = self.books[order.token_id]
        book.remove(order)
        self._close(order)
        self._tell(order, OrderChange.CANCELLATION, status, at_ms)
        self._publish(book, order.order_id, at_ms)

    def close(self, condition_id: str, at_ms: int) -> None:
        """Cancel every order in a market, also delayed ones, and take no more."""
        self.closed.add(condition_id)
        self._holds.drop(condition_id)
        status = OrderStatus.CANCELED_MARKET_RESOLVED
        for order in [one for one in self.open.values() if one.condition_id == condition_id]:
            if order.is_delayed:
                self._close(order)
                self._tell(order, OrderChange.CANCELLATION, status, at_ms)
            else:
                self.cancel(order, status, at_ms)

    def hold(self, condition_id: str, account_ids: frozenset[str], until_ms: int) -> None:
        """Let limit orders of some accounts rest unmatched until a time, even when crossed.

        At the end the book is matched as if the younger of each crossing pair had just arrived.
        """
        self._holds.begin(condition_id, account_ids, until_ms)

    def is_held(self, condition_id: str) -> bool:
        """Say whether matching is held in a market, so that its book may be crossed."""
        return self._holds.lasts(condition_id)

    def _is_marketable(self, book: MarketBook, order: Order) -> bool:
        return book.crosses(order) and not self._holds.only_rests(order)

    def _arrival(self, book: MarketBook, order: Order) -> Arrival:
        return arrival_of(book, order, is_marketable=self._is_marketable(book, order))

    def _arrive(
        self, book: MarketBook, order: Order, arrival: Arrival, at_ms: int
    ) -> OrderAnswer | Refusal:
        """Match an order that can pay, and let rest or kill what is left."""
        plan = arrival.plan
        if order.order_type is OrderType.FOK and not plan.complete:
            return self._kill(order, answers.FOK_KILLED, at_ms)
        if order.order_type is OrderType.FAK and not plan.fills:
            return self._kill(order, answers.FAK_KILLED, at_ms)
        if order.order_id not in self.open:
            self._tell(order, OrderChange.PLACEMENT, OrderStatus.LIVE, at_ms)
        fills = self._execute(book, order, plan, at_ms)
        done = plan.complete if order.budget_micro else not order.left_micro
        if not done and order.rests:
            self.open[order.order_id] = order
            self._reserve(order, order.give_micro(order.left_micro))
            book.add(order)
        else:
            self._close(order)
        if fills:
            status = OrderStatus.LIVE if order.order_id in self.open else OrderStatus.MATCHED
            self._tell(order, OrderChange.UPDATE, status, at_ms)
        if not done and not order.rests:
            self._tell(order, OrderChange.CANCELLATION, OrderStatus.CANCELED, at_ms)
        self._publish(book, order.order_id, at_ms)
        if fills:
            spender = book.listing.spender
            self._clearing.open(order.trade_ids[-1], order, fills, spender, at_ms)
            self._tighten(book, order, fills[-1], at_ms)
        making, taking = taker_amounts(order.side, fills)
        return OrderAnswer(
            order_id=order.order_id,
            status="live" if order.order_id in self.open else "matched",
            making_micro=making,
            taking_micro=taking,
            trade_ids=order.trade_ids[-1:] if fills else (),
        )

    def _execute(self, book: MarketBook, taker: Order, plan: Plan, at_ms: int) -> list[Fill]:
        """Carry out a plan: shrink both sides and move each maker's reservation into the trade."""
        if not plan.fills:
            return []
        self._is_quiet = False
        trade_id = self._clearing.new_trade_id()
        taker.trade_ids = (*taker.trade_ids, trade_id)
        fills = []
        for maker, size, price in plan.fills:
            taker_price = taker.own_price_micro(price)
            taker_dollars = taker_price * size // MICRO
            fills.append(
                Fill(
                    kind=match_kind(taker, maker),
                    size_micro=size,
                    maker_order_id=maker.order_id,
                    maker_account_id=maker.account_id,
                    maker_token_id=maker.token_id,
                    maker_side=maker.side,
                    maker_price_micro=maker.price_micro,
                    maker_dollars_micro=maker.price_micro * size // MICRO,
                    taker_price_micro=taker_price,
                    taker_dollars_micro=taker_dollars,
                    fee_micro=book.listing.fee_micro(taker_price, size),
                )
            )
            taker.matched_micro += size
            if taker.budget_micro:
                taker.budget_left_micro -= taker_dollars
            else:
                taker.left_micro -= size
            self._take_from(book, maker, size)
            maker.matched_micro += size
            maker.trade_ids = (*maker.trade_ids, trade_id)
            status = OrderStatus.LIVE if maker.left_micro else OrderStatus.MATCHED
            self._tell(maker, OrderChange.UPDATE, status, at_ms)
        return fills

    def _take_from(self, book: MarketBook, order: Order, size_micro: int) -> None:
        """Take shares off a resting order and free what was reserved for them."""
        book.shrink(order, size_micro)
        if order.left_micro:
            self._reserve(order, order.give_micro(order.left_micro))
        else:
            self._close(order)

    def _tighten(self, book: MarketBook, order: Order, fill: Fill, at_ms: int) -> None:
        """Make the tick finer once a trade was near 0 or 1."""
        price = fill.taker_price_micro
        if book.tick_micro != COARSE_TICK_MICRO or FINE_BELOW_MICRO <= price <= FINE_ABOVE_MICRO:
            return
        self.refine(book, FINE_TICK_MICRO, order.order_id, at_ms)

    def refine(self, book: MarketBook, tick_micro: int, order_id: str, at_ms: int) -> None:
        """Make the tick of a market finer; an order is named as the cause."""
        for resting, rest in book.change_tick(tick_micro):
            if rest:
                self._take_from(book, resting, rest)
                if not resting.left_micro:
                    self._tell(resting, OrderChange.CANCELLATION, OrderStatus.CANCELED, at_ms)
        self._publish(book, order_id, at_ms)
        self._tell_tick(book, at_ms)

    def restore_tick(self, book: MarketBook, tick_micro: int, at_ms: int) -> None:
        """Go on with the finer tick of an earlier run, before any order rests."""
        if tick_micro != book.tick_micro:
            book.tick_micro = tick_micro
            self._tell_tick(book, at_ms)

    def _tell_tick(self, book: MarketBook, at_ms: int) -> None:
        self._events.extend(
            TickChanged(
                at_ms=at_ms,
                condition_id=book.listing.condition_id,
                token_id=token_id,
                old_tick_micro=book.listing.tick_micro,
                new_tick_micro=book.tick_micro,
            )
            for token_id in book.listing.token_ids
        )

    def _end_delay(self, book: MarketBook, order: Order, at_ms: int) -> None:
        """Match a delayed order after all, by what the book and the balance are now."""
        if order.order_id not in self.open:
            return  # its market was resolved meanwhile
        order.is_delayed = False
        answer = self._again(book, order, at_ms)
        if isinstance(answer, OrderAnswer) and not answer.trade_ids:
            self._tell(order, OrderChange.UPDATE, OrderStatus.UNMATCHED, at_ms)
            answer = OrderAnswer(order_id=order.order_id, status="unmatched")
        self._events.append(DelayEnded(at_ms=at_ms, order_id=order.order_id, answer=answer))

    def _end_hold(self, condition_id: str, at_ms: int) -> None:
        books = (b for b in self.books.values() if b.listing.condition_id == condition_id)
        self._uncross(next(books), at_ms)

    def _uncross(self, book: MarketBook, at_ms: int) -> None:
        while (order := book.later_of_crossing()) is not None:
            book.remove(order)
            self._again(book, order, at_ms)

    def _again(self, book: MarketBook, order: Order, at_ms: int) -> OrderAnswer | Refusal:
        """Let an order that was accepted before arrive once more, or cancel it for its balance."""
        self._reserve(order, 0)
        arrival = self._arrival(book, order)
        account: Account = self._chain.accounts[order.account_id]
        spender = book.listing.spender
        lacking = account.lacks(order.pays_asset, arrival.need_micro, spender)
        if lacking is None:
            return self._arrive(book, order, arrival, at_ms)
        self._close(order)
        status = OrderStatus.CANCELED_NOT_ENOUGH_BALANCE
        self._tell(order, OrderChange.CANCELLATION, status, at_ms)
        self._publish(book, order.order_id, at_ms)
        return lacking

    def _plan_expiry(self, order: Order) -> None:
        if order.expiration_s:
            due_ms = (order.expiration_s - EXPIRES_EARLY_S) * 1_000
            self._agenda.at(due_ms, partial(self._expire, order))

    def _plan_end_of_delay(self, book: MarketBook, order: Order) -> None:
        due_ms = order.created_ms + book.listing.delay_ms
        self._agenda.at(due_ms, partial(self._end_delay, book, order))

    def _expire(self, order: Order, at_ms: int) -> None:
        if order.is_delayed:  # cannot be cancelled now, and its delay is over soon
            delay_ms = self.books[order.token_id].listing.delay_ms
            self._agenda.at(at_ms + delay_ms, partial(self._expire, order))
        elif order.order_id in self.open:
            self.cancel(order, OrderStatus.CANCELED_EXPIRED_ORDER, at_ms)

    def _kill(self, order: Order, text: str, at_ms: int) -> Refusal:
        self._close(order)
        self._tell(order, OrderChange.CANCELLATION, answers.killed_status(text), at_ms)
        return answers.bad(text)

    def _close(self, order: Order) -> None:
        self._reserve(order, 0)
        self.open.pop(order.order_id, None)

    def _reserve(self, order: Order, amount_micro: int) -> None:
        """Make an order's claim on its account exactly this much."""
        account = self._chain.accounts[order.account_id]
        account.active[order.pays_asset] += amount_micro - order.reserved_micro
        order.reserved_micro = amount_micro

    def _publish(self, book: MarketBook, order_id: str, at_ms: int) -> None:
        if self._is_quiet:
            return
        tokens = book.take_changes()
        if tokens is not None:
            condition_id = book.listing.condition_id
            self._events.append(
                BookChanged(
                    at_ms=at_ms, condition_id=condition_id, order_id=order_id, tokens=tokens
                )
            )

    def _tell(self, order: Order, change: OrderChange, status: str, at_ms: int) -> None:
        self._events.append(order_changed(order, change, status, at_ms))
