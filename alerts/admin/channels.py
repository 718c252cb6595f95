"""Channels: who is told, whether it works, and the form that never shows an address again."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from alerts.admin.base import done, lacks, page, seen_by
from alerts.admin.forms import NEW_CHANNEL, ChannelForm
from alerts.models import Channel
from alerts.selectors.deliveries import waiting_by_channel
from alerts.services.channels import find_channel, remove_channel, save_channel, test_channel
from polyarb_site import formats
from polyarb_site.clock import SystemClock
from trading.services import ServiceRefused
from trading.services.refusals import Invalid

VIEW, MANAGE = "alerts.view_channel", "alerts.manage_channel"
KEPT = "what is typed here is encrypted and never shown again"


@require_GET
@seen_by(VIEW)
def channels_page(request: HttpRequest) -> HttpResponseBase:
    """Return every channel with how it does."""
    now, waiting = SystemClock().now(), waiting_by_channel()
    context = {
        "tab": "channels",
        "title": "Alert channels",
        "rows": [_shown(row, waiting.get(row.pk, 0), now) for row in Channel.objects.all()],
        "cannot": lacks(request, MANAGE),
    }
    return page(request, "channels.html", context)


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters()
@seen_by(VIEW)
def edit_page(request: HttpRequest, number: int = 0) -> HttpResponse:
    """Return the form of a channel, new or there already; on POST save it."""
    row = _channel(number) if number else None
    if request.method != "POST":
        return _editor(request, ChannelForm(initial=_initial(row)), row)
    form = ChannelForm(request.POST)
    name = row.name if row is not None else str(form.data.get("name", ""))
    user: Any = request.user
    try:
        saved = save_channel(name, by=user, **form.values())
    except ServiceRefused as refused:
        form.tell(refused.problems if isinstance(refused, Invalid) else ())
        return _editor(request, form, row, refused=refused)
    said = f"{saved.name} is saved. Send a test, and look whether it arrives."
    return done(request, said, reverse("alerts:channels"))


@require_POST
@seen_by(VIEW)
def act(request: HttpRequest, number: int, name: str) -> HttpResponse:
    """Send a test, or remove a channel."""
    row = _channel(number)
    user: Any = request.user
    if name not in ("test", "remove"):
        raise Http404
    try:
        if name == "test":
            test_channel(row, by=user)
            said = f"A test is on its way to {row.name}; its row says what came of it."
        else:
            remove_channel(row, by=user, reason=request.POST.get("reason", ""))
            said = f"{row.name} is removed, with its address."
    except ServiceRefused as refused:
        messages.error(request, f"{refused.message}: {refused.remedy}.")
        return redirect("alerts:channels")
    back = "alerts:deliveries" if name == "test" else "alerts:channels"
    return done(request, said, reverse(back))


def _editor(
    request: HttpRequest,
    form: ChannelForm,
    row: Channel | None,
    *,
    refused: ServiceRefused | None = None,
) -> HttpResponse:
    if row is not None:
        form.fields["name"].widget.attrs["readonly"] = True
        form.fields["url"].help_text += f". Now: {row.shown}; empty keeps it"
    context = {
        "tab": "channels",
        "title": f"Change {row.name}" if row is not None else "Add a channel",
        "form": form,
        "refused": refused,
        "cannot": lacks(request, MANAGE),
        "kept": KEPT,
    }
    status = refused.status if refused is not None else 200
    return page(request, "channel_edit.html", context, status=status)


def _initial(row: Channel | None) -> dict[str, Any]:
    if row is None:
        return NEW_CHANNEL
    names = ("name", "kind", "enabled", "level_min", "tier", "tell_resolved")
    return {name: getattr(row, name) for name in names}


def _shown(row: Channel, waiting: int, now: datetime) -> dict[str, Any]:
    tone, said = _health(row, now)
    return {
        "row": row,
        "tone": tone,
        "said": said,
        "level": row.level_min.lower(),
        "waiting": waiting,
        "cannot_test": "" if row.enabled else "Test: the channel is off; switch it on first.",
    }


def _health(row: Channel, now: datetime) -> tuple[str, str]:
    if not row.enabled:
        return "quiet", "off"
    if row.failing_since is not None:
        return "bad", f"failing for {formats.age(formats.ms_between(row.failing_since, now))}"
    if row.tested_at is None:
        return "warn", "never tested"
    return "good", "works"


def _channel(number: int) -> Channel:
    try:
        return find_channel(number)
    except ServiceRefused as missing:
        raise Http404(str(missing)) from missing
