"""Runs a session's journal through a fresh engine and compares what it says with what it said.

The journal holds every input with its time, so the same engine must give the same commands, byte
for byte, in the same order. A difference means that the journal was changed, that another version
of the engine made it, or that the engine looks at something that is not in its inputs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from trading.adapters import codec
from trading.adapters.wire import MarketDecoder
from trading.engine.commands import Command, RecordFact
from trading.engine.events import Event, Tick
from trading.engine.facts import LedgerBooked
from trading.engine.shadow import ShadowEngine
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
)

DIFFERENCES_MAX = 20


class ReplayError(Exception):
    """The journal cannot be replayed: it has no beginning, or is not one of ours."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the replay and the journal part. `sequence` is the input's."""

    sequence: int
    recorded: str  # what the journal says, empty for nothing
    produced: str  # what the engine says now, empty for nothing


@dataclass(slots=True, kw_only=True)
class JournalReplay:
    """What a replay found. Money in micro dollars."""

    session_key: str
    inputs: int = 0
    frames: int = 0
    commands: int = 0
    facts: int = 0
    realised_micro: int = 0
    first_ns: int = 0
    last_ns: int = 0
    complete: bool = False  # the journal was closed in order
    differences: list[Difference] = field(default_factory=list)
    different: int = 0  # how many there are in all

    @property
    def same(self) -> bool:
        """Whether the replay gave exactly what was recorded."""
        return self.different == 0


def replay_journal(directory: Path) -> JournalReplay:
    """Replay one session. Raises ReplayError, JournalDamagedError, or codec.CodecError.

    The last input of a session that crashed may have no commands: the engine failed on it, and
    fails here again with the same exception.
    """
    reader = JournalReader(directory)
    records = reader.records()
    opening = _opening(records)
    result = JournalReplay(session_key=opening.session_key)
    engine = ShadowEngine(session_key=opening.session_key, paper=opening.paper)
    decoder = MarketDecoder()
    for record, recorded in _groups(records):
        if record.kind in (MARKET, CLOSED):
            continue
        produced: list[Command] = []
        for event in _events(record, decoder):
            produced += engine.handle(event, record.now_ns)
        _count(result, record, produced)
        _compare(result, record, recorded, [codec.to_msgpack(command) for command in produced])
    result.complete = reader.closed
    return result


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


def _events(record: Record, decoder: MarketDecoder) -> list[Event]:
    if record.kind == FRAME:
        return decoder.decode(record.body)
    if record.kind == TICK:
        return [Tick()]
    if record.kind != EVENT:
        raise ReplayError(f"record {record.sequence} is of an unknown kind")
    message = codec.from_msgpack(record.body)
    if not codec.is_event(message):
        raise ReplayError(f"record {record.sequence} is no event")
    return [message]


def _count(result: JournalReplay, record: Record, produced: list[Command]) -> None:
    result.inputs += 1
    result.frames += record.kind == FRAME
    result.commands += len(produced)
    result.first_ns = result.first_ns or record.now_ns
    result.last_ns = record.now_ns
    for command in produced:
        if isinstance(command, RecordFact):
            result.facts += 1
            if isinstance(command.fact, LedgerBooked):
                result.realised_micro += command.fact.realised_micro


def _compare(
    result: JournalReplay, record: Record, recorded: list[bytes], produced: list[bytes]
) -> None:
    if recorded == produced:
        return
    for index in range(max(len(recorded), len(produced))):
        before = recorded[index] if index < len(recorded) else b""
        now = produced[index] if index < len(produced) else b""
        if before == now:
            continue
        result.different += 1
        if len(result.differences) < DIFFERENCES_MAX:
            result.differences.append(Difference(record.sequence, _text(before), _text(now)))


def _text(body: bytes) -> str:
    return repr(codec.from_msgpack(body)) if body else ""
