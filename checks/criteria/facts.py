"""What one criterion is judged from: plain facts with their window, which can be kept as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The evidence of one criterion at one moment. Values are whole numbers, texts and lists.

    `newest_at` is the time of the newest row that was read, None when there was none.
    """

    now: datetime
    since: datetime | None  # where the window begins; None: that is not known
    sample: int = 0  # how many rows, minutes, days or fills count
    covered_s: int = 0  # how long the engine ran within the window
    newest_at: datetime | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""  # why nothing can be said, in words; empty: something can
    restarted: str = ""  # why the window begins later than it would, in words


def facts_json(facts: Facts) -> dict[str, Any]:
    """Return facts as they are stored."""
    return {
        "now": facts.now.isoformat(),
        "since": None if facts.since is None else facts.since.isoformat(),
        "sample": facts.sample,
        "covered_s": facts.covered_s,
        "newest_at": None if facts.newest_at is None else facts.newest_at.isoformat(),
        "values": dict(facts.values),
        "problem": facts.problem,
        "restarted": facts.restarted,
    }


def facts_of(data: Mapping[str, Any]) -> Facts:
    """Return the facts that were stored. Raises KeyError, TypeError or ValueError."""
    return Facts(
        now=datetime.fromisoformat(data["now"]),
        since=_moment(data["since"]),
        sample=data["sample"],
        covered_s=data["covered_s"],
        newest_at=_moment(data["newest_at"]),
        values=data["values"],
        problem=data["problem"],
        restarted=data["restarted"],
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
