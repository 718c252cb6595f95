"""The centre's first tab: what fires now, and the timeline; and what open pages fetch of it."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_GET

from alerts.admin.base import account, page, seen_by
from alerts.admin.cards import card, line
from alerts.models import Alert
from alerts.selectors.charts import charts
from alerts.selectors.counts import alert_counts
from alerts.selectors.firing import SHOWN_MAX, ended, pending, pushed, raised
from alerts.selectors.rules import rules_in_force
from alerts.selectors.timeline import LEVEL_CHOICES, SPANS, STATE_CHOICES, Chosen, timeline
from polyarb_site.clock import SystemClock

VIEW = "alerts.view_alert"


@require_GET
@seen_by(VIEW)
def centre(request: HttpRequest) -> HttpResponseBase:
    """Return the page: left what fires, right what happened."""
    now = SystemClock().now()
    chosen = Chosen.of(request.GET)
    context = {
        "tab": "centre",
        **_now(request, now),
        **_timeline(chosen, now),
        "rules": sorted(rules_in_force()),
        "levels": LEVEL_CHOICES,
        "states": STATE_CHOICES,
        "spans": SPANS,
    }
    return page(request, "centre.html", context)


@require_GET
@seen_by(VIEW)
def centre_json(request: HttpRequest) -> JsonResponse:
    """Return the same two parts as the page has them, read now."""
    now = SystemClock().now()
    parts: dict[str, Any] = {
        "firing": _html(request, "firing.html", _now(request, now)),
        "timeline": _html(request, "timeline.html", _timeline(Chosen.of(request.GET), now)),
    }
    return JsonResponse({**parts, "now_ms": int(now.timestamp() * 1000)})


@require_GET
@seen_by(VIEW)
def critical_json(request: HttpRequest) -> JsonResponse:
    """Return each CRITICAL that fires now, for a page that has missed too much to be told all."""
    del request
    rows = raised(account()).filter(level=Alert.Level.CRITICAL, state=Alert.State.FIRING)
    return JsonResponse({"alerts": [pushed(row) for row in rows[:SHOWN_MAX]]})


@require_GET
@seen_by(VIEW)
def charts_json(request: HttpRequest) -> JsonResponse:
    """Return the last hour of the metric of each rule that is asked for."""
    now = SystemClock().now()
    in_force = rules_in_force()
    names = request.GET.getlist("rule")[:SHOWN_MAX]
    rules = {name: in_force[name][1] for name in names if name in in_force}
    return JsonResponse({"charts": charts(rules, account(), now)})


def _now(request: HttpRequest, now: datetime) -> dict[str, Any]:
    """Return what fires, with one more than is shown to know whether there are more."""
    rows = list(raised(account())[: SHOWN_MAX + 1])
    return {
        "cards": [card(request, row) for row in rows[:SHOWN_MAX]],
        "more": len(rows) > SHOWN_MAX,
        "pending": [card(request, row) for row in pending(account())[:SHOWN_MAX]],
        "ended": [card(request, row) for row in ended(account(), now)],
        "counts": alert_counts(account(), now),
        "here": reverse("alerts:centre"),
    }


def _timeline(chosen: Chosen, now: datetime) -> dict[str, Any]:
    found = timeline(account(), chosen, now)
    return {
        "chosen": chosen,
        "lines": [line(move) for move in found.moves],
        "older": chosen.query(before=found.next_before) if found.next_before else "",
        "newest": chosen.query() if chosen.before is not None else None,
    }


def _html(request: HttpRequest, template: str, context: dict[str, Any]) -> str:
    return render_to_string(f"admin/alerts/parts/{template}", context, request=request)
