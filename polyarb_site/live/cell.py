"""One cell of the live state: how it is made, and how parts of a state are read."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from polyarb_site import formats

Cell = dict[str, Any]
Part = Mapping[str, Any]

HEARTBEAT_STALE_MS = 5_000  # due every second
FIGURES_STALE_MS = 15_000


def words(code: str | None) -> str:
    """Return a stored code as words: LEGS_NOT_SAME_INSTANT is "legs not same instant"."""
    return (code or "").replace("_", " ").lower()


def cell(text: str, **more: Any) -> Cell:
    """Return a cell with a text, and with what is said of it beside."""
    made: Cell = {"text": text, "title": "", "tone": "", "reason": "", "at": None, "tick": False}
    return {**made, **more}


def missing(reason: str | None) -> Cell:
    """Return the dash of what is not known, with its reason."""
    return cell(formats.MISSING, reason=reason or "not known", tone="quiet")


def part_of(state: Part, name: str) -> Part:
    """Return a part of a state, an empty one when it has none of that name."""
    part = state.get(name)
    return part if isinstance(part, Mapping) else {}


def epoch_ms(text: object) -> int | None:
    """Return a moment in milliseconds since 1970, None for what is none."""
    moment = formats.moment_of(text)
    return int(moment.timestamp() * 1000) if moment is not None else None


def age_cell(at: int | None, now: datetime | None, *, stale_ms: int | None = None) -> Cell:
    """Return a cell whose text is how old `at` is, empty when that is not known."""
    if at is None or now is None:
        return cell("")
    ms = int(now.timestamp() * 1000) - at
    more = {"stale_ms": stale_ms} if stale_ms else {}
    return cell(formats.age(ms), at=at, tick=True, **more)
