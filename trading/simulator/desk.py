"""Takes orders in, matches them, lets them rest, cancels them: all that happens to an order."""

from collections import OrderedDict
from functools import partial
from typing import NamedTuple

from trading.engine.codes import Side
from trading.engine.units import MICRO
from trading.simulator import answers
from trading.simulator.accounts import Account, Chain
from trading.simulator.agenda import Agenda
from trading.simulator.answers import OrderAnswer, Refusal
from trading.simulator.clearing import Clearing, taker_amounts
from trading.simulator.codes import OrderChange, OrderStatus, OrderType
from trading.simulator.events import BookChanged, DelayEnded, Event, Fill, OrderChanged, TickChanged
from trading.simulator.matching import MarketBook, Plan, match_kind
from trading.simulator.orders import (
    EXPIRES_EARLY_S,
    AmountRules,
    Listing,
    NewOrder,
    Order,
    dollars_and_shares,
    read_price,
)

SEEN_MAX = 200_000  # order ids remembered to refuse a repetition; the oldest are forgotten
COARSE_TICK_MICRO = 10_000
FINE_TICK_MICRO = 1_000
FINE_ABOVE_MICRO = 960_000
FINE_BELOW_MICRO = 40_000


class Arrival(NamedTuple):
    """What an order would do if it came in now: what it would match, and what it must pay."""

    plan: Plan
    need_micro: int


class Hold(NamedTuple):
    """Whose limit orders only rest in a market, and until when."""

    account_ids: frozenset[str]
    until_ms: int


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
        self._held: dict[str, Hold] = {}  # by condition
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._sequence = 0

    def list_market(self, listing: Listing) -> None:
        """Open a market for orders; raises ValueError when one of its tokens is listed already."""
        if any(token_id in self.books for token_id in listing.token_ids):
            raise ValueError(f"a token of {listing.condition_id} is listed already")
        book = MarketBook(listing)
        for token_id in listing.token_ids:
            self.books[token_id] = book

    def accept(self, new: NewOrder, at_ms: int) -> OrderAnswer | Refusal:
        """Take an order, or return why it is refused; a refused order changes no balance."""
        book = self.books.get(new.token_id)
        if book is None:
            return Refusal(http=404, text=answers.NO_BOOK)
        order = self._read(book, new, at_ms)
        if isinstance(order, Refusal):
            return order
        marketable = self._is_marketable(book, order)
        least = self._amounts.BUY_NOTIONAL_MIN_MICRO
        if marketable and new.post_only:
            return answers.bad(answers.POST_ONLY_CROSSES)
        if marketable and order.side is Side.BUY and new.maker_micro < least:
            return answers.marketable_buy_too_small(new.maker_micro, least)
        arrival = self._arrival(book, order)
        account = self._chain.accounts[order.account_id]
        lacking = account.lacks(order.pays_asset, arrival.need_micro)
        if lacking is not None:
            return lacking
        self._remember(order.order_id)
        if order.expiration_s:
            due_ms = (order.expiration_s - EXPIRES_EARLY_S) * 1_000
            self._agenda.at(due_ms, partial(self._expire, order))
        if not marketable or not book.listing.delay_ms:
            return self._arrive(book, order, arrival, at_ms)
        order.is_delayed = True
        self._reserve(order, arrival.need_micro)
        self.open[order.order_id] = order
        due_ms = at_ms + book.listing.delay_ms
        self._agenda.at(due_ms, partial(self._end_delay, book, order))
        self._tell(order, OrderChange.PLACEMENT, OrderStatus.DELAYED, at_ms)
        return OrderAnswer(
            order_id=order.order_id, status="delayed", waits=book.listing.delay_answer_waits
        )

    def cancel(self, order: Order, status: OrderStatus, at_ms: int) -> None:
        """Take an open order that is not delayed out of the book and free what it reserved."""
        book = self.books[order.token_id]
        book.remove(order)
        self._close(order)
        self._tell(order, OrderChange.CANCELLATION, status, at_ms)
        self._publish(book, order.order_id, at_ms)

    def hold(self, condition_id: str, account_ids: frozenset[str], until_ms: int) -> None:
        """Let GTC and GTD orders of some accounts rest unmatched until a time, even when crossed.

        Everybody else can trade with them. At the end the book is matched as if the younger of
        each crossing pair had just arrived. A hold that lasts already is only made longer.
        """
        before = self._held.get(condition_id, Hold(frozenset(), 0))
        until_ms = max(until_ms, before.until_ms)
        self._held[condition_id] = Hold(account_ids | before.account_ids, until_ms)
        self._agenda.at(until_ms, partial(self._end_hold, condition_id))

    def is_held(self, condition_id: str) -> bool:
        """Say whether matching is held in a market, so that its book may be crossed."""
        return condition_id in self._held

    def _read(self, book: MarketBook, new: NewOrder, at_ms: int) -> Order | Refusal:
        if new.order_id in self._seen:
            return answers.duplicated(new.order_id)
        price = read_price(new, book.tick_micro, self._amounts)
        if isinstance(price, Refusal):
            return price
        dollars, shares = dollars_and_shares(new)
        rests = new.order_type in (OrderType.GTC, OrderType.GTD)
        if new.post_only and not rests:
            return answers.bad(answers.POST_ONLY_TYPE)
        if rests and shares < book.listing.min_order_size_micro:
            return answers.below_minimum(new.order_id, shares, book.listing.min_order_size_micro)
        expires_ms = (new.expiration_s - EXPIRES_EARLY_S) * 1_000
        if (new.order_type is OrderType.GTD) != bool(new.expiration_s) or (
            new.expiration_s and expires_ms <= at_ms
        ):
            return answers.bad(answers.EXPIRATION)
        self._sequence += 1
        budget = dollars if new.side is Side.BUY and not rests else 0
        return Order(
            order_id=new.order_id,
            account_id=new.account_id,
            condition_id=book.listing.condition_id,
            token_id=new.token_id,
            side=new.side,
            order_type=new.order_type,
            price_micro=price,
            size_micro=shares,
            budget_micro=budget,
            is_yes=new.token_id == book.listing.token_ids[0],
            expiration_s=new.expiration_s,
            created_ms=at_ms,
            sequence=self._sequence,
            left_micro=shares,
            budget_left_micro=budget,
        )

    def _is_marketable(self, book: MarketBook, order: Order) -> bool:
        hold = self._held.get(order.condition_id)
        only_rests = hold is not None and order.rests and order.account_id in hold.account_ids
        return book.crosses(order) and not only_rests

    def _arrival(self, book: MarketBook, order: Order) -> Arrival:
        """Return what an order would match now and the most that it must pay for all of it."""
        marketable = self._is_marketable(book, order)
        plan = book.plan(order) if marketable else Plan((), False)
        if order.side is Side.SELL:
            return Arrival(plan, order.left_micro)
        give = order.budget_left_micro or order.give_micro(order.left_micro)
        if not marketable:
            return Arrival(plan, give)
        fee = book.listing.fee_micro
        # A share costs less at a better price, with its fee too: the fee grows slower than the
        # price falls. But a market BUY then gets more shares, and may pay more in fees.
        fees = sum(fee(order.own_price_micro(f.price_micro), f.size_micro) for f in plan.fills)
        fees_at_limit = fee(order.price_micro, order.left_micro)
        return Arrival(plan, give + max(fees_at_limit, fees if order.budget_micro else 0))

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
            self._clearing.open(order.trade_ids[-1], order, fills, at_ms)
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
        for resting, rest in book.change_tick(FINE_TICK_MICRO):
            if rest:
                self._take_from(book, resting, rest)
                if not resting.left_micro:
                    self._tell(resting, OrderChange.CANCELLATION, OrderStatus.CANCELED, at_ms)
        self._publish(book, order.order_id, at_ms)
        for token_id in book.listing.token_ids:
            self._events.append(
                TickChanged(
                    at_ms=at_ms,
                    condition_id=book.listing.condition_id,
                    token_id=token_id,
                    old_tick_micro=COARSE_TICK_MICRO,
                    new_tick_micro=FINE_TICK_MICRO,
                )
            )

    def _end_delay(self, book: MarketBook, order: Order, at_ms: int) -> None:
        """Match a delayed order after all, by what the book and the balance are now."""
        order.is_delayed = False
        answer = self._again(book, order, at_ms)
        if isinstance(answer, OrderAnswer) and not answer.trade_ids:
            self._tell(order, OrderChange.UPDATE, OrderStatus.UNMATCHED, at_ms)
            answer = OrderAnswer(order_id=order.order_id, status="unmatched")
        self._events.append(DelayEnded(at_ms=at_ms, order_id=order.order_id, answer=answer))

    def _end_hold(self, condition_id: str, at_ms: int) -> None:
        if condition_id not in self._held or self._held[condition_id].until_ms > at_ms:
            return  # it was made longer meanwhile, and another end is due
        del self._held[condition_id]
        books = (b for b in self.books.values() if b.listing.condition_id == condition_id)
        book = next(books)
        while (order := book.later_of_crossing()) is not None:
            book.remove(order)
            self._again(book, order, at_ms)

    def _again(self, book: MarketBook, order: Order, at_ms: int) -> OrderAnswer | Refusal:
        """Let an order that was accepted before arrive once more, or cancel it for its balance."""
        self._reserve(order, 0)
        arrival = self._arrival(book, order)
        account: Account = self._chain.accounts[order.account_id]
        lacking = account.lacks(order.pays_asset, arrival.need_micro)
        if lacking is None:
            return self._arrive(book, order, arrival, at_ms)
        self._close(order)
        status = OrderStatus.CANCELED_NOT_ENOUGH_BALANCE
        self._tell(order, OrderChange.CANCELLATION, status, at_ms)
        self._publish(book, order.order_id, at_ms)
        return lacking

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

    def _remember(self, order_id: str) -> None:
        if len(self._seen) >= SEEN_MAX:
            self._seen.popitem(last=False)
        self._seen[order_id] = None

    def _publish(self, book: MarketBook, order_id: str, at_ms: int) -> None:
        tokens = book.take_changes()
        if tokens is not None:
            condition_id = book.listing.condition_id
            self._events.append(
                BookChanged(
                    at_ms=at_ms, condition_id=condition_id, order_id=order_id, tokens=tokens
                )
            )

    def _tell(self, order: Order, change: OrderChange, status: str, at_ms: int) -> None:
        self._events.append(
            OrderChanged(
                at_ms=at_ms,
                change=change,
                status=status,
                order_id=order.order_id,
                account_id=order.account_id,
                condition_id=order.condition_id,
                token_id=order.token_id,
                side=order.side,
                order_type=order.order_type,
                price_micro=order.price_micro,
                size_micro=order.size_micro,
                matched_micro=order.matched_micro,
                expiration_s=order.expiration_s,
                created_ms=order.created_ms,
                trade_ids=order.trade_ids,
            )
        )
