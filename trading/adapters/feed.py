"""What a feed of market data is: the contract between its adapters and the runtime.

A feed hands on two things in the order in which they happened: raw frames of the market channel,
untouched, and events that no frame carries (a connection lost, a market listed, the answer to a
read). It decides nothing about books or trades.
"""

from dataclasses import dataclass
from typing import Protocol

from trading.engine.events import Event
from trading.engine.market import MarketSpec


class FeedError(Exception):
    """The outside failed. `permanent` says that trying the same again cannot help.

    `status` is the HTTP status when there was one, `retry_after_ms` how long the venue asked us to
    stay away (0: it did not say).
    """

    def __init__(
        self, message: str, *, permanent: bool, status: int | None = None, retry_after_ms: int = 0
    ) -> None:
        super().__init__(message)
        self.message = message
        self.permanent = permanent
        self.status = status
        self.retry_after_ms = retry_after_ms


class MonotonicClock(Protocol):
    """The one clock that an adapter needs; `polyarb_site.clock.Clock` has it."""

    def monotonic_ns(self) -> int:
        """Return nanoseconds since some fixed moment. It never goes back."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRecord:
    """A market with what people want to read about it. `source` is the name of the feed."""

    spec: MarketSpec
    slug: str
    question: str
    yes_outcome: str
    no_outcome: str
    source: str
    ends_at_ms: int | None
    winning_token_id: str = ""  # known of recorded markets only


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatus:
    """How a feed is doing. Counts are since its start and only grow."""

    connections: int  # open now
    connections_wanted: int
    reconnects: int = 0  # connections made after the first of each
    reconnect_failures: int = 0  # attempts that brought no market data
    last_frame_monotonic_ns: int | None = None
    received_bytes: int = 0
    non_json_frames: int = 0
    unknown_frames: int = 0  # neither text of ours nor JSON: binary, broken, too large
    snapshots_requested: int = 0
    snapshots_answered: int = 0
    markets_watched: int = 0
    markets_refused: int = 0  # in the last discovery: unreadable, or contradicting themselves
    read_failures: int = 0  # HTTP reads that failed
    last_problem: str = ""


class FeedSink(Protocol):
    """Who listens. Called in the event loop; none of these may block."""

    def on_frame(self, raw: bytes, connection: int) -> None:
        """Take one raw market frame. `connection` is a new number for each connection made."""
        ...

    def on_event(self, event: Event) -> None:
        """Take an event that came in no frame."""
        ...

    def on_market(self, record: MarketRecord) -> None:
        """Take the human side of a market, before its MarketListed event."""
        ...


class Feed(Protocol):
    """A source of market data."""

    name: str  # "recorded", "polymarket" or "simulator"
    label: str  # the badge on pages: "RECORDED", "SHADOW" or "SIMULATED"

    async def run(self, sink: FeedSink) -> None:
        """Feed `sink` until closed. Raises FeedError when it cannot go on."""
        ...

    def request_snapshot(self, condition_id: str, token_ids: tuple[str, ...]) -> None:
        """Ask for whole books. Answered by BookSnapshot(from_read=True) events, or by nothing."""
        ...

    async def close(self) -> None:
        """End `run`, however far it is."""
        ...

    def status(self) -> FeedStatus:
        """Return how it is doing."""
        ...
