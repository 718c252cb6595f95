"""What a journal tells the engine, in order, and what the engine said to each of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from trading.adapters import codec
from trading.adapters.wire import MarketDecoder
from trading.engine.events import Event, Tick
from trading.journal import (
    CLOSED,
    COMMAND,
    EVENT,
    FRAME,
    MARKET,
    OPENED,
    TICK,
    JournalOpening,
    JournalReader,
    Record,
    read_opening,
    segments,
    size_of,
)
from trading.journal.format import SEGMENT_HEADER_BYTES, FormatError, read_segment_header

# Called with the bytes done and the bytes there are.
OnProgress: TypeAlias = Callable[[int, int], None]
TELL_EVERY = 2_000


class ReplayError(Exception):
    """The journal cannot be replayed: it has no beginning, or is not one of ours."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input of the engine and the commands that the journal has for it."""

    record: Record
    recorded: list[bytes]


class Inputs:
    """One pass over the inputs of a session. `opening` is there from the start.

    `known` is a record that must be there; `segments_max` ends the pass behind that segment. Raises
    ReplayError, and while reading JournalDamagedError.
    """

    def __init__(
        self,
        directory: Path,
        *,
        known: int = 0,
        segments_max: int | None = None,
        on_progress: OnProgress | None = None,
    ) -> None:
        self.reader = JournalReader(directory, known=known, segments_max=segments_max)
        self._records = self.reader.records()
        self._decoder = MarketDecoder()
        self._on_progress = on_progress
        self._size_bytes = size_of(directory) if on_progress is not None else 0
        self.opening = _opening(self._records)

    def __iter__(self) -> Iterator[Input]:
        """Yield each input with its commands, and leave out what the engine was never told."""
        for number, (record, recorded) in enumerate(_groups(self._records), 1):
            if self._on_progress is not None and number % TELL_EVERY == 0:
                self._on_progress(self.reader.position_bytes, self._size_bytes)
            if record.kind not in (MARKET, CLOSED):
                yield Input(record, recorded)

    def events(self, record: Record) -> list[Event]:
        """Return what an input told the engine."""
        if record.kind == FRAME:
            return self._decoder.decode(record.body)
        if record.kind == TICK:
            return [Tick()]
        if record.kind != EVENT:
            raise ReplayError(f"record {record.sequence} is of an unknown kind")
        message = codec.from_msgpack(record.body)
        if not codec.is_event(message):
            raise ReplayError(f"record {record.sequence} is no event")
        return [message]


def mode_of(directory: Path) -> str:
    """Return the mode of the session that wrote a journal. Raises ReplayError."""
    return _opening(JournalReader(directory).records()).mode


def first_sequence_of(directory: Path, segment: int) -> int:
    """Return the number of the first record of a segment. Raises ReplayError."""
    with segments(directory)[segment - 1].open("rb") as stream:
        head = memoryview(stream.read(SEGMENT_HEADER_BYTES))
    try:
        return read_segment_header(head).first_sequence
    except FormatError as error:
        raise ReplayError(str(error)) from error


def _opening(records: Iterator[Record]) -> JournalOpening:
    first = next(records, None)
    if first is None or first.kind != OPENED:
        raise ReplayError("the journal does not begin with what its session ran with")
    try:
        return read_opening(first.body)
    except ValueError as error:
        raise ReplayError(str(error)) from error


def _groups(records: Iterator[Record]) -> Iterator[tuple[Record, list[bytes]]]:
    """Yield each input with the commands that were recorded for it."""
    current: Record | None = None
    commands: list[bytes] = []
    for record in records:
        if record.kind == COMMAND:
            commands.append(record.body)
            continue
        if current is not None:
            yield current, commands
        current, commands = record, []
    if current is not None:
        yield current, commands
