"""Opens a recording for the local venue: reads and checks it whole, then gives it out again."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trading.adapters.recording import RecordingError, load_markets, markets_path, read_frames
from trading.adapters.wire import MarketDecoder
from trading.config.venues import RecordingDefaults
from trading.engine.events import BookDelta, BookSnapshot, Event
from trading.simulator.recorded_flow import Instant, RecordedMarket, Recording, Told


@dataclass(frozen=True, slots=True)
class _Frames:
    path: Path

    def __call__(self) -> Iterator[Instant]:
        decoder = MarketDecoder()
        for raw, at_ms in read_frames(self.path):
            yield [told for event in decoder.decode(raw) for told in _told(event)], at_ms


def _told(event: Event) -> Iterator[Told]:
    if isinstance(event, BookSnapshot):
        bids = tuple((False, price, size) for price, size in event.bids)
        asks = tuple((True, price, size) for price, size in event.asks)
        yield Told(event.condition_id, event.token_id, is_whole=True, levels=bids + asks)
    elif isinstance(event, BookDelta):
        for token_id, is_ask, price, size, _, _ in event.changes:
            level = (is_ask, price, size)
            yield Told(event.condition_id, token_id, is_whole=False, levels=(level,))


def open_recording(path: Path, defaults: RecordingDefaults, *, speed_micro: int) -> Recording:
    """Return a recording that can be played; speed in millionths of real time.

    Reads it to its end once, since a damaged one would end the venue in the middle of a trade.
    Raises RecordingError for what cannot be read or fits no market of it, ValueError for a speed.
    """
    records = load_markets(markets_path(path), defaults)
    tokens = {record.spec.condition_id: set(record.spec.token_ids) for record in records}
    recording = Recording(
        name=path.name,
        markets=tuple(
            RecordedMarket(
                spec=record.spec,
                slug=record.slug,
                question=record.question,
                outcomes=(record.yes_outcome, record.no_outcome),
            )
            for record in records
        ),
        frames=_Frames(path),
        speed_micro=speed_micro,
    )
    books = 0
    for events, _ in recording.frames():
        for told in events:
            if told.token_id not in tokens.get(told.condition_id, set()):
                raise RecordingError(
                    f"{path.name}: a frame of {told.condition_id!r:.80} is of no market beside it"
                )
            books += told.is_whole
    if not books:
        raise RecordingError(f"{path.name}: holds no book")
    return recording
