"""Small recordings for tests, written as the real ones are."""

import gzip
import json
from pathlib import Path

import zstandard

from tests.feeds.listening import book, change
from trading.config.venues import RecordingDefaults
from trading.engine.market import FeeSchedule

T0 = 1_790_000_000_000
FOLDER = Path(__file__).resolve().parents[2] / "trading" / "recordings"
EXCERPT = FOLDER / "btc-updown-15m-2026-09-28.excerpt.frames.jsonl.zst"
DEFAULTS = RecordingDefaults(
    fee=FeeSchedule(rate_micro=70_000, exponent=1),
    tick_micro=10_000,
    min_order_size_micro=5_000_000,
)


def condition(number):
    return f"0x{number:064x}"


def tokens(number):
    return [str(10**70 + number * 2), str(10**70 + number * 2 + 1)]


def market(number=1, **changes):
    return {
        "conditionId": condition(number),
        "slug": f"market-{number}",
        "question": "Up or down?",
        "startMs": T0 - 900_000,
        "endMs": T0 + 900_000,
        "outcomes": ["Up", "Down"],
        "clobTokenIds": tokens(number),
        "payouts": [1.0, 0.0],
    } | changes


def write(folder, frames, markets=None, *, name="day.frames.jsonl.zst") -> Path:
    """Write frames (mappings or raw lines) and their markets, and return the frames file."""
    path = folder / name
    lines = [
        frame if isinstance(frame, bytes) else json.dumps(frame).encode() + b"\n"
        for frame in frames
    ]
    with_checksum = zstandard.ZstdCompressor(write_checksum=True)
    pack = gzip.compress if name.endswith(".gz") else with_checksum.compress
    path.write_bytes(pack(b"".join(lines)))
    stem = name.removesuffix(".gz").removesuffix(".zst").removesuffix(".frames.jsonl")
    (folder / f"{stem}.markets.json").write_text(json.dumps(markets or [market()]))
    return path


def books(ms=T0, number=1):
    return [book(token, condition(number), ms=ms) for token in tokens(number)]


def delta(ms, token=None, **changes):
    return change(token or tokens(1)[0], condition(1), ms=ms, **changes)
