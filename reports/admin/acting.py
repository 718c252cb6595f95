"""The page of an act: what will happen, a reason, the service's answer. Nothing here decides."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextareaWidget

from trading.services import ServiceRefused

REASON_MAX = 300


class ReasonForm(forms.Form):
    """Why. Whether a reason is needed is asked of the service, not here."""

    reason = forms.CharField(
        required=False,
        max_length=REASON_MAX,
        label="Reason",
        help_text="One sentence. It is kept in the audit beside your name.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "autofocus": True}),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What can be done, in the words of its page, and the service that does it."""

    title: str
    button: str
    what: tuple[str, ...]  # what will happen, one sentence each
    permission: str  # to say beforehand who may; the service asks again
    call: Callable[[Any, str], str]  # (user, reason) -> what was done
    danger: bool = False


def perform(
    model_admin: ModelAdmin, request: HttpRequest, act: Act, *, back_url: str
) -> HttpResponse:
    """Return the page of an act, or do it and go back."""
    posted = request.method == "POST"
    form = ReasonForm(request.POST) if posted else ReasonForm()
    refused, status = None, 200
    if posted and form.is_valid():
        try:
            done = act.call(request.user, form.cleaned_data["reason"])
        except ServiceRefused as error:
            refused, status = error, error.status
        else:
            messages.success(request, done)
            return HttpResponseRedirect(back_url)
    elif posted:
        status = 400
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": act.title,
        "subtitle": "",
        "act": act,
        "form": form,
        "back_url": back_url,
        "refused": refused,
        "closed": False,
        "may": request.user.has_perm(act.permission),
        "media": model_admin.media + form.media,
    }
    return TemplateResponse(request, "admin/trading/parts/act.html", context, status=status)
