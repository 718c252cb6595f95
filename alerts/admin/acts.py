"""The page of one alert, and what people do with it. Each fetches, calls its service, answers."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from alerts.admin.base import account, done, page, refused_json, seen_by, wants_json
from alerts.admin.cards import card, line
from alerts.models import Alert
from alerts.selectors.deliveries import deliveries_of
from alerts.selectors.firing import stops_of
from alerts.selectors.timeline import moves_of
from alerts.services.moves import find_alert
from alerts.services.states import acknowledge, comment, resolve, unacknowledge
from polyarb_site.clock import SystemClock
from trading.services import ServiceRefused

VIEW = "alerts.view_alert"


def _ack(alert: Alert, user: Any, text: str) -> str:
    acknowledge(alert, by=user, comment=text)
    return f"You have {alert.rule_id} now. It stays here until its condition has ended."


def _unack(alert: Alert, user: Any, text: str) -> str:
    unacknowledge(alert, by=user, comment=text)
    return f"{alert.rule_id} fires again, and nobody has it."


def _resolve(alert: Alert, user: Any, text: str) -> str:
    resolve(alert, by=user, note=text)
    return f"{alert.rule_id} is resolved with your note."


def _comment(alert: Alert, user: Any, text: str) -> str:
    comment(alert, by=user, text=text)
    return "Your comment is in the timeline."


ACTS = {"ack": _ack, "unack": _unack, "resolve": _resolve, "comment": _comment}


@require_GET
@seen_by(VIEW)
def alert_page(request: HttpRequest, number: int) -> HttpResponseBase:
    """Return the page of one alert: what it is, what was done, and its whole history."""
    return _page(request, _alert(number))


@require_GET
@seen_by(VIEW)
def alert_json(request: HttpRequest, number: int) -> JsonResponse:
    """Return the parts of an alert's page that change, read now."""
    context, now = _context(request, _alert(number)), SystemClock().now()
    parts: dict[str, Any] = {
        part: render_to_string(f"admin/alerts/parts/{template}.html", context, request=request)
        for part, template in (("alert", "card"), ("history", "timeline"), ("facts", "facts"))
    }
    return JsonResponse({**parts, "now_ms": int(now.timestamp() * 1000)})


@require_POST
@seen_by(VIEW)
def act(request: HttpRequest, number: int, name: str) -> HttpResponse:
    """Do one thing with an alert. What was typed stays on the page when that is refused."""
    alert = _alert(number)
    if name not in ACTS:
        raise Http404
    text = request.POST.get("text", "")
    try:
        said = ACTS[name](alert, request.user, text)
    except ServiceRefused as refused:
        if wants_json(request):
            return refused_json(refused)
        return _page(request, _alert(number), open_act=name, typed=text, refused=refused)
    return done(request, said, reverse("alerts:alert", args=[number]))


def _page(
    request: HttpRequest,
    alert: Alert,
    *,
    open_act: str = "",
    typed: str = "",
    refused: ServiceRefused | None = None,
) -> HttpResponse:
    more = {"open_act": open_act, "typed": typed, "refused": refused}
    status = refused.status if refused is not None else 200
    return page(request, "alert.html", {**_context(request, alert), **more}, status=status)


def _context(request: HttpRequest, alert: Alert) -> dict[str, Any]:
    shown = card(request, alert)
    return {
        "tab": "centre",
        "title": f"Alert {alert.pk}: {shown['name']}",
        "live_url": reverse("alerts:alert_live", args=[alert.pk]),
        "one": shown,
        "here": shown["url"],
        "lines": [line(move) for move in moves_of(alert)],
        "deliveries": deliveries_of(alert),
        "stops": stops_of(alert),
        "may_comment": request.user.has_perm("alerts.acknowledge_alert"),
    }


def _alert(number: int) -> Alert:
    try:
        row = find_alert(number)
    except ServiceRefused as missing:
        raise Http404(str(missing)) from missing
    if row.account != account():
        raise Http404
    return row
