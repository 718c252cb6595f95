"""Runs a session's journal through a fresh engine and compares what it says with what it said.

The journal holds every input with its time, so the same engine must give the same commands, byte
for byte, in the same order. A difference means that the journal was changed, that another version
of the engine made it, or that the engine looks at something that is not in its inputs.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from trading.adapters import codec
from trading.engine.codes import Mode
from trading.engine.commands import Command, RecordFact
from trading.engine.facts import LedgerBooked
from trading.engine.shadow import make_engine
from trading.journal import FRAME, Record
from trading.replaying.inputs import Input, Inputs, OnProgress

DIFFERENCES_MAX = 20
FOR_EVER = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What of a session is counted and added up. All of it is replayed: the engine remembers.

    Inputs count by their own time, money by the time at which it was booked; `through` is the last
    record whose facts are added up.
    """

    begin_ns: int = 0
    end_ns: int = FOR_EVER
    first_sequence: int = 0
    through: int = FOR_EVER

    def covers(self, record: Record) -> bool:
        """Return whether an input counts."""
        in_time = self.begin_ns <= record.now_ns < self.end_ns
        return in_time and record.sequence >= self.first_sequence

    def books(self, sequence: int, fact: LedgerBooked) -> bool:
        """Return whether a booking counts, `sequence` being the number of its command."""
        in_time = self.begin_ns <= fact.at_ns < self.end_ns
        return in_time and self.first_sequence <= sequence <= self.through


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the replay and the journal part. `sequence` is the input's."""

    sequence: int
    recorded: str  # what the journal says, empty for nothing
    produced: str  # what the engine says now, empty for nothing


@dataclass(slots=True, kw_only=True)
class JournalReplay:
    """What a replay found. Money in micro dollars; counts and hashes are of the scope."""

    session_key: str
    version: str = ""  # of the program that recorded
    inputs: int = 0
    frames: int = 0
    commands: int = 0
    facts: int = 0
    realised_micro: int = 0
    first_ns: int = 0
    last_ns: int = 0
    last_sequence: int = 0
    sha256: str = ""  # over all commands as they came out now
    recorded_sha256: str = ""  # over all commands as the journal has them
    complete: bool = False  # the journal was closed in order
    crash: str = ""  # what the engine failed with on the last input, then and now
    differences: list[Difference] = field(default_factory=list)
    different: int = 0  # how many there are in the whole session

    @property
    def same(self) -> bool:
        """Whether the replay gave exactly what was recorded."""
        return self.different == 0


def replay_journal(
    directory: Path,
    scope: Scope | None = None,
    *,
    known: int = 0,
    segments_max: int | None = None,
    on_progress: OnProgress | None = None,
) -> JournalReplay:
    """Replay one session. Raises ReplayError, JournalDamagedError, or codec.CodecError.

    The last input of a session that crashed may have no commands: the engine failed on it, and has
    to fail here again.
    """
    inputs = Inputs(directory, known=known, segments_max=segments_max, on_progress=on_progress)
    opening = inputs.opening
    replay = _Replay(scope or Scope(), opening.session_key, opening.version)
    engine = make_engine(
        session_key=opening.session_key, mode=Mode(opening.mode), paper=opening.paper
    )
    rest = iter(inputs)
    for one in rest:
        produced: list[Command] = []
        failure = None
        events = inputs.events(one.record)
        try:
            for event in events:
                produced += engine.handle(event, one.record.now_ns)
        except Exception as error:  # noqa: BLE001 - see the rule's table in tests/test_tidy.py
            failure = error
        replay.take(one, produced)
        if failure is not None:
            replay.fail(one.record, failure, rest)
            break
    replay.result.last_sequence = inputs.reader.last_sequence
    replay.result.complete = inputs.reader.closed
    return replay.end()


class _Replay:
    """Counts and compares while a session is replayed."""

    def __init__(self, scope: Scope, session_key: str, version: str) -> None:
        self.result = JournalReplay(session_key=session_key, version=version)
        self._scope = scope
        self._produced = hashlib.sha256()
        self._recorded = hashlib.sha256()

    def take(self, one: Input, commands: list[Command]) -> None:
        """Take what came out for one input."""
        record, recorded = one.record, one.recorded
        produced = [codec.to_msgpack(command) for command in commands]
        if self._scope.covers(record):
            result = self.result
            result.inputs += 1
            result.frames += record.kind == FRAME
            result.commands += len(produced)
            result.first_ns = result.first_ns or record.now_ns
            result.last_ns = record.now_ns
            for digest, bodies in ((self._produced, produced), (self._recorded, recorded)):
                for body in bodies:
                    digest.update(len(body).to_bytes(4, "little"))
                    digest.update(body)
        if commands:
            self._add_up(record, commands)
        if recorded != produced:
            self._compare(record.sequence, recorded, produced)

    def fail(self, record: Record, error: Exception, rest: Iterator[Input]) -> None:
        """Take that the engine failed: as it did then when nothing follows, else a difference."""
        text = f"{type(error).__name__}: {error}"
        if next(rest, None) is None:
            self.result.crash = text
        else:
            self._differ(Difference(record.sequence, "", f"the engine failed with {text}"))

    def end(self) -> JournalReplay:
        """Return what was found."""
        self.result.sha256 = self._produced.hexdigest()
        self.result.recorded_sha256 = self._recorded.hexdigest()
        return self.result

    def _add_up(self, record: Record, commands: list[Command]) -> None:
        scope, counts = self._scope, self._scope.covers(record)
        for sequence, command in enumerate(commands, record.sequence + 1):
            if not isinstance(command, RecordFact):
                continue
            self.result.facts += counts
            if isinstance(command.fact, LedgerBooked) and scope.books(sequence, command.fact):
                self.result.realised_micro += command.fact.realised_micro

    def _compare(self, sequence: int, recorded: list[bytes], produced: list[bytes]) -> None:
        for index in range(max(len(recorded), len(produced))):
            before = recorded[index] if index < len(recorded) else b""
            now = produced[index] if index < len(produced) else b""
            if before != now:
                self._differ(Difference(sequence, _text(before), _text(now)))

    def _differ(self, difference: Difference) -> None:
        self.result.different += 1
        if len(self.result.differences) < DIFFERENCES_MAX:
            self.result.differences.append(difference)


def _text(body: bytes) -> str:
    return repr(codec.from_msgpack(body)) if body else ""
