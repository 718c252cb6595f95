"""The page Go/no-go: may we start, what to fix first, what was seen, and who states what."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from checks.admin import sources
from checks.admin.base import Typed, account, done, lacks, page, parts, seen_by
from checks.admin.results import DAYS, against, history, run_body, run_line, statements
from checks.admin.rungs import mandate_of
from checks.models import Attestation, CheckRun
from checks.selectors.run_history import newest_full_run
from polyarb_site.clock import SystemClock
from trading.selectors.phases import Phase
from trading.services import ServiceRefused
from trading.services.refusals import Invalid, NotFound

VIEW = "checks.view_checkrun"
DAYS_DEFAULT = 30


@require_GET
@seen_by(VIEW)
def go_no_go(request: HttpRequest) -> HttpResponseBase:
    """Return the page with the newest run for a phase, by default the present one."""
    return _page(request)


@require_GET
@seen_by(VIEW)
def run_page(request: HttpRequest, number: int) -> HttpResponseBase:
    """Return one run of the history."""
    return page(request, "go_no_go.html", _context(request, run=_run(number)))


@require_GET
@seen_by(VIEW)
def go_no_go_json(request: HttpRequest) -> JsonResponse:
    """Return the parts of the page that change; of one run when its number is asked for."""
    asked = request.GET.get("run", "")
    run = _run(int(asked)) if asked.isdecimal() and asked.isascii() else None
    context = _context(request, run=run)
    return parts(request, context, run="check_run", history="check_history")


@require_POST
@seen_by(VIEW)
def run_checks(request: HttpRequest) -> HttpResponse:
    """Have the catalogue run for a phase; the page shows each result as it is stored."""
    phase = _phase(request.POST.get("phase", ""))
    try:
        if phase is None:
            raise Invalid("NO_SUCH_PHASE", "there is no such phase", "choose one of the four")
        sources.ask_for_run(account(), phase=phase, by=request.user)
    except ServiceRefused as refused:
        return _page(request, typed=Typed(form="run", values={}, refused=refused))
    return redirect(f"{reverse('checks:go_no_go')}?phase={phase}")


@require_POST
@seen_by(VIEW)
def attest(request: HttpRequest) -> HttpResponse:
    """State what no machine can see."""
    values = {name: request.POST.get(name, "") for name in ("kind", "note", "days")}
    now = SystemClock().now()
    try:
        if values["kind"] not in Attestation.Kind.values:
            raise Invalid("NO_SUCH_STATEMENT", "there is no such statement", "choose one below")
        days = int(values["days"]) if values["days"].isdecimal() else 0
        sources.attest(
            account(), values["kind"], note=values["note"], days=days, by=request.user, at=now
        )
    except ServiceRefused as refused:
        return _page(request, typed=Typed(form="attest", values=values, refused=refused))
    label = Attestation.Kind(values["kind"]).label
    return done(
        request, f"Stated under your name: {label}.", f"{reverse('checks:go_no_go')}#attest"
    )


@require_POST
@seen_by(VIEW)
def revoke(request: HttpRequest, number: int) -> HttpResponse:
    """Take a statement back."""
    try:
        row = Attestation.objects.filter(pk=number, account=account()).first()
        if row is None:
            raise NotFound("NO_STATEMENT", "there is no such statement", "reload the page")
        sources.revoke(row, by=request.user, at=SystemClock().now())
    except ServiceRefused as refused:
        return _page(request, typed=Typed(form="revoke", values={}, refused=refused))
    said = f"Taken back: {row.get_kind_display()}."
    return done(request, said, f"{reverse('checks:go_no_go')}#attest")


def _page(request: HttpRequest, typed: Typed | None = None) -> HttpResponse:
    return page(request, "go_no_go.html", {**_context(request), "typed": typed})


def _context(request: HttpRequest, run: CheckRun | None = None) -> dict[str, Any]:
    now = SystemClock().now()
    mandate = mandate_of(account())
    present = mandate.phase if mandate is not None else int(Phase.SHADOW)
    one = run is not None
    phase = run.phase if run is not None else _phase(_asked(request))
    phase = present if phase is None else phase
    shown = run if run is not None else newest_full_run(account(), phase)
    live = reverse("checks:go_no_go_live")
    return {
        "title": f"Check run {run.pk}" if run is not None else "Go/no-go",
        "one": one,
        "phase": phase,
        "present": present,
        "phases": [{"number": p.value, "name": p.label, "here": p == present} for p in Phase],
        "line": run_line(shown, now) if shown is not None else None,
        "body": run_body(shown) if shown is not None else None,
        "against": against(shown) if shown is not None and shown.finished_at else None,
        "history": history(account(), now),
        "statements": statements(account(), now),
        "days": DAYS,
        "days_default": DAYS_DEFAULT,
        "cannot_run": lacks(request, "checks.run_checks"),
        "cannot_attest": lacks(request, "checks.attest"),
        "live_url": f"{live}?run={run.pk}" if run is not None else f"{live}?phase={phase}",
        "stamp": "",
    }


def _asked(request: HttpRequest) -> str:
    return request.GET.get("phase", "") or request.POST.get("phase", "")


def _phase(text: str) -> int | None:
    """Return a phase by its number as text, None for anything else."""
    return int(text) if text in {str(one.value) for one in Phase} else None


def _run(number: int) -> CheckRun:
    row = CheckRun.objects.filter(pk=number, account=account()).first()
    if row is None:
        raise Http404
    return row
