"""The evidence of a stop: from the cause to the last order sent, measured inside the engine."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from alerts.models import Alert
from alerts.rules.states import State
from alerts.services.moves import note_move, tell
from alerts.services.rules import newest
from trading.services.changes import kept

BY_NAME = "engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One stop of trading by a rule inside the engine. Nanoseconds of UTC as the engine has it."""

    account: str
    rule_id: str
    session: str
    reason: str
    value: str
    bound: str
    unknown: bool
    cause_ns: int  # from when on the rule held: its window was over
    judged_ns: int  # the figures that it was judged by
    judging_ns: int  # how long that took
    halted_already: bool
    orders_followed: int | None = None  # live orders whose end was not known; None on paper
    complete: bool = False
    last_order_ns: int | None = None  # the last order that left after the cause; None: none did

    def completed(self, last_order_ns: int | None) -> "Stop":
        """Return the stop with the last order that was sent in this session."""
        late = last_order_ns if last_order_ns and last_order_ns > self.cause_ns else None
        return replace(self, complete=True, last_order_ns=late)

    @property
    def stopped_us(self) -> int:
        """Return microseconds from the cause until no order left any more."""
        end_ns = max(self.last_order_ns or 0, self.judged_ns + self.judging_ns)
        return max(0, end_ns - self.cause_ns) // 1_000

    def facts(self) -> dict[str, Any]:
        """Return the evidence as plain data."""
        return {
            "session": self.session,
            "cause_at": _iso(self.cause_ns),
            "judged_at": _iso(self.judged_ns),
            "judging_us": self.judging_ns // 1_000,
            "last_order_at": _iso(self.last_order_ns) if self.last_order_ns else None,
            "stopped_us": self.stopped_us,
            "halted_already": self.halted_already,
            "orders_followed": self.orders_followed,
            "complete": self.complete,
        }


def record_stop(stop: Stop, *, at: datetime) -> Alert:
    """Keep the evidence of a stop on its alert, and open the alert when it is not there yet.

    The jobs cluster judges the same rule from the database and may be later, or away.
    """
    with transaction.atomic():
        rows = Alert.objects.select_for_update().filter(account=stop.account, rule_id=stop.rule_id)
        row = rows.order_by("-id").first()
        revision = newest(stop.rule_id)
        if row is None or row.fired_at is None or _ended_before(row, stop):
            if revision is None:
                raise ValueError(f"{stop.rule_id} has no revision, and has stopped trading")
            if row is not None and row.state == State.PENDING:
                rows.filter(pk=row.pk).update(state=State.FIRING, count=1, fired_at=at)
                row.refresh_from_db()
                note_move(row, State.PENDING, by=None, by_name=BY_NAME, comment=stop.reason, at=at)
            else:
                row = Alert.objects.create(
                    account=stop.account,
                    rule_id=stop.rule_id,
                    rule_revision=revision,
                    level=revision.values["severity"],
                    state=State.FIRING.value,
                    unknown=stop.unknown,
                    value=kept(stop.value, 100),
                    bound=kept(stop.bound, 150),
                    reason=kept(stop.reason, 500),
                    count=1,
                    opened_at=_moment(stop.cause_ns),
                    fired_at=at,
                    last_fired_at=at,
                    last_seen_at=at,
                )
                note_move(row, None, by=None, by_name=BY_NAME, comment=stop.reason, at=at)
        kept_stops = [*row.evidence.get("stops", []), stop.facts()][-20:]
        evidence = {**row.evidence, "stop": stop.facts(), "stops": kept_stops}
        Alert.objects.filter(pk=row.pk).update(evidence=evidence)
        row.refresh_from_db()
        tell(row, "alert.stopped", at=at)
    return row


def _ended_before(row: Alert, stop: Stop) -> bool:
    return row.resolved_at is not None and row.resolved_at < _moment(stop.cause_ns)


def _moment(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // 1_000_000_000, tz=UTC).replace(
        microsecond=ns // 1_000 % 1_000_000
    )


def _iso(ns: int) -> str:
    return _moment(ns).isoformat()
