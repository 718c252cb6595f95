"""Incidents, and the acts on them: resolving with a note, and recording what explains it."""

from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from polyarb_site.templatetags import money
from trading.admin import capital
from trading.admin.acting import Act, ReasonForm, Scene, perform
from trading.admin.base import Empty, FactAdmin
from trading.admin.cells import badge, list_url, record_url
from trading.admin.filters import choice, time_range, words_filter
from trading.admin.reconciliations import difference_lines
from trading.engine.units import text_from_micro
from trading.models import Incident, ReconciliationRun
from trading.reconciling.code_words import finding_text
from trading.reconciling.wording import INCIDENTS
from trading.selectors.reconciliations import unexplained_cash_micro
from trading.services import ServiceRefused, resolve_incident
from trading.services.incidents import NOTE_LENGTH_MAX, TITLE_LENGTH_MAX
from trading.services.security import DETAILS_LENGTH_MAX, PERMISSION, report_security
from trading.wording import of

NOT_CASH_ALONE = ServiceRefused(
    "NOT_CASH_ALONE",
    "more than dollars is unexplained here, or it is cleared up already",
    "a transfer of which you know is recorded on the mandate's page",
)


class NoteForm(ReasonForm):
    """What was wrong and what was done. Whether it is enough is asked of the service."""

    reason = forms.CharField(
        required=False,
        max_length=NOTE_LENGTH_MAX,
        label="Note",
        help_text="What was wrong, and what was done about it. It is kept beside your name.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "autofocus": True}),
    )


class SecurityForm(ReasonForm):
    """What is wrong, in a sentence, and what is known of it."""

    field_order = ("title", "reason")
    title = forms.CharField(
        required=False,
        max_length=TITLE_LENGTH_MAX,
        label="What is wrong",
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True}),
    )
    reason = forms.CharField(
        required=False,
        max_length=DETAILS_LENGTH_MAX,
        label="What is known of it",
        help_text="Never a key or a password. It is kept beside your name.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


AGAIN: dict[str, tuple[str, ...]] = {
    Incident.Kind.RECONCILIATION: (
        "If the difference is still there, the next comparison opens a new incident.",
    ),
    Incident.Kind.ROLLBACK: ("A kill criterion that is met again rolls back again.",),
    Incident.Kind.SECURITY: ("Say in the note which keys and passwords were changed.",),
}


@admin.register(Incident)
class IncidentAdmin(FactAdmin):
    """What a person has to clear up before trading goes on."""

    change_form_template = "admin/trading/incident/change_form.html"
    list_before_template = "admin/trading/incident/above.html"  # type: ignore[assignment]
    list_display = ("opened", "state_badge", "sort", "told", "seen", "last_seen", "resolved")
    list_display_links = ("opened",)
    list_filter = (
        choice("state", "state", INCIDENTS),
        words_filter("kind", "kind", Incident.Kind.values),
        time_range("opened_at"),
    )
    search_fields = ("account__exact",)
    search_help_text = "account"
    export_fields: ClassVar[tuple[str, ...]] = (
        *("account", "kind", "title", "state", "opened_at", "last_seen_at", "seen_count"),
        *("resolved_at", "resolved_by", "note"),
    )

    def get_urls(self) -> list[URLPattern]:
        """Add the pages of the acts."""
        resolve = self.admin_site.admin_view(self.resolve_view)
        record = self.admin_site.admin_view(self.capital_view)
        report = self.admin_site.admin_view(self.report_view)
        own = [
            path("report/", report, name="trading_incident_report"),
            path("<path:object_id>/resolve/", resolve, name="trading_incident_resolve"),
            path("<path:object_id>/record-capital/", record, name="trading_incident_capital"),
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Return the page of one incident."""
        row = self.get_object(request, object_id)
        own = _page(request, row) if isinstance(row, Incident) else {}
        return super().change_view(request, object_id, form_url, {**own, **(extra_context or {})})

    def resolve_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Return the page of the act, or do it."""
        row = self._row(request, object_id)

        def call(user: Any, data: dict[str, Any]) -> str:
            resolve_incident(row, by=user, note=data["reason"])
            return "The incident is resolved. Trading stays halted until somebody resumes."

        act = Act(
            name="resolve",
            title="Resolve the incident",
            button="Resolve",
            what=(
                "The incident is closed with your note; its evidence stays.",
                "It does not resume trading: resume in the header afterwards.",
                *AGAIN[row.kind],
            ),
            permission="trading.resolve_incident",
            form=NoteForm,
            call=call,
        )
        scene = Scene(back_url=record_url(Incident, row.pk), subtitle=row.account)
        return perform(self, request, act, scene)

    def capital_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Return the page that records the difference as a deposit or withdrawal, or do it."""
        row = self._row(request, object_id)
        apart_micro = unexplained_cash_micro(row)

        def call(user: Any, data: dict[str, Any]) -> str:
            if apart_micro is None:
                raise NOT_CASH_ALONE
            return capital.record(row.account, user, data)

        act = Act(
            name="record-capital",
            title="Record the difference as a deposit or withdrawal",
            button="Record",
            what=(
                *capital.WHAT,
                "The next comparison then agrees, and the incident can be resolved.",
            ),
            permission=capital.PERMISSION,
            form=capital.CapitalForm,
            call=call,
        )
        scene = Scene(
            back_url=record_url(Incident, row.pk),
            subtitle=row.account,
            initial=_movement(row, apart_micro or 0),
            refused=None if apart_micro is not None else NOT_CASH_ALONE,
        )
        return perform(self, request, act, scene)

    def report_view(self, request: HttpRequest) -> HttpResponse:
        """Return the page that reports a security incident, or do it."""
        if not self.has_view_permission(request):
            raise PermissionDenied

        def call(user: Any, data: dict[str, Any]) -> str:
            row = report_security(
                settings.ACCOUNT, title=data["title"], details=data["reason"], by=user
            )
            return f"Trading is halted, and incident {row.pk} is open."

        act = Act(
            name="report",
            title="Report a security incident",
            button="Halt and report",
            what=(
                "Trading is halted at once, and stays so until the incident is resolved.",
                "A live phase is rolled back: its kill criteria know of open incidents.",
            ),
            danger=True,
            permission=PERMISSION,
            form=SecurityForm,
            call=call,
        )
        scene = Scene(back_url=list_url(Incident), subtitle=settings.ACCOUNT)
        return perform(self, request, act, scene)

    def _row(self, request: HttpRequest, object_id: str) -> Incident:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if not isinstance(row, Incident):
            raise Http404
        return row

    def empty(self) -> Empty:
        """Say what would open one."""
        return Empty(
            title="No incidents",
            text="One opens by itself when ledger, venue and chain do not agree, or cannot be "
            "compared three times in a row, and at each rollback. A person reports what concerns "
            "security. Trading is halted until it is resolved.",
            link=list_url(ReconciliationRun),
            link_text="Show the reconciliations",
        )

    @display(description="opened", ordering="opened_at")
    def opened(self, row: Incident) -> SafeString:
        """Return when it began."""
        return money.utc(row.opened_at)

    @display(description="state")
    def state_badge(self, row: Incident) -> SafeString:
        """Return whether it is open."""
        return badge(of(INCIDENTS, row.state))

    @display(description="kind", ordering="kind")
    def sort(self, row: Incident) -> str:
        """Return what it is about."""
        return row.get_kind_display()

    @display(description="title", ordering="title")
    def told(self, row: Incident) -> SafeString:
        """Return what was found, in words; as it is stored on hover."""
        return format_html('<span title="{}">{}</span>', row.title, finding_text(row.title))

    @display(description="seen")
    def seen(self, row: Incident) -> SafeString:
        """Return how often it was found."""
        return money.count(row.seen_count)

    @display(description="last seen")
    def last_seen(self, row: Incident) -> SafeString:
        """Return when it was found last."""
        return money.utc(row.last_seen_at)

    @display(description="resolved")
    def resolved(self, row: Incident) -> SafeString:
        """Return when somebody cleared it up."""
        return money.utc(row.resolved_at, "it is still open")


def _page(request: HttpRequest, row: Incident) -> dict[str, Any]:
    first, last = row.evidence.get("first", {}), row.evidence.get("last", {})
    return {
        "title": "Incident",
        "subtitle": f"{row.get_kind_display()} of account {row.account}",
        "row": row,
        "words": of(INCIDENTS, row.state),
        "told": finding_text(row.title),
        "details": last.get("details", ""),
        "rollback": last.get("rollback") if row.kind == Incident.Kind.ROLLBACK else None,
        "found": [
            {
                "when": name,
                "run_url": _run_url(found),
                "block": found.get("block_number"),
                "differences": difference_lines(found.get("differences", [])),
            }
            for name, found in (("last", last), ("first", first))
            if "run" in found and (name == "last" or found != last)
        ],
        "timeline": [
            {
                **line,
                "at": datetime.fromisoformat(line["at"]),
                "told": finding_text(line["text"]),
            }
            for line in row.evidence.get("timeline", [])
        ],
        "resolve_url": reverse("admin:trading_incident_resolve", args=[row.pk]),
        "is_open": row.state == Incident.State.OPEN,
        "may": request.user.has_perm("trading.resolve_incident"),
        "capital_url": reverse("admin:trading_incident_capital", args=[row.pk])
        if unexplained_cash_micro(row) is not None
        else "",
        "capital_permission": capital.PERMISSION,
        "may_record": request.user.has_perm(capital.PERMISSION),
    }


def _movement(row: Incident, apart_micro: int) -> dict[str, str]:
    """Return the exact difference as a movement; its reference makes it the same for everybody."""
    amount = text_from_micro(apart_micro)
    return {
        "amount": amount,
        "reference": f"incident-{row.pk}:{amount}",
        "reason": f"{'a withdrawal' if apart_micro < 0 else 'a deposit'} (incident {row.pk})",
    }


def _run_url(found: dict[str, Any]) -> str:
    return record_url(ReconciliationRun, found.get("run", ""))
