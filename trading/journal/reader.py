"""Reads a session's journal and names what is wrong with it: a torn tail, a gap, a flipped bit.

A torn tail is what a crash leaves: the last chunk of the last segment ends too early. It is
reported and tolerated. Everything else is damage: the rest of the journal stays readable, chunk by
chunk, but whoever needs all of it must know. That whole chunks are missing at the end cannot be
seen from what is left: the seal says it, or whoever knows how far the journal went.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from trading.journal import format as fmt
from trading.journal.files import SEAL_NAME, Seal, SealDamaged, read_seal, segments


class DamageKind(StrEnum):
    """What is wrong, one word per cause."""

    TORN_TAIL = "TORN_TAIL"  # the end is missing, as after a crash
    FLIPPED_BIT = "FLIPPED_BIT"  # a checksum does not match
    GAP = "GAP"  # sequence numbers are missing or come twice
    MISSING_SEGMENT = "MISSING_SEGMENT"
    FOREIGN = "FOREIGN"  # a segment of another session, or of another version
    CUT_OFF = "CUT_OFF"  # it ends before the record that the seal or the database knows of
    SEAL = "SEAL"  # the seal cannot be read


@dataclass(frozen=True, slots=True)
class Damage:
    """One fault: which file, where in it, and which record was expected there."""

    kind: DamageKind
    segment: str
    offset: int
    sequence: int
    text: str

    def __str__(self) -> str:
        return (
            f"{self.kind} in {self.segment} at byte {self.offset},"
            f" where record {self.sequence} was expected: {self.text}"
        )


class JournalDamagedError(Exception):
    """The journal cannot be read in full. `damage` says where."""

    def __init__(self, damage: Damage) -> None:
        super().__init__(str(damage))
        self.damage = damage


@dataclass(frozen=True, slots=True)
class JournalReport:
    """What a whole journal holds. `closed` says that the session ended it in order."""

    records: int
    last_sequence: int
    segments: int
    size_bytes: int
    closed: bool
    damage: tuple[Damage, ...]
    after_seal: int  # records that count for nothing, written after the journal was sealed

    @property
    def torn_only(self) -> bool:
        """Whether nothing is wrong but, perhaps, a torn tail."""
        return all(damage.kind is DamageKind.TORN_TAIL for damage in self.damage)


class JournalReader:
    """One pass over a journal. `damage`, `last_sequence` and `closed` are filled while reading.

    `known` is a record that must be there, whoever knows that: the database, for one.
    `segments_max` ends the pass behind that segment.
    """

    def __init__(self, directory: Path, *, known: int = 0, segments_max: int | None = None) -> None:
        self.directory = directory
        self.damage: list[Damage] = []
        self.last_sequence = 0
        self.closed = False
        self.after_seal = 0
        self.size_bytes = 0
        self.segment_count = 0
        self.position_bytes = 0  # of all segments together, for a progress bar
        self._seal: Seal | None = None
        self._seal_problem = ""
        try:
            self._seal = read_seal(directory)
        except SealDamaged as error:
            self._seal_problem = str(error)
        self._known = known
        self._segments_max = segments_max
        self._expected = 1
        self._key = ""

    @property
    def read_to(self) -> int:
        """The number of the last record that is there, also of those that were passed over."""
        return self._expected - 1

    def records(self, after: int = 0, *, strict: bool = True) -> Iterator[fmt.Record]:
        """Yield the records with a number above `after`, in order.

        `strict` raises JournalDamagedError at the first damage that is no torn tail; without it
        the damage is kept in `damage` and reading goes on behind it.
        """
        if self._seal_problem:
            self._add(DamageKind.SEAL, SEAL_NAME, 0, self._seal_problem, strict=strict)
        paths = segments(self.directory)
        whole = self._segments_max is None or self._segments_max >= len(paths)
        paths = paths[: self._segments_max]
        self.segment_count = len(paths)
        for index, path in enumerate(paths):
            last = index == len(paths) - 1
            if not last and self._lies_before(paths[index + 1], after):
                continue
            for record in self._segment(path, index + 1, after, last=last, strict=strict):
                if self._seal is not None and record.sequence > self._seal.last_sequence:
                    self.after_seal += 1
                    continue
                self.last_sequence = record.sequence
                self.closed = record.kind == fmt.CLOSED
                yield record
        if whole:
            self._check_end(paths[-1] if paths else None, strict=strict)

    def _check_end(self, last: Path | None, *, strict: bool) -> None:
        sealed = self._seal.last_sequence if self._seal is not None else 0
        needed, who = max((self._known, "the database"), (sealed, "the seal"))
        if self.read_to >= needed:
            return
        name, size = (last.name, last.stat().st_size) if last is not None else ("no segment", 0)
        text = f"the journal ends at record {self.read_to}, {who} knows record {needed}"
        self._add(DamageKind.CUT_OFF, name, size, text, strict=strict)

    def _lies_before(self, following: Path, after: int) -> bool:
        """Return whether everything before `following` has a number up to `after`."""
        if after == 0:
            return False
        with following.open("rb") as stream:
            head = memoryview(stream.read(fmt.SEGMENT_HEADER_BYTES))
        try:
            header = fmt.read_segment_header(head)
        except fmt.FormatError:
            return False
        if header.first_sequence > after + 1:
            return False
        self._expected = header.first_sequence
        return True

    def _segment(
        self, path: Path, number: int, after: int, *, last: bool, strict: bool
    ) -> Iterator[fmt.Record]:
        data = memoryview(path.read_bytes())
        self.size_bytes += len(data)
        offset = self._open_segment(path, number, data, last=last, strict=strict)
        while offset is not None and offset < len(data):
            try:
                header = fmt.read_chunk_header(data, offset)
                records = (
                    fmt.unpack_chunk(header, data, offset) if header.last_sequence > after else None
                )
            except fmt.FormatError as error:
                self._report(path.name, offset, error, last=last, strict=strict)
                offset = fmt.find_chunk(data, offset + 1)
                continue
            self.position_bytes = self.size_bytes - len(data) + offset
            if header.first_sequence != self._expected:
                text = f"record {header.first_sequence} follows {self._expected - 1}"
                self._add(DamageKind.GAP, path.name, offset, text, strict=strict)
            if header.first_sequence >= self._expected or records is None:
                for record in records or ():
                    if record.sequence > after:
                        yield record
                self._expected = header.last_sequence + 1
            offset += header.length

    def _open_segment(
        self, path: Path, number: int, data: memoryview, *, last: bool, strict: bool
    ) -> int | None:
        if path.stem != f"{number:06d}":
            text = f"segment {number} is not there"
            self._add(DamageKind.MISSING_SEGMENT, path.name, 0, text, strict=strict)
        try:
            header = fmt.read_segment_header(data)
        except fmt.FormatError as error:
            self._report(path.name, 0, error, last=last, strict=strict)
            return fmt.find_chunk(data, 0)
        self._key = self._key or header.session_key
        if header.session_key != self._key or f"{header.segment:06d}" != path.stem:
            text = f"this is segment {header.segment} of {header.session_key}"
            self._add(DamageKind.FOREIGN, path.name, 0, text, strict=strict)
            return None
        return fmt.SEGMENT_HEADER_BYTES

    def _report(
        self, segment: str, offset: int, error: fmt.FormatError, *, last: bool, strict: bool
    ) -> None:
        torn = error.torn and last
        kind = DamageKind.TORN_TAIL if torn else DamageKind.FLIPPED_BIT
        self._add(kind, segment, offset, str(error), strict=strict)

    def _add(self, kind: DamageKind, segment: str, offset: int, text: str, *, strict: bool) -> None:
        damage = Damage(kind, segment, offset, self._expected, text)
        self.damage.append(damage)
        if strict and kind is not DamageKind.TORN_TAIL:
            raise JournalDamagedError(damage)


def verify_journal(directory: Path, *, known: int = 0) -> JournalReport:
    """Read a whole journal and return what it holds and everything that is wrong with it.

    With `known`, a record that must be there, an end that is missing as a whole is found too.
    """
    reader = JournalReader(directory, known=known)
    count = sum(1 for _ in reader.records(strict=False))
    return JournalReport(
        records=count,
        last_sequence=reader.last_sequence,
        segments=reader.segment_count,
        size_bytes=reader.size_bytes,
        closed=reader.closed,
        damage=tuple(reader.damage),
        after_seal=reader.after_seal,
    )
