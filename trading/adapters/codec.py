"""Events, commands and facts as bytes and back: what the journal and the message rows are made of.

Each message is a triple of format version, type name and fields. Names, not numbers, so that a
journal stays readable after a type was added in the middle; a name or a version that is not known
is an error that says so, because a message that is half understood is a wrong replay.
"""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeGuard, get_args

import msgspec

from trading.adapters.feed import MarketRecord
from trading.engine.commands import Command, RecordFact
from trading.engine.events import Event, MarketStatus
from trading.engine.facts import Fact

FORMAT_VERSION = 1

Message: TypeAlias = Event | Command | Fact | MarketRecord
Recordable: TypeAlias = Fact | MarketRecord | MarketStatus  # what becomes rows
MARKET_TYPES = (MarketRecord, MarketStatus)
_Envelope: TypeAlias = tuple[int, str, msgspec.Raw]
_Decode: TypeAlias = Callable[[msgspec.Raw], Any]

# A fact travels inside RecordFact; its name follows this prefix, so that one envelope is enough.
_RECORD = "RecordFact/"


class CodecError(ValueError):
    """Bytes that are not a message of this program, or a message that cannot be written."""


class UnknownTypeError(CodecError):
    """The name of the message is not one of ours: it was written by a newer or another program."""


class UnknownVersionError(CodecError):
    """The message has another format than this program reads."""


def _types() -> dict[str, type]:
    members = (*get_args(Event), *get_args(Command), *get_args(Fact), MarketRecord)
    return {member.__name__: member for member in members}


TYPES: dict[str, type] = _types()
EVENT_TYPES: tuple[type, ...] = get_args(Event)
COMMAND_TYPES: tuple[type, ...] = get_args(Command)
FACT_NAMES: frozenset[str] = frozenset(member.__name__ for member in get_args(Fact))


def _split(message: object) -> tuple[str, object]:
    if isinstance(message, RecordFact):
        return _RECORD + type(message.fact).__name__, message.fact
    name = type(message).__name__
    if TYPES.get(name) is not type(message):
        raise UnknownTypeError(f"{name} is not an event, a command, a fact or a market")
    return name, message


class _Format:
    """One byte format: how an envelope and each type are read."""

    def __init__(
        self,
        encode: Callable[[object], bytes],
        decoder: Callable[[Any], Any],
    ) -> None:
        self.encode = encode
        self.envelope: Callable[[bytes], _Envelope] = decoder(_Envelope).decode
        self.fields: dict[str, _Decode] = {
            name: decoder(member).decode
            for name, member in TYPES.items()
            if member is not RecordFact
        }


_MSGPACK = _Format(msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder)
_JSON = _Format(msgspec.json.Encoder().encode, msgspec.json.Decoder)


def _encode(form: _Format, message: Message) -> bytes:
    name, fields = _split(message)
    try:
        return form.encode((FORMAT_VERSION, name, fields))
    except (OverflowError, TypeError, ValueError) as error:
        raise CodecError(f"{name} cannot be written: {error}") from error


def _decode(form: _Format, data: bytes) -> Message:
    try:
        version, name, fields = form.envelope(data)
    except msgspec.DecodeError as error:
        raise CodecError(f"not a message: {error}") from error
    if version != FORMAT_VERSION:
        raise UnknownVersionError(
            f"{name} has format version {version}, this program reads {FORMAT_VERSION}"
        )
    recorded = name.startswith(_RECORD)
    bare = name.removeprefix(_RECORD)
    read = form.fields.get(bare)
    if read is None or (recorded and bare not in FACT_NAMES):
        raise UnknownTypeError(f"{name!r:.80} is not a message that this program knows")
    try:
        message = read(fields)
    except msgspec.DecodeError as error:
        raise CodecError(f"{name} is damaged: {error}") from error
    return RecordFact(fact=message) if recorded else message


def is_event(message: Message) -> TypeGuard[Event]:
    """Return whether a message is something that the engine can be told."""
    return isinstance(message, EVENT_TYPES)


def is_command(message: Message) -> TypeGuard[Command]:
    """Return whether a message is something that the engine can say."""
    return isinstance(message, COMMAND_TYPES)


def to_msgpack(message: Message) -> bytes:
    """Return the message as msgpack. Raises CodecError for a number beyond 64 bits."""
    return _encode(_MSGPACK, message)


def from_msgpack(data: bytes) -> Message:
    """Return the message in msgpack bytes. Raises CodecError, which names what is wrong."""
    return _decode(_MSGPACK, data)


def to_json(message: Message) -> bytes:
    """Return the message as JSON, for people and for rows."""
    return _encode(_JSON, message)


def from_json(data: bytes) -> Message:
    """Return the message in JSON bytes. Raises CodecError, which names what is wrong."""
    return _decode(_JSON, data)
