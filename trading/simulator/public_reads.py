"""What anybody may read of the venue: books, prices, parameters, listings.

Source: polymarket.md sections 5.1 to 5.3. What is not on record and chosen here: a price for BUY is
the best bid and one for SELL the best ask, and an empty side is 0 or 1 as on the market channel.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from trading.engine.units import text_from_micro as text
from trading.simulator import answers
from trading.simulator.local_venue import LocalVenue
from trading.simulator.requests import Request, Value

TOKENS_MAX = 500  # of one question or subscription
PAGE_MAX = 100
NOT_FOUND = {"error": "not found"}
Answer: TypeAlias = tuple[int, Value]


class _Asked(NamedTuple):
    """One token of a question, and the side for which a price is asked."""

    token_id: str
    side: str


class PublicReads:
    """Answers questions about one venue, which has been advanced to now."""

    def __init__(self, venue: LocalVenue, now_ms: Callable[[], int]) -> None:
        self._venue = venue
        self._now_ms = now_ms
        self._of_one: dict[str, Callable[[_Asked], Value | None]] = {
            "price": self._price,
            "midpoint": self._midpoint,
            "spread": self._spread,
            "last-trade-price": self._last_trade,
        }

    def answer(self, request: Request) -> Answer:
        """Return status and body."""
        parts = request.path.strip("/").split("/")
        match request.method, parts:
            case "GET", ["price" | "midpoint" | "spread" | "last-trade-price" as name]:
                return self._one(name, request)
            case "POST", ["books" | "prices" | "midpoints" | "spreads" | "last-trades-prices"]:
                return self._several(parts[0], request.body)
            case "GET", ["markets", condition_id] if condition_id != "keyset":
                found = self._venue.market_record(condition_id)
                return (404, {"error": "market not found"}) if found is None else (200, found)
        found = self._read(request, parts)
        return (404, NOT_FOUND) if found is None else (200, found)

    def _read(self, request: Request, parts: list[str]) -> Value | None:
        match request.method, parts:
            case "GET", ["ok"]:
                return "OK"
            case "GET", ["simulator", "info"]:
                return self._venue.info()
            case "GET", ["version"]:
                return {"version": 2}
            case "GET", ["time"]:
                return self._now_ms() // 1_000
            case "GET", ["book"]:
                return self._venue.book(request.asked("token_id"))
            case "GET", ["tick-size" | "neg-risk" | "fee-rate" as name]:
                return self._venue.token_parameters(request.asked("token_id")).get(name)
            case "GET", ["markets-by-token", token_id]:
                return self._venue.token_parameters(token_id).get("market")
            case "GET", ["clob-markets", condition_id]:
                return self._venue.parameters(condition_id)
            case "GET", ["events", "slug", slug]:
                return self._venue.event(slug)
            case "GET", ["markets", "keyset"]:
                return self._page(request.query)
        return None

    def _one(self, name: str, request: Request) -> Answer:
        asked = _Asked(request.asked("token_id"), request.asked("side"))
        if name == "price" and asked.side not in ("BUY", "SELL"):
            return 400, {"error": answers.BAD_SIDE}
        found = self._of_one[name](asked)
        return (404, {"error": answers.NO_BOOK}) if found is None else (200, found)

    def _several(self, name: str, body: bytes) -> Answer:
        """Answer about many tokens; unknown ones are left out."""
        try:
            said = [_Asked(str(one["token_id"]), one.get("side", "")) for one in json.loads(body)]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return 400, {"error": answers.BAD_PAYLOAD}
        if len(said) > TOKENS_MAX:
            return 400, {"error": "Payload exceeds the limit"}
        if name == "books":
            books = (self._venue.book(one.token_id) for one in said)
            return 200, [book for book in books if book is not None]
        if name == "prices" and any(one.side not in ("BUY", "SELL") for one in said):
            return 400, {"error": answers.BAD_SIDE}
        if name == "last-trades-prices":
            trades = ((one.token_id, self._last_trade(one)) for one in said)
            return 200, [{"token_id": token_id, **found} for token_id, found in trades if found]
        prices: dict[str, Any] = {}
        for one in said:
            if (found := self._of_one[name.removesuffix("s")](one)) is None:
                continue
            (value,) = found.values()
            if name == "prices":
                prices.setdefault(one.token_id, {})[one.side] = value
            else:
                prices[one.token_id] = value
        return 200, prices

    def _price(self, asked: _Asked) -> Value | None:
        best = self._venue.best_micro(asked.token_id)
        return None if best is None else {"price": text(best[asked.side == "SELL"])}

    def _midpoint(self, asked: _Asked) -> Value | None:
        best = self._venue.best_micro(asked.token_id)
        # Exact: prices are whole hundreds of millionths.
        return None if best is None else {"mid": text(sum(best) // 2)}

    def _spread(self, asked: _Asked) -> Value | None:
        best = self._venue.best_micro(asked.token_id)
        return None if best is None else {"spread": text(best[1] - best[0])}

    def _last_trade(self, asked: _Asked) -> Value | None:
        last = self._venue.last_trade(asked.token_id)
        return None if last is None else {"price": last[0], "side": last[1]}

    def _page(self, asked: Mapping[str, list[str]]) -> dict[str, Any]:
        """Return one page; the cursor is the number of markets before it."""
        wanted = asked.get("condition_ids")
        closed = asked.get("closed") == ["true"]
        listed = [
            one
            for one in self._venue.listings()
            if one["closed"] == closed and (wanted is None or one["conditionId"] in wanted)
        ]
        start, limit = _whole(asked, "after_cursor", 0), _whole(asked, "limit", PAGE_MAX)
        end = start + max(1, min(limit, PAGE_MAX))
        more = {"next_cursor": str(end)} if end < len(listed) else {}
        return {"markets": listed[start:end], **more}


def _whole(asked: Mapping[str, list[str]], name: str, default: int) -> int:
    digits = asked.get(name, [""])[0]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else default
