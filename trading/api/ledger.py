"""The ledger for accounting: every line of every double entry, and what the columns mean."""

from typing import Any

import django_filters  # type: ignore[import-untyped] # no stubs exist
from django.http.response import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from polyarb_site.rest.describe import curl, endpoint
from polyarb_site.rest.exports import csv_response
from polyarb_site.rest.filters import moment, one_of, word
from polyarb_site.rest.permissions import may
from polyarb_site.rest.serializers import Answer, DecimalTextField, MicroField
from polyarb_site.rest.views import ApiView, KeysetListView
from trading.api.columns import FILES, FileColumns
from trading.api.filters import SET, SINCE, UNTIL
from trading.api.serializers import MoneyKindField
from trading.engine.balances import EntryKind
from trading.engine.codes import Account
from trading.engine.units import text_from_micro
from trading.models import LedgerPosting, Money, money_of_row, rows_with

LEDGER_KINDS = tuple(EntryKind)
LEDGER_ACCOUNTS = tuple(Account)
EXAMPLE = {
    "id": 31,
    "entry_id": "main:paper:main-7-MERGE-s1",
    "line": 0,
    "kind": "MERGE",
    "booked_at": "2026-03-02T12:00:09Z",
    "session": "main-7",
    "set_id": "main-7-s1",
    "account": "CASH",
    "token_id": "",
    "amount_micro": 5_000_000,
    "amount": "5",
    "quantity_micro": 0,
    "quantity": "0",
    "entry_realised_micro": 44_000,
    "entry_realised": "0.044",
    "money": "PAPER",
}
COLUMNS_EXAMPLE = {
    "file": "/api/ledger.csv",
    "line": "One posting of one double entry.",
    "columns": [{"name": "amount_micro", "meaning": "Positive is a debit, negative a credit."}],
}


class LedgerRow(Answer):
    """One line of one double entry. The lines of an entry sum to zero."""

    id = serializers.IntegerField()
    entry_id = serializers.CharField()
    line = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=list(LEDGER_KINDS))
    booked_at = serializers.DateTimeField()
    session = serializers.CharField()
    set_id = serializers.CharField(allow_blank=True)
    account = serializers.ChoiceField(choices=list(LEDGER_ACCOUNTS))
    token_id = serializers.CharField(allow_blank=True)
    amount_micro = MicroField()
    amount = DecimalTextField()
    quantity_micro = MicroField()
    quantity = DecimalTextField()
    entry_realised_micro = MicroField()
    entry_realised = DecimalTextField()
    money = MoneyKindField()


class LedgerFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of GET /api/ledger."""

    kind = one_of("entry__kind", LEDGER_KINDS, "What the entry records.")
    account = one_of("account", LEDGER_ACCOUNTS, "The account of the line.")
    set = word("entry__set_id", 100, SET)
    money = one_of(
        "entry__paper",
        Money.values,
        "Whose money it was: PAPER, PLAY on the local venue, or REAL.",
        method=lambda rows, _name, value: rows.filter(rows_with(Money(value), to="entry__")),
    )
    since = moment("entry__at", "gte", SINCE)
    until = moment("entry__at", "lt", UNTIL)

    class Meta:
        model = LedgerPosting
        fields: tuple[str, ...] = ()


class LedgerListView(KeysetListView):
    """GET /api/ledger."""

    rules = {"GET": may("trading.view_ledgerentry")}
    queryset = LedgerPosting.objects.all()
    filterset_class = LedgerFilters
    time_field = "entry__at"
    columns = (
        *("id", "entry__entry_id", "line", "entry__kind", "entry__at", "entry__session__key"),
        *("entry__session__feed", "entry__set_id", "entry__paper", "entry__realised_micro"),
        *("account", "token_id", "amount_micro", "quantity_micro"),
    )

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return one line."""
        paper, feed = values["entry__paper"], values["entry__session__feed"]
        return {
            "id": values["id"],
            "entry_id": values["entry__entry_id"],
            "line": values["line"],
            "kind": values["entry__kind"],
            "booked_at": values["entry__at"],
            "session": values["entry__session__key"],
            "set_id": values["entry__set_id"],
            "account": values["account"],
            "token_id": values["token_id"],
            "amount_micro": values["amount_micro"],
            "amount": text_from_micro(values["amount_micro"]),
            "quantity_micro": values["quantity_micro"],
            "quantity": text_from_micro(values["quantity_micro"]),
            "entry_realised_micro": values["entry__realised_micro"],
            "entry_realised": text_from_micro(values["entry__realised_micro"]),
            "money": money_of_row(paper=paper, feed=feed).value,
        }

    @endpoint(
        "listLedger",
        "List ledger lines",
        tag="facts",
        example_call=curl("/api/ledger?kind=MERGE&limit=100"),
        answer=LedgerRow(many=True),
        example=EXAMPLE,
    )
    def get(self, request: Request) -> Response:
        """Lines of the double-entry ledger, newest first; the lines of an entry sum to zero."""
        return super().get(request)


class LedgerCsvView(LedgerListView):
    """GET /api/ledger.csv."""

    pagination_class = None

    def known_query_names(self) -> tuple[str, ...]:
        """Return the filters; a file has no pages."""
        return tuple(sorted(self.filterset_class.base_filters))

    @endpoint(
        "exportLedger",
        "Ledger as CSV",
        tag="facts",
        example_call=curl("/api/ledger.csv?since=2026-10-01&until=2026-11-01&money=REAL"),
        answer=str,
        media_type="text/csv",
    )
    def get(self, request: Request) -> HttpResponseBase:  # type: ignore[override] # a file
        """The same lines and filters as a file for accounting, UTF-8, times in UTC.

        GET /api/accounting explains each column. A file has at most 250,000 lines: above that it
        is refused, never cut.
        """
        return csv_response(request, self, names=list(LedgerRow().fields), file_name="ledger.csv")


class ColumnAnswer(Answer):
    """One column of a file."""

    name = serializers.CharField()
    meaning = serializers.CharField()


class FileAnswer(Answer):
    """One file for accounting."""

    file = serializers.CharField(help_text="Its address.")
    line = serializers.CharField(help_text="What one line is.")
    columns = ColumnAnswer(many=True)


class AccountingAnswer(Answer):
    """The files for accounting."""

    files = FileAnswer(many=True)


class AccountingView(ApiView):
    """GET /api/accounting."""

    rules = {"GET": may("trading.view_ledgerentry")}

    @endpoint(
        "explainAccounting",
        "What the columns of the files mean",
        tag="facts",
        example_call=curl("/api/accounting"),
        answer=AccountingAnswer,
        example={"files": [COLUMNS_EXAMPLE]},
    )
    def get(self, request: Request) -> Response:
        """Each file for accounting with a sentence for each of its columns."""
        del request
        return Response({"files": [_told(file) for file in FILES]})


def _told(file: FileColumns) -> dict[str, Any]:
    columns = [{"name": name, "meaning": meaning} for name, meaning in file.columns.items()]
    return {"file": file.address, "line": file.line, "columns": columns}
