"""The stream that is measured: invented from a seed in the venue's exact layout, or recorded.

500 markets of two tokens, about 40 levels a side, one frame a millisecond: 94 % `price_change`, of
which every tenth names one token only, 5 % `book`, 0.5 % `last_trade_price`, and in the rest cheap
asks without a mirror image, each removed again by the next change of its market. Every best_bid and
best_ask is right, so that the engine's integrity checks agree. Sizes are drawn so that as many of
them repeat as in the recorded sample.
"""

import json
import random
from dataclasses import dataclass, field
from pathlib import Path

from trading.adapters.recording import load_markets, markets_path, read_frames
from trading.config.venues import RecordingDefaults
from trading.engine.market import FeeSchedule, MarketSpec
from trading.engine.units import text_from_micro

TICK_MICRO = 1_000  # prices are counted in ticks of 0.001
PRICES = [text_from_micro(tick * TICK_MICRO) for tick in range(1_001)]
START_MS = 1_790_585_112_000
MS_NS = 1_000_000
LEVELS = 40
MIN_ORDER_SIZE_MICRO = 5_000_000
FEE = FeeSchedule(rate_micro=70_000, exponent=1)

BOOK_SHARE = 0.05
TRADE_SHARE = 0.005
CHEAP_SHARE = 0.002  # cheap asks in a frame of both tokens: the walk runs
PHANTOM_SHARE = 0.0005  # cheap asks in a frame of one token: not of one instant, to be refused
ONE_TOKEN_SHARE = 0.1

KINDS = ("price_change", "book", "last_trade_price")


@dataclass(slots=True)
class Stream:
    """Frames in the order in which they came, each with its kind and its time."""

    specs: tuple[MarketSpec, ...]
    dump: list[bytes]  # the arrays of whole books that open a connection; never timed
    frames: list[bytes]
    kinds: list[str]
    times_ns: list[int]

    def head(self, count: int) -> "Stream":
        """Return the same stream, cut off after `count` frames."""
        return Stream(
            self.specs, self.dump, self.frames[:count], self.kinds[:count], self.times_ns[:count]
        )


@dataclass(slots=True)
class _Token:
    token_id: str
    bids: dict[int, str] = field(default_factory=dict)
    asks: dict[int, str] = field(default_factory=dict)

    def bests(self) -> tuple[str, str]:
        return PRICES[max(self.bids, default=0)], PRICES[min(self.asks, default=1_000)]

    def change(self, tick: int, size: str, *, ask: bool) -> tuple["_Token", int, str, bool]:
        levels = self.asks if ask else self.bids
        if size == "0":
            del levels[tick]
        else:
            levels[tick] = size
        return self, tick, size, ask


@dataclass(slots=True)
class _Market:
    condition_id: str
    yes: _Token
    no: _Token
    step: int  # ticks between two neighbouring levels
    cheap: tuple[_Token, int] | None = None  # an ask without a mirror image, until the next change


class _Generator:
    def __init__(self, seed: int, markets: int) -> None:
        self.random = random.Random(seed)
        self.markets = [self._market(number) for number in range(markets)]

    def _market(self, number: int) -> _Market:
        draw = self.random
        yes, no = (_Token(str(draw.getrandbits(254) | 1 << 254)) for _ in range(2))
        step = 10 if number % 2 else 1
        middle = draw.randrange(450, 551, 10) if step == 10 else draw.randrange(150, 851)
        market = _Market(f"0x{draw.getrandbits(256):064x}", yes, no, step)
        for level in range(LEVELS):
            below = middle - step - level * step
            above = middle + step + level * step
            self._mirrored(market, below, self._size(), ask=False)
            self._mirrored(market, above, self._size(), ask=True)
        return market

    def _size(self) -> str:
        draw = self.random
        shares = draw.lognormvariate(5.6, 1.3)
        kind = draw.random()
        if kind < 0.45:
            return str(max(5, int(shares / 5) * 5))  # round lots
        if kind < 0.55:
            return str(max(5, int(shares)))
        if kind < 0.94:
            return text_from_micro(max(500, int(shares * 100)) * 10_000)
        return text_from_micro(max(5_000_000, int(shares * 1_000_000)))

    @staticmethod
    def _mirrored(market: _Market, tick: int, size: str, *, ask: bool) -> list:
        yes = market.yes.change(tick, size, ask=ask)
        return [yes, market.no.change(1_000 - tick, size, ask=not ask)]

    def price_change(self, at_ms: int) -> bytes:
        """Change one level of one market, in one token or in both."""
        market = self.random.choice(self.markets)
        if market.cheap is not None:
            changes = self._remove_cheap(market)
        elif self.random.random() < ONE_TOKEN_SHARE:
            token = self.random.choice((market.yes, market.no))
            changes = [self._resize(token)]
        else:
            changes = self._step(market)
        return _price_change(market, changes, at_ms, self._hash)

    def cheap_ask(self, at_ms: int, *, phantom: bool) -> bytes:
        """Show an ask so low that both asks together cost less than a dollar."""
        draw = self.random
        market = draw.choice(self.markets)
        while market.cheap is not None:
            market = draw.choice(self.markets)
        token, sibling = draw.sample((market.yes, market.no), 2)
        fair = 1_000 - min(sibling.asks)
        tick = max(1, fair - draw.randrange(1, 9) * 10)
        changes = [token.change(tick, self._size(), ask=True)]
        market.cheap = (token, tick)
        if not phantom:
            changes.append(self._resize(sibling))
        return _price_change(market, changes, at_ms, self._hash)

    def _remove_cheap(self, market: _Market) -> list:
        assert market.cheap is not None
        token, tick = market.cheap
        market.cheap = None
        sibling = market.no if token is market.yes else market.yes
        return [token.change(tick, "0", ask=True), self._resize(sibling)]

    def _resize(self, token: _Token) -> tuple[_Token, int, str, bool]:
        ask = self.random.random() < 0.5
        tick = self.random.choice(list(token.asks if ask else token.bids))
        return token.change(tick, self._size(), ask=ask)

    def _step(self, market: _Market) -> list:
        draw = self.random
        ask = draw.random() < 0.5
        levels = market.yes.asks if ask else market.yes.bids
        best = min(levels) if ask else max(levels)
        what = draw.random()
        if len(levels) > LEVELS + 2 or (what < 0.15 and len(levels) > LEVELS - 2):
            tick = best if draw.random() < 0.3 else draw.choice(list(levels))
            return self._mirrored(market, tick, "0", ask=ask)
        if what < 0.3 or len(levels) < LEVELS - 2:
            free = self._free_tick(market, levels, best, ask=ask)
            if free is not None:
                return self._mirrored(market, free, self._size(), ask=ask)
        near = sorted(levels, key=lambda tick: abs(tick - best))[: draw.choice((3, 10, LEVELS))]
        return self._mirrored(market, draw.choice(near), self._size(), ask=ask)

    def _free_tick(self, market: _Market, levels: dict, best: int, *, ask: bool) -> int | None:
        """Return a price without a level: inside the spread at times, else deeper in the book."""
        away = market.step if ask else -market.step
        other = max(market.yes.bids) if ask else min(market.yes.asks)
        if self.random.random() < 0.3 and abs(best - other) > market.step:
            return best - away
        for _ in range(8):
            tick = best + away * self.random.randrange(1, LEVELS + 10)
            if 0 < tick < 1_000 and tick not in levels:
                return tick
        return None

    def book(self, at_ms: int) -> bytes:
        """Send one token's whole book; not while it shows a cheap ask."""
        market = self.random.choice(self.markets)
        while market.cheap is not None:
            market = self.random.choice(self.markets)
        return self._book(market, self.random.choice((market.yes, market.no)), at_ms)

    def _book(self, market: _Market, token: _Token, at_ms: int) -> bytes:
        bids = ", ".join(_level(tick, token.bids[tick]) for tick in sorted(token.bids))
        asks = ", ".join(_level(tick, token.asks[tick]) for tick in sorted(token.asks)[::-1])
        return (
            f'{{"market":"{market.condition_id}", "asset_id":"{token.token_id}", "bids":[{bids}], '
            f'"asks":[{asks}], "hash":"{self._hash()}", "timestamp":"{at_ms}", '
            f'"tick_size":"{PRICES[market.step]}", "last_trade_price":"{token.bests()[0]}", '
            f'"event_type":"book"}}'
        ).encode()

    def dump(self, at_ms: int) -> list[bytes]:
        """Return the first books of every token, 200 tokens to an array."""
        books = [
            self._book(market, token, at_ms)
            for market in self.markets
            for token in (market.yes, market.no)
        ]
        return [b"[" + b", ".join(books[at : at + 200]) + b"]" for at in range(0, len(books), 200)]

    def trade(self, at_ms: int) -> bytes:
        """Report a trade, which changes no book by itself."""
        market = self.random.choice(self.markets)
        token = self.random.choice((market.yes, market.no))
        bid, ask = token.bests()
        side, price = self.random.choice((("BUY", ask), ("SELL", bid)))
        return (
            f'{{"market":"{market.condition_id}", "asset_id":"{token.token_id}", '
            f'"price":"{price}", "size":"{self._size()}", "fee_rate_bps":"0", "side":"{side}", '
            f'"timestamp":"{at_ms}", "transaction_hash":"0x{self.random.getrandbits(256):064x}", '
            f'"event_type":"last_trade_price"}}'
        ).encode()

    def _hash(self) -> str:
        return f"{self.random.getrandbits(160):040x}"


def _level(tick: int, size: str) -> str:
    return f'{{"price":"{PRICES[tick]}", "size":"{size}"}}'


def _price_change(market: _Market, changes: list, at_ms: int, new_hash) -> bytes:
    parts = []
    for token, tick, size, ask in changes:
        bid, best_ask = token.bests()
        parts.append(
            f'{{"asset_id":"{token.token_id}", "price":"{PRICES[tick]}", "size":"{size}", '
            f'"side":"{"SELL" if ask else "BUY"}", "hash":"{new_hash()}", '
            f'"best_bid":"{bid}", "best_ask":"{best_ask}"}}'
        )
    return (
        f'{{"market":"{market.condition_id}", "price_changes":[{", ".join(parts)}], '
        f'"timestamp":"{at_ms}", "event_type":"price_change"}}'
    ).encode()


def generate(frames: int, *, markets: int = 500, seed: int = 0) -> Stream:
    """Return the same stream for the same numbers, on every machine."""
    maker = _Generator(seed, markets)
    dump = maker.dump(START_MS)
    lines, kinds, times_ns = [], [], []
    for number in range(frames):
        at_ms = START_MS + 1 + number
        what = maker.random.random()
        kind = "price_change"
        if what < BOOK_SHARE:
            kind = "book"
            line = maker.book(at_ms)
        elif (what := what - BOOK_SHARE) < TRADE_SHARE:
            kind = "last_trade_price"
            line = maker.trade(at_ms)
        elif (what := what - TRADE_SHARE) < CHEAP_SHARE + PHANTOM_SHARE:
            line = maker.cheap_ask(at_ms, phantom=what >= CHEAP_SHARE)
        else:
            line = maker.price_change(at_ms)
        lines.append(line)
        kinds.append(kind)
        times_ns.append(at_ms * MS_NS)
    specs = tuple(
        _spec(m.condition_id, (m.yes.token_id, m.no.token_id), m.step * TICK_MICRO)
        for m in maker.markets
    )
    return Stream(specs, dump, lines, kinds, times_ns)


def _spec(condition_id: str, token_ids: tuple[str, str], tick_micro: int) -> MarketSpec:
    return MarketSpec(
        condition_id=condition_id,
        token_ids=token_ids,
        tick_micro=tick_micro,
        min_order_size_micro=MIN_ORDER_SIZE_MICRO,
        fee=FEE,
    )


def recorded(path: Path) -> Stream:
    """Read a recording: frames in a compressed file, its markets beside it."""
    defaults = RecordingDefaults(
        tick_micro=10_000, min_order_size_micro=MIN_ORDER_SIZE_MICRO, fee=FEE
    )
    specs = tuple(record.spec for record in load_markets(markets_path(path), defaults))
    frames, kinds, times_ns = [], [], []
    for raw, venue_ms in read_frames(path):
        frames.append(raw)
        kinds.append(next((kind for kind, mark in _MARKS if mark in raw[-40:]), "other"))
        times_ns.append(venue_ms * MS_NS)
    return Stream(specs, [], frames, kinds, times_ns)


_MARKS = [(kind, f'"event_type":"{kind}"'.encode()) for kind in KINDS]


def write(stream: Stream, path: Path) -> None:
    """Write a stream for another process: a line about the markets, the dump, then the frames."""
    head = {
        "markets": [[s.condition_id, *s.token_ids, s.tick_micro] for s in stream.specs],
        "dump": len(stream.dump),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join([json.dumps(head).encode(), *stream.dump, *stream.frames]) + b"\n")
