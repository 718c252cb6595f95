"""Backups: what there is, what counts, what a restore would change. Restoring is a command."""

from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from polyarb_site.clock import SystemClock
from polyarb_site.templatetags import money
from reports.admin.acting import Act, perform
from reports.backups.faults import BackupFailed
from reports.models import BackupRun
from reports.selectors.calendar import calendar, overview, size_text
from reports.services import pin_backup, release_backup
from reports.services.asking import ask_for_backup, ask_for_verification
from reports.services.previewing import find_folder, obstacles, preview
from trading.services import ServiceRefused

TONES = {
    "VERIFIED": ("good", "It was restored into a scratch database and compared."),
    "TAKEN": ("warn", "Its files are there; it does not count before it was restored once."),
    "FAILED": ("bad", "It was not made, or does not hold what it should."),
    "RUNNING": ("warn", "It is being made."),
    "PRUNED": ("quiet", "Its time had come; its files are gone."),
}
PERMISSION = "reports.take_backup"
RESTORE_PERMISSION = "reports.restore_backup"


def _take(user: Any, reason: str) -> str:
    ask_for_backup(by=user, reason=reason)
    return "A backup is asked for. A job makes and proves it within moments; reload this page then."


TAKE = Act(
    title="Back up now",
    button="Back up now",
    what=(
        "A job copies database, configuration and journals while everything goes on.",
        "Then it restores the copy into a scratch database and compares: only that counts.",
    ),
    permission=PERMISSION,
    call=_take,
)


@admin.register(BackupRun)
class BackupRunAdmin(ModelAdmin):
    """The list with its calendar, one backup, and the preview of restoring it."""

    list_before_template = "admin/reports/backuprun/above.html"  # type: ignore[assignment]
    change_form_template = "admin/reports/backuprun/change_form.html"
    list_display = ("backup", "state_badge", "kind_text", "size", "took", "audit", "remark")
    list_display_links = ("backup",)
    list_filter = ("state", "kind", "pinned")
    list_filter_submit = True
    list_fullwidth = True
    list_per_page = 50
    search_fields = ("name", "sha256", "created_by")
    search_help_text = "name, hash or who made it"
    ordering = ("-started_at", "-id")
    actions = None

    class Media:
        css: ClassVar[dict[str, list[str]]] = {
            "all": ["polyarb/pages.css", "polyarb/backups.css"],
        }

    def has_add_permission(self, *_: Any) -> bool:
        """Refuse: a service makes them."""
        return False

    def has_change_permission(self, *_: Any, **__: Any) -> bool:
        """Refuse: a service moves them."""
        return False

    def has_delete_permission(self, *_: Any, **__: Any) -> bool:
        """Refuse: rows stay, files are pruned."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """Add the acts and the preview."""
        own = [
            path("take/", self._own(self.take_view), name="reports_backuprun_take"),
            path("<int:pk>/pin/", self._own(self.pin_view), name="reports_backuprun_pin"),
            path("<int:pk>/verify/", self._own(self.verify_view), name="reports_backuprun_verify"),
            path(
                "<int:pk>/preview/", self._own(self.preview_view), name="reports_backuprun_preview"
            ),
        ]
        return [*own, *super().get_urls()]

    def _own(self, view: Any) -> Any:
        return self.admin_site.admin_view(view)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Return the list below its calendar."""
        now = SystemClock().now()
        own: Any = {
            "weeks": calendar(now),
            "overview": overview(now),
            "take_url": reverse("admin:reports_backuprun_take"),
            "may_take": request.user.has_perm(PERMISSION),
        }
        return super().changelist_view(request, {**own, **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Return the page of one backup."""
        row = self.get_object(request, object_id)
        own = self._page(request, row) if isinstance(row, BackupRun) else {}
        return super().change_view(request, object_id, form_url, {**own, **(extra_context or {})})

    def take_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a backup, or return the page that does."""
        self._refuse_strangers(request)
        return perform(self, request, TAKE, back_url=self._list_url())

    def pin_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Pin a backup or release it, or return the page that does."""
        self._refuse_strangers(request)
        row = self._row(request, pk)
        act = _release(row) if row.pinned else _pin(row)
        return perform(self, request, act, back_url=self._url("change", row))

    def verify_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for another proof of a backup, or return the page that does."""
        self._refuse_strangers(request)
        row = self._row(request, pk)

        def verify(user: Any, _reason: str) -> str:
            ask_for_verification(row.name, by=user)
            return "It is restored once more; reload this page in a moment."

        act = Act(
            title=f"Verify {row.name} again",
            button="Verify again",
            what=(
                "A job restores it into a scratch database and compares it once more.",
                "If it no longer holds it becomes failed, with the reason.",
            ),
            permission=PERMISSION,
            call=verify,
        )
        return perform(self, request, act, back_url=self._url("change", row))

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Return what restoring this backup would change."""
        self._refuse_strangers(request)
        row = self._row(request, pk)
        if not (request.user.has_perm(PERMISSION) or request.user.has_perm(RESTORE_PERMISSION)):
            raise PermissionDenied
        seen, problem = None, ""
        try:
            seen = preview(find_folder(row.name))
        except (BackupFailed, ServiceRefused) as failure:
            problem = str(failure)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"What restoring {row.name} would change",
            "row": row,
            "seen": seen,
            "problem": problem,
            "obstacles": obstacles(),
            "back_url": self._url("change", row),
            "media": self.media,
        }
        return TemplateResponse(request, "admin/reports/backuprun/preview.html", context)

    @display(description="backup", ordering="started_at")
    def backup(self, row: BackupRun) -> SafeString:
        """Return its name, with when it was taken on hover."""
        when = f"{row.started_at:%Y-%m-%d %H:%M:%S} UTC"
        return format_html('<span class="pa-num" title="{}">{}</span>', when, row.name)

    @display(description="state", ordering="state")
    def state_badge(self, row: BackupRun) -> SafeString:
        """Return what became of it."""
        return state_badge(row)

    @display(description="kind", ordering="kind")
    def kind_text(self, row: BackupRun) -> str:
        """Return why it was taken."""
        pinned = ", pinned" if row.pinned else ""
        return f"{row.get_kind_display()}{pinned}"

    @display(description="size", ordering="size_bytes")
    def size(self, row: BackupRun) -> SafeString:
        """Return what it takes on the disk."""
        if not row.size_bytes:
            return money.missing("it was not made")
        title = f"{row.size_bytes:,} bytes"
        return format_html(
            '<span class="pa-num" title="{}">{}</span>', title, size_text(row.size_bytes)
        )

    @display(description="taken, verified in")
    def took(self, row: BackupRun) -> SafeString:
        """Return how long both took."""
        return format_html(
            "{}, {}",
            money.millis(row.taking_ms, "it was not taken"),
            money.millis(row.verifying_ms, "it was not verified"),
        )

    @display(description="audit head")
    def audit(self, row: BackupRun) -> SafeString:
        """Return how the audit ended in it."""
        head = row.facts.get("audit_sha256") or ""
        if not head:
            return money.missing("no record was there, or it was not made")
        return format_html(
            '<span class="pa-id" title="record {}, head {}">{} {}…</span>',
            row.facts.get("audit_sequence"),
            head,
            f"{row.facts.get('audit_sequence'):,}",
            head[:8],
        )

    @display(description="remark")
    def remark(self, row: BackupRun) -> str:
        """Return what is wrong with it, or why it is kept."""
        return row.problem or row.pinned_reason

    def _page(self, request: HttpRequest, row: BackupRun) -> dict[str, Any]:
        rows = row.facts.get("rows") or {}
        return {
            "title": f"Backup {row.name}",
            "subtitle": "",
            "row": row,
            "badge": state_badge(row),
            "meaning": TONES[row.state][1],
            "size": size_text(row.size_bytes),
            "rows": sorted(rows.items(), key=lambda pair: -pair[1]),
            "row_total": sum(rows.values()),
            "config": sorted((row.facts.get("config") or {}).items()),
            "journal_size": size_text(row.facts.get("journal_bytes") or 0),
            "drills": row.restoredrill_set.all()[:5],
            "may": request.user.has_perm(PERMISSION),
            "has_files": row.state in ("TAKEN", "VERIFIED", "FAILED") and bool(row.path),
            "pin_url": self._url("pin", row),
            "verify_url": self._url("verify", row),
            "preview_url": self._url("preview", row),
        }

    def _row(self, request: HttpRequest, pk: int) -> BackupRun:
        row = self.get_object(request, str(pk))
        if not isinstance(row, BackupRun):
            raise PermissionDenied
        return row

    def _refuse_strangers(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _url(self, what: str, row: BackupRun) -> str:
        return reverse(f"admin:reports_backuprun_{what}", args=[row.pk])

    def _list_url(self) -> str:
        return reverse("admin:reports_backuprun_changelist")


def state_badge(row: BackupRun) -> SafeString:
    """Return a state as a word in its colour; what it means, or what is wrong, is on hover."""
    tone, meaning = TONES[row.state]
    return format_html(
        '<span class="pa-badge pa-badge-{}" title="{}">{}</span>',
        tone,
        row.problem or meaning,
        row.get_state_display(),
    )


def _pin(row: BackupRun) -> Act:
    def pin(user: Any, reason: str) -> str:
        pin_backup(row.name, by=user, reason=reason)
        return f"{row.name} is kept until somebody releases it."

    return Act(
        title=f"Pin {row.name}",
        button="Pin",
        what=("It is kept until somebody releases it, however old it grows.",),
        permission=PERMISSION,
        call=pin,
    )


def _release(row: BackupRun) -> Act:
    def release(user: Any, reason: str) -> str:
        release_backup(row.name, by=user, reason=reason)
        return f"{row.name} goes when its time has come."

    return Act(
        title=f"Release {row.name}",
        button="Release",
        what=(
            f"It is pinned because: {row.pinned_reason}",
            "Once released it goes a week after it was taken, at once if it is older.",
        ),
        permission=PERMISSION,
        call=release,
    )
