"""Reconciliations and incidents: seeing what does not agree, and saying that it is cleared up."""

from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from polyarb_site.rest.describe import WRITE, curl, endpoint
from polyarb_site.rest.permissions import may
from polyarb_site.rest.views import ApiView, KeysetListView, person
from trading import services
from trading.api import examples, filters
from trading.api.reconciliation_shape import (
    IncidentBody,
    IncidentRow,
    ReconciliationRow,
    ResolveBody,
)
from trading.engine.units import text_from_micro
from trading.models import Incident, ReconciliationRun
from trading.services.incidents import find_incident
from trading.services.security import report_security

INCIDENT_COLUMNS = (
    *("id", "account", "kind", "title", "state", "opened_at", "last_seen_at", "seen_count"),
    *("resolved_at", "resolved_by", "note", "evidence"),
)


def with_amounts(stored: dict[str, Any]) -> dict[str, Any]:
    """Return stored amounts with the decimal text of each beside it."""
    texts = {
        name.removesuffix("_micro"): None if value is None else text_from_micro(value)
        for name, value in stored.items()
        if name.endswith("_micro")
    }
    return {**stored, **texts}


def incident_answer(values: dict[str, Any]) -> dict[str, Any]:
    """Return what is sent of an incident: of its evidence what was seen last."""
    stored = values.pop("evidence")
    last = stored["last"]
    compared = values["kind"] == Incident.Kind.RECONCILIATION
    return {
        **values,
        "reconciliation": last["run"] if compared else None,
        "differences": [with_amounts(one) for one in last["differences"]] if compared else [],
        "evidence": {} if compared else last,
        "timeline": stored["timeline"],
    }


class ReconciliationListView(KeysetListView):
    """GET /api/reconciliations."""

    rules = {"GET": may("trading.view_reconciliationrun")}
    queryset = ReconciliationRun.objects.all()
    filterset_class = filters.ReconciliationFilters
    time_field = "at"
    columns = (
        *("id", "account", "session_key", "at", "at_start", "verdict", "block_number"),
        *("ledger_sequence", "order_count", "trade_count", "took_ms"),
        *("differences", "assets", "in_flight"),
    )

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return one comparison."""
        values["session"] = values.pop("session_key")
        for name in ("differences", "assets"):
            values[name] = [with_amounts(one) for one in values[name]]
        return values

    @endpoint(
        "listReconciliations",
        "List reconciliations",
        tag="facts",
        example_call=curl("/api/reconciliations?verdict=MISMATCH"),
        answer=ReconciliationRow(many=True),
        example=examples.RECONCILIATION,
    )
    def get(self, request: Request) -> Response:
        """Comparisons of ledger, venue and chain, newest first, with the exact differences.

        Only MATCH permits trading. A match is kept for a week, everything else for good.
        """
        return super().get(request)


class IncidentListView(KeysetListView):
    """GET and POST /api/incidents."""

    rules = {"GET": may("trading.view_incident"), "POST": may("trading.view_incident")}
    queryset = Incident.objects.all()
    filterset_class = filters.IncidentFilters
    time_field = "opened_at"
    columns = INCIDENT_COLUMNS

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return one incident."""
        return incident_answer(values)

    @endpoint(
        "listIncidents",
        "List incidents",
        tag="facts",
        example_call=curl("/api/incidents?state=OPEN"),
        answer=IncidentRow(many=True),
        example=examples.INCIDENT,
    )
    def get(self, request: Request) -> Response:
        """What has to be cleared up before trading goes on, newest first."""
        return super().get(request)

    @endpoint(
        "openIncident",
        "Report a security incident",
        tag="engine",
        example_call=curl("/api/incidents", body='{"title": "a laptop was stolen"}'),
        body=IncidentBody,
        answer=IncidentRow,
        example=examples.SECURITY_INCIDENT,
        refusals=(*WRITE, 404),
    )
    def post(self, request: Request) -> Response:
        """Halt trading and open a security incident, or add to the one that is open.

        Any role may. A live phase is rolled back while it is open.
        """
        values = self.body(IncidentBody)
        incident = report_security(
            settings.ACCOUNT,
            title=values["title"],
            details=values["details"],
            by=person(request),
            at=self.clock.now(),
        )
        return Response(
            incident_answer({name: getattr(incident, name) for name in INCIDENT_COLUMNS})
        )


class ResolveIncidentView(ApiView):
    """POST /api/incidents/{number}/resolve."""

    rules = {"POST": may("trading.resolve_incident")}

    @endpoint(
        "resolveIncident",
        "Resolve an incident",
        tag="engine",
        example_call=curl("/api/incidents/3/resolve", body='{"note": "a deposit; booked now"}'),
        body=ResolveBody,
        answer=IncidentRow,
        example=examples.INCIDENT,
        refusals=(*WRITE, 404),
    )
    def post(self, request: Request, number: int) -> Response:
        """Close an incident with what was found and done. It does not resume trading."""
        values = self.body(ResolveBody)
        incident = services.resolve_incident(
            find_incident(number), by=person(request), note=values["note"], at=self.clock.now()
        )
        return Response(
            incident_answer({name: getattr(incident, name) for name in INCIDENT_COLUMNS})
        )
