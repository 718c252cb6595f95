"""Deposits and withdrawals: which were recorded, and telling the books of one."""

from typing import Any

import django_filters  # type: ignore[import-untyped] # no stubs exist
from django.conf import settings
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from polyarb_site.rest.describe import WRITE, curl, endpoint
from polyarb_site.rest.filters import moment, one_of
from polyarb_site.rest.permissions import may
from polyarb_site.rest.serializers import (
    REASON_LENGTH_MAX,
    Answer,
    Body,
    DecimalTextField,
    LineField,
    MicroField,
)
from polyarb_site.rest.views import KeysetListView, person
from trading import services
from trading.api.filters import SINCE, UNTIL
from trading.api.serializers import MoneyKindField
from trading.engine.units import text_from_micro
from trading.ledger.capital import with_booked
from trading.models import CapitalMovement, Money
from trading.services.capital import REFERENCE_LENGTH_MAX, amount_of

COLUMNS = ("id", "account", "money", "amount_micro", "reference", "reason", "by_name", "at")
EXAMPLE: dict[str, Any] = {
    "id": 4,
    "account": "main",
    "money": "PLAY",
    "amount_micro": -12_500_000,
    "amount": "-12.5",
    "reference": "withdrawal-2026-10",
    "reason": "to the treasury",
    "by_name": "adam",
    "at": "2026-10-01T12:00:00Z",
    "booked": False,
}


class CapitalRow(Answer):
    """One deposit (positive) or withdrawal (negative)."""

    id = serializers.IntegerField()
    account = serializers.CharField()
    money = MoneyKindField()
    amount_micro = MicroField(help_text="Dollars that came in; negative: that left.")
    amount = DecimalTextField()
    reference = serializers.CharField()
    reason = serializers.CharField()
    by_name = serializers.CharField()
    at = serializers.DateTimeField()
    booked = serializers.BooleanField(help_text="Whether the ledger has its entry.")


class CapitalBody(Body):
    """What came into the wallet or left it."""

    amount = LineField(max_length=40, help_text='Signed dollars as text, such as "-12.50".')
    reason = LineField(max_length=REASON_LENGTH_MAX)
    reference = LineField(
        max_length=REFERENCE_LENGTH_MAX,
        required=False,
        help_text="Told again with the same one, it is the same movement and counts once.",
    )


class CapitalFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of GET /api/capital."""

    money = one_of("money", Money.values, "Whose money it was.")
    since = moment("at", "gte", SINCE)
    until = moment("at", "lt", UNTIL)

    class Meta:
        model = CapitalMovement
        fields: tuple[str, ...] = ()


class CapitalView(KeysetListView):
    """GET and POST /api/capital."""

    rules = {"GET": may("trading.view_capitalmovement"), "POST": may("trading.record_capital")}
    filterset_class = CapitalFilters
    time_field = "at"
    columns = (*COLUMNS, "booked")

    def get_queryset(self) -> QuerySet[Any]:
        """Return all movements with whether each is booked."""
        return with_booked(CapitalMovement.objects.all())

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return one movement."""
        return {**values, "amount": text_from_micro(values["amount_micro"])}

    @endpoint(
        "listCapital",
        "List deposits and withdrawals",
        tag="facts",
        example_call=curl("/api/capital"),
        answer=CapitalRow(many=True),
        example=EXAMPLE,
    )
    def get(self, request: Request) -> Response:
        """Deposits and withdrawals that were recorded, newest first; each is capital, no profit."""
        return super().get(request)

    @endpoint(
        "recordCapital",
        "Record a deposit or withdrawal",
        tag="engine",
        example_call=curl(
            "/api/capital",
            body='{"amount": "-12.50", "reference": "withdrawal-2026-10", "reason": "treasury"}',
        ),
        body=CapitalBody,
        answer=CapitalRow,
        example=EXAMPLE,
        refusals=WRITE,
    )
    def post(self, request: Request) -> Response:
        """Tell the books of a transfer that the chain has already. It moves no money.

        A running engine books it at once, else the next one does. The same reference with the same
        amount records nothing a second time; with another amount it is refused.
        """
        values = self.body(CapitalBody)
        movement = services.record_capital(
            settings.ACCOUNT,
            amount_micro=amount_of(values["amount"]),
            reference=values.get("reference", ""),
            by=person(request),
            reason=values["reason"],
            at=self.clock.now(),
        )
        rows = self.get_queryset().filter(pk=movement.pk)
        return Response(self.row(rows.values(*self.columns).get()))
