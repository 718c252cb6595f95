"""What the engine may do now, and the acts that change it. No field is edited."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from polyarb_site.clock import SystemClock
from polyarb_site.templatetags import money
from trading.admin import capital
from trading.admin.acting import Act, ReasonForm, Scene, perform
from trading.admin.base import ReadOnlyAdmin
from trading.admin.cells import badge, list_url, record_link, record_url
from trading.halt_words import halt_cause, halt_text
from trading.models import EngineSession, Mandate, Money, Profile, money_of
from trading.reconciling.code_words import finding_text
from trading.selectors import live_state
from trading.selectors.profiles import newest_revisions
from trading.services import (
    halt,
    reset_breaker,
    resume,
    start_shadow,
    start_simulated,
    stop_engine,
)
from trading.services.incidents import may_start_to_compare
from trading.services.mandates import FEED_OPTIONS, SHADOW_PROFILE, SIMULATED_PROFILE
from trading.wording import BAD, ENGINES, GOOD, QUIET, WARN, Wording, of

PROFILES_OFFERED_MAX = 50
# What an engine is said to be that no session says of itself.
SILENT = {
    "STALE": Wording(
        "Silent", "No heartbeat has come for a while; its last word may be old.", "", BAD
    ),
    "WAITING": Wording("Waiting", "It is asked to run, and no worker has taken it yet.", "", WARN),
}
MODES = {
    Money.PAPER: "Shadow, on paper",
    Money.PLAY: "Live, with play money",
    Money.REAL: "Live, with real money",
}
NO_PROFILE = "no profile has been applied yet"


class ProfileForm(ReasonForm):
    """What to run with play money."""

    profile = forms.ChoiceField(label="Profile", widget=UnfoldAdminSelectWidget)
    field_order: tuple[str, ...] = ("profile", "reason")
    preset = SIMULATED_PROFILE

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = newest_revisions(PROFILES_OFFERED_MAX)
        choices = [(row.name, str(row)) for row in rows]
        # The field's own class is not told apart from its base by the stubs.
        self.fields["profile"].choices = choices  # type: ignore[attr-defined]
        self.fields["profile"].initial = self.preset
        self.fields["reason"].widget.attrs.pop("autofocus", None)


class StartForm(ProfileForm):
    """What to run in shadow."""

    feed = forms.ChoiceField(label="Feed", widget=UnfoldAdminSelectWidget)
    speed = forms.CharField(
        required=False,
        label="Speed",
        help_text="Of a recording only: how many times faster than it happened, such as 10.",
        widget=UnfoldAdminTextInputWidget,
    )
    field_order = ("profile", "feed", "speed", "reason")
    preset = SHADOW_PROFILE

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        feeds = [(name, name.capitalize()) for name in FEED_OPTIONS]
        self.fields["feed"].choices = feeds  # type: ignore[attr-defined]


def _start(account: str, user: Any, data: dict[str, Any]) -> str:
    options = {"speed": data["speed"]} if data["speed"] else {}
    start_shadow(
        account,
        profile_name=data["profile"],
        feed=data["feed"],
        feed_options=options,
        by=user,
        reason=data["reason"],
    )
    return "The engine is asked to run in shadow. A worker takes it over within seconds."


def _start_simulated(account: str, user: Any, data: dict[str, Any]) -> str:
    row = start_simulated(account, profile_name=data["profile"], by=user, reason=data["reason"])
    if row.halted:
        return "The engine is asked to run halted: it compares, and trades nothing until a resume."
    return "The engine is asked to trade with play money. A worker takes it over within seconds."


def _stop(account: str, user: Any, data: dict[str, Any]) -> str:
    stop_engine(account, by=user, reason=data["reason"])
    return "The engine is asked to stop: it ends what is open first."


def _halt(account: str, user: Any, data: dict[str, Any]) -> str:
    message = halt(account, by=user, reason=data["reason"]).message
    return f"{message[:1].upper()}{message[1:]}."


def _resume(account: str, user: Any, data: dict[str, Any]) -> str:
    resume(account, by=user, reason=data["reason"])
    return "Trading is no longer halted."


def _reset(account: str, user: Any, data: dict[str, Any]) -> str:
    reset_breaker(account, by=user, reason=data["reason"])
    return "The circuit breaker is asked to close."


_ACTS: tuple[dict[str, Any], ...] = (
    {
        "name": "start",
        "title": "Start the engine in shadow",
        "button": "Start in shadow",
        "what": (
            "A worker takes the lease and runs the engine on paper.",
            "It fills by rule from the real book. No order leaves this machine.",
            "The newest revision of the profile is put in force.",
        ),
        "permission": "trading.start_shadow",
        "form": StartForm,
        "call": _start,
    },
    {
        "name": "start-simulated",
        "title": "Start the engine with play money",
        "button": "Start with play money",
        "what": (
            "A worker takes the lease and trades live on the local venue, with play money.",
            "Orders are signed and sent as with real money, but to this machine only.",
            "The newest revision of the profile is put in force.",
        ),
        "permission": "trading.start_shadow",
        "form": ProfileForm,
        "call": _start_simulated,
    },
    {
        "name": "stop",
        "title": "Stop the engine",
        "button": "Stop",
        "what": (
            "The engine starts no new set, completes or sells back what it holds, and ends.",
            "To make it buy nothing from this moment on, halt instead: that is immediate.",
        ),
        "permission": "trading.stop_engine",
        "call": _stop,
    },
    {
        "name": "halt",
        "title": "Halt trading",
        "button": "Halt now",
        "what": (
            "No new set is bought from this moment on, on any machine.",
            "What is open is completed or sold back by the engine's own rules.",
            "A reason is welcome and not needed. It takes a resume to trade again.",
        ),
        "danger": True,
        "call": _halt,
    },
    {
        "name": "resume",
        "title": "Resume trading",
        "button": "Resume",
        "what": (
            "The halt ends, and the kill file of this machine is removed.",
            "A running engine may buy sets again at once.",
            "Say what was wrong and what has changed since.",
        ),
        "permission": "trading.resume_trading",
        "call": _resume,
    },
    {
        "name": "reset-breaker",
        "title": "Reset the circuit breaker",
        "button": "Close the breaker",
        "what": (
            "The breaker closes without its probe, and its count of failures starts anew.",
            "If the cause is still there, the next sets fail too.",
        ),
        "danger": True,
        "permission": "trading.reset_breaker",
        "call": _reset,
    },
    {
        "name": "record-capital",
        "title": "Record a deposit or withdrawal",
        "button": "Record",
        "what": capital.WHAT,
        "permission": capital.PERMISSION,
        "form": capital.CapitalForm,
        "call": capital.record,
    },
)


def _pointless(name: str, row: Mandate, measured: dict[str, Any]) -> str:
    """Return why an act would be refused now, or change nothing; empty when it would."""
    if name in ("start", "start-simulated"):
        return _no_start(name, row, halted=bool(measured["halted"]["halted"]))
    if name == "record-capital" and row.mode != "LIVE":
        return "Paper has no wallet that money comes to."
    if name == "resume" and not measured["halted"]["halted"]:
        return "Trading is not halted."
    if name == "reset-breaker" and measured["breaker"]["state"] == "CLOSED":
        return "The breaker is closed."
    if name == "stop" and row.desired == Mandate.Desired.STOP:
        return "No engine is asked to run."
    return ""


def _no_start(name: str, row: Mandate, *, halted: bool) -> str:
    if row.phase:
        return f"The account is in phase {row.phase}: start live on the page of its promotion."
    if row.desired == Mandate.Desired.RUN:
        return "The engine is asked to run already: stop it first."
    if halted and not (name == "start-simulated" and may_start_to_compare(row)):
        return "Trading is halted: resume first."
    return ""


@admin.register(Mandate)
class MandateAdmin(ReadOnlyAdmin):
    """What people want of an account, beside what its engine does."""

    change_form_template = "admin/trading/mandate/change_form.html"
    list_display = ("account", "phase", "desired_badge", "halted_badge", "profile_link", "changed")
    list_select_related = ("profile",)
    ordering = ("account",)

    def get_urls(self) -> list[URLPattern]:
        """Add the pages of the acts."""
        view = self.admin_site.admin_view(self.act_view)
        start = self.admin_site.admin_view(self.start_view)
        own = [
            path("start/", start, name="trading_mandate_start"),
            path("<path:object_id>/do/<slug:name>/", view, name="trading_mandate_act"),
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Return the page of one account."""
        row = self.get_object(request, object_id)
        own = self._page(request, row) if isinstance(row, Mandate) else {}
        return super().change_view(request, object_id, form_url, {**own, **(extra_context or {})})

    def start_view(self, request: HttpRequest) -> HttpResponse:
        """Go to the page that starts this installation's account."""
        row = Mandate.objects.filter(account=settings.ACCOUNT).first()
        if row is None:
            messages.warning(
                request, f"There is no account {settings.ACCOUNT} yet: run manage.py seed."
            )
            return HttpResponseRedirect(list_url(Mandate))
        return HttpResponseRedirect(reverse("admin:trading_mandate_act", args=[row.pk, "start"]))

    def act_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Return the page of an act, or do it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        words = next((one for one in _ACTS if one["name"] == name), None)
        if not isinstance(row, Mandate) or words is None:
            raise Http404
        call = words["call"]
        act = Act(**{**words, "call": lambda user, data: call(row.account, user, data)})
        scene = Scene(back_url=record_url(Mandate, row.pk), subtitle=row.account)
        return perform(self, request, act, scene)

    def _page(self, request: HttpRequest, row: Mandate) -> dict[str, Any]:
        session = EngineSession.objects.filter(account=row.account).order_by("-token").first()
        measured = live_state(row.account, SystemClock().now(), with_funnel=False)
        engine = measured["engine"]
        return {
            "title": "Mandate",
            "subtitle": row.account,
            "row": row,
            "session": session,
            "engine": engine,
            "engine_words": SILENT.get(engine["state"]) or of(ENGINES, engine["state"]),
            "session_url": record_url(EngineSession, session.key) if session else "",
            "measured": measured,
            "desired": self.desired_badge(row),
            "halted": self.halted_badge(row),
            "halt_words": halt_text(row.halt_code),
            "halt_told": finding_text(row.halt_reason),
            "profile_link": self.profile_link(row),
            "mode": MODES[money_of(row.mode, row.feed)],
            "acts": [
                {
                    **words,
                    "url": reverse("admin:trading_mandate_act", args=[row.pk, words["name"]]),
                    "may": not words.get("permission")
                    or request.user.has_perm(words["permission"]),
                    "pointless": _pointless(words["name"], row, measured),
                }
                for words in _ACTS
            ],
        }

    @display(description="asked to")
    def desired_badge(self, row: Mandate) -> SafeString:
        """Return what is wanted."""
        if row.desired == Mandate.Desired.RUN:
            return badge(Wording("Run", "People asked the engine to run.", "", GOOD))
        return badge(Wording("Stop", "People asked for no engine.", "", QUIET))

    @display(description="halted")
    def halted_badge(self, row: Mandate) -> SafeString:
        """Return whether trading is halted, with the cause on hover."""
        if not row.halted:
            return badge(Wording("Not halted", "No halt is in force.", "", GOOD))
        cause = halt_cause(row.halt_code, finding_text(row.halt_reason) or "no reason was given")
        return badge(Wording("Halted", f"{cause}, by {row.halted_by} ({row.halt_code})", "", BAD))

    @display(description="profile")
    def profile_link(self, row: Mandate) -> SafeString:
        """Return the revision in force."""
        if row.profile is None:
            return money.missing(NO_PROFILE)
        return record_link(Profile, str(row.profile.pk), text=str(row.profile))

    @display(description="changed")
    def changed(self, row: Mandate) -> SafeString:
        """Return when it last changed."""
        return money.utc(row.changed_at, "it was never changed")
