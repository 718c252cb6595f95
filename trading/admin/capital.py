"""Deposits and withdrawals that people recorded, and the form by which they do."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from polyarb_site.templatetags import money
from trading.admin.acting import ReasonForm
from trading.admin.base import Empty, FactAdmin
from trading.admin.cells import badge, list_url, money_badge
from trading.admin.filters import time_range
from trading.ledger.capital import with_booked
from trading.models import CapitalMovement, Mandate, Money
from trading.services import record_capital
from trading.services.capital import REFERENCE_LENGTH_MAX, amount_of
from trading.wording import GOOD, WARN, Wording

PERMISSION = "trading.record_capital"
WHAT = (
    "The books are told that money came into the wallet or left it: capital, which is no profit.",
    "It moves no money: neither the wallet nor the venue is asked for anything.",
    "Record a transfer when the chain has it, not before.",
    "It cannot be taken back; what was wrong is recorded once more with the opposite sign.",
)


class CapitalForm(ReasonForm):
    """What came in or left. Whether it can be is asked of the service."""

    amount = forms.CharField(
        required=False,
        max_length=40,
        label="Amount in dollars",
        help_text="What came in, such as 25; with a minus what was withdrawn, such as -12.50.",
        widget=UnfoldAdminTextInputWidget,
    )
    reference = forms.CharField(
        required=False,
        max_length=REFERENCE_LENGTH_MAX,
        label="Reference",
        help_text="Told again with the same reference, it is the same movement and counts once.",
        widget=UnfoldAdminTextInputWidget,
    )
    field_order = ("amount", "reference", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].widget.attrs.pop("autofocus", None)


def record(account: str, user: Any, data: dict[str, Any]) -> str:
    """Record what the form says and return what was done."""
    row = record_capital(
        account,
        amount_micro=amount_of(data["amount"]),
        reference=data["reference"].strip(),
        by=user,
        reason=data["reason"],
    )
    return f"Recorded as {row.reference}. No money was moved; a running engine books it at once."


@admin.register(CapitalMovement)
class CapitalMovementAdmin(FactAdmin):
    """What came in and left, the newest first."""

    list_display = ("at_cell", "amount", "money_kind", "booked_badge", "reference", "by_name")
    list_display_links = ("at_cell",)
    list_filter = (time_range("at"),)
    search_fields = ("account__exact", "reference__exact")
    search_help_text = "account or reference"
    export_fields: ClassVar[tuple[str, ...]] = (
        *("account", "money", "amount_micro", "reference", "reason", "by_name", "at"),
    )
    fieldsets = (
        (None, {"fields": ("account", "amount", "money_kind", "booked_badge", "at_cell")}),
        ("Why", {"fields": ("reason", "by_name", "reference")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Ask of each row whether the ledger has it."""
        return with_booked(super().get_queryset(request))

    def empty(self) -> Empty:
        """Say where one is recorded."""
        return Empty(
            title="No deposit or withdrawal was recorded",
            text="The ledger opens with what the wallet holds. What comes in or leaves later is "
            "recorded on the mandate's page, or the next comparison halts trading.",
            link=list_url(Mandate),
            link_text="Show the mandates",
        )

    @display(description="recorded", ordering="at")
    def at_cell(self, row: CapitalMovement) -> SafeString:
        """Return when."""
        return money.utc(row.at)

    @display(description="amount")
    def amount(self, row: CapitalMovement) -> SafeString:
        """Return what came in, or left."""
        return money.signed_money(row.amount_micro)

    @display(description="money")
    def money_kind(self, row: CapitalMovement) -> SafeString:
        """Return whose money it was."""
        return money_badge(Money(row.money))

    @display(description="booked")
    def booked_badge(self, row: Any) -> SafeString:
        """Return whether the ledger has it."""
        if row.booked:
            return badge(Wording("Booked", "The ledger has an entry of it.", "", GOOD))
        return badge(Wording("Waiting", "A live engine books it when it runs.", "", WARN))
