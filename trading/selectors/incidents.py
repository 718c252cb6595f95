"""Incidents as apps above ask for them."""

from datetime import datetime

from trading.models import Incident


def newest_incident_at() -> datetime | None:
    """Return when the newest incident was opened, on any account."""
    return Incident.objects.order_by("-opened_at").values_list("opened_at", flat=True).first()


def has_open(account: str, kind: str) -> bool:
    """Return whether an incident of a kind is open."""
    rows = Incident.objects.filter(account=account, kind=kind, state=Incident.State.OPEN)
    return rows.exists()
