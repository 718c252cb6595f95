"""The rule of go and no-go, over plain results.

GO: every P0 passes, and at most two P1 do not. P2 and P3 never block. What is not known has not
passed, and a word that nobody knows counts as the gravest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

PRIORITIES = ("P0", "P1", "P2", "P3")
STATUSES = ("PASS", "FAIL", "UNKNOWN")
P1_FAILED_MAX = 2
GO, NO_GO = "GO", "NO_GO"
NAMED_MAX = 3  # how many checks the sentence names


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One result, as far as the rule needs it."""

    id: str
    priority: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the results come to. `blocking` are the ids that stand in the way, gravest first."""

    word: str  # GO or NO_GO
    counts: dict[str, dict[str, int]]  # {"P0": {"PASS": 9, "FAIL": 1, "UNKNOWN": 0}, ..}
    blocking: tuple[str, ...]
    sentence: str

    @property
    def go(self) -> bool:
        """Whether trading may start."""
        return self.word == GO


def decide(results: Sequence[Judged]) -> Decision:
    """Return the decision over all results of a run; without any it is never GO."""
    counts = count(results)
    grave = [one.id for one in results if _priority(one) == "P0" and not _passed(one)]
    high = [one.id for one in results if _priority(one) == "P1" and not _passed(one)]
    too_many = len(high) > P1_FAILED_MAX
    blocking = (*grave, *(high if too_many else ()))
    if not any(_priority(one) == "P0" for one in results):
        sentence = "No-go: no critical check was made, and nothing follows from nothing."
        return Decision(word=NO_GO, counts=counts, blocking=blocking, sentence=sentence)
    if blocking:
        return Decision(
            word=NO_GO, counts=counts, blocking=blocking, sentence=_no_go(grave, high, too_many)
        )
    return Decision(word=GO, counts=counts, blocking=(), sentence=_go(results, high))


def count(results: Sequence[Judged]) -> dict[str, dict[str, int]]:
    """Return how many results of each priority have each status."""
    counts = {priority: dict.fromkeys(STATUSES, 0) for priority in PRIORITIES}
    for one in results:
        status = one.status if one.status in STATUSES else "UNKNOWN"
        counts[_priority(one)][status] += 1
    return counts


def _priority(one: Judged) -> str:
    return one.priority if one.priority in PRIORITIES else "P0"


def _passed(one: Judged) -> bool:
    return one.status == "PASS"


def _no_go(grave: Sequence[str], high: Sequence[str], too_many: bool) -> str:
    parts = []
    if grave:
        parts.append(f"{_checks(len(grave), 'critical')} did not pass ({_named(grave)})")
    if too_many:
        few = f"{_checks(len(high), 'P1')} did not pass, {P1_FAILED_MAX} may ({_named(high)})"
        parts.append(few)
    return f"No-go: {'; '.join(parts)}."


def _go(results: Sequence[Judged], high: Sequence[str]) -> str:
    low = sum(_priority(one) in ("P2", "P3") and not _passed(one) for one in results)
    critical = sum(_priority(one) == "P0" for one in results)
    text = f"Go: all {critical} critical checks passed"
    if high:
        text += f"; {len(high)} of at most {P1_FAILED_MAX} P1 did not ({_named(high)})"
    if low:
        text += f"; {low} of lower priority did not"
    return f"{text}."


def _checks(number: int, what: str) -> str:
    return f"{number} {what} check{'s' * (number != 1)}"


def _named(ids: Sequence[str]) -> str:
    rest = len(ids) - NAMED_MAX
    return ", ".join(ids[:NAMED_MAX]) + (f" and {rest} more" if rest > 0 else "")
