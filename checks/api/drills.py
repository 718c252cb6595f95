"""Drills over the API: making one, and the list."""

from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from checks.api import rollback_examples as examples
from checks.api.rollback_filters import DrillFilters
from checks.api.rollback_shapes import DrillBody, DrillRow
from checks.models import Drill
from checks.selectors.drills import drill_dict
from checks.services.drills import drill_breaker
from polyarb_site.rest.describe import WRITE, curl, endpoint
from polyarb_site.rest.permissions import may
from polyarb_site.rest.views import KeysetListView, person


class DrillListView(KeysetListView):
    """GET and POST /api/drills."""

    rules = {"GET": may("checks.view_drill"), "POST": may("checks.run_drill")}
    queryset = Drill.objects.all()
    filterset_class = DrillFilters
    time_field = "at"
    columns = (
        *("id", "account", "kind", "at", "passed", "reason", "config_sha256", "software"),
        *("evidence", "by_name"),
    )

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return one drill."""
        values["by"] = values.pop("by_name")
        return values

    @endpoint(
        "listDrills",
        "List drills",
        tag="gates",
        example_call=curl("/api/drills?kind=BREAKER&limit=1"),
        answer=DrillRow(many=True),
        example=examples.DRILL,
    )
    def get(self, request: Request) -> Response:
        """Drills, newest first. One counts for the profile and the software it was made on."""
        return super().get(request)

    @endpoint(
        "makeDrill",
        "Drill the circuit breaker",
        tag="gates",
        example_call=curl("/api/drills", body='{"kind": "BREAKER"}'),
        body=DrillBody,
        answer=DrillRow,
        example=examples.DRILL,
        refusals=(*WRITE, 404),
    )
    def post(self, request: Request) -> Response:
        """Trip the breaker of an engine of its own with the bounds in force, and keep what came."""
        self.body(DrillBody)
        row = drill_breaker(settings.ACCOUNT, by=person(request), at=self.clock.now())
        return Response(drill_dict(row))
