"""From bytes in hand to the decision, in one process: the whole path against decoding alone.

Three candidates take turns over the same frames: msgspec decoding into the same flat struct and
nothing else (the floor of what Python can do), the decoder that makes events of it, and the whole
path, which is decoder and shadow engine with a mandate that permits trading, books checked against
the venue's best prices, walks, risk and paper orders. Ticks come every 100 ms of the stream's time
and are timed by themselves: the stream is run through many times faster than it came, so they would
weigh as much more than they do in life. A second pass takes the time of each frame. At last an
independent slow reader must find the same gaps.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Any

import msgspec

from tests.bench import Report, Settings, Span, now, pinned, quiet_gc, rounded
from tests.bench.slow_reader import SlowReader
from tests.bench.stream import KINDS, Stream, generate, recorded
from trading.adapters.wire import MEMO_MAX, MarketDecoder, _Frame
from trading.engine.board import Board
from trading.engine.events import (
    BookDelta,
    BookSnapshot,
    Event,
    FeedChanged,
    MandateChanged,
    MarketListed,
    StateRestored,
    Tick,
)
from trading.engine.limits import Limits
from trading.engine.paper import PaperSettings
from trading.engine.shadow import ShadowEngine
from trading.engine.units import MICRO
from trading.engine.watch import EventWatch, Watch

TICK_NS = 100_000_000
PERCENTILE_ROUNDS_MAX = 5
KEYS = (
    "decode_frames_per_s",
    "events_frames_per_s",
    "engine_frames_per_s",
    "engine_vs_decode_ratio",
    "p50_us",
    "p99_us",
    *(f"{kind}_{share}_us" for kind in KINDS for share in ("p50", "p99")),
    "decision_p50_us",
    "decision_p99_us",
    "tick_p50_us",
    "tick_p99_us",
    "stream_gaps_seen",
    "stream_gaps_confirmed",
    "stream_gaps_positive",
    "stream_sets_submitted",
    "stream_gaps_agree",
    "size_memo_hit_ratio",
    "recording_frames",
    "recording_engine_vs_decode_ratio",
    "recording_engine_frames_per_s",
    "recording_p50_us",
    "recording_p99_us",
    "recording_gaps_confirmed",
    "recording_gaps_agree",
)

# Wide bounds: nothing but the market itself refuses a set, so that the paths behind it run too.
LIMITS = Limits(
    trade_size_micro=50 * MICRO,
    min_profit_ratio_micro=0,
    position_max_micro=10**6 * MICRO,
    daily_loss_max_micro=10**6 * MICRO,
    slippage_max_ratio_micro=MICRO // 50,
    gas_cost_max_micro=MICRO,
    breaker_failures_max=10**6,
    breaker_fail_ratio_micro=MICRO,
    pair_enabled=True,
    leg_loss_max_micro=5 * MICRO,
)
NO_TIME = Span(0, 0)
CAPITAL_MICRO = 10**6 * MICRO
# Orders arrive before the next frame can take the liquidity away again, so that sets complete.
PAPER = PaperSettings(latency_ms=1, settle_ms=200, merge_ms=200, capital_micro=CAPITAL_MICRO)


def started(stream: Stream) -> tuple[MarketDecoder, ShadowEngine]:
    """Return a decoder and an engine that may trade, watches the markets and has first books."""
    now_ns = stream.times_ns[0]
    engine = ShadowEngine(session_key="bench", paper=PAPER)
    engine.handle(MandateChanged(revision=1, may_trade=True, limits=LIMITS), now_ns)
    restored = StateRestored(
        balances=(), day="2026-09-28", realised_today_micro=0, capital_micro=CAPITAL_MICRO
    )
    engine.handle(restored, now_ns)
    engine.handle(FeedChanged(connected=True, token_ids=(), reason="bench"), now_ns)
    for spec in stream.specs:
        engine.handle(MarketListed(spec=spec), now_ns)
    decoder = MarketDecoder()
    for raw in stream.dump:
        for event in decoder.decode(raw):
            engine.handle(event, now_ns)
    return decoder, engine


def time_decode(stream: Stream) -> Span:
    """Time decoding alone, into the struct that the decoder uses."""
    decode = msgspec.json.Decoder(_Frame, strict=False).decode
    with quiet_gc():
        start = now()
        for raw in stream.frames:
            decode(raw)
        return now() - start


def time_events(stream: Stream) -> Span:
    """Time the way from bytes to events."""
    decode = MarketDecoder().decode
    with quiet_gc():
        start = now()
        for raw in stream.frames:
            decode(raw)
        return now() - start


class _GapCounter:
    """Counts gaps and decides nothing."""

    def __init__(self) -> None:
        self.seen = 0

    def on_pair_gap(self, watch: Watch, now_ns: int) -> None:
        self.seen += 1

    def on_event_gap(self, event: EventWatch, index: int, now_ns: int) -> None:
        self.seen += 1

    def on_gap_over(self, place: Watch | EventWatch) -> None:
        pass


def time_books(stream: Stream) -> Span:
    """Time decoder and books only: what is left when nobody acts on a gap."""
    board = Board(lambda _command: None, lambda *_note: None, _GapCounter())
    handlers: dict[type[Event], Callable[[Any, int], None]] = {
        BookDelta: board.on_delta,
        BookSnapshot: board.on_snapshot,
    }
    decode = MarketDecoder().decode
    for spec in stream.specs:
        board.on_market_listed(MarketListed(spec=spec), stream.times_ns[0])
    for raw in stream.dump:
        for event in decode(raw):
            handlers[type(event)](event, stream.times_ns[0])
    with quiet_gc():
        start = now()
        for raw, now_ns in zip(stream.frames, stream.times_ns, strict=True):
            for event in decode(raw):
                handlers[type(event)](event, now_ns)
        return now() - start


@dataclass(slots=True)
class Pass:
    """One run of the whole path. The time of the ticks is not part of that of the frames."""

    engine: ShadowEngine
    frames: Span = NO_TIME
    ticks_ns: list[int] = field(default_factory=list)
    each_ns: list[int] = field(default_factory=list)
    decisions_ns: list[int] = field(default_factory=list)  # of frames that showed a real gap


def time_engine(stream: Stream) -> Pass:
    """Time the whole path of all frames; a tick between frames stops the clock."""
    decoder, engine = started(stream)
    decode, handle = decoder.decode, engine.handle
    result = Pass(engine)
    tick, tick_ns = Tick(), 0
    with quiet_gc():
        start = now()
        for raw, now_ns in zip(stream.frames, stream.times_ns, strict=True):
            if now_ns >= tick_ns:
                tick_ns = now_ns + TICK_NS
                before = now()
                handle(tick, now_ns)
                took = now() - before
                result.ticks_ns.append(took.wall_ns)
                start += took
            for event in decode(raw):
                handle(event, now_ns)
        result.frames = now() - start
    return result


def time_each(stream: Stream) -> Pass:
    """Take the time of each frame; reading the clock twice is inside."""
    decoder, engine = started(stream)
    decode, handle = decoder.decode, engine.handle
    counts = engine.engine.funnel.counts
    result = Pass(engine)
    tick, tick_ns = Tick(), 0
    with quiet_gc():
        for raw, now_ns in zip(stream.frames, stream.times_ns, strict=True):
            if now_ns >= tick_ns:
                tick_ns = now_ns + TICK_NS
                handle(tick, now_ns)
            confirmed = counts.confirmed
            start_ns = perf_counter_ns()
            for event in decode(raw):
                handle(event, now_ns)
            took_ns = perf_counter_ns() - start_ns
            result.each_ns.append(took_ns)
            if counts.confirmed > confirmed:
                result.decisions_ns.append(took_ns)
    return result


def percentile(times: list[int], share: int) -> float:
    """Return a percentile in microseconds."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)] / 1_000


def run(settings: Settings) -> Report:
    """Measure the generated stream, and the recording when there is one."""
    report = Report()
    stream = generate(settings.frames, markets=settings.markets, seed=settings.seed)
    with pinned(1):
        _measure(report, stream, settings.rounds, "")
        _percentiles(report, stream, min(settings.rounds, PERCENTILE_ROUNDS_MAX), "")
    report.values["size_memo_hit_ratio"] = round(_repeated_sizes(stream), 3)
    _compare(report, stream, "stream")
    _recording(report, settings)
    return report


def _measure(report: Report, stream: Stream, rounds: int, prefix: str) -> None:
    decode, events, engine = [], [], []
    ticks: list[int] = []
    for _ in range(rounds):
        decode.append(time_decode(stream))
        events.append(time_events(stream))
        run = time_engine(stream)
        engine.append(run.frames)
        ticks += run.ticks_ns
    per_s = len(stream.frames) * 1e9
    pairs = zip(engine, decode, strict=True)
    ratios = [whole.core_ns / floor.core_ns for whole, floor in pairs]
    report.measure(f"{prefix}engine_vs_decode_ratio", ratios)
    report.measure(f"{prefix}engine_frames_per_s", [per_s / took.wall_ns for took in engine])
    if not prefix:
        report.measure("decode_frames_per_s", [per_s / took.wall_ns for took in decode])
        report.measure("events_frames_per_s", [per_s / took.wall_ns for took in events])
        report.values["tick_p50_us"] = rounded(percentile(ticks, 50))
        report.values["tick_p99_us"] = rounded(percentile(ticks, 99))


def _percentiles(report: Report, stream: Stream, rounds: int, prefix: str) -> None:
    passes = [time_each(stream) for _ in range(rounds)]
    groups = {"": [one.each_ns for one in passes]}
    if not prefix:
        groups["decision_"] = [one.decisions_ns for one in passes]
    for kind in () if prefix else KINDS:
        groups[f"{kind}_"] = [
            [ns for ns, its in zip(one.each_ns, stream.kinds, strict=True) if its == kind]
            for one in passes
        ]
    for name, group in groups.items():
        for share in (50, 99):
            key = f"{prefix}{name}p{share}_us"
            samples = [percentile(times, share) for times in group if times]
            if samples:
                report.measure(key, samples)
            else:
                report.values[key] = None


def _repeated_sizes(stream: Stream) -> float:
    """Return how many of the sizes the memo of the decoder would know already."""
    decode = msgspec.json.Decoder(_Frame, strict=False).decode
    seen: set[str] = set()
    known = total = 0
    for raw in stream.frames:
        frame = decode(raw)
        sizes = [level.size for level in (*frame.bids, *frame.asks)]
        sizes += [change.size for change in frame.price_changes]
        for size in sizes:
            total += 1
            if size in seen:
                known += 1
                continue
            if len(seen) >= MEMO_MAX:
                seen.clear()
            seen.add(size)
    return known / total if total else 0.0


def _compare(report: Report, stream: Stream, name: str) -> None:
    """Hold the engine's gaps against those of a reader that shares no code with it."""
    counts = time_engine(stream).engine.engine.funnel.counts
    reader = SlowReader([(spec.condition_id, spec.token_ids, spec.fee) for spec in stream.specs])
    for raw in (*stream.dump, *stream.frames):
        reader.frame(raw)
    ours = (counts.seen, counts.confirmed, counts.positive)
    theirs = (reader.seen, reader.confirmed, reader.positive)
    report.values[f"{name}_gaps_confirmed"] = counts.confirmed
    report.values[f"{name}_gaps_agree"] = ours == theirs
    if name == "stream":
        report.values["stream_gaps_seen"] = counts.seen
        report.values["stream_gaps_positive"] = counts.positive
        report.values["stream_sets_submitted"] = counts.submitted
    if ours != theirs:
        report.problems.append(
            f"{name}: the engine found {ours} gaps (seen, of one instant, with edge left), "
            f"the slow reader {theirs}"
        )


def _recording(report: Report, settings: Settings) -> None:
    keys = [key for key in KEYS if key.startswith("recording_")]
    report.values.update(dict.fromkeys(keys))
    if settings.recording is None:
        report.remarks.append("no recording was given: its figures are left empty")
        return
    stream = recorded(settings.recording)
    with pinned(1):
        _measure(report, stream, settings.rounds, "recording_")
        _percentiles(report, stream, min(settings.rounds, PERCENTILE_ROUNDS_MAX), "recording_")
    report.values["recording_frames"] = len(stream.frames)
    _compare(report, stream, "recording")
