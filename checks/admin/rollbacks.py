"""The pages of rollbacks: the list, one of them as it goes on, and going down by hand."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from checks.models import Rollback, RollbackStep
from checks.selectors.rollbacks import left_to_do, rollback_dict, running, sentence
from checks.services.rollbacks import RollbackNotKept, find_rollback, roll_back
from polyarb_site import formats
from polyarb_site.clock import SystemClock
from trading.selectors.phases import Phase
from trading.services import HaltFailed, NotFound, ServiceRefused
from trading.services.changes import find_mandate

View = Callable[..., HttpResponseBase]
VIEW, PERMISSION = "checks.view_rollback", "checks.roll_back"
SHOWN_MAX = 100
REASON_MAX = 500
STATES = {
    Rollback.State.RUNNING: ("Running", "warn"),
    Rollback.State.FINISHED: ("Finished", "good"),
    Rollback.State.FINISHED_WITH_FAILURES: ("Finished, with failures", "bad"),
}
STEP_STATES = {
    RollbackStep.State.WAITING: ("Waiting", "quiet", "schedule"),
    RollbackStep.State.RUNNING: ("Running", "warn", "progress_activity"),
    RollbackStep.State.DONE: ("Done", "good", "check_circle"),
    RollbackStep.State.FAILED: ("Failed", "bad", "error"),
}


class RollBackForm(forms.Form):
    """Why, and how far down. Whether it may be is asked of the service."""

    to = forms.TypedChoiceField(
        coerce=int, label="To phase", widget=UnfoldAdminSelectWidget(), required=False
    )
    reason = forms.CharField(
        required=False,
        max_length=REASON_MAX,
        label="Reason",
        help_text="One sentence. It is kept in the audit and the incident beside your name.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "autofocus": True}),
    )

    def __init__(self, *args: Any, phase: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if phase == 0:
            del self.fields["to"]
            return
        lower = range(phase - 1, -1, -1)
        choices = [(number, f"{number}: {Phase(number).label}") for number in lower]
        self.fields["to"].choices = choices  # type: ignore[attr-defined]


def _seen_by(permission: str) -> Callable[[View], View]:
    """Return a decorator for a page that needs an account of the admin with this permission."""

    def decorated(view: View) -> View:
        @never_cache
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not (admin.site.has_permission(request) and request.user.has_perm(permission)):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return decorated


@require_GET
@_seen_by(VIEW)
def rollbacks_page(request: HttpRequest) -> HttpResponseBase:
    """Return the list, newest first."""
    rows = Rollback.objects.filter(account=settings.ACCOUNT).order_by("-id")[:SHOWN_MAX]
    shown = [{**_line(row), "url": reverse("checks:rollback", args=[row.pk])} for row in rows]
    return _page(request, "list.html", {"title": "Rollbacks", "rows": shown})


@require_GET
@_seen_by(VIEW)
def rollback_page(request: HttpRequest, number: int) -> HttpResponseBase:
    """Return one rollback: why, each step, and what is left to do."""
    row = _found(number)
    more = {
        "title": f"Rollback {row.pk}",
        "live_url": reverse("checks:rollback_live", args=[row.pk]),
    }
    return _page(request, "rollback.html", {**_context(request, row), **more})


@require_GET
@_seen_by(VIEW)
def rollback_json(request: HttpRequest, number: int) -> JsonResponse:
    """Return the parts of the page that change, read now."""
    row, now = _found(number), SystemClock().now()
    context = _context(request, row)
    parts: dict[str, Any] = {
        part: render_to_string(f"admin/checks/rollbacks/{part}.html", context, request=request)
        for part in ("head", "steps", "todo")
    }
    going_on = row.state == Rollback.State.RUNNING
    return JsonResponse({**parts, "running": going_on, "now_ms": int(now.timestamp() * 1000)})


@require_http_methods(["GET", "POST"])
@_seen_by(VIEW)
def roll_back_page(request: HttpRequest) -> HttpResponseBase:
    """Return the page that goes down, or do it and show how it goes on."""
    phase = find_mandate(settings.ACCOUNT).phase
    form = RollBackForm(request.POST or None, phase=phase)
    refused, status = None, 200
    if request.method == "POST" and form.is_valid():
        try:
            row = roll_back(
                settings.ACCOUNT,
                to=_chosen(form),
                by=request.user,  # type: ignore[arg-type] # the guard lets nobody else in
                reason=form.cleaned_data["reason"],
                at=SystemClock().now(),
            )
        except ServiceRefused as error:
            refused, status = error, error.status
        except (HaltFailed, RollbackNotKept) as error:
            refused, status = ServiceRefused("NOT_KEPT", str(error), "say it again"), 503
        else:
            return redirect("checks:rollback", row.pk)
    context = {
        "title": "Roll back",
        "form": form,
        "refused": refused,
        "phase": phase,
        "phase_name": Phase(phase).label,
        "may": request.user.has_perm(PERMISSION),
        "under_way": running(settings.ACCOUNT),
    }
    return _page(request, "new.html", context, status=status)


def _chosen(form: RollBackForm) -> int | None:
    """Return the phase that was chosen, 0 too; None when none was."""
    chosen = form.cleaned_data.get("to")
    return chosen if isinstance(chosen, int) else None


def _found(number: int) -> Rollback:
    try:
        return find_rollback(number)
    except NotFound as error:
        raise Http404 from error


def _line(row: Rollback) -> dict[str, Any]:
    label, tone = STATES[Rollback.State(row.state)]
    return {
        "row": row,
        "label": label,
        "tone": tone,
        "sentence": sentence(row),
        "cause": row.get_cause_display(),
        "took_ms": formats.ms_between(row.started_at, row.finished_at) if row.finished_at else None,
    }


def _context(request: HttpRequest, row: Rollback) -> dict[str, Any]:
    told = rollback_dict(row)
    return {
        **_line(row),
        "phase_from": f"{row.phase_from}: {Phase(row.phase_from).label}",
        "phase_to": f"{row.phase_to}: {Phase(row.phase_to).label}",
        "verdicts": told["verdicts"],
        "steps": [_step(step) for step in told["steps"]],
        "todo": left_to_do(row),
        "may_view_incident": request.user.has_perm("trading.view_incident"),
        "running": row.state == Rollback.State.RUNNING,
    }


def _step(told: dict[str, Any]) -> dict[str, Any]:
    label, tone, icon = STEP_STATES[RollbackStep.State(told["state"])]
    started = formats.moment_of(told["started_at"])
    return {**told, "label": label, "tone": tone, "icon": icon, "started": started}


def _page(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    request.current_app = admin.site.name
    whole = {
        **admin.site.each_context(request),
        "may_roll_back": request.user.has_perm(PERMISSION),
        **context,
    }
    return TemplateResponse(request, f"admin/checks/rollbacks/{template}", whole, status=status)
