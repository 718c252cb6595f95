"""Profiles: who changed what and why, side by side, and putting a revision in force."""

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from polyarb_site.templatetags import money
from trading.admin.acting import Act, ReasonForm, Scene, perform
from trading.admin.base import Empty, FactAdmin
from trading.admin.cells import list_url, record_url
from trading.admin.filters import time_range
from trading.admin.saving import SAVE, Saving
from trading.models import Profile
from trading.selectors.comparing import compare, previous_of
from trading.selectors.profiles import (
    ApplyPreview,
    applied_profile,
    newest_revisions,
    preview_apply,
)
from trading.services import ServiceRefused, apply_profile, rollback_profile
from trading.services.profiles import find_profile, steps_in_force
from trading.wording import GOOD, QUIET, Wording

COMPARED_MAX = 8
APPLY = "trading.apply_profile"
PAPER = Wording("Paper", "DRY_RUN is true: nothing is sent to the venue.", "", QUIET)
PLAY = Wording("Play money", "PLAY_MONEY is true: it runs on the local venue alone.", "", QUIET)
LIVE = Wording("Live", "DRY_RUN is false: real orders with real money.", "", "warn")


class SeenForm(ReasonForm):
    """The reason, and for which state of the mandate the page was made."""

    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)


class RevisionFilter(DropdownFilter):
    """The newest revision of each profile, unless all are asked for."""

    title, parameter_name = "revisions", "revisions"
    all_option: list[Any] = ["", "Newest of each"]

    def lookups(self, *_: Any) -> list[tuple[str, str]]:
        """Return the other choice."""
        return [("all", "All revisions")]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Profile]) -> QuerySet[Profile]:
        """Keep the newest of each name."""
        if self.value() == "all":
            return queryset
        same = Profile.objects.filter(name=OuterRef("name")).order_by("-revision")
        return queryset.filter(pk=Subquery(same.values("pk")[:1]))


@admin.register(Profile)
class ProfileAdmin(FactAdmin):
    """Revisions of what the engine may do. Each is immutable; acts make new ones."""

    change_list_template = "admin/trading/profile/change_list.html"
    change_form_template = "admin/trading/profile/change_form.html"
    list_display = ("revision_name", "kind", "in_force", "author_name", "reason", "source", "made")
    list_display_links = ("revision_name",)
    list_filter = (RevisionFilter, time_range("created_at"))
    search_fields = ("name", "sha256__startswith")
    search_help_text = "name, or the beginning of the hash"
    ordering = ("name", "-revision")
    export_fields: ClassVar[tuple[str, ...]] = (
        *("name", "revision", "sha256", "author_name", "reason", "source", "created_at"),
    )

    def get_urls(self) -> list[URLPattern]:
        """Add the comparison and the acts."""
        site = self.admin_site
        own = [
            path("compare/", site.admin_view(self.compare_view), name="trading_profile_compare"),
            path("back/", site.admin_view(self.back_view), name="trading_profile_back"),
            path("<int:pk>/save/", site.admin_view(self.save_view), name="trading_profile_save"),
            path("<int:pk>/apply/", site.admin_view(self.apply_view), name="trading_profile_apply"),
            path(
                "<int:pk>/rollback/",
                site.admin_view(self.rollback_view),
                name="trading_profile_rollback",
            ),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Return the list, which says what is in force."""
        self.applied = applied_profile(settings.ACCOUNT)
        return super().changelist_view(request, {"applied": self.applied, **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Return the page of one revision."""
        row = self.get_object(request, object_id)
        own = _page(row, request) if isinstance(row, Profile) else {}
        return super().change_view(request, object_id, form_url, {**own, **(extra_context or {})})

    def compare_view(self, request: HttpRequest) -> HttpResponse:
        """Return the newest revision of each profile, side by side."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = newest_revisions(COMPARED_MAX)
        applied = applied_profile(settings.ACCOUNT)
        only = request.GET.get("only") == "differences"
        keys = [key for key in compare(rows) if key.differs or not only]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Profiles side by side",
            "media": self.media,
            "profiles": [
                {"row": row, "url": record_url(Profile, row.pk), "kind": _kind(row)} for row in rows
            ],
            "applied": applied,
            "keys": keys,
            "only": only,
            "differing": sum(key.differs for key in keys),
        }
        return TemplateResponse(request, "admin/trading/profile/compare.html", context)

    def back_view(self, request: HttpRequest) -> HttpResponse:
        """Go to the page that rolls back to what was in force before."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        steps = steps_in_force(settings.ACCOUNT)
        if len(steps) < 2:
            messages.warning(
                request,
                "NO_EARLIER_PROFILE: nothing was in force before the present profile. "
                "Apply a revision by name instead.",
            )
            return HttpResponseRedirect(list_url(Profile))
        earlier = find_profile(steps[-2].name, steps[-2].revision)
        return HttpResponseRedirect(reverse("admin:trading_profile_rollback", args=[earlier.pk]))

    def save_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return the page that saves the next revision, or do it."""
        saving = Saving(self._revision(request, pk))
        return perform(self, request, saving.act, saving.scene)

    def apply_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return the page that puts a revision in force, or do it."""
        row = self._revision(request, pk)

        def call(user: Any, data: dict[str, Any]) -> str:
            apply_profile(
                row.name,
                row.revision,
                by=user,
                reason=data["reason"],
                seen_mandate_revision=data["seen"],
            )
            return f"{row} is in force. A running engine takes it over at once."

        act = Act(
            name="apply",
            title=f"Apply {row}",
            button="Apply",
            what=(
                "A running engine takes the new limits over at once.",
                "What is open keeps the limits that it was bought under.",
            ),
            permission=APPLY,
            form=SeenForm,
            call=call,
        )
        return perform(self, request, act, _scene(row))

    def rollback_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return the page that puts an earlier revision back in force, or do it."""
        row = self._revision(request, pk)

        def call(user: Any, data: dict[str, Any]) -> str:
            mandate = rollback_profile(by=user, reason=data["reason"], to=(row.name, row.revision))
            return f"The values of {row} are in force again, as {mandate.profile}."

        act = Act(
            name="rollback",
            title=f"Roll back to {row}",
            button="Roll back",
            what=(
                "Its values become a new revision, and that one is put in force.",
                "Nothing is deleted: the revision in force now stays where it is.",
            ),
            permission=APPLY,
            form=SeenForm,
            call=call,
        )
        return perform(self, request, act, _scene(row))

    def empty(self) -> Empty:
        """Say where profiles come from."""
        return Empty(
            title="No profiles yet",
            text="Profiles are files in config/profiles. 'manage.py seed' imports them as "
            "revision 1 of each; nothing is read from the files after that.",
        )

    @display(description="revision", ordering="name")
    def revision_name(self, row: Profile) -> str:
        """Return name and number."""
        return str(row)

    @display(description="kind")
    def kind(self, row: Profile) -> SafeString:
        """Return whether it trades with real money."""
        return _badge(_kind(row))

    @display(description="in force")
    def in_force(self, row: Profile) -> SafeString:
        """Return whether the engine obeys it."""
        if self.applied is not None and self.applied.pk == row.pk:
            return _badge(Wording("In force", "The engine obeys this revision.", "", GOOD))
        return money.missing("another revision is in force")

    @display(description="made", ordering="created_at")
    def made(self, row: Profile) -> SafeString:
        """Return when it was made."""
        return money.utc(row.created_at)

    def _revision(self, request: HttpRequest, pk: int) -> Profile:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = Profile.objects.filter(pk=pk).first()
        if row is None:
            raise Http404
        return row


def _kind(row: Profile) -> Wording:
    if row.values.get("DRY_RUN") == "true":
        return PAPER
    return PLAY if row.values.get("PLAY_MONEY") == "true" else LIVE


def _badge(words: Wording) -> SafeString:
    return format_html(
        '<span class="pa-badge pa-badge-{}" title="{}">{}</span>',
        words.tone,
        words.meaning,
        words.label,
    )


def _scene(row: Profile) -> Scene:
    """Return what a person sees before a revision is put in force."""
    preview: ApplyPreview | None = None
    refused = None
    try:
        preview = preview_apply(settings.ACCOUNT, row)
    except ServiceRefused as error:
        refused = error
    before = applied_profile(settings.ACCOUNT)
    return Scene(
        back_url=record_url(Profile, row.pk),
        subtitle=str(before) if before else "nothing is in force yet",
        template="admin/trading/profile/act.html",
        context={"preview": preview, "before": before, "after": row},
        initial={"seen": preview.mandate_revision} if preview else {},
        refused=refused,
    )


def _page(row: Profile, request: HttpRequest) -> dict[str, Any]:
    before = previous_of(row)
    applied = applied_profile(settings.ACCOUNT)
    pair = [before, row] if before is not None else [row]
    keys = compare(pair)
    revisions = (
        Profile.objects.filter(name=row.name).order_by("-revision").defer("values", "base_values")
    )
    return {
        "title": "Profile",
        "subtitle": str(row),
        "row": row,
        "before": before,
        "before_url": record_url(Profile, before.pk) if before else "",
        "changes": [key for key in keys if key.differs] if before else [],
        "keys": compare([row]),
        "kind": _badge(_kind(row)),
        "is_applied": applied is not None and applied.pk == row.pk,
        "applied": applied,
        "may_apply": request.user.has_perm(APPLY),
        "may_save": request.user.has_perm(SAVE),
        "save_url": reverse("admin:trading_profile_save", args=[row.pk]),
        "apply_url": reverse("admin:trading_profile_apply", args=[row.pk]),
        "rollback_url": reverse("admin:trading_profile_rollback", args=[row.pk]),
        "compare_url": reverse("admin:trading_profile_compare"),
        "revisions": [(one, record_url(Profile, one.pk)) for one in revisions[:50]],
    }
