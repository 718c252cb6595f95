"""The one shape of every act: a page that says what will happen, a reason, the service's answer.

Nothing here decides. A service that refuses is shown with its code, its sentence, and its remedy.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextareaWidget

from trading.services import HaltFailed, ServiceRefused

REASON_MAX = 500


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
    """What can be done: the words of its page, and the service that does it."""

    name: str
    title: str
    button: str
    what: tuple[str, ...]  # what will happen, one sentence each
    danger: bool = False
    permission: str = ""  # to say beforehand who may; the service asks again
    form: type[ReasonForm] = ReasonForm
    call: Callable[..., str]  # (user, form data) -> what was done


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What stands on the page beside the form."""

    back_url: str
    next_url: Callable[[], str] | None = None  # where it leads when it was done; back, if not said
    subtitle: str = ""
    template: str = "admin/trading/parts/act.html"
    context: dict[str, Any] = field(default_factory=dict)
    initial: dict[str, Any] = field(default_factory=dict)
    refused: ServiceRefused | None = None  # known before anything was asked: no form is shown


def perform(model_admin: ModelAdmin, request: HttpRequest, act: Act, scene: Scene) -> HttpResponse:
    """Return the page of an act, or do it and go back."""
    # An empty post is a post too: halting must not depend on anything that was typed.
    posted = request.method == "POST"
    form = act.form(request.POST) if posted else act.form(initial=scene.initial)
    refused, status = scene.refused, 200
    if posted and form.is_valid():
        try:
            done = act.call(request.user, form.cleaned_data)
        except ServiceRefused as error:
            refused, status = error, error.status
        except HaltFailed as error:
            refused, status = ServiceRefused("HALT_FAILED", str(error), "act outside"), 500
        else:
            messages.success(request, done)
            return HttpResponseRedirect(scene.next_url() if scene.next_url else scene.back_url)
    elif posted:
        status = 400
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": act.title,
        "subtitle": scene.subtitle,
        "act": act,
        "form": form,
        "back_url": scene.back_url,
        "refused": refused,
        "closed": scene.refused is not None,
        "may": not act.permission or request.user.has_perm(act.permission),
        "media": model_admin.media + form.media,
        **scene.context,
    }
    return TemplateResponse(request, scene.template, context, status=status)
