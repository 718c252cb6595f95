"""Who is told and who is not: silences, channels without their secrets, and deliveries."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from alerts.api import examples, filters, telling_shapes
from alerts.api.telling_shapes import ChannelBody, EmptyBody, EndingBody, SilenceBody
from alerts.models import Channel, Delivery, Silence
from alerts.services import channels
from alerts.services.silences import add_silence, end_silence, find_silence
from polyarb_site.rest.describe import WRITE, curl, endpoint
from polyarb_site.rest.exports import csv_response
from polyarb_site.rest.permissions import may
from polyarb_site.rest.views import ApiView, KeysetListView, person

SILENCE_COLUMNS = (
    *("id", "kind", "account", "rule_ids", "levels", "reason", "starts_at", "ends_at", "weekdays"),
    *("from_minute", "minutes", "created_by", "created_at", "ended_by", "ended_at"),
)
CHANNEL_COLUMNS = (
    *("id", "name", "kind", "enabled", "level_min", "tier", "tell_resolved", "shown"),
    *("created_by", "created_at", "changed_at", "tested_at", "delivered_at", "latency_ms"),
    *("failing_since", "problem"),
)
DELIVERY_COLUMNS = (
    *("id", "channel_name", "kind", "state", "level", "title", "alert_ids", "created_at"),
    *("next_try_at", "expires_at", "tries", "started_at", "sent_at", "latency_ms", "outcome"),
    "repeated",
)


def silence_answer(values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return a silence with whether it is in force."""
    ended = values["ended_at"] is not None or values["ends_at"] <= now
    state = "ENDED" if ended else "ACTIVE" if values["starts_at"] <= now else "UPCOMING"
    return {**values, "state": state}


def columns_of(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Return these columns of a row."""
    return {name: getattr(row, name) for name in names}


def delivery_answer(values: dict[str, Any]) -> dict[str, Any]:
    """Return a delivery under the names of its answer."""
    values["channel"] = values.pop("channel_name")
    return values


class SilenceListView(KeysetListView):
    """GET and POST /api/alerts/silences."""

    rules = {"GET": may("alerts.view_silence"), "POST": may("alerts.manage_silence")}
    queryset = Silence.objects.all()
    filterset_class = filters.SilenceFilters
    time_field = "starts_at"
    columns = SILENCE_COLUMNS

    def known_query_names(self) -> tuple[str, ...]:
        """Return the filters of the list; adding one knows none."""
        return super().known_query_names() if self.request.method != "POST" else ()

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return one silence."""
        return silence_answer(values, self.clock.now())

    @endpoint(
        "listSilences",
        "List silences",
        tag="alerts",
        example_call=curl("/api/alerts/silences?state=ACTIVE"),
        answer=telling_shapes.SilenceRow(many=True),
        example=examples.SILENCE,
    )
    def get(self, request: Request) -> Response:
        """Silences and maintenance windows, newest first, with whether they are in force."""
        return super().get(request)

    @endpoint(
        "addSilence",
        "Silence alerts",
        tag="alerts",
        example_call=curl(
            "/api/alerts/silences",
            body='{"rule_ids": ["LATENCY_P95_HIGH"], "ends_at": "2026-10-01T18:00:00Z", '
            '"reason": "the host is being replaced"}',
        ),
        body=SilenceBody,
        answer=telling_shapes.SilenceRow,
        example=examples.SILENCE,
        refusals=WRITE,
    )
    def post(self, request: Request) -> Response:
        """Tell nobody of what matches, until an end. Alerts are kept, and stop trading anyway.

        A window of kind MAINTENANCE mutes on some days of the week for some minutes of UTC.
        """
        now = self.clock.now()
        row = add_silence(self.body(SilenceBody), by=person(request), at=now)
        return Response(silence_answer(columns_of(row, SILENCE_COLUMNS), now))


class EndSilenceView(ApiView):
    """POST /api/alerts/silences/{number}/end."""

    rules = {"POST": may("alerts.manage_silence")}

    @endpoint(
        "endSilence",
        "End a silence",
        tag="alerts",
        example_call=curl("/api/alerts/silences/3/end", body='{"reason": "done earlier"}'),
        body=EndingBody,
        answer=telling_shapes.SilenceRow,
        example=examples.SILENCE,
        refusals=(*WRITE, 404),
    )
    def post(self, request: Request, number: int) -> Response:
        """End it before its time: what it muted and still fires is told."""
        now, said = self.clock.now(), self.body(EndingBody)
        row = end_silence(find_silence(number), by=person(request), reason=said["reason"], at=now)
        return Response(silence_answer(columns_of(row, SILENCE_COLUMNS), now))


class ChannelListView(ApiView):
    """GET and POST /api/alerts/channels."""

    rules = {"GET": may("alerts.view_channel"), "POST": may("alerts.manage_channel")}

    @endpoint(
        "listChannels",
        "List channels",
        tag="alerts",
        example_call=curl("/api/alerts/channels"),
        answer=telling_shapes.ChannelListAnswer,
        example=examples.CHANNELS,
    )
    def get(self, request: Request) -> Response:
        """Where people are told, and how it last went. Addresses and keys are never answered."""
        del request
        return Response({"items": list(Channel.objects.values(*CHANNEL_COLUMNS))})

    @endpoint(
        "saveChannel",
        "Add or change a channel",
        tag="alerts",
        example_call=curl(
            "/api/alerts/channels",
            body='{"name": "office", "kind": "APPRISE", "address": "ntfy://ntfy.example/polyarb"}',
        ),
        body=ChannelBody,
        answer=telling_shapes.ChannelRow,
        example=examples.CHANNEL,
        refusals=WRITE,
    )
    def post(self, request: Request) -> Response:
        """Add a channel, or change the one of that name. Without an address it keeps its own."""
        said = self.body(ChannelBody)
        row = channels.save_channel(
            said.pop("name"), by=person(request), at=self.clock.now(), **said
        )
        return Response(columns_of(row, CHANNEL_COLUMNS))


class RemoveChannelView(ApiView):
    """POST /api/alerts/channels/{number}/remove."""

    rules = {"POST": may("alerts.manage_channel")}

    @endpoint(
        "removeChannel",
        "Remove a channel",
        tag="alerts",
        example_call=curl("/api/alerts/channels/2/remove", body='{"reason": "nobody reads it"}'),
        body=EndingBody,
        answer=telling_shapes.RemovedAnswer,
        example=examples.REMOVED,
        refusals=(*WRITE, 404),
    )
    def post(self, request: Request, number: int) -> Response:
        """Remove it with its address. Its deliveries stay, what waits is withdrawn."""
        said = self.body(EndingBody)
        row = channels.find_channel(number)
        channels.remove_channel(row, by=person(request), reason=said["reason"], at=self.clock.now())
        return Response({"removed": True, "name": row.name})


class TestChannelView(ApiView):
    """POST /api/alerts/channels/{number}/test."""

    rules = {"POST": may("alerts.manage_channel")}

    @endpoint(
        "testChannel",
        "Test a channel",
        tag="alerts",
        example_call=curl("/api/alerts/channels/2/test", method="POST"),
        body=EmptyBody,
        answer=telling_shapes.DeliveryRow,
        example=examples.DELIVERY,
        refusals=(*WRITE, 404),
    )
    def post(self, request: Request, number: int) -> Response:
        """Put a test message into its queue; the deliveries say how it went."""
        self.body(EmptyBody)
        row = channels.test_channel(
            channels.find_channel(number), by=person(request), at=self.clock.now()
        )
        return Response(delivery_answer(columns_of(row, DELIVERY_COLUMNS)))


class DeliveryListView(KeysetListView):
    """GET /api/alerts/deliveries."""

    rules = {"GET": may("alerts.view_delivery")}
    queryset = Delivery.objects.all()
    filterset_class = filters.DeliveryFilters
    time_field = "created_at"
    columns = DELIVERY_COLUMNS

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return one delivery."""
        return delivery_answer(values)

    @endpoint(
        "listDeliveries",
        "List deliveries",
        tag="alerts",
        example_call=curl("/api/alerts/deliveries?state=WAITING"),
        answer=telling_shapes.DeliveryRow(many=True),
        example=examples.DELIVERY,
    )
    def get(self, request: Request) -> Response:
        """Every message to every channel, newest first, with its tries and what came of them."""
        return super().get(request)


class DeliveryCsvView(DeliveryListView):
    """GET /api/alerts/deliveries.csv."""

    pagination_class = None

    def known_query_names(self) -> tuple[str, ...]:
        """Return the filters; a file has no pages."""
        return tuple(sorted(self.filterset_class.base_filters))

    @endpoint(
        "exportDeliveries",
        "Deliveries as CSV",
        tag="alerts",
        example_call=curl("/api/alerts/deliveries.csv?since=2026-10-01"),
        answer=str,
        media_type="text/csv",
    )
    def get(self, request: Request) -> HttpResponseBase:  # type: ignore[override] # a file
        """The same rows and filters as a file for a spreadsheet: one line per message, UTF-8."""
        names = list(telling_shapes.DeliveryRow().fields)
        return csv_response(request, self, names=names, file_name="deliveries.csv")
