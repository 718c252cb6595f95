"""What is raised now, as the alert centre shows it: gravest first, with what was done already."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, IntegerField, QuerySet, Value, When

from alerts.models import Alert
from alerts.rules.rule import LEVELS
from alerts.rules.states import OPEN
from polyarb_site import formats

SHOWN_MAX = 50
JUST_ENDED = timedelta(minutes=10)
ENDED_SHOWN_MAX = 5
_RANKS = Case(
    *(When(level=level, then=Value(rank)) for rank, level in enumerate(LEVELS)),
    output_field=IntegerField(),
)
_STATES = Case(When(state="FIRING", then=0), When(state="ACKED", then=1), default=2)


def raised(account: str) -> QuerySet[Alert]:
    """Return what fires or is acknowledged: gravest first, unseen before acknowledged, newest."""
    rows = Alert.objects.filter(account=account, state__in=(Alert.State.FIRING, Alert.State.ACKED))
    return rows.select_related("rule_revision").order_by(_RANKS, _STATES, "-last_fired_at", "-id")


def pending(account: str) -> QuerySet[Alert]:
    """Return what is bad and has not been so for long enough to fire."""
    rows = Alert.objects.filter(account=account, state=Alert.State.PENDING)
    return rows.select_related("rule_revision").order_by(_RANKS, "opened_at")


def ended(account: str, now: datetime) -> list[Alert]:
    """Return the latest that ended by themselves or by a person, INFO left out."""
    rows = Alert.objects.filter(
        account=account,
        state=Alert.State.RESOLVED,
        fired_at__isnull=False,
        resolved_at__gte=now - JUST_ENDED,
    ).exclude(level=Alert.Level.INFO)
    return list(rows.select_related("rule_revision").order_by("-resolved_at")[:ENDED_SHOWN_MAX])


def is_open(alert: Alert) -> bool:
    """Return whether the alert has not ended."""
    return alert.state in OPEN


def still_bad(alert: Alert) -> bool:
    """Return whether the condition held when the rule was last judged."""
    return is_open(alert) and alert.quiet_since is None


def pushed(alert: Alert, what: str = "alert.firing") -> dict[str, Any]:
    """Return what open pages are told of an alert. `count` tells one spell from the next."""
    return {
        "account": alert.account,
        "what": what,
        "alert": alert.pk,
        "rule": alert.rule_id,
        "level": alert.level,
        "state": alert.state,
        "count": alert.count,
        "text": alert.reason[:200],
    }


def stops_of(alert: Alert) -> list[dict[str, Any]]:
    """Return the measured stops of an alert, newest first, at most five."""
    kept = alert.evidence.get("stops") or [alert.evidence.get("stop")]
    stops = [one for one in kept if isinstance(one, dict)][::-1][:5]
    return [
        {
            "number": len(stops) - index if len(stops) > 1 else 0,
            "text": stop_text({"stop": stop}),
            "cause": formats.moment_of(stop.get("cause_at")),
            "judged": formats.moment_of(stop.get("judged_at")),
            "judging_us": stop.get("judging_us"),
            "last_order": formats.moment_of(stop.get("last_order_at")),
        }
        for index, stop in enumerate(stops)
    ]


@dataclass(frozen=True, slots=True)
class Done:
    """Something that the system did, or why it did not. `at`: to be shown behind the text."""

    tone: str
    text: str
    at: datetime | None = None


def done_so_far(alert: Alert, *, stops_trading: bool) -> list[Done]:
    """Return what the system did about an alert."""
    found = []
    stopped = stop_text(alert.evidence)
    if stopped:
        found.append(Done("good", stopped))
    elif stops_trading and alert.fired_at is not None:
        found.append(Done("warn", "No stop of trading is recorded for it"))
    found.append(told(alert))
    if alert.escalations:
        times = formats.plural(alert.escalations, "time")
        found.append(Done("warn", f"Escalated {times}, because nobody acknowledged it"))
    return found


def stop_text(evidence: dict[str, Any]) -> str:
    """Return how trading was stopped: "Trading stopped in 212 ms, no order was open"."""
    stop = evidence.get("stop")
    if not isinstance(stop, dict):
        return ""
    if stop.get("halted_already"):
        return "Trading was halted already"
    if not stop.get("complete"):
        return "Trading is stopped; the last orders are being ended"
    took_us, followed = stop.get("stopped_us"), stop.get("orders_followed")
    parts = ["Trading stopped"]
    if isinstance(took_us, int):
        parts = [f"Trading stopped in {formats.micros(took_us)}"]
    if isinstance(followed, int):
        orders = formats.plural(followed, "open order")
        parts.append(f"{orders} followed to their end" if followed else "no order was open")
    return ", ".join(parts)


def told(alert: Alert) -> Done:
    """Return whether people were told."""
    if alert.muted_by:
        again = f", {formats.plural(alert.suppressed, 'message')} held back"
        text = f"Nobody is told: {alert.muted_by}{again if alert.suppressed else ''}"
        return Done("quiet", text)
    if alert.notified_at is not None:
        return Done("good", "People were told at", alert.notified_at)
    return Done("quiet", "Nobody was told yet" if is_open(alert) else "Nobody was told")
