"""Deliveries: every message with its outcome, found by filters and paged by key."""

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_GET

from alerts.admin.base import page, seen_by
from alerts.models import Channel, Delivery
from alerts.selectors.deliveries import ChosenDeliveries, deliveries, overdue
from polyarb_site.clock import SystemClock


@require_GET
@seen_by("alerts.view_delivery")
def deliveries_page(request: HttpRequest) -> HttpResponseBase:
    """Return one page of messages, newest first."""
    chosen = ChosenDeliveries.of(request.GET)
    rows, next_before = deliveries(chosen)
    context = {
        "tab": "deliveries",
        "title": "Alert deliveries",
        "rows": rows,
        "chosen": chosen,
        "channels": list(Channel.objects.values_list("name", flat=True)),
        "states": Delivery.State.choices,
        "kinds": Delivery.Kind.choices,
        "older": chosen.query(before=next_before) if next_before else "",
        "newest": chosen.query(),
        "overdue": overdue(SystemClock().now()),
    }
    return page(request, "deliveries.html", context)
