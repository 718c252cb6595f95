"""Finds gaps a second time, slowly and in another way: json, Decimal, Fraction, no shared code.

A book is known from its first whole book on. It is not believed any more when it contradicts what
the venue says about it: another best bid or ask, a removed level that it never had, an older time
after a newer one, a whole book that is crossed. From then on it is unknown until a whole book
comes. After each frame of a market, a gap is two known books whose best asks sum to less than a
dollar.
"""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from trading.engine.market import FeeSchedule

ONE = Decimal(1)
NONE = Decimal(0)


@dataclass
class _Book:
    known: bool = False
    bids: dict[Decimal, Decimal] = field(default_factory=dict)
    asks: dict[Decimal, Decimal] = field(default_factory=dict)
    at: int = 0
    missed: list[tuple[int, dict]] = field(default_factory=list)

    def best_bid(self) -> Decimal:
        return max(self.bids, default=NONE)

    def best_ask(self) -> Decimal:
        return min(self.asks, default=ONE)

    def forget(self) -> None:
        self.known = False
        self.bids, self.asks, self.missed = {}, {}, []

    def apply(self, change: dict) -> bool:
        side = self.bids if change["side"] == "BUY" else self.asks
        price, size = Decimal(change["price"]), Decimal(change["size"])
        if size:
            side[price] = size
            return True
        return side.pop(price, None) is not None


class SlowReader:
    """Counts frames that show a gap: all, those of one instant, those that pay after the fee."""

    def __init__(self, markets: list[tuple[str, tuple[str, str], FeeSchedule | None]]) -> None:
        self._books = {ids: {token: _Book() for token in tokens} for ids, tokens, _ in markets}
        self._fees = {ids: fee for ids, _, fee in markets}
        self.seen = 0
        self.confirmed = 0
        self.positive = 0

    def frame(self, raw: bytes) -> None:
        """Read one frame, an object or an array of them."""
        message = json.loads(raw)
        for part in message if isinstance(message, list) else [message]:
            kind = part.get("event_type")
            if kind == "book":
                self._whole(part)
            elif kind == "price_change" and part["price_changes"]:
                self._changes(part)
            else:
                continue
            self._judge(part["market"])

    def _whole(self, part: dict) -> None:
        book = self._books[part["market"]][part["asset_id"]]
        at = int(part["timestamp"])
        if book.known and at < book.at:
            return
        missed = book.missed
        book.forget()
        book.bids = {Decimal(x["price"]): Decimal(x["size"]) for x in part["bids"]}
        book.asks = {Decimal(x["price"]): Decimal(x["size"]) for x in part["asks"]}
        book.known, book.at = True, at
        for later, change in missed:
            if later > at:
                book.apply(change)
                book.at = later
        if book.best_bid() >= book.best_ask():
            book.forget()

    def _changes(self, part: dict) -> None:
        at = int(part["timestamp"])
        by_token: dict[str, list[dict]] = {}
        for change in part["price_changes"]:
            by_token.setdefault(change["asset_id"], []).append(change)
        for token, changes in by_token.items():
            book = self._books[part["market"]][token]
            if book.known and self._fits(book, changes, at):
                book.at = at
                continue
            if book.known:
                book.forget()
            book.missed += [(at, change) for change in changes]

    @staticmethod
    def _fits(book: _Book, changes: list[dict], at: int) -> bool:
        if at < book.at:
            return False
        known = [book.apply(change) for change in changes]  # all of them, before they are judged
        if not all(known):
            return False
        bid, ask = (Decimal(changes[-1][name]) for name in ("best_bid", "best_ask"))
        return bid == book.best_bid() and (ask or ONE) == book.best_ask()

    def _judge(self, market: str) -> None:
        first, second = self._books[market].values()
        if not (first.known and second.known):
            return
        asks = first.best_ask(), second.best_ask()
        if sum(asks) >= 1:
            return
        self.seen += 1
        if first.at != second.at:
            return
        self.confirmed += 1
        fee = self._fees[market]
        if fee is None:
            return
        rate = Fraction(fee.rate_micro, 1_000_000)
        costs = [
            Fraction(ask) + rate * (Fraction(ask) * (1 - Fraction(ask))) ** fee.exponent
            for ask in asks
        ]
        if (1 - sum(costs)) * 1_000_000 >= 1:
            self.positive += 1
