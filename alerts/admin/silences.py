"""Silences and maintenance windows: what is muted now, what was, and one form to add another."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from alerts.admin.base import account, done, lacks, page, refused_json, seen_by, wants_json
from alerts.admin.forms import DAYS, NEW_SILENCE, SilenceForm
from alerts.models import Silence
from alerts.selectors.silences import is_muting, past_silences, present_silences
from alerts.services.silences import add_silence, end_silence, find_silence
from polyarb_site import formats
from polyarb_site.clock import SystemClock
from trading.services import ServiceRefused
from trading.services.refusals import Invalid

VIEW, MANAGE = "alerts.view_silence", "alerts.manage_silence"


@require_GET
@seen_by(VIEW)
def silences_page(request: HttpRequest) -> HttpResponseBase:
    """Return what is muted and what was, and the form."""
    return _page(request, SilenceForm(initial=NEW_SILENCE))


@require_POST
@seen_by(VIEW)
def add(request: HttpRequest) -> HttpResponse:
    """Add one, from this page or from the card of an alert."""
    form, now = SilenceForm(request.POST), SystemClock().now()
    user: Any = request.user
    try:
        row = add_silence(form.values(account(), now), by=user, at=now)
    except ServiceRefused as refused:
        if wants_json(request):
            return refused_json(refused)
        form.tell(refused.problems if isinstance(refused, Invalid) else ())
        return _page(request, form, refused=refused)
    said = f"Nobody is told of {_what(row)} until {formats.utc(row.ends_at)}."
    return done(request, said, reverse("alerts:silences"))


@require_POST
@seen_by(VIEW)
def end(request: HttpRequest, number: int) -> HttpResponse:
    """End one before its time."""
    user: Any = request.user
    try:
        row = end_silence(find_silence(number), by=user, reason=request.POST.get("reason", ""))
    except ServiceRefused as refused:
        if refused.status == 404:
            raise Http404(str(refused)) from refused
        return _page(request, SilenceForm(initial=NEW_SILENCE), refused=refused)
    return done(request, f"People are told of {_what(row)} again.", reverse("alerts:silences"))


def _page(
    request: HttpRequest, form: SilenceForm, *, refused: ServiceRefused | None = None
) -> HttpResponse:
    now = SystemClock().now()
    present = [_shown(row, now, is_open=True) for row in present_silences(now)]
    past = [_shown(row, now, is_open=False) for row in past_silences(now)]
    nothing = "Nothing is muted: people are told of everything. A silence mutes until its end, a "
    nothing += "maintenance window comes back each week, for work that always raises something."
    context = {
        "tab": "silences",
        "title": "Silences",
        "lists": [
            ("Now and to come", present, nothing),
            ("Over", past, "None has ended yet; each stays here with who, why and when."),
        ],
        "form": form,
        "refused": refused,
        "cannot": lacks(request, MANAGE),
    }
    return page(request, "silences.html", context, status=refused.status if refused else 200)


def _shown(row: Silence, now: datetime, *, is_open: bool) -> dict[str, Any]:
    return {
        "row": row,
        "what": _what(row)[:1].upper() + _what(row)[1:],
        "when": _when(row),
        "muting": is_open and is_muting(row, now),
        "open": is_open,
    }


def _what(row: Silence) -> str:
    rules = ", ".join(row.rule_ids) if row.rule_ids else "every rule"
    return f"{rules} ({' and '.join(row.levels)})" if row.levels else rules


def _when(row: Silence) -> str:
    """Return the days and hours of a window, empty for what mutes from its start on."""
    if row.kind != Silence.Kind.MAINTENANCE:
        return ""
    days = ", ".join(DAYS[day][:3] for day in row.weekdays)
    end = (row.from_minute + row.minutes) % 1_440
    return f"{days} {_clock(row.from_minute)} to {_clock(end)} UTC,"


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
