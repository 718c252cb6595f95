"""What a person asks to be replayed: a day, a session, a journal, a segment, or a recording."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from trading.adapters.recording import SUFFIXES, markets_path
from trading.journal import segments
from trading.journal.files import SEGMENT_SUFFIX

_DAY = re.compile(r"[0-9]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SESSION_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}-[0-9]{1,19}")


class TargetError(ValueError):
    """Nothing that can be replayed. Says what can."""


@dataclass(frozen=True, slots=True)
class Day:
    """All sessions that ran in a UTC day."""

    day: date


@dataclass(frozen=True, slots=True)
class Session:
    """One session, by its key."""

    key: str


@dataclass(frozen=True, slots=True)
class Journal:
    """A journal by its directory, wherever that lies; `segment` counts one segment of it alone."""

    directory: Path
    segment: int | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording of market data."""

    frames: Path


Target = Day | Session | Journal | Recording


def parse_target(text: str) -> Target:
    """Return what was meant. Raises TargetError, or RecordingError for a file of another kind."""
    path = Path(text)
    if _DAY.fullmatch(text):
        try:
            plain = text.replace("-", "")
            return Day(datetime.strptime(plain, "%Y%m%d").date())  # noqa: DTZ007 - no zone
        except ValueError as error:
            raise TargetError(f"{text} is no day: write YYYYMMDD or YYYY-MM-DD, in UTC") from error
    if path.suffix == SEGMENT_SUFFIX:
        found = segments(path.parent)
        if path not in found:
            raise TargetError(f"{path.name}: there is no such segment in {path.parent}")
        return Journal(path.parent, found.index(path) + 1)
    if text.endswith(SUFFIXES):
        return Recording(path)
    if path.is_dir():
        if not segments(path):
            raise TargetError(f"{path.name}: a directory without a segment of a journal")
        return Journal(path)
    if _SESSION_KEY.fullmatch(text):
        return Session(text)
    markets_path(path)  # says which names a recording has
    raise TargetError(f"{text}: nothing to replay")
