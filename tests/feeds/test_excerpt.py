"""The bundled recording, counted by a reader of its own that shares nothing with the product."""

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import zstandard

FOLDER = Path(__file__).resolve().parents[2] / "trading" / "recordings"
STEM = "btc-updown-15m-2026-09-28.excerpt"
LEAP_MS = 60_000

# (market, venue time, cents a pair that are left after the fee), of the same instant on both legs
TRUE_GAPS = [
    ("0xb82cbd57", 1790598320607, -0.31),
    ("0xb82cbd57", 1790598322159, 0.60),
    ("0xa28ed99b", 1790601606669, 0.51),
    ("0xa28ed99b", 1790601890875, -2.46),
    ("0x611cbc9e", 1790589595938, -1.45),
    ("0x13a5f224", 1790594728776, -2.28),
]


class Reading:
    """Everything that can be counted in one pass."""

    def __init__(self, lines, markets):
        self.markets = {market["conditionId"]: market for market in markets}
        self.kinds = []
        self.windows: list[list[dict]] = []
        self.true_gaps = []
        self.phantoms = []
        self.seconds_to_gap = []
        self.seconds = 0.0
        self.levels_removed_twice = 0
        books: dict[str, Any] = {}
        told_ms: dict[str, str] = {}
        before_ms = None
        for line in lines:
            frame = json.loads(line)
            at_ms = int(frame["timestamp"])
            if before_ms is None or abs(at_ms - before_ms) > LEAP_MS:
                books, told_ms = {}, {}
                self.windows.append([])
                self.seconds += 0 if before_ms is None else 5
            else:
                self.seconds += (at_ms - before_ms) / 1000
            before_ms = at_ms
            self.kinds.append(frame["event_type"])
            self.windows[-1].append(frame)
            self._apply(frame, books, told_ms)
            self._look(frame, at_ms, books, told_ms)

    def _apply(self, frame, books, told_ms):
        if frame["event_type"] == "book":
            books[frame["asset_id"]] = {
                side: {Fraction(level["price"]): Fraction(level["size"]) for level in frame[name]}
                for side, name in (("BUY", "bids"), ("SELL", "asks"))
            }
            told_ms[frame["asset_id"]] = frame["timestamp"]
            return
        for change in frame["price_changes"]:
            side = books[change["asset_id"]][change["side"]]
            if Fraction(change["size"]):
                side[Fraction(change["price"])] = Fraction(change["size"])
            elif side.pop(Fraction(change["price"]), None) is None:
                self.levels_removed_twice += 1
            told_ms[change["asset_id"]] = frame["timestamp"]

    def _look(self, frame, at_ms, books, told_ms):
        yes, no = self.markets[frame["market"]]["clobTokenIds"]
        if not all(token in books and books[token]["SELL"] for token in (yes, no)):
            return
        asks = [min(books[token]["SELL"]) for token in (yes, no)]
        if sum(asks) >= 1:
            return
        self.seconds_to_gap.append(self.seconds)
        kept = 1 - sum(asks) - Fraction(7, 100) * sum(ask * (1 - ask) for ask in asks)
        gap = (frame["market"][:10], at_ms, round(float(100 * kept), 2))
        (self.true_gaps if told_ms[yes] == told_ms[no] else self.phantoms).append(gap)


@pytest.fixture(scope="module")
def reading():
    packed = (FOLDER / f"{STEM}.frames.jsonl.zst").read_bytes()
    text = zstandard.ZstdDecompressor().decompress(packed, max_output_size=64_000_000).decode()
    markets = json.loads((FOLDER / f"{STEM}.markets.json").read_text())
    return Reading(text.splitlines(), markets)


def test_it_holds_these_frames(reading):
    assert len(reading.kinds) == 901
    assert reading.kinds.count("book") == 72
    assert reading.kinds.count("price_change") == 829
    assert len(reading.windows) == 16


def test_it_holds_all_true_gaps_of_the_day(reading):
    assert reading.true_gaps == TRUE_GAPS


def test_it_holds_phantoms_that_look_better_than_any_true_gap(reading):
    assert len(reading.phantoms) == 22
    assert max(kept for *_, kept in reading.phantoms) == 36.04
    assert sum(kept > 0 for *_, kept in reading.phantoms) == 11


def test_it_plays_for_a_quarter_of_an_hour_and_becomes_interesting_at_once(reading):
    assert 10 * 60 <= reading.seconds <= 20 * 60
    assert reading.seconds_to_gap[0] < 20
    assert all(second < 30 for second in reading.seconds_to_gap[:3])


def test_each_window_begins_with_both_whole_books_of_each_of_its_markets(reading):
    for window in reading.windows:
        begun: dict[str, list] = {}
        for frame in window:
            begun.setdefault(frame["market"], []).append(frame)
        for frames in begun.values():
            first, second = frames[:2]
            assert (first["event_type"], second["event_type"]) == ("book", "book")
            assert first["timestamp"] == second["timestamp"]
            assert first["asset_id"] != second["asset_id"]


def test_it_never_removes_a_level_that_is_not_there(reading):
    assert reading.levels_removed_twice == 0


def test_time_steps_back_once_and_only_between_windows(reading):
    steps = [
        int(second["timestamp"]) - int(first["timestamp"])
        for window in reading.windows
        for first, second in pairwise(window)
    ]
    starts = [int(window[0]["timestamp"]) for window in reading.windows]

    assert min(steps) >= 0
    assert max(steps) < 5_000
    assert sum(later < earlier for earlier, later in pairwise(starts)) == 1


def test_it_is_small_and_says_whose_it_is():
    files = list(FOLDER.iterdir())
    readme = (FOLDER / "README.md").read_text()

    assert sum(file.stat().st_size for file in files) < 1_500_000
    assert (
        "Polymarket order-book data from Resolved Markets (https://resolvedmarkets.com)" in readme
    )
    assert "CC BY 4.0" in readme
