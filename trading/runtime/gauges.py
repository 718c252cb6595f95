"""The figures of one second: what the engine counted, and what was measured around it."""

from typing import Any

from trading.adapters.feed import FeedStatus
from trading.engine.facts import MetricSample
from trading.runtime.mandate import MandateView
from trading.runtime.measures import Histogram
from trading.runtime.parts import Parts

MS_NS = 1_000_000
FEED_FIGURES = (
    "connections",
    "connections_wanted",
    "reconnects",
    "reconnect_failures",
    "received_bytes",
    "snapshots_requested",
    "snapshots_answered",
    "markets_watched",
    "markets_refused",
    "read_failures",
    "last_problem",
)


class Gauges:
    """Collects for a second, and begins anew with each sample."""

    def __init__(self, parts: Parts) -> None:
        self.latency = Histogram()
        self.frames = 0
        self.last_frame_ns: int | None = None
        self.sample: MetricSample | None = None
        self.figures: dict[str, Any] = {}
        self._parts = parts
        self._frames_told = 0

    def take(self, sample: MetricSample, view: MandateView, *, may_trade: bool) -> dict[str, Any]:
        """Return what was measured in the second of a sample, and begin the next one."""
        parts = self._parts
        frames, self._frames_told = self.frames - self._frames_told, self.frames
        counts = parts.decoder.counts
        measured: dict[str, Any] = {
            "feed_age_ms": self.feed_age_ms(),
            "decision_p50_us": self.latency.percentile_us(50),
            "decision_p95_us": self.latency.percentile_us(95),
            "decision_p99_us": self.latency.percentile_us(99),
            "frames_in_second": frames,
            "frames_malformed": sum(
                count for name, count in counts.items() if name.startswith("malformed:")
            ),
            "journal_sequence": parts.journal.written_sequence,
            "journal_buffered_bytes": parts.journal.buffered_bytes,
            "journal_written_bytes": parts.journal.written_bytes,
            "facts_waiting": parts.ledger.waiting,
            "clock_drift_ms": parts.time.drift_ms(),
            "may_trade": may_trade,
            "session": parts.session_key,
            "phase": view.phase,
            "mode": view.mode,
            "position_limit_micro": view.limits.position_max_micro,
            **_feed_figures(parts.world.feed_status()),
            **parts.world.more_figures(),
        }
        self.latency.clear()
        self.sample = sample
        self.figures = {**{name: getattr(sample, name) for name in sample.__slots__}, **measured}
        return measured

    def feed_age_ms(self) -> int | None:
        """Return how long ago the last frame came, None when none has come."""
        if self.last_frame_ns is None:
            return None
        return (self._parts.clock.monotonic_ns() - self.last_frame_ns) // MS_NS


def _feed_figures(status: FeedStatus | None) -> dict[str, Any]:
    if status is None:
        return {}
    return {f"feed_{name}": getattr(status, name) for name in FEED_FIGURES}
