"""One line of a wallet check: ok, failed, or unknown, which is never ok."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from trading.wallets.facts import NothingToCheck, NotSeen

Value = TypeVar("Value")


class LineStatus(StrEnum):
    """How a line stands."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """One line: what was seen, what is needed and why, and what to do when they differ."""

    id: str
    title: str
    seen: str
    needed: str
    why: str
    next_step: str  # empty when there is nothing to do
    status: LineStatus


def all_ok(lines: Sequence[CheckLine]) -> bool:
    """Say whether every line is ok; no lines are no proof of anything."""
    return bool(lines) and all(line.status is LineStatus.OK for line in lines)


def line_of(
    line_id: str,
    title: str,
    value: Value | NotSeen | NothingToCheck,
    *,
    is_ok: Callable[[Value], bool],
    shown: Callable[[Value], str],
    needed: str,
    why: str,
    next_step: str,
) -> CheckLine:
    """Return the line of a value: unknown when it was not seen, ok when there is no such thing."""
    if isinstance(value, NotSeen):
        status, seen = LineStatus.UNKNOWN, f"not known: {value.reason}"
    elif isinstance(value, NothingToCheck):
        status, seen = LineStatus.OK, value.reason
    else:
        status = LineStatus.OK if is_ok(value) else LineStatus.FAILED
        seen = shown(value)
    return CheckLine(
        id=line_id,
        title=title,
        seen=seen,
        needed=needed,
        why=why,
        next_step="" if status is LineStatus.OK else next_step,
        status=status,
    )
