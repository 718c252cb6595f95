"""The first record of a journal: what its session ran with, so that it can be run again."""

from dataclasses import dataclass

import msgspec

from trading.engine.paper import PaperSettings

PROGRAM_VERSION = "0.1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalOpening:
    """Everything that an engine is made from, and what people want to know of the session."""

    session_key: str
    mode: str
    feed: str
    label: str
    version: str
    started_ns: int
    paper: PaperSettings


def write_opening(opening: JournalOpening) -> bytes:
    """Return the body of the record."""
    return msgspec.json.encode(opening)


def read_opening(body: bytes) -> JournalOpening:
    """Return what a session ran with; raises ValueError for another body."""
    try:
        return msgspec.json.decode(body, type=JournalOpening)
    except msgspec.DecodeError as error:
        raise ValueError(f"this is no opening record: {error}") from error
