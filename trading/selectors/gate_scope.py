"""Whose facts count for a criterion, and the rows that were read for it, by ranges of ids.

Facts of sessions on one feed and in one mode are never mixed with those of another: what play money
shows says nothing of real money, and paper nothing of either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet

from trading.models import EngineSession

Ranges = Mapping[str, Sequence[Sequence[int]]]  # by model: [first id, last id] of each run of rows
Rows = dict[str, list[list[int]]]
RANGES_MAX = 50
M_ = TypeVar("M_", bound=Model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One account on one feed in one mode, from `since` to `until`, both included.

    With `ids` nothing is read but rows of these ranges: what was read the last time.
    """

    account: str
    feed: str
    mode: str  # SHADOW or LIVE
    since: datetime
    until: datetime
    ids: Ranges | None = None

    @property
    def paper(self) -> bool:
        """Return whether no money moves."""
        return self.mode == "SHADOW"

    def begin(self, since: datetime) -> "Scope":
        """Return the same with another beginning."""
        return replace(self, since=since)

    def of(self, to: str = "session__") -> Q:
        """Return the condition on rows whose session is in this scope."""
        return Q((f"{to}account", self.account), (f"{to}feed", self.feed), (f"{to}mode", self.mode))

    def booked(self, to: str = "") -> Q:
        """Return the condition on rows that say themselves whether they are paper."""
        return self.of(f"{to}session__") & Q((f"{to}paper", self.paper))

    def known(self, rows: QuerySet[M_, Any]) -> QuerySet[M_, Any]:
        """Return the rows that may be read."""
        if self.ids is None:
            return rows
        condition = Q(pk__in=[])
        for first, last in self.ids.get(rows.model._meta.label, ()):
            condition |= Q(pk__gte=first, pk__lte=last)
        return rows.filter(condition)


def session_ids(scope: Scope) -> QuerySet[EngineSession, Any]:
    """Return the ids of the sessions that were alive within a scope, as a subquery."""
    alive = Q(ended_at__gte=scope.since) | Q(ended_at=None, heartbeat_at__gte=scope.since)
    rows = EngineSession.objects.filter(scope.of(""), alive, started_at__lte=scope.until)
    return rows.order_by().values("pk")


def ranges(model: type[Model], ids: Sequence[int]) -> Rows:
    """Return ids as ranges, by model: neighbours together, and no more ranges than RANGES_MAX."""
    return ranges_of(model._meta.label, ids)


def ranges_of(label: str, ids: Sequence[int]) -> Rows:
    """Return the same for a model by its name."""
    runs: list[list[int]] = []
    for number in sorted(ids):
        if runs and number <= runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    if len(runs) > RANGES_MAX:  # what lies between is left out again by the same conditions
        runs = [[runs[0][0], runs[-1][1]]]
    return {label: runs} if runs else {}


def span(model: type[Model], first: int | None, last: int | None) -> Rows:
    """Return the one range from the first to the last id; nothing when no row was read."""
    return {model._meta.label: [[first, last]]} if first is not None and last is not None else {}


def joined(*parts: Rows) -> Rows:
    """Return the ranges of several reads together."""
    found: Rows = {}
    for part in parts:
        for name, runs in part.items():
            found[name] = sorted([*found.get(name, []), *runs])
    return {
        name: [run for i, run in enumerate(runs) if i == 0 or run != runs[i - 1]]
        for name, runs in found.items()
    }
