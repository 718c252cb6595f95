"""Cuts the excerpt that the portal ships out of the full recording.

    python -m tests.tools.build_excerpt FRAMES.jsonl.gz MARKETS.json OUTPUT_DIRECTORY

Each window begins, for each market in it, at an instant at which the recording shows both of its
tokens: there both whole books are written, rebuilt from all frames before. From then on every
frame of that market is copied byte for byte until the window ends. The same input gives the same
output.
"""

import argparse
import gzip
import hashlib
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import zstandard

STEM = "btc-updown-15m-2026-09-28.excerpt"
AFTER_END_MS = 31_000  # the source goes on for half a minute after a market's end

# (from, to, why), in the order in which they are played. The step back in time in the middle lets
# the player begin with a minute in which everything happens.
WINDOWS = (
    (1790598300000, 1790598395000, "a true gap that keeps 0.6 cents, one that does not, phantoms"),
    (1790601490000, 1790601515000, "a phantom of two cents that the fee eats"),
    (1790601580000, 1790601625000, "a true gap that keeps 0.5 cents"),
    (1790601870000, 1790601900000, "a true gap that the fee eats"),
    (1790602185000, 1790602235000, "a market ends, a phantom in the next one"),
    (1790602470000, 1790602530000, "two phantoms"),
    (1790586935000, 1790586970000, "two phantoms"),
    (1790587062000, 1790587122000, "a phantom that seems to keep 2.5 cents"),
    (1790588750000, 1790588800000, "a phantom that seems to keep 2.7 cents"),
    (1790589230000, 1790589295000, "three phantoms"),
    (1790589570000, 1790589610000, "a true gap on ten shares that the fee eats"),
    (1790590715000, 1790590740000, "a phantom that seems to keep 0.4 cents"),
    (1790593945000, 1790593975000, "two phantoms"),
    (1790594705000, 1790594765000, "a true gap that the fee eats, a phantom"),
    (1790595395000, 1790595420000, "a phantom that seems to keep 1.5 cents"),
    (1790597000000, 1790597110000, "phantoms of up to six cents"),
)

# What the source does not carry: Gamma's crypto schedule of September 2026 and the usual sizes.
PARAMETERS = {
    "feeSchedule": {"rate": "0.07", "exponent": "1", "takerOnly": True},
    "orderPriceMinTickSize": "0.01",
    "orderMinSize": "5",
}


@dataclass
class Book:
    """One token's levels as texts, and when they were last told."""

    bids: dict[str, str] = field(default_factory=dict)
    asks: dict[str, str] = field(default_factory=dict)
    timestamp: str = ""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("frames", type=Path)
    parser.add_argument("markets", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args(arguments)
    markets = json.loads(options.markets.read_text())
    with gzip.open(options.frames, "rt") as file:
        windows = cut(file, markets)
    lines = [line for window in windows for line in window]
    used = {json.loads(line)["market"] for line in lines}
    packed = zstandard.ZstdCompressor(level=19, write_checksum=True).compress(
        "".join(lines).encode()
    )
    (options.output / f"{STEM}.frames.jsonl.zst").write_bytes(packed)
    kept = [market | PARAMETERS for market in markets if market["conditionId"] in used]
    text = json.dumps(kept, indent=1) + "\n"
    (options.output / f"{STEM}.markets.json").write_text(text)
    sys.stdout.write(
        f"{len(lines)} frames of {len(kept)} markets, {len(packed)} bytes, "
        f"sha256 {hashlib.sha256(packed).hexdigest()}\n"
    )
    return 0


def cut(lines, markets) -> list[list[str]]:
    """Return the lines of each window, in the order of WINDOWS."""
    spans = {market["conditionId"]: market for market in markets}
    result: list[list[str]] = [[] for _ in WINDOWS]
    begun: set[tuple[int, str]] = set()
    books: dict[str, Book] = {}
    for line in lines:
        frame = json.loads(line)
        apply(frame, books)
        at_ms, market = int(frame["timestamp"]), spans[frame["market"]]
        for index, (from_ms, to_ms, _) in enumerate(WINDOWS):
            if not from_ms <= at_ms < to_ms or not runs_within(market, from_ms, to_ms):
                continue
            if (index, frame["market"]) in begun:
                result[index].append(line)
            elif is_instant_of_both(frame, market, books):
                begun.add((index, frame["market"]))
                result[index] += [whole_book(frame, token, books) for token in tokens_of(market)]
    return result


def apply(frame, books: dict[str, Book]) -> None:
    """Bring the books up to date."""
    if frame["event_type"] == "book":
        books[frame["asset_id"]] = Book(
            {level["price"]: level["size"] for level in frame["bids"]},
            {level["price"]: level["size"] for level in frame["asks"]},
            frame["timestamp"],
        )
        return
    for change in frame["price_changes"]:
        book = books[change["asset_id"]]
        side = book.bids if change["side"] == "BUY" else book.asks
        if float(change["size"]):
            side[change["price"]] = change["size"]
        else:
            side.pop(change["price"], None)
        book.timestamp = frame["timestamp"]


def tokens_of(market) -> tuple[str, str]:
    first, second = market["clobTokenIds"]
    return first, second


def runs_within(market, from_ms: int, to_ms: int) -> bool:
    """Return whether a market runs in a window; before its start its books are all but empty."""
    return market["startMs"] < to_ms and market["endMs"] + AFTER_END_MS > from_ms


def is_instant_of_both(frame, market, books: dict[str, Book]) -> bool:
    return all(
        token in books and books[token].timestamp == frame["timestamp"]
        for token in tokens_of(market)
    )


def whole_book(frame, token: str, books: dict[str, Book]) -> str:
    """Return a `book` frame in the layout of the recording, best prices last."""
    book = books[token]
    bids = sorted(book.bids.items(), key=lambda level: float(level[0]))
    asks = sorted(book.asks.items(), key=lambda level: -float(level[0]))
    content = {
        "market": frame["market"],
        "asset_id": token,
        "bids": [{"price": price, "size": size} for price, size in bids],
        "asks": [{"price": price, "size": size} for price, size in asks],
    }
    # A filler like those of the source, which is not the venue's hash either.
    digest = hashlib.sha1(json.dumps(content).encode(), usedforsecurity=False).hexdigest()
    content |= {"hash": digest, "timestamp": frame["timestamp"], "event_type": "book"}
    return json.dumps(content, separators=(", ", ":")) + "\n"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
