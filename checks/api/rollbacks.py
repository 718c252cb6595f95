"""Rollbacks over the API: going down, and looking on."""

from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from checks.api import rollback_examples as examples
from checks.api.rollback_filters import RollbackFilters
from checks.api.rollback_shapes import PhaseRollbackBody, RollbackRow
from checks.models import Rollback
from checks.selectors.rollbacks import rollback_dict
from checks.services.rollbacks import RollbackNotKept, find_rollback, roll_back
from polyarb_site.rest.describe import READ, WRITE, curl, endpoint
from polyarb_site.rest.errors import ApiError
from polyarb_site.rest.permissions import may
from polyarb_site.rest.views import ApiView, KeysetListView, person
from trading.services import HaltFailed

READS = may("checks.view_rollback")


class RollBackView(ApiView):
    """POST /api/rollback."""

    rules = {"POST": may("checks.roll_back")}
    throttle_classes = ()  # going down is never limited: while one is under way that one is told

    @endpoint(
        "rollBack",
        "Roll back to a lower phase",
        tag="gates",
        example_call=curl("/api/rollback", body='{"reason": "fills look wrong"}'),
        body=PhaseRollbackBody,
        answer=RollbackRow,
        example=examples.ROLLBACK,
        refusals=(*WRITE, 404),
    )
    def post(self, request: Request) -> Response:
        """Halt at once; cancelling, closing and the way down follow within seconds, by themselves.

        Needs no approval. In phase 0 trading stops and an incident is opened. While a rollback is
        under way that one is answered. GET /api/rollbacks/{id} shows how far it is.
        """
        values = self.body(PhaseRollbackBody)
        try:
            row = roll_back(
                settings.ACCOUNT,
                to=values.get("to"),
                by=person(request),
                reason=values["reason"],
                at=self.clock.now(),
            )
        except (HaltFailed, RollbackNotKept) as error:
            raise ApiError(
                503, "ROLLBACK_NOT_KEPT", str(error), remedy="say it again; halting is repeatable"
            ) from error
        return Response(rollback_dict(row))


class RollbackListView(KeysetListView):
    """GET /api/rollbacks."""

    rules = {"GET": READS}
    queryset = Rollback.objects.all()
    filterset_class = RollbackFilters
    time_field = "started_at"
    columns = ("id", "started_at")

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return one rollback with its steps; there are few."""
        return rollback_dict(find_rollback(values["id"]))

    @endpoint(
        "listRollbacks",
        "List rollbacks",
        tag="gates",
        example_call=curl("/api/rollbacks?state=RUNNING"),
        answer=RollbackRow(many=True),
        example=examples.ROLLBACK,
    )
    def get(self, request: Request) -> Response:
        """Every way down, newest first, with its steps."""
        return super().get(request)


class RollbackView(ApiView):
    """GET /api/rollbacks/{number}."""

    rules = {"GET": READS}

    @endpoint(
        "getRollback",
        "A rollback and its steps",
        tag="gates",
        example_call=curl("/api/rollbacks/7"),
        answer=RollbackRow,
        example=examples.ROLLBACK,
        refusals=(*READ, 404),
    )
    def get(self, request: Request, number: int) -> Response:
        """How far it is: each step with what was seen, and what a person does where it failed."""
        del request
        return Response(rollback_dict(find_rollback(number)))
