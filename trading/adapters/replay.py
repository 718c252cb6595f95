"""Recorded frames through the engine in shadow mode, as fast as they can be read.

Time is the recording's own: every frame happens at its venue timestamp, and a tick at every second
in between; where it steps back, as an excerpt may, time goes on instead. So the same file under the
same limits gives the same commands, and the same hash over them, on every run, machine, speed and
Python. It needs no database.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from trading.adapters.codec import to_json
from trading.adapters.feed import MarketRecord
from trading.adapters.recording import ended
from trading.adapters.wire import MarketDecoder
from trading.engine.commands import RecordFact
from trading.engine.events import (
    BookDelta,
    BookSnapshot,
    Event,
    FeedChanged,
    MandateChanged,
    MarketListed,
    StateRestored,
    Tick,
    TickSizeChanged,
)
from trading.engine.facts import OpportunityRepeated, OpportunitySeen
from trading.engine.limits import Limits
from trading.engine.paper import PaperSettings
from trading.engine.shadow import ShadowEngine

MS_NS = 1_000_000
SECOND_NS = 1_000_000_000
LEAP_MS = 60_000
QUIET_SECONDS_MAX = 60  # of a longer silence only this much is ticked through
CLOSE_AFTER_MS = 120_000  # books may still move for about a minute after a market's end
SETTLE_SECONDS = 60  # after the last frame, so that what was bought can settle and merge
EPOCH_DAY = "1970-01-01"
_DATED = (BookDelta, BookSnapshot, TickSizeChanged)  # by the venue's clock


@dataclass(slots=True, kw_only=True)
class ReplayResult:
    """What a replay found. Money in micro dollars; gaps are counted in frames."""

    frames: int = 0
    book_frames: int = 0
    price_change_frames: int = 0
    other_frames: int = 0
    malformed_frames: int = 0
    markets: int = 0
    first_venue_ms: int = 0
    last_venue_ms: int = 0
    gaps_seen: int = 0
    gaps_confirmed: int = 0
    gaps_stale: int = 0  # refused because the legs were of different venue instants
    gaps_positive_after_fees: int = 0
    gaps_allowed: int = 0
    opportunities: int = 0
    sets_submitted: int = 0
    sets_completed: int = 0
    sets_failed: int = 0
    realised_pnl_micro: int = 0
    refusals: dict[str, int] = field(default_factory=dict)  # frames by code
    result_hash: str = ""


class Replay:
    """One replay: feed frames with `frame`, then ask for the `result`."""

    def __init__(
        self,
        markets: Sequence[MarketRecord],
        limits: Limits,
        paper: PaperSettings,
        *,
        began_ms: int | None = None,
    ) -> None:
        self._shadow = ShadowEngine(session_key="replay", paper=paper)
        self._records = {record.spec.condition_id: record for record in markets}
        self._began_ms = began_ms  # of a recording as it came: then time only goes on
        self._limits = limits
        self._paper = paper
        self._decoder = MarketDecoder()
        self._listed: dict[str, int | None] = {}
        self._seen: set[str] = set()
        self._second = 0
        self._venue_ms = 0
        self._shift_ms = 0  # from the recording's time to the engine's
        self._digest = hashlib.sha256()
        self._result = ReplayResult()
        self._refusal_of: dict[str, str] = {}
        self._refusals: Counter[str] = Counter()

    def frame(self, raw: bytes) -> None:
        """Take one recorded frame."""
        result = self._result
        result.frames += 1
        for event in self._decoder.decode(raw):
            if not isinstance(event, _DATED):
                self._handle(event, self._second * SECOND_NS)
                continue
            if not result.first_venue_ms:
                self._start(event.venue_ms if self._began_ms is None else self._began_ms)
            elif self._began_ms is not None:
                self._venue_ms = max(self._venue_ms, event.venue_ms)
            elif not 0 <= event.venue_ms - self._venue_ms <= LEAP_MS:
                self._leap(event.venue_ms)
            elif event.venue_ms > self._venue_ms:
                self._venue_ms = event.venue_ms
            result.last_venue_ms = max(result.last_venue_ms, self._venue_ms)
            now_ns = (self._venue_ms + self._shift_ms) * MS_NS
            if now_ns >= (self._second + 1) * SECOND_NS:
                self._tick_until(now_ns)
            if event.condition_id not in self._listed:
                self._list(event.condition_id, now_ns)
            self._handle(event, now_ns)

    def result(self) -> ReplayResult:
        """Let what is under way settle, and return what was found."""
        result = self._result
        if result.first_venue_ms:
            self._tick_until((self._second + SETTLE_SECONDS) * SECOND_NS)
        engine = self._shadow.engine
        counts = engine.funnel.counts
        decoded = self._decoder.counts
        result.book_frames = decoded["book"]
        result.price_change_frames = decoded["price_change"]
        result.malformed_frames = sum(
            count for name, count in decoded.items() if name.startswith("malformed:")
        )
        result.other_frames = (
            result.frames
            - result.book_frames
            - result.price_change_frames
            - result.malformed_frames
        )
        result.markets = len(self._seen)
        result.gaps_seen = counts.seen
        result.gaps_confirmed = counts.confirmed
        result.gaps_stale = counts.not_same_instant
        result.gaps_positive_after_fees = counts.positive
        result.gaps_allowed = counts.allowed
        result.sets_submitted = counts.submitted
        result.sets_completed = engine.sets.completed_count
        result.sets_failed = engine.sets.failed_count
        result.realised_pnl_micro = engine.treasury.realised_micro
        result.refusals = dict(sorted(self._refusals.items()))
        result.result_hash = self._digest.hexdigest()
        return result

    def _start(self, venue_ms: int) -> None:
        self._result.first_venue_ms = venue_ms
        self._venue_ms = venue_ms
        self._second = venue_ms // 1_000
        now_ns = self._second * SECOND_NS
        self._handle(MandateChanged(revision=1, may_trade=True, limits=self._limits), now_ns)
        self._handle(
            StateRestored(
                balances=(),
                day=EPOCH_DAY,
                realised_today_micro=0,
                capital_micro=self._paper.capital_micro,
            ),
            now_ns,
        )
        self._handle(FeedChanged(connected=True, token_ids=(), reason="recording"), now_ns)

    def _leap(self, venue_ms: int) -> None:
        """The recording leaps in time: its books are worth nothing until their snapshots.

        Time itself never goes back: after a step back it goes on a second later than it was, and
        with it the ends of the markets.
        """
        now_ms = self._second * 1_000
        if venue_ms + self._shift_ms <= now_ms:
            self._shift_ms = now_ms + 1_000 - venue_ms
            self._listed.clear()
        for connected in (False, True):
            change = FeedChanged(connected=connected, token_ids=(), reason="the recording leaps")
            self._handle(change, now_ms * MS_NS)
        self._venue_ms = venue_ms

    def _list(self, condition_id: str, now_ns: int) -> None:
        record = self._records.get(condition_id)
        self._seen.add(condition_id)
        self._listed[condition_id] = None
        if record is not None:
            # A player cannot tell the engine when a recorded market ends; here time is its own.
            end_ms = record.ends_at_ms
            if end_ms is not None:
                end_ms += self._shift_ms
            self._listed[condition_id] = end_ms
            spec = replace(record.spec, end_ms=end_ms)
            self._handle(MarketListed(spec=spec), now_ns)

    def _tick_until(self, now_ns: int) -> None:
        """Tick at every full second up to `now_ns`, and close markets that have long ended."""
        last = now_ns // SECOND_NS
        if last - self._second > QUIET_SECONDS_MAX:
            self._second = last - QUIET_SECONDS_MAX
        while self._second < last:
            self._second += 1
            self._close(self._second * 1_000)
            self._handle(Tick(), self._second * SECOND_NS)

    def _close(self, now_ms: int) -> None:
        for condition_id, ends_at_ms in self._listed.items():
            if ends_at_ms is not None and now_ms > ends_at_ms + CLOSE_AFTER_MS:
                self._listed[condition_id] = None
                self._handle(ended(self._records[condition_id]), now_ms * MS_NS)

    def _handle(self, event: Event, now_ns: int) -> None:
        for command in self._shadow.handle(event, now_ns):
            self._digest.update(to_json(command))
            self._digest.update(b"\n")
            if isinstance(command, RecordFact):
                self._note(command)

    def _note(self, command: RecordFact) -> None:
        fact = command.fact
        if isinstance(fact, OpportunitySeen):
            self._result.opportunities += 1
            self._refusal_of[fact.opportunity_id] = fact.refusal
            self._refusals[fact.refusal or "TAKEN"] += 1
        elif isinstance(fact, OpportunityRepeated):
            refusal = self._refusal_of.get(fact.opportunity_id, "")
            self._refusals[refusal or "TAKEN"] += fact.frames - 1


def replay(
    frames: Iterable[bytes],
    markets: Sequence[MarketRecord],
    *,
    limits: Limits,
    paper: PaperSettings | None = None,
    began_ms: int | None = None,
) -> ReplayResult:
    """Run all frames and return what was found."""
    run = Replay(markets, limits, paper or PaperSettings(), began_ms=began_ms)
    for raw in frames:
        run.frame(raw)
    return run.result()
