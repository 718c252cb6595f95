"""Alerts: what is wrong now, what there was, and what people do with them."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from alerts.api import examples, filters, shapes
from alerts.api.bodies import CommentBody, NoteBody
from alerts.models import Alert, AlertMove
from alerts.selectors.state import (
    COLUMNS,
    MOVE_COLUMNS,
    alert_state,
    told,
    told_alert,
    told_move,
)
from alerts.services import states
from alerts.services.moves import find_alert
from polyarb_site.rest.describe import READ, WRITE, curl, endpoint, query
from polyarb_site.rest.errors import invalid
from polyarb_site.rest.exports import csv_response
from polyarb_site.rest.permissions import may
from polyarb_site.rest.views import ApiView, KeysetListView, person

READS = may("alerts.view_alert")
ACT_REFUSALS = (*WRITE, 404)


class StateView(ApiView):
    """GET /api/alerts/state."""

    rules = {"GET": READS}
    query_names = ("resolved",)

    @endpoint(
        "getAlertState",
        "What is wrong now",
        tag="alerts",
        example_call=curl("/api/alerts/state")
        + " \\\n  | jq '.alerts[] | select(.state==\"FIRING\")'",
        answer=shapes.StateAnswer,
        example=examples.STATE,
        parameters=[
            query(
                "resolved",
                {"type": "boolean", "default": False},
                "With true also the newest alert of each rule that has ended.",
            )
        ],
    )
    def get(self, request: Request) -> Response:
        """Every alert that has not ended, gravest first, and how many fire.

        An alert that somebody has acknowledged is ACKED and counts on. `counts.reason` says when
        nobody judges the rules at present, so that an empty list is never taken for good news.
        """
        asked = request.query_params.get("resolved", "false")
        if asked not in ("true", "false"):
            raise invalid("resolved", "resolved is true or false")
        return Response(alert_state(settings.ACCOUNT, self.clock.now(), resolved=asked == "true"))


class AlertListView(KeysetListView):
    """GET /api/alerts."""

    rules = {"GET": READS}
    queryset = Alert.objects.all()
    filterset_class = filters.AlertFilters
    time_field = "opened_at"
    columns = COLUMNS

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return one alert."""
        return told(values)

    @endpoint(
        "listAlerts",
        "List alerts",
        tag="alerts",
        example_call=curl("/api/alerts?level=CRITICAL&since=2026-10-01"),
        answer=shapes.AlertRow(many=True),
        example=examples.ALERT,
    )
    def get(self, request: Request) -> Response:
        """All alerts there ever were, newest first: one for each spell of a rule's condition."""
        return super().get(request)


class HistoryView(KeysetListView):
    """GET /api/alerts/history."""

    rules = {"GET": READS}
    queryset = AlertMove.objects.all()
    filterset_class = filters.HistoryFilters
    time_field = "at"
    columns = (*MOVE_COLUMNS, "alert_id", "alert__account", "alert__rule_id", "alert__level")

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return one move with its alert."""
        values["alert"] = values.pop("alert_id")
        for name in ("account", "rule_id", "level"):
            values[name] = values.pop(f"alert__{name}")
        return told_move(values)

    @endpoint(
        "listAlertHistory",
        "History of alerts",
        tag="alerts",
        example_call=curl("/api/alerts/history?rule=WS_DISCONNECTED"),
        answer=shapes.HistoryRow(many=True),
        example=examples.MOVE,
    )
    def get(self, request: Request) -> Response:
        """Every move of every alert, newest first: who, when, from where to where, and why."""
        return super().get(request)


class HistoryCsvView(HistoryView):
    """GET /api/alerts/history.csv."""

    pagination_class = None

    def known_query_names(self) -> tuple[str, ...]:
        """Return the filters; a file has no pages."""
        return tuple(sorted(self.filterset_class.base_filters))

    @endpoint(
        "exportAlertHistory",
        "History of alerts as CSV",
        tag="alerts",
        example_call=curl("/api/alerts/history.csv?since=2026-10-01&until=2026-10-02"),
        answer=str,
        media_type="text/csv",
    )
    def get(self, request: Request) -> HttpResponseBase:  # type: ignore[override] # a file
        """The same rows and filters as a file for a spreadsheet: one line per move, UTF-8."""
        names = list(shapes.HistoryRow().fields)
        return csv_response(request, self, names=names, file_name="alert-history.csv")


class AlertView(ApiView):
    """GET /api/alerts/{number}."""

    rules = {"GET": READS}

    @endpoint(
        "getAlert",
        "Show an alert",
        tag="alerts",
        example_call=curl("/api/alerts/12"),
        answer=shapes.AlertAnswer,
        example=examples.ALERT_ANSWER,
        refusals=(*READ, 404),
    )
    def get(self, request: Request, number: int) -> Response:
        """One alert with its moves."""
        del request
        return Response(told_alert(find_alert(number).pk))


class ActView(ApiView):
    """One thing that a person does with an alert, and the alert as it is then."""

    def done(
        self, request: Request, number: int, service: Callable[..., Alert], **said: Any
    ) -> Response:
        """Call a service and answer with the alert."""
        row = service(find_alert(number), by=person(request), at=self.clock.now(), **said)
        return Response(told_alert(row.pk))


class AckView(ActView):
    """POST /api/alerts/{number}/ack."""

    rules = {"POST": may("alerts.acknowledge_alert")}

    @endpoint(
        "acknowledgeAlert",
        "Acknowledge an alert",
        tag="alerts",
        example_call=curl("/api/alerts/12/ack", body='{"comment": "the venue is down; I watch"}'),
        body=CommentBody,
        answer=shapes.AlertAnswer,
        example=examples.ALERT_ANSWER,
        refusals=ACT_REFUSALS,
    )
    def post(self, request: Request, number: int) -> Response:
        """Say that somebody has it. It stays until its condition has ended, and escalates no more.

        Only an alert that is FIRING can be acknowledged.
        """
        said = self.body(CommentBody)
        return self.done(request, number, states.acknowledge, comment=said["comment"])


class UnackView(ActView):
    """POST /api/alerts/{number}/unack."""

    rules = {"POST": may("alerts.acknowledge_alert")}

    @endpoint(
        "unacknowledgeAlert",
        "Give an alert back",
        tag="alerts",
        example_call=curl("/api/alerts/12/unack", body='{"comment": "my shift is over"}'),
        body=CommentBody,
        answer=shapes.AlertAnswer,
        example=examples.ALERT_ANSWER,
        refusals=ACT_REFUSALS,
    )
    def post(self, request: Request, number: int) -> Response:
        """Take an acknowledgement back: it fires again, and escalates anew."""
        said = self.body(CommentBody)
        return self.done(request, number, states.unacknowledge, comment=said["comment"])


class ResolveView(ActView):
    """POST /api/alerts/{number}/resolve."""

    rules = {"POST": may("alerts.resolve_alert")}

    @endpoint(
        "resolveAlert",
        "Resolve an alert",
        tag="alerts",
        example_call=curl("/api/alerts/12/resolve", body='{"note": "a switch was replaced"}'),
        body=NoteBody,
        answer=shapes.AlertAnswer,
        example=examples.ALERT_ANSWER,
        refusals=ACT_REFUSALS,
    )
    def post(self, request: Request, number: int) -> Response:
        """Close an alert whose condition has ended, or say of a resolved one what it was.

        Refused with STILL_BAD while the condition holds. It does not resume trading.
        """
        return self.done(request, number, states.resolve, note=self.body(NoteBody)["note"])


class CommentView(ActView):
    """POST /api/alerts/{number}/comment."""

    rules = {"POST": may("alerts.acknowledge_alert")}

    @endpoint(
        "commentAlert",
        "Comment on an alert",
        tag="alerts",
        example_call=curl("/api/alerts/12/comment", body='{"comment": "asked the provider"}'),
        body=CommentBody,
        answer=shapes.AlertAnswer,
        example=examples.ALERT_ANSWER,
        refusals=ACT_REFUSALS,
    )
    def post(self, request: Request, number: int) -> Response:
        """Add a line to its history; its state stays."""
        return self.done(request, number, states.comment, text=self.body(CommentBody)["comment"])
