"""The double-entry ledger."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.decorators import display

from polyarb_site.templatetags import money
from trading.admin.base import Empty, FactAdmin
from trading.admin.cells import id_text, money_badge, record_link, row_money
from trading.admin.filters import MoneyFilter, time_range, words_filter
from trading.engine.balances import EntryKind
from trading.models import ArbitrageSet, LedgerEntry, LedgerPosting


class PostingInline(TabularInline):
    """The lines of one entry."""

    model = LedgerPosting
    fields = ("line", "account", "token", "debit", "credit", "quantity")
    readonly_fields = fields
    extra = 0
    can_delete = False
    hide_title = True
    ordering = ("line",)

    def has_add_permission(self, *_: Any) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, *_: Any, **__: Any) -> bool:
        """Refuse."""
        return False

    def has_view_permission(self, request: HttpRequest, *_: Any, **__: Any) -> bool:
        """Let who sees the entry see its lines."""
        return request.user.has_perm("trading.view_ledgerentry")

    @display(description="token")
    def token(self, row: LedgerPosting) -> SafeString:
        """Return the token of a position."""
        return id_text(row.token_id, "dollars, no token")

    @display(description="debit")
    def debit(self, row: LedgerPosting) -> SafeString:
        """Return what goes in."""
        return money.money(row.amount_micro if row.amount_micro > 0 else None, "a credit")

    @display(description="credit")
    def credit(self, row: LedgerPosting) -> SafeString:
        """Return what goes out."""
        return money.money(-row.amount_micro if row.amount_micro < 0 else None, "a debit")

    @display(description="shares")
    def quantity(self, row: LedgerPosting) -> SafeString:
        """Return the shares that move with it."""
        return money.shares(row.quantity_micro or None, "no shares move")


@admin.register(LedgerEntry)
class LedgerEntryAdmin(FactAdmin):
    """Every booking. The lines of each sum to zero."""

    natural_key = "entry_id"
    list_display = ("booked", "kind", "realised", "money_kind", "set_link", "entry")
    list_display_links = ("booked",)
    list_filter = (words_filter("kind", "kind", EntryKind), MoneyFilter, time_range("at"))
    list_select_related = ("session",)
    search_fields = ("entry_id__exact", "set_id__exact")
    search_help_text = "entry id or set id"
    inlines = (PostingInline,)
    export_fields: ClassVar[tuple[str, ...]] = (
        *("entry_id", "set_id", "kind", "at", "realised_micro", "paper", "session__feed"),
    )
    fieldsets = (
        (None, {"fields": ("kind", "booked", "realised", "money_kind", "set_link", "total")}),
        ("Identity", {"fields": ("entry_id",)}),
    )

    def empty(self) -> Empty:
        """Say what comes first."""
        return Empty(
            title="Nothing is booked yet",
            text="The first entry is the opening balance, booked when the engine first starts.",
        )

    @display(description="booked", ordering="at")
    def booked(self, row: LedgerEntry) -> SafeString:
        """Return when it was booked."""
        return money.utc(row.at)

    @display(description="realised")
    def realised(self, row: LedgerEntry) -> SafeString:
        """Return what it brought or cost; most entries realise nothing."""
        return money.signed_money(row.realised_micro)

    @display(description="money")
    def money_kind(self, row: LedgerEntry) -> SafeString:
        """Return whose money it was."""
        return money_badge(row_money(row))

    @display(description="set")
    def set_link(self, row: LedgerEntry) -> SafeString:
        """Return the set that it is for."""
        return record_link(ArbitrageSet, row.set_id, reason="it belongs to no set")

    @display(description="entry")
    def entry(self, row: LedgerEntry) -> SafeString:
        """Return its id."""
        return id_text(row.entry_id)

    @display(description="sum of the lines")
    def total(self, row: LedgerEntry) -> SafeString:
        """Return the sum of its lines, which is zero."""
        return money.money(sum(posting.amount_micro for posting in row.postings.all()))
