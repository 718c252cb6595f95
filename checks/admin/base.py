"""What all pages about gates share: who may see them, and how they answer."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache

from polyarb_site.clock import SystemClock
from trading.services import ServiceRefused

View = Callable[..., HttpResponseBase]
RUNBOOK = "/admin/runbook/"
ROLES_OF = {
    "checks.run_checks": "operator or approver",
    "checks.attest": "operator or approver",
    "checks.evaluate_criteria": "operator or approver",
    "checks.request_promotion": "operator",
    "checks.approve_promotion": "approver",
    "checks.roll_back": "operator or approver",
    "checks.run_drill": "operator",
    "checks.set_approvers": "admin",
    "trading.start_live": "operator",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """Something to do, or in one sentence why it cannot be done and where that is explained."""

    name: str
    label: str
    icon: str
    section: str  # of the runbook
    url: str = ""
    why_not: str = ""
    remedy: str = ""
    primary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A form that was refused: which, what was typed into it, and why not."""

    form: str
    values: dict[str, str]
    refused: ServiceRefused


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
    return f"your account needs the role {ROLES_OF[permission]}"


def page(request: HttpRequest, template: str, context: dict[str, Any]) -> TemplateResponse:
    """Return one page. One that shows a refused form answers with the status of the refusal."""
    request.current_app = admin.site.name
    typed: Typed | None = context.get("typed")
    whole = {**admin.site.each_context(request), "runbook": RUNBOOK, **context}
    status = typed.refused.status if typed is not None else 200
    return TemplateResponse(request, f"admin/checks/{template}", whole, status=status)


def parts(request: HttpRequest, context: dict[str, Any], **templates: str) -> JsonResponse:
    """Return the parts of a page that change, read now. `stamp` changes with what may be done."""
    told: dict[str, Any] = {
        name: render_to_string(f"admin/checks/parts/{template}.html", context, request=request)
        for name, template in templates.items()
    }
    now_ms = int(SystemClock().now().timestamp() * 1000)
    return JsonResponse({**told, "stamp": context.get("stamp", ""), "now_ms": now_ms})


def done(request: HttpRequest, said: str, back: str, *, well: bool = True) -> HttpResponse:
    """Answer a form whose service did what was asked for, and whether it came out well."""
    (messages.success if well else messages.error)(request, said)
    return redirect(back)


def seen_otherwise(what: str) -> ServiceRefused:
    """Return the refusal of a form whose page showed something else than what is there now."""
    return ServiceRefused(
        "CHANGED_MEANWHILE",
        f"{what} changed after this page was made",
        "read what is shown now, and send the form again if you still mean it",
    )
