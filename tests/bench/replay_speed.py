"""Replay: recorded frames from a compressed file through decoder and engine, nothing written.

What is timed is what `manage.py replay` does: unpack, split into lines, check each, decode, engine,
ticks at every second of the recording's time, and the hash over all commands. Plus the same frames
that are in memory already, which shows what reading the file costs.
"""

import gzip
from collections.abc import Callable, Iterable
from time import perf_counter_ns

import zstandard

from tests.bench import Report, Settings, pinned, quiet_gc
from tests.bench.engine_path import LIMITS, PAPER
from tests.bench.stream import Stream, generate
from trading.adapters.feed import MarketRecord
from trading.adapters.recording import read_frames
from trading.adapters.replay import ReplayResult, replay

KEYS = (
    "replay_frames_per_s",
    "replay_gz_frames_per_s",
    "replay_zst_frames_per_s",
    "replay_memory_frames_per_s",
    "replay_zst_vs_memory_ratio",
    "replay_hash_same",
)
ZSTD_LEVEL = 3
GZIP_LEVEL = 6
ROUNDS_MAX = 5

Source = Callable[[], Iterable[bytes]]


def records(stream: Stream) -> list[MarketRecord]:
    """Return the stream's markets in the form that a replay takes."""
    return [
        MarketRecord(
            spec=spec,
            slug=spec.condition_id,
            question="",
            yes_outcome="Yes",
            no_outcome="No",
            source="bench",
            ends_at_ms=None,
        )
        for spec in stream.specs
    ]


def time_replay(source: Source, markets: list[MarketRecord]) -> tuple[int, ReplayResult]:
    """Return the nanoseconds of one replay and what it found."""
    with quiet_gc():
        start_ns = perf_counter_ns()
        result = replay(source(), markets, limits=LIMITS, paper=PAPER)
        return perf_counter_ns() - start_ns, result


def run(settings: Settings) -> Report:
    """Replay the generated stream from both formats and from memory, in turns."""
    report = Report()
    stream = generate(settings.frames, markets=settings.markets, seed=settings.seed)
    lines = [*stream.dump, *stream.frames]
    text = b"\n".join(lines) + b"\n"
    settings.build.mkdir(parents=True, exist_ok=True)
    gz, zst = (settings.build / f"bench.frames.jsonl.{end}" for end in ("gz", "zst"))
    gz.write_bytes(gzip.compress(text, GZIP_LEVEL))
    zst.write_bytes(zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(text))
    sources: dict[str, Source] = {
        "gz": lambda: (raw for raw, _ in read_frames(gz)),
        "zst": lambda: (raw for raw, _ in read_frames(zst)),
        "memory": lambda: lines,
    }
    markets = records(stream)
    rates: dict[str, list[float]] = {name: [] for name in sources}
    hashes = set()
    try:
        with pinned(1):
            for _ in range(min(settings.rounds, ROUNDS_MAX)):
                for name, source in sources.items():
                    took_ns, result = time_replay(source, markets)
                    rates[name].append(len(lines) * 1e9 / took_ns)
                    hashes.add(result.result_hash)
    finally:
        gz.unlink()
        zst.unlink()
    for name, samples in rates.items():
        report.measure(f"replay_{name}_frames_per_s", samples)
    report.measure("replay_frames_per_s", rates["zst"])
    pairs = zip(rates["zst"], rates["memory"], strict=True)
    report.measure("replay_zst_vs_memory_ratio", [packed / plain for packed, plain in pairs])
    report.values["replay_hash_same"] = len(hashes) == 1
    if len(hashes) != 1:
        report.problems.append("replay: the same frames gave different commands")
    return report
