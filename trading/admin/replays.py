"""What came of replaying sessions."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from polyarb_site.templatetags import money
from trading.admin.base import Empty, FactAdmin
from trading.admin.cells import badge, id_text, record_link
from trading.admin.filters import choice, time_range
from trading.engine.units import text_from_micro
from trading.models import EngineSession, ReplayRun
from trading.replaying.wording import VERDICTS
from trading.wording import of

UNREAD = "the journal could not be replayed"


@admin.register(ReplayRun)
class ReplayRunAdmin(FactAdmin):
    """The journal through the engine again, each night, compared with journal and ledger."""

    change_form_template = "admin/trading/replayrun/change_form.html"
    list_display = (
        *("replayed", "day", "session_link", "verdict_badge", "said", "inputs_count"),
        *("commands_count", "realised", "booked", "took"),
    )
    list_display_links = ("replayed",)
    list_filter = (choice("verdict", "verdict", VERDICTS), time_range("at"))
    search_fields = ("session__key__exact", "account__exact", "sha256__exact")
    search_help_text = "session key, account or hash"
    list_select_related = ("session",)
    export_fields: ClassVar[tuple[str, ...]] = (
        *("account", "day", "session__key", "at", "verdict", "problem", "inputs", "commands"),
        *("last_sequence", "complete", "sha256", "recorded_sha256", "realised_micro"),
        *("ledger_micro", "different", "version", "took_ms"),
    )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Return the page of one replay."""
        row = self.get_object(request, object_id)
        own = _page(row) if isinstance(row, ReplayRun) else {}
        return super().change_view(request, object_id, form_url, {**own, **(extra_context or {})})

    def empty(self) -> Empty:
        """Say when they come."""
        return Empty(
            title="Nothing was replayed yet",
            text="At 00:20 UTC each session of the day before is replayed from its journal: every "
            "command has to come out as it was, and the day's result has to be the ledger's. For "
            "a replay right now: manage.py replay YYYYMMDD --store.",
        )

    @display(description="replayed", ordering="at")
    def replayed(self, row: ReplayRun) -> SafeString:
        """Return when it was."""
        return money.utc(row.at)

    @display(description="session")
    def session_link(self, row: ReplayRun) -> SafeString:
        """Return the run that was replayed."""
        return record_link(EngineSession, row.session.key)

    @display(description="verdict")
    def verdict_badge(self, row: ReplayRun) -> SafeString:
        """Return what came of it."""
        return badge(of(VERDICTS, row.verdict))

    @display(description="what was different")
    def said(self, row: ReplayRun) -> str:
        """Return it in words."""
        return row.problem or "nothing"

    @display(description="inputs")
    def inputs_count(self, row: ReplayRun) -> SafeString:
        """Return how many inputs of that day there were."""
        return money.count(row.inputs)

    @display(description="commands")
    def commands_count(self, row: ReplayRun) -> SafeString:
        """Return what the engine said to them."""
        return money.count(row.commands)

    @display(description="replayed result")
    def realised(self, row: ReplayRun) -> SafeString:
        """Return what the replay realised that day."""
        return money.signed_money(row.realised_micro, UNREAD)

    @display(description="ledger")
    def booked(self, row: ReplayRun) -> SafeString:
        """Return what the ledger has."""
        return money.signed_money(row.ledger_micro)

    @display(description="took")
    def took(self, row: ReplayRun) -> SafeString:
        """Return how long it took."""
        return money.millis(row.took_ms)


def _page(row: ReplayRun) -> dict[str, Any]:
    same_hash = bool(row.sha256) and row.sha256 == row.recorded_sha256
    realised, ledger = row.realised_micro, row.ledger_micro
    return {
        "title": "Replay",
        "subtitle": str(row),
        "row": row,
        "verdict": of(VERDICTS, row.verdict),
        "session": record_link(EngineSession, row.session.key),
        "unread": UNREAD,
        "same_hash": same_hash,
        "replayed_hash": id_text(row.sha256, UNREAD),
        "recorded_hash": id_text(row.recorded_sha256, UNREAD),
        "realised_text": None if realised is None else text_from_micro(realised),
        "ledger_text": None if ledger is None else text_from_micro(ledger),
        "same_money": realised is not None and realised == ledger,
        "more": row.different - len(row.differences),
    }
