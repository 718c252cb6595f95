"""The state of the account: the same facts as the header of every page."""

from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from polyarb_site.rest.describe import curl, endpoint
from polyarb_site.rest.permissions import has_any_role
from polyarb_site.rest.views import ApiView
from trading.api import examples
from trading.api.status_shape import StatusAnswer
from trading.engine.units import text_from_micro
from trading.selectors import live_state


class StatusView(ApiView):
    """GET /api/status."""

    rules = {"GET": has_any_role}

    @endpoint(
        "getStatus",
        "Show the state",
        tag="engine",
        example_call=curl("/api/status"),
        answer=StatusAnswer,
        example=examples.STATUS,
    )
    def get(self, request: Request) -> Response:
        """Mode, phase, engine, feed, money, funnel of the day, breaker and halt.

        Each part says from when it is in `as_of`. What is not known is null, and `reason` says why:
        a zero is always a counted or measured zero.
        """
        del request
        return Response(with_amounts(live_state(settings.ACCOUNT, self.clock.now())))


def with_amounts(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state with the decimal text of each amount beside it."""
    money = state["money"]
    texts = {
        name.removesuffix("_micro"): None if value is None else text_from_micro(value)
        for name, value in money.items()
        if name.endswith("_micro")
    }
    return {**state, "money": {**money, **texts}}
