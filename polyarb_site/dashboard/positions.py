"""The page of positions: what is held, and what it comes to if all of it goes against us."""

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from polyarb_site.clock import SystemClock
from trading.selectors.figures import money_now
from trading.selectors.positions import positions


@never_cache
@require_safe
def positions_page(request: HttpRequest) -> HttpResponseBase:
    """Show what the account holds with the money that it trades with now."""
    if not request.user.has_perm("trading.view_ledgerentry"):
        raise PermissionDenied
    money = money_now(settings.ACCOUNT)
    request.current_app = admin.site.name
    context = {
        **admin.site.each_context(request),
        "title": "Positions",
        "held": positions(settings.ACCOUNT, money),
        "money_words": money.words,
        "as_of": SystemClock().now(),
    }
    return TemplateResponse(request, "polyarb/positions.html", context)
