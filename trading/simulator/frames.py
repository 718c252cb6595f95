"""Events become the texts of the market channel, as the venue writes them.

Messages: book, price_change, last_trade_price, tick_size_change (polymarket.md section 7). Prices
and sizes are decimal strings, times are milliseconds as text, bids are sorted upward and asks
downward, so that the best price comes last. An empty side is a best bid of "0" or a best ask of
"1".

What the venue does not document and is chosen here: both books are sent after a trade and after a
tick change; the hash of a book is the one that the official client computes over a REST book; the
hash of a change is taken from the id of the order that caused it.
"""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha1
from typing import Any

from trading.engine.codes import TradeState
from trading.engine.units import MICRO
from trading.engine.units import text_from_micro as text
from trading.simulator.events import (
    BookChanged,
    Event,
    LevelChange,
    TickChanged,
    TokenChange,
    TradeChanged,
)
from trading.simulator.orders import Listing

_ENCODER = json.JSONEncoder(separators=(",", ":"))
RESOLVED = '{"event_type":"market_resolved",'  # how its frame begins


class _TokenView:
    """What has been published about one token."""

    __slots__ = (
        "changed_ms",
        "last_trade",
        "late",
        "late_until_ms",
        "levels",
        "listing",
        "tick_micro",
    )

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.tick_micro = listing.tick_micro
        self.levels: dict[tuple[bool, int], int] = {}
        self.last_trade = ""  # never traded
        self.late: list[Event] = []  # what happened and is not published yet
        self.late_until_ms = 0
        self.changed_ms = 0  # the instant that was published last, 0 for none

    def change(self, levels: Iterable[LevelChange]) -> None:
        for is_ask, price_micro, size_micro in levels:
            if size_micro:
                self.levels[is_ask, price_micro] = size_micro
            else:
                del self.levels[is_ask, price_micro]


class Publisher:
    """Follows the events of an exchange from its first one on, and writes frames from them."""

    def __init__(self, listings: Iterable[Listing]) -> None:
        self._views = {
            token_id: _TokenView(listing) for listing in listings for token_id in listing.token_ids
        }
        self.late = 0  # events that happened and are not published yet

    def lag(self, token_id: str, until_ms: int) -> None:
        """Publish nothing about a token until a time; then all of it, in order, with its own times.

        The sibling's updates go on, so that the two published books belong to different instants.
        """
        self._views[token_id].late_until_ms = until_ms

    def publish(self, events: Iterable[Event], now_ms: int) -> list[str]:
        """Return the frames for what happened, after those that were late and are due now."""
        frames: list[str] = []
        for token_id, view in self._views.items() if self.late else ():
            if view.late and view.late_until_ms <= now_ms:
                late, view.late = view.late, []
                self.late -= len(late)
                for event in late:
                    frames += self._frames(event, (token_id,))
        for event in events:
            prompt = []
            for token_id in self._tokens(event):
                view = self._views[token_id]
                if view.late_until_ms > now_ms:
                    view.late.append(event)
                    self.late += 1
                else:
                    prompt.append(token_id)
            frames += self._frames(event, tuple(prompt))
        return frames

    def dump(self, token_ids: Iterable[str]) -> str:
        """Return the first frame of a subscription: an array with the book of every token.

        A book carries the instant that was published last of its token, so that what is late still
        follows it. A token of which nothing was published yet has no book to send.
        """
        known = (token_id for token_id in token_ids if self._views[token_id].changed_ms)
        return _json([self._book(token_id) for token_id in known])

    def _tokens(self, event: Event) -> tuple[str, ...]:
        """Return the tokens whose subscribers hear of an event."""
        if isinstance(event, BookChanged):
            return tuple(token.token_id for token in event.tokens)
        if isinstance(event, TradeChanged) and event.state is TradeState.MATCHED:
            return self._views[event.token_id].listing.token_ids
        if isinstance(event, TickChanged):
            return (event.token_id,)
        return ()

    def _frames(self, event: Event, token_ids: tuple[str, ...]) -> list[str]:
        """Return the frames that tell the subscribers of some tokens about an event."""
        if not token_ids:
            return []
        messages: list[Mapping[str, Any]] = []
        for token_id in token_ids:
            self._views[token_id].changed_ms = event.at_ms
        if isinstance(event, BookChanged):
            tokens = [token for token in event.tokens if token.token_id in token_ids]
            for token in tokens:
                self._views[token.token_id].change(token.levels)
            messages.append(_price_change(event, tokens))
        elif isinstance(event, TradeChanged):
            for token_id in token_ids:
                own = token_id == event.token_id
                price_micro = event.price_micro if own else MICRO - event.price_micro
                self._views[token_id].last_trade = text(price_micro)
            if event.token_id in token_ids:
                messages.append(_last_trade(event))
            messages += [self._book(token_id) for token_id in token_ids]
        elif isinstance(event, TickChanged):
            self._views[event.token_id].tick_micro = event.new_tick_micro
            messages += [_tick_change(event), self._book(event.token_id)]
        return [_json(message) for message in messages]

    def _book(self, token_id: str) -> dict[str, Any]:
        view = self._views[token_id]
        return book_message(
            view.listing,
            token_id,
            tick_micro=view.tick_micro,
            levels=((is_ask, price, size) for (is_ask, price), size in view.levels.items()),
            last_trade=view.last_trade,
            at_ms=view.changed_ms,
        )


def book_message(
    listing: Listing,
    token_id: str,
    *,
    tick_micro: int,
    levels: Iterable[LevelChange],
    last_trade: str,
    at_ms: int,
) -> dict[str, Any]:
    """Return a whole book as a message, with the hash that the official client computes for it.

    Without its event_type it is the answer to GET /book.
    """
    ordered = sorted(levels)
    fields = {
        "market": listing.condition_id,
        "asset_id": token_id,
        "timestamp": str(at_ms),
        "hash": "",
        "bids": [_level(price, size) for is_ask, price, size in ordered if not is_ask],
        "asks": [_level(price, size) for is_ask, price, size in reversed(ordered) if is_ask],
        "min_order_size": text(listing.min_order_size_micro),
        "tick_size": text(tick_micro),
        "neg_risk": listing.neg_risk,
        "last_trade_price": last_trade,
    }
    return {"event_type": "book", **fields, "hash": _sha1(_json(fields))}


def resolved_message(listing: Listing, market_id: str, winner_id: str, at_ms: int) -> str:
    """Return the frame that says which token of a market won.

    Only who asked for custom features is told: see RESOLVED.
    """
    return _json(
        {
            "event_type": "market_resolved",
            "id": market_id,
            "market": listing.condition_id,
            "assets_ids": listing.token_ids,
            "winning_asset_id": winner_id,
            "winning_outcome": listing.outcomes[listing.token_ids.index(winner_id)],
            "timestamp": str(at_ms),
            "tags": [],
        }
    )


def _level(price_micro: int, size_micro: int) -> dict[str, str]:
    return {"price": text(price_micro), "size": text(size_micro)}


def _price_change(event: BookChanged, tokens: Iterable[TokenChange]) -> dict[str, Any]:
    caused_by = _sha1(event.order_id)
    return {
        "market": event.condition_id,
        "price_changes": [
            {
                "asset_id": token.token_id,
                "price": text(price_micro),
                "size": text(size_micro),
                "side": "SELL" if is_ask else "BUY",
                "hash": caused_by,
                "best_bid": text(token.best_bid_micro),
                "best_ask": text(token.best_ask_micro),
            }
            for token in tokens
            for is_ask, price_micro, size_micro in token.levels
        ],
        "timestamp": str(event.at_ms),
        "event_type": "price_change",
    }


def _last_trade(event: TradeChanged) -> dict[str, str]:
    return {
        "asset_id": event.token_id,
        "event_type": "last_trade_price",
        "fee_rate_bps": "0",  # the venue says 0 even when a fee was charged
        "market": event.condition_id,
        "price": text(event.price_micro),
        "side": event.side,
        "size": text(event.size_micro),
        "timestamp": str(event.at_ms),
    }


def _tick_change(event: TickChanged) -> dict[str, str]:
    return {
        "asset_id": event.token_id,
        "event_type": "tick_size_change",
        "market": event.condition_id,
        "new_tick_size": text(event.new_tick_micro),
        "old_tick_size": text(event.old_tick_micro),
        "timestamp": str(event.at_ms),
    }


def _json(value: Any) -> str:
    return _ENCODER.encode(value)


def _sha1(value: str) -> str:
    # The venue's own choice: it tells contents apart and protects nothing.
    return sha1(value.encode(), usedforsecurity=False).hexdigest()
