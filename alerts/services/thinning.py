"""What is kept of alerts for how long. Every alert that fired is kept, with all its moves."""

from datetime import datetime, timedelta

from django.db import transaction

from alerts.models import Alert, AlertMove, Delivery

PENDING_KEPT = timedelta(days=1)  # spells that ended before their window did
SENT_KEPT = timedelta(days=90)
ROWS_MAX = 5_000  # of one call and kind


def thin_alerts(now: datetime) -> dict[str, int]:
    """Remove old spells that never fired, and messages that ended long ago; return how many."""
    with transaction.atomic():
        spells = Alert.objects.filter(
            state=Alert.State.RESOLVED, fired_at=None, resolved_at__lt=now - PENDING_KEPT
        )
        ids = list(spells.order_by("id").values_list("id", flat=True)[:ROWS_MAX])
        AlertMove.objects.filter(alert__in=ids).delete()
        Alert.objects.filter(id__in=ids).delete()
    ended = Delivery.objects.exclude(state__in=(Delivery.State.WAITING, Delivery.State.SENDING))
    old = ended.filter(created_at__lt=now - SENT_KEPT).order_by("id")
    messages = list(old.values_list("id", flat=True)[:ROWS_MAX])
    Delivery.objects.filter(id__in=messages).delete()
    return {"spells": len(ids), "messages": len(messages)}
