"""The dashboard, halting and resuming, and what open pages fetch. Each fetches, calls, answers."""

from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from polyarb_site.clock import SystemClock
from polyarb_site.dashboard.context import read_cells
from polyarb_site.dashboard.curve import RANGES, curve
from polyarb_site.dashboard.dear import Counted, Dear
from polyarb_site.dashboard.events import latest_events
from polyarb_site.dashboard.first_run import first_run
from polyarb_site.dashboard.forms import HaltForm, ResumeForm
from polyarb_site.live.outbox import newest
from trading.selectors.pages import (
    funnel_today,
    latest_opportunities,
    latest_sets,
    waits_for_first_set,
)
from trading.services import HaltFailed, ServiceRefused, halt, resume, resume_obstacles

funnels: Dear[dict[str, Any]] = Dear(SystemClock())


def dashboard_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return the context of /admin/, the dashboard."""
    now = SystemClock().now()
    account = settings.ACCOUNT
    opportunities = latest_opportunities(account)
    funnel = _funnel(account, now)
    return {
        **context,
        "title": "Dashboard",
        "steps": first_run(request, account),
        "funnel": funnel.answer,
        "funnel_renew_ms": funnel.renew_ms,
        "starting": waits_for_first_set(account),
        "opportunities": opportunities,
        "sets": latest_sets(account),
        "events": latest_events(account),
        "curve": curve(account, "24h", now),
        "ranges": RANGES,
    }


@never_cache
@require_http_methods(["GET", "POST"])
def halt_page(request: HttpRequest) -> HttpResponseBase:
    """Halt on POST, whoever asks and whatever they wrote; on GET show the one button."""
    wants_json = "application/json" in request.headers.get("Accept", "")
    if request.method == "POST":
        # The form only cuts the reason; one that it does not like must not keep anybody running.
        reason = request.POST.get("reason", "").strip()[:500]
        try:
            who: Any = request.user
            result = halt(settings.ACCOUNT, by=who, reason=reason)
        except HaltFailed as error:
            return _halt_failed(request, str(error), wants_json=wants_json)
        if wants_json:
            return JsonResponse({"halted": True, "message": result.message, "cells": read_cells()})
        messages.success(request, f"{result.message[:1].upper()}{result.message[1:]}.")
        return redirect(_back(request))
    return _page(request, "polyarb/halt.html", {"title": "Halt trading", "form": HaltForm()})


def _halt_failed(request: HttpRequest, problem: str, *, wants_json: bool) -> HttpResponse:
    if wants_json:
        return JsonResponse(
            {"halted": False, "message": problem}, status=HTTPStatus.SERVICE_UNAVAILABLE
        )
    return _page(
        request,
        "polyarb/halt.html",
        {"title": "Halt trading", "form": HaltForm(), "problem": problem},
        status=HTTPStatus.SERVICE_UNAVAILABLE,
    )


@never_cache
@require_http_methods(["GET", "POST"])
def resume_page(request: HttpRequest) -> HttpResponseBase:
    """Resume on POST with reason and what has changed, for who may; on GET say what was halted."""
    state = read_cells()
    live = state["badge"]["kind"] == "live"
    form = ResumeForm(request.POST or None, user=request.user, live=live)  # type: ignore[arg-type]
    if request.method == "POST" and form.is_valid():
        try:
            who: Any = request.user
            resume(settings.ACCOUNT, by=who, reason=form.full_reason())
        except ServiceRefused as refused:
            form.add_error(None, f"{refused.message}: {refused.remedy}.")
        else:
            messages.success(request, "Trading is resumed.")
            return redirect("admin:index")
    context = {
        "title": "Resume trading",
        "form": form,
        "may_resume": request.user.has_perm("trading.resume_trading"),
        "state": state,
        "obstacles": resume_obstacles(settings.ACCOUNT) if state["halted"] else [],
    }
    return _page(request, "polyarb/resume.html", context)


@never_cache
@require_GET
def live_state_json(request: HttpRequest) -> JsonResponse:
    """Return the header's and the cards' cells, as read now, and where the outbox stands."""
    if not admin.site.has_permission(request):
        return _forbidden()
    # Before the state: what comes between is told twice, never not at all.
    last_id = newest().row_id
    made = read_cells()
    return JsonResponse({"cells": made, "now_ms": made["now_ms"], "last_id": last_id})


@never_cache
@require_GET
def live_rows_json(request: HttpRequest) -> JsonResponse:
    """Return the dashboard's newest rows, with `funnel` also the funnel, as the page has them."""
    if not admin.site.has_permission(request):
        return _forbidden()
    account, now = settings.ACCOUNT, SystemClock().now()
    opportunities, events = latest_opportunities(account), latest_events(account)
    told: dict[str, str | int] = {
        "opportunities": _html(request, "polyarb/rows/opportunities.html", rows=opportunities),
        "sets": _html(request, "polyarb/rows/sets.html", rows=latest_sets(account)),
        "events": _html(request, "polyarb/rows/events.html", rows=events),
    }
    if "funnel" in request.GET:  # dearer, so that a page asks for it less often
        counted = _funnel(account, now)
        funnel = counted.answer
        told["funnel_renew_ms"] = counted.renew_ms
        told["funnel"] = _html(request, "polyarb/parts/funnel.html", funnel=funnel)
        told["quality"] = _html(request, "polyarb/parts/quality.html", funnel=funnel)
    return JsonResponse(told)


@never_cache
@require_GET
def curve_json(request: HttpRequest) -> JsonResponse:
    """Return the realised curve of one of the ranges."""
    if not admin.site.has_permission(request):
        return _forbidden()
    name = request.GET.get("range", "24h")
    if name not in RANGES:
        return JsonResponse(
            {"error": f"choose one of {', '.join(RANGES)}"}, status=HTTPStatus.BAD_REQUEST
        )
    return JsonResponse(curve(settings.ACCOUNT, name, SystemClock().now()))


def _funnel(account: str, now: datetime) -> Counted[dict[str, Any]]:
    question = f"{account} {now:%Y-%m-%d}"
    return funnels.ask(question, lambda: funnel_today(account, now))


def _page(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> TemplateResponse:
    request.current_app = admin.site.name
    return TemplateResponse(
        request, template, {**admin.site.each_context(request), **context}, status=status
    )


def _html(request: HttpRequest, template: str, **context: Any) -> str:
    return render_to_string(template, context, request=request)


def _back(request: HttpRequest) -> str:
    """Return the page that the person halted from, one of ours or the dashboard."""
    path = request.POST.get("next", "")
    ours = path.startswith("/admin/") and not path.startswith(("/admin/halt", "/admin/log"))
    return path if ours and "\\" not in path else "/admin/"


def _forbidden() -> JsonResponse:
    return JsonResponse({"error": "this account may not read the portal"}, status=403)
