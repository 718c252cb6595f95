"""How many alerts are raised, by level, for the header of every page."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count

from alerts.models import Alert, Watch
from alerts.rules.rule import LEVELS
from polyarb_site import formats

JUDGE = "JUDGE"
SILENT_AFTER = timedelta(seconds=30)  # a round of judging is due every second
NOT_JUDGED = "no rule has been judged yet"


def alert_counts(account: str, now: datetime) -> dict[str, Any]:
    """Return how many alerts fire by level, how many of all are acknowledged, and since when.

    A watch that is silent makes the counts old, which `reason` says. Before the first judgement
    nothing is known: then they are None, unless the engine itself has raised something.
    """
    raised = Alert.objects.filter(
        account=account, state__in=(Alert.State.FIRING, Alert.State.ACKED)
    )
    counted = raised.order_by().values_list("state", "level").annotate(Count("id"))
    found = {(state, level): number for state, level, number in counted}
    beat_at = Watch.objects.filter(name=JUDGE).values_list("beat_at", flat=True).first()
    known = beat_at is not None or bool(found)
    numbers: dict[str, int | None] = {
        level.lower(): found.get((Alert.State.FIRING, level), 0) if known else None
        for level in LEVELS
    }
    acked = sum(number for (state, _), number in found.items() if state == Alert.State.ACKED)
    return {
        **numbers,
        "acked": acked if known else None,
        "reason": _reason(beat_at, now),
        "as_of": now.isoformat(),
    }


def _reason(beat_at: datetime | None, now: datetime) -> str | None:
    if beat_at is None:
        return NOT_JUDGED
    if now - beat_at > SILENT_AFTER:
        return f"watch silent {formats.age(formats.ms_between(beat_at, now))}"
    return None
