"""Frames of the market channel become engine events. Parsing only: no socket, no clock.

This is the hot path: one flat struct for every message type (the type tag is the last key on the
wire, so a tagged union would parse twice), text becomes integers through memos, since the same few
thousand prices and the mirrored sizes come again and again. Nothing that the venue could send makes
`decode` raise: what cannot be read is counted by its cause and makes the books of its market
suspect, because an update was lost.

Message shapes: docs.polymarket.com, wss/market (crawled 2026-06-18) and recorded frames.
"""

import contextlib
from collections import Counter, deque
from collections.abc import Callable
from typing import TypeVar

import msgspec

from trading.engine.codes import MarketState
from trading.engine.events import (
    BookDelta,
    BookSnapshot,
    BookSuspect,
    Event,
    LevelChange,
    Levels,
    MarketStatus,
    TickSizeChanged,
)
from trading.engine.market import TICKS_MICRO
from trading.engine.units import MICRO, UnitError, unsigned_micro_from_text

MEMO_MAX = 65_536
FRAME_BYTES_MAX = 16 * 1_048_576
KEPT_FRAMES_MAX = 50  # frames of unknown types kept for a person to read
KEPT_BYTES_MAX = 2_000
TYPES_MAX = 200  # unknown type names counted one by one; more are counted together
SIZE_MICRO_MAX = 10**18
TIMESTAMP_MS_MIN, TIMESTAMP_MS_MAX = 10**11, 10**14 - 1  # years 1973 to 5138


T = TypeVar("T")


class _Level(msgspec.Struct, gc=False):
    price: str
    size: str


class _Change(msgspec.Struct, gc=False):
    asset_id: str
    price: str
    size: str
    side: str
    best_bid: str = ""
    best_ask: str = ""


class _Frame(msgspec.Struct, gc=False):
    """Every field that is used, of every message type."""

    event_type: str = ""
    market: str = ""
    asset_id: str = ""
    timestamp: int = 0  # milliseconds, in quotes on the wire
    bids: tuple[_Level, ...] = ()
    asks: tuple[_Level, ...] = ()
    price_changes: tuple[_Change, ...] = ()
    tick_size: str | None = None
    new_tick_size: str | None = None
    winning_asset_id: str | None = None


class _Market(msgspec.Struct, gc=False):
    """What is read of a frame that could not be read as a whole."""

    market: str = ""


class FrameError(ValueError):
    """A field of a frame is not what the venue promises; `cause` is a short word for counting."""

    def __init__(self, cause: str, text: str) -> None:
        super().__init__(text)
        self.cause = cause


class _Memo(dict[str, int]):
    """What texts stand for. `parse` raises FrameError for a text that stands for nothing."""

    def __init__(self, parse: Callable[[str], int]) -> None:
        super().__init__()
        self._parse = parse

    def __missing__(self, text: str) -> int:
        return _learnt(self, text, self._parse)


class MarketDecoder:
    """Decodes raw frames; `counts` holds how many of each type and of each fault were seen."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.kept: deque[bytes] = deque(maxlen=KEPT_FRAMES_MAX)
        # Not strict: numbers may be in quotes. Nothing else is taken for what it is not.
        self._one = msgspec.json.Decoder(_Frame, strict=False).decode
        self._many = msgspec.json.Decoder(list[_Frame], strict=False).decode
        # What texts stand for. Prices are few, so that they are nearly always there, and a plain
        # dict is faster than a memo: whoever meets a KeyError starts again with _learnt.
        self._prices: dict[str, int] = {}
        self._bids: dict[str, int] = {}
        self._asks: dict[str, int] = {}
        self._sides: dict[str, bool] = {}
        self._sizes = _Memo(_size)
        self._handlers: dict[str, Callable[[_Frame], Event | None]] = {
            "price_change": self._delta,
            "book": self._snapshot,
            "tick_size_change": self._tick_size,
            "market_resolved": self._resolved,
            # Known and of no use to the engine: books say it earlier and completely.
            "last_trade_price": _nothing,
            "best_bid_ask": _nothing,
            "new_market": _nothing,
        }

    def decode(self, raw: bytes | str | memoryview) -> list[Event]:
        """Return the events of one frame, in order; empty for texts and types without meaning."""
        if isinstance(raw, str):
            raw = raw.encode("utf-8", "surrogatepass")
        if len(raw) > FRAME_BYTES_MAX:
            return self._lost(b"", "too_large", "a frame is larger than the limit")
        first = raw[0] if len(raw) else 0
        if first == 123:  # {
            try:
                frame = self._one(raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                return self._lost(raw, "shape", str(error))
            event = self._event(frame, raw)
            return [event] if event is not None else []
        if first == 91:  # [
            try:
                frames = self._many(raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                return self._lost(raw, "shape", str(error))
            events = (self._event(frame, raw) for frame in frames)
            return [event for event in events if event is not None]
        self.counts["non_json"] += 1
        return []

    def _event(self, frame: _Frame, raw: bytes | memoryview) -> Event | None:
        event_type = frame.event_type
        handler = self._handlers.get(event_type)
        if handler is None:
            self._unknown(event_type, raw)
            return None
        self.counts[event_type] += 1
        try:
            return handler(frame)
        except FrameError as error:
            self.counts[f"malformed:{error.cause}"] += 1
            return BookSuspect(token_ids=(), condition_id=frame.market, reason=str(error))

    def _delta(self, frame: _Frame) -> Event | None:
        prices, sizes, sides = self._prices, self._sizes, self._sides
        bids, asks = self._bids, self._asks
        try:
            changes: list[LevelChange] = [
                (
                    change.asset_id,
                    sides[change.side],
                    prices[change.price],
                    sizes[change.size],
                    bids[change.best_bid],
                    asks[change.best_ask],
                )
                for change in frame.price_changes
            ]
        except KeyError:
            changes = [
                (
                    change.asset_id,
                    _learnt(sides, change.side, _side),
                    _learnt(prices, change.price, _level_price),
                    sizes[change.size],
                    _learnt(bids, change.best_bid, _best_bid),
                    _learnt(asks, change.best_ask, _best_ask),
                )
                for change in frame.price_changes
            ]
        if not changes:
            return None
        return BookDelta(frame.market, _milliseconds(frame.timestamp), tuple(changes))

    def _snapshot(self, frame: _Frame) -> Event:
        tick_micro = None
        if frame.tick_size:
            tick_micro = _tick(frame.tick_size)
        return BookSnapshot(
            frame.market,
            frame.asset_id,
            _milliseconds(frame.timestamp),
            self._levels(frame.bids),
            self._levels(frame.asks),
            tick_micro,
        )

    def _levels(self, levels: tuple[_Level, ...]) -> Levels:
        prices, sizes = self._prices, self._sizes
        try:
            known = [(prices[level.price], sizes[level.size]) for level in levels]
        except KeyError:
            known = [
                (_learnt(prices, level.price, _level_price), sizes[level.size]) for level in levels
            ]
        return tuple([level for level in known if level[1]])

    def _tick_size(self, frame: _Frame) -> Event:
        return TickSizeChanged(
            condition_id=frame.market,
            token_id=frame.asset_id,
            venue_ms=_milliseconds(frame.timestamp),
            tick_micro=_tick(frame.new_tick_size or ""),
        )

    def _resolved(self, frame: _Frame) -> Event:
        return MarketStatus(
            condition_id=frame.market,
            state=MarketState.RESOLVED,
            winning_token_id=frame.winning_asset_id or "",
        )

    def _unknown(self, event_type: str, raw: bytes | memoryview) -> None:
        name = f"unknown:{event_type:.40}"
        if name not in self.counts and len(self.counts) > TYPES_MAX:
            name = "unknown:*"
        self.counts[name] += 1
        self.kept.append(bytes(raw[:KEPT_BYTES_MAX]))

    def _lost(self, raw: bytes | memoryview, cause: str, text: str) -> list[Event]:
        """A frame that cannot be read: at least say whose books are not to be trusted now."""
        self.counts[f"malformed:{cause}"] += 1
        self.kept.append(bytes(raw[:KEPT_BYTES_MAX]))
        condition_id = ""
        # If not even this much can be read, no book is to be trusted.
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            condition_id = msgspec.json.decode(raw, type=_Market).market
        return [BookSuspect(token_ids=(), condition_id=condition_id, reason=text[:200])]


def _learnt(memo: dict[str, T], text: str, parse: Callable[[str], T]) -> T:
    value = memo.get(text)
    if value is None:
        value = parse(text)
        if len(memo) >= MEMO_MAX:
            memo.clear()  # cheap to fill again; never grows without bound
        memo[text] = value
    return value


def _nothing(_frame: _Frame) -> None:
    return None


def _side(text: str) -> bool:
    if text not in ("BUY", "SELL"):
        raise FrameError("side", f"side is {text!r:.40}, not BUY or SELL")
    return text == "SELL"


def _level_price(text: str) -> int:
    micro = _micro("price", text)
    if not 0 < micro < MICRO:
        raise FrameError("price", f"price {text!r:.40} is not between 0 and 1")
    return micro


def _best_bid(text: str) -> int:
    if not text:
        return -1  # not sent
    micro = _micro("best_bid/best_ask", text)
    if micro > MICRO:
        raise FrameError("best", f"best price {text!r:.40} is above 1")
    return micro


def _best_ask(text: str) -> int:
    # An empty ask side is "1" or "0" on the wire: the engine knows one form only.
    return _best_bid(text) or MICRO


def _size(text: str) -> int:
    micro = _micro("size", text)
    if micro > SIZE_MICRO_MAX:
        raise FrameError("size", f"size {text!r:.40} is above any real size")
    return micro


def _micro(field: str, text: str) -> int:
    try:
        return unsigned_micro_from_text(text)
    except UnitError as error:
        raise FrameError(field.split("/", 1)[0], f"{field}: {error}") from error


def _milliseconds(timestamp: int) -> int:
    if not TIMESTAMP_MS_MIN <= timestamp <= TIMESTAMP_MS_MAX:
        raise FrameError("timestamp", f"timestamp {timestamp!r:.40} is not in milliseconds")
    return timestamp


def _tick(text: str) -> int:
    micro = _micro("tick_size", text)
    if micro not in TICKS_MICRO:
        raise FrameError("tick_size", f"tick size {text!r:.40} is not one that the venue uses")
    return micro
