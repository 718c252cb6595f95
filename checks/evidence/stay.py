"""One account in one phase on one venue at one moment: whose facts are collected."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from checks.criteria.definitions import ALL_KEYS, Criterion, Window
from checks.criteria.facts import Facts
from polyarb_site import formats
from trading.selectors.gate_scope import Ranges, Scope
from trading.selectors.profile_changes import ProfileChange

T_ = TypeVar("T_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """What is judged. `before` are the facts of the last time when they are read again by their
    `ids`: what no row says any more, such as who judged at that moment, is taken from there.
    """

    account: str
    phase: int
    venue: str
    mode: str
    now: datetime
    phase_since: datetime | None
    judged_at: datetime | None = None  # when the alert rules were last judged
    ahead_at: datetime | None = None  # the time of a fact that lies in the future
    changes: tuple[ProfileChange, ...] = ()
    config_changed_at: datetime | None = None  # of the bound files, within the phase
    ids: Ranges | None = None
    before: Facts | None = None
    memory: dict[Any, Any] = field(default_factory=dict)  # what several criteria read

    def scope(self, since: datetime) -> Scope:
        """Return whose facts count from a moment on."""
        return Scope(
            account=self.account,
            feed=self.venue,
            mode=self.mode,
            since=since,
            until=self.now,
            ids=self.ids,
        )

    def once(self, what: Any, since: datetime, read: Callable[[], T_]) -> T_:
        """Return what was read, by now or before."""
        key = (what, since)
        if key not in self.memory:
            self.memory[key] = read()
        found: T_ = self.memory[key]
        return found

    def window(self, criterion: Criterion) -> tuple[datetime | None, str]:
        """Return where the window of a criterion begins, and why it begins later than it would."""
        if self.before is not None:
            return self.before.since, self.before.restarted
        if criterion.window is Window.NOW:
            return self.now, ""
        if criterion.window is Window.EVER or self.phase_since is None:
            return None, ""
        begin = self.phase_since
        if criterion.window_days is not None:
            begin = max(begin, self.now - timedelta(days=criterion.window_days))
        restart = self._restart(criterion)
        if restart is None or restart[0] <= begin:
            return begin, ""
        return restart

    def _restart(self, criterion: Criterion) -> tuple[datetime, str] | None:
        """Return the newest change that touches a criterion, in words."""
        if not criterion.restarts_on:
            return None
        found = None
        for change in self.changes:
            touched = change.keys
            if criterion.restarts_on != (ALL_KEYS,):
                touched = change.keys & set(criterion.restarts_on)
            if touched:
                names = ", ".join(sorted(touched)[:3])
                found = change.at, f"the change to {change.after} ({names})"
        if self.config_changed_at is not None and (
            found is None or self.config_changed_at > found[0]
        ):
            found = self.config_changed_at, "the change of phases.yaml or venues.yaml"
        if found is None:
            return None
        return found[0], f"restarted at {formats.utc(found[0])} by {found[1]}"
