"""What the newest engine of an account said last, on one venue."""

from dataclasses import dataclass
from datetime import datetime

from trading.models import EngineSession, Incident, MetricSample, ReconciliationRun


@dataclass(frozen=True, slots=True, kw_only=True)
class LastBreaker:
    """The state of the circuit breaker in the newest figures; None when there are none."""

    session_key: str
    running: bool
    state: str | None
    at: datetime | None


def last_breaker(account: str, venue: str) -> LastBreaker | None:
    """Return what the newest session on a venue said of its breaker, None without a session."""
    rows = EngineSession.objects.filter(account=account, feed=venue).defer("stats")
    session = rows.order_by("-token").first()
    if session is None:
        return None
    sample = MetricSample.objects.filter(session=session).order_by("-at").first()
    state = sample.values.get("breaker") if sample is not None else None
    return LastBreaker(
        session_key=session.key,
        running=session.ended_at is None,
        state=str(state) if state else None,
        at=sample.at if sample is not None else None,
    )


def traded_with_money(account: str, venue: str) -> bool:
    """Return whether an engine of the account ever sent orders of its own to a venue."""
    rows = EngineSession.objects.filter(account=account, feed=venue, mode="LIVE")
    return rows.exists()


def newest_reconciliation(account: str, venue: str) -> ReconciliationRun | None:
    """Return the newest comparison that an engine on a venue made."""
    keys = EngineSession.objects.filter(account=account, feed=venue).values("key")
    return ReconciliationRun.objects.filter(account=account, session_key__in=keys).first()


def open_incidents(account: str) -> list[Incident]:
    """Return the incidents that nobody has resolved, oldest first; there is one of a kind."""
    rows = Incident.objects.filter(account=account, state=Incident.State.OPEN)
    return list(rows.order_by("id"))
