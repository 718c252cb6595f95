"""How a journal looks on disk: segments of chunks of records. Bytes in, bytes out, no file.

A segment is a header and then chunks; a chunk is a header and a compressed run of records with
consecutive sequence numbers. Both headers and each payload carry a CRC-32, which finds every
flipped bit; the header has one of its own, so that a damaged length is told apart from a file that
ends too early. Integers are little-endian.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import zstandard

VERSION = 1
ZSTD_LEVEL = 3
CHUNK_RAW_BYTES_MAX = 64 * 1_048_576  # what a reader is willing to unpack at once

SEGMENT_MAGIC = b"PAJSEGMT"
CHUNK_MAGIC = b"PAJC"

# Kinds of records. The first four are what the engine was told and what it said, in order.
FRAME = ord("F")  # a raw market frame, as it came
EVENT = ord("E")  # an event that came in no frame, see trading.adapters.codec
TICK = ord("T")  # time passed; no body
COMMAND = ord("C")  # a command that the engine gave for the input before it
MARKET = ord("M")  # the human side of a market, for the database only
OPENED = ord("O")  # the first record: what the session ran with
CLOSED = ord("Z")  # the last record of a journal that was closed in order
KINDS = bytes((FRAME, EVENT, TICK, COMMAND, MARKET, OPENED, CLOSED))

KEY_BYTES_MAX = 80
_SEGMENT = struct.Struct(f"<8sHHIQ{KEY_BYTES_MAX}s")  # magic, version, 0, segment, first, key
_CHUNK = struct.Struct("<4sHHQIIII")  # magic, version, 0, first, count, raw, stored, payload CRC
_RECORD = struct.Struct("<BIqI")  # kind, connection, now_ns, length
_CRC = struct.Struct("<I")
SEGMENT_HEADER_BYTES = _SEGMENT.size + _CRC.size
CHUNK_HEADER_BYTES = _CHUNK.size + _CRC.size
RECORD_HEADER_BYTES = _RECORD.size


class Entry(NamedTuple):
    """A record on its way to disk, before it has a number."""

    kind: int
    connection: int
    now_ns: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """One record as read. `now_ns` is the time that the engine was told with it."""

    sequence: int
    kind: int
    connection: int
    now_ns: int
    body: bytes


class FormatError(ValueError):
    """Bytes that are no header or chunk of a journal. `torn` says that they may just end early."""

    def __init__(self, text: str, *, torn: bool = False) -> None:
        super().__init__(text)
        self.torn = torn


def _sealed(header: bytes) -> bytes:
    return header + _CRC.pack(zlib.crc32(header))


def segment_header(session_key: str, segment: int, first_sequence: int) -> bytes:
    """Return the first bytes of a segment file."""
    key = session_key.encode()
    if len(key) > KEY_BYTES_MAX:
        raise ValueError(f"the session key has {len(key)} bytes, {KEY_BYTES_MAX} are allowed")
    return _sealed(_SEGMENT.pack(SEGMENT_MAGIC, VERSION, 0, segment, first_sequence, key))


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """Whose segment it is and where it begins."""

    session_key: str
    segment: int
    first_sequence: int


def read_segment_header(data: memoryview) -> SegmentHeader:
    """Return the header at the start of `data`; raises FormatError."""
    end = _SEGMENT.size
    if len(data) < SEGMENT_HEADER_BYTES:
        raise FormatError("the segment ends inside its header", torn=True)
    magic, version, _, segment, first, key = _SEGMENT.unpack_from(data)
    if _CRC.unpack_from(data, end)[0] != zlib.crc32(data[:end]):
        raise FormatError("the checksum of the segment header is wrong", torn=not any(data))
    if magic != SEGMENT_MAGIC or version != VERSION:
        raise FormatError(f"the segment has version {version}, this program reads {VERSION}")
    return SegmentHeader(key.rstrip(b"\0").decode("utf-8", "replace"), segment, first)


class ChunkPacker:
    """Makes chunks. Holds the compressor, which costs more to make than a chunk to compress."""

    def __init__(self) -> None:
        self._compress = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress

    def pack(self, first_sequence: int, entries: Sequence[Entry]) -> bytes:
        """Return one chunk with these records."""
        parts: list[bytes] = []
        for kind, connection, now_ns, body in entries:
            parts.append(_RECORD.pack(kind, connection, now_ns, len(body)))
            parts.append(body)
        raw = b"".join(parts)
        stored = self._compress(raw)
        header = _CHUNK.pack(
            CHUNK_MAGIC,
            VERSION,
            0,
            first_sequence,
            len(entries),
            len(raw),
            len(stored),
            zlib.crc32(stored),
        )
        return _sealed(header) + stored


@dataclass(frozen=True, slots=True)
class ChunkHeader:
    """What a chunk says of itself before it is unpacked."""

    first_sequence: int
    count: int
    raw_length: int
    stored_length: int
    payload_crc: int

    @property
    def last_sequence(self) -> int:
        """The number of its last record."""
        return self.first_sequence + self.count - 1

    @property
    def length(self) -> int:
        """Bytes in the file, header included."""
        return CHUNK_HEADER_BYTES + self.stored_length


def read_chunk_header(data: memoryview, offset: int) -> ChunkHeader:
    """Return the chunk header at `offset`; raises FormatError."""
    rest = len(data) - offset
    if rest < CHUNK_HEADER_BYTES:
        raise FormatError("the file ends inside a chunk header", torn=True)
    end = offset + _CHUNK.size
    magic, version, _, first, count, raw, stored, crc = _CHUNK.unpack_from(data, offset)
    if _CRC.unpack_from(data, end)[0] != zlib.crc32(data[offset:end]):
        # A machine that lost power leaves a file of the right length whose end is all zero.
        zero = not any(data[offset:])
        raise FormatError("the checksum of the chunk header is wrong", torn=zero)
    if magic != CHUNK_MAGIC or version != VERSION:
        raise FormatError(f"the chunk has version {version}, this program reads {VERSION}")
    header = ChunkHeader(first, count, raw, stored, crc)
    if count == 0 or raw > CHUNK_RAW_BYTES_MAX:
        raise FormatError("the chunk is empty or too large")
    if rest < header.length:
        raise FormatError("the file ends inside a chunk", torn=True)
    return header


def find_chunk(data: memoryview, start: int) -> int | None:
    """Return the offset of the next whole chunk header at or after `start`."""
    whole = bytes(data)
    offset = whole.find(CHUNK_MAGIC, start)
    while offset != -1:
        try:
            read_chunk_header(data, offset)
        except FormatError:
            offset = whole.find(CHUNK_MAGIC, offset + 1)
        else:
            return offset
    return None


def unpack_chunk(header: ChunkHeader, data: memoryview, offset: int) -> Iterator[Record]:
    """Yield the records of a chunk; raises FormatError before the first when it is damaged."""
    start = offset + CHUNK_HEADER_BYTES
    stored = data[start : start + header.stored_length]
    if zlib.crc32(stored) != header.payload_crc:
        zero = start + header.stored_length == len(data) and not any(stored)
        raise FormatError("the checksum of the chunk is wrong", torn=zero)
    try:
        raw = zstandard.ZstdDecompressor().decompress(stored, max_output_size=header.raw_length)
    except zstandard.ZstdError as error:
        raise FormatError(f"the chunk cannot be unpacked: {error}") from error
    if len(raw) != header.raw_length:
        raise FormatError("the chunk is longer or shorter than it says")
    return _records(header, raw)


def _records(header: ChunkHeader, raw: bytes) -> Iterator[Record]:
    at = 0
    for sequence in range(header.first_sequence, header.last_sequence + 1):
        kind, connection, now_ns, length = _RECORD.unpack_from(raw, at)
        at += RECORD_HEADER_BYTES
        yield Record(sequence, kind, connection, now_ns, raw[at : at + length])
        at += length
