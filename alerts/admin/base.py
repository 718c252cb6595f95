"""What all pages of the alert centre share: who may see them, their tabs, and how they answer."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache

from trading.services import ServiceRefused

View = Callable[..., HttpResponseBase]
TABS = (
    ("centre", "Now", "notifications"),
    ("rules", "Rules", "rule"),
    ("silences", "Silences", "notifications_paused"),
    ("channels", "Channels", "campaign"),
    ("deliveries", "Deliveries", "outbox"),
)
ROLE_OF = {
    "alerts.acknowledge_alert": "operator",
    "alerts.resolve_alert": "operator",
    "alerts.manage_silence": "operator",
    "alerts.save_rule": "admin",
    "alerts.manage_channel": "admin",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """Something to do, or in one sentence why it cannot be done."""

    name: str
    label: str
    icon: str
    why_not: str = ""


def seen_by(permission: str) -> Callable[[View], View]:
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


def account() -> str:
    """Return the account that the portal is about."""
    return str(settings.ACCOUNT)


def lacks(request: HttpRequest, permission: str) -> str:
    """Return why this person may not do something, empty when they may."""
    if request.user.has_perm(permission):
        return ""
    return f"your account needs the role {ROLE_OF[permission]}"


def page(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> TemplateResponse:
    """Return one page of the centre. `tab` in the context says which tab it belongs to."""
    request.current_app = admin.site.name
    tabs = [
        {
            "url": reverse(f"alerts:{name}"),
            "label": label,
            "icon": icon,
            "current": name == context.get("tab"),
        }
        for name, label, icon in TABS
    ]
    usual = {"title": "Alerts", "tabs": tabs, "live_url": reverse("alerts:live")}
    whole = {**admin.site.each_context(request), **usual, **context}
    return TemplateResponse(request, f"admin/alerts/{template}", whole, status=status)


def wants_json(request: HttpRequest) -> bool:
    """Return whether a script asked, which shows the answer where the form is."""
    return "application/json" in request.headers.get("Accept", "")


def done(request: HttpRequest, said: str, back: str) -> HttpResponse:
    """Answer a form whose service did what was asked for."""
    if wants_json(request):
        return JsonResponse({"done": True, "message": said})
    messages.success(request, said)
    return redirect(back_to(request, back))


def refused_json(refused: ServiceRefused) -> JsonResponse:
    """Answer a script whose form was refused."""
    told = {"code": refused.code, "message": refused.message, "remedy": refused.remedy}
    return JsonResponse({"done": False, **told}, status=refused.status)


def back_to(request: HttpRequest, usual: str) -> str:
    """Return the page that the person came from, one of the centre's or the usual one."""
    asked = request.POST.get("next", "")
    ours = asked.startswith(reverse("alerts:centre")) and url_has_allowed_host_and_scheme(
        asked, allowed_hosts=None
    )
    return asked if ours else usual
