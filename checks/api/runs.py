"""Check runs: asking for one, seeing it, and the catalogue that it is made of."""

from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from checks.api import run_examples as examples
from checks.api import run_filters as filters
from checks.api.run_shapes import Catalogue, RunAnswer, RunBody, RunRow
from checks.catalogue.base import ALL_PHASES
from checks.catalogue.registry import CATALOGUE
from checks.models import CheckRun
from checks.selectors.runs import find_run, run_dict, run_row
from checks.services.runs import ask_for_run
from polyarb_site.rest.describe import READ, WRITE, Accepted, curl, endpoint
from polyarb_site.rest.permissions import may
from polyarb_site.rest.views import ApiView, KeysetListView, person

READS = may("checks.view_checkrun")
COLUMNS = (
    *("id", "account", "phase", "venue", "category", "state", "decision", "sentence", "counts"),
    *("planned", "profile", "profile_sha256", "config_sha256", "software", "sha256"),
    *("started_at", "finished_at", "by_name", "problem"),
)


class RunListView(KeysetListView):
    """GET and POST /api/checks/runs/."""

    rules = {"GET": READS, "POST": may("checks.run_checks")}
    queryset = CheckRun.objects.all()
    filterset_class = filters.RunFilters
    time_field = "started_at"
    columns = COLUMNS

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return one run."""
        return run_row(CheckRun(**values))

    @endpoint(
        "listCheckRuns",
        "List check runs",
        tag="gates",
        example_call=curl("/api/checks/runs/?phase=1&limit=5"),
        answer=RunRow(many=True),
        example=examples.RUN_ROW,
    )
    def get(self, request: Request) -> Response:
        """Every run of the checks, newest first, without its results."""
        return super().get(request)

    @endpoint(
        "runChecks",
        "Run the checks",
        tag="gates",
        example_call=curl("/api/checks/runs/", body='{"phase": 1}'),
        body=RunBody,
        answer=Accepted(RunRow),
        example=examples.RUNNING,
        refusals=(*WRITE, 404),
    )
    def post(self, request: Request) -> Response:
        """Ask for a run; a job makes it within seconds, and `GET /api/checks/runs/{id}` shows it.

        While the same is running already, that run is the answer. The decision is GO when every P0
        passes and at most two P1 do not; a run of one category decides nothing.
        """
        values = self.body(RunBody)
        run = ask_for_run(
            settings.ACCOUNT,
            phase=values.get("phase"),
            venue=values.get("venue"),
            category=values.get("category", ""),
            by=person(request),
            at=self.clock.now(),
        )
        return Response(run_row(run), status=202)


class RunView(ApiView):
    """GET /api/checks/runs/{number}."""

    rules = {"GET": READS}

    @endpoint(
        "getCheckRun",
        "One check run",
        tag="gates",
        example_call=curl("/api/checks/runs/41"),
        answer=RunAnswer,
        example=examples.RUN,
        refusals=(*READ, 404),
    )
    def get(self, request: Request, number: int) -> Response:
        """A run with what each check saw so far, as `go_no_go --json` prints it."""
        del request
        return Response(run_dict(find_run(number)))


class CatalogueView(ApiView):
    """GET /api/checks/catalogue."""

    rules = {"GET": READS}

    @endpoint(
        "listChecks",
        "The catalogue of checks",
        tag="gates",
        example_call=curl("/api/checks/catalogue"),
        answer=Catalogue,
        example={"items": [examples.CHECK]},
    )
    def get(self, request: Request) -> Response:
        """Every check: what is asked, what has to be seen, and how to put it right."""
        del request
        items = [
            {
                "id": check.id,
                "category": check.category.value,
                "title": check.title,
                "needed": check.needed,
                "remedy": check.remedy,
                "runbook": check.runbook,
                "priorities": {
                    f"phase_{phase}": check.priorities.get(phase) for phase in ALL_PHASES
                },
                "time_ms_max": check.time_ms_max,
            }
            for check in CATALOGUE
        ]
        return Response({"items": items})
