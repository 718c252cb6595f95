"""Asking for a promotion, the evidence page that approvers see, and what they say to it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from checks.admin import sources
from checks.admin.base import (
    Typed,
    account,
    done,
    lacks,
    page,
    parts,
    seen_by,
    seen_otherwise,
)
from checks.admin.evidence import bound_rows, criteria, profile_change
from checks.admin.rungs import approvers_needed, ends_in, mandate_of, open_promotion
from checks.criteria.hashing import canonical_sha256
from checks.models import Approval, Promotion
from checks.selectors.gate_part import OPEN_STATES
from checks.selectors.run_history import newest_full_run
from checks.selectors.verdicts import newest_evaluation
from polyarb_site.clock import SystemClock
from trading.selectors.phases import PLAY_FEED, Phase
from trading.services import ServiceRefused
from trading.services.live import PHASE_PROFILES

VIEW = "checks.view_promotion"
STATES = {
    "REQUESTED": ("waits for approval", "hourglass_top", "warn"),
    "APPROVED": ("approved, not started yet", "task_alt", "good"),
    "CONSUMED": ("in force", "rocket_launch", "good"),
    "REJECTED": ("rejected", "block", "bad"),
    "WITHDRAWN": ("withdrawn", "undo", "quiet"),
    "VOID": ("void", "link_off", "bad"),
    "EXPIRED": ("expired", "timer_off", "quiet"),
}
LIVE_STEPS = (
    "The go/no-go runs again; a NO-GO stops here and changes nothing.",
    "A backup is taken before the first order.",
    "This promotion is used up: the phase and its profile are in force from then on.",
    "The engine compares ledger, venue and chain, and trades only if they agree.",
)
LAST = Phase.SCALED_LIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What would be asked for. The present phase again renews its permission for other content."""

    phase: int
    present: int
    venue: str
    choices: list[dict[str, Any]]

    @property
    def renewal(self) -> bool:
        """Whether the phase stays."""
        return self.phase == self.present


@require_http_methods(["GET", "POST"])
@seen_by(VIEW)
def request_page(request: HttpRequest) -> HttpResponse:
    """Return what a request would bind; on POST ask for it."""
    target = _target(request)
    if request.method != "POST" or target is None:
        return _request_page(request, target)
    reason, now = request.POST.get("reason", ""), SystemClock().now()
    try:
        if _seen(sources.wanted(account(), target.phase, target.venue)) != request.POST.get("seen"):
            raise seen_otherwise("what the promotion would be bound to")
        row = sources.request_promotion(
            account(),
            phase=target.phase,
            venue=target.venue,
            by=request.user,
            reason=reason,
            at=now,
        )
    except ServiceRefused as refused:
        typed = Typed(form="request", values={"reason": reason}, refused=refused)
        return _request_page(request, target, typed)
    said = f"Promotion {row.pk} is asked for. The approvers see this same page."
    return done(request, said, reverse("checks:promotion", args=[row.pk]))


@require_GET
@seen_by(VIEW)
def promotion_page(request: HttpRequest, number: int) -> HttpResponseBase:
    """Return the evidence page of one promotion."""
    return _page(request, _promotion(number))


@require_GET
@seen_by(VIEW)
def promotion_json(request: HttpRequest, number: int) -> JsonResponse:
    """Return the parts of the page that change, read now."""
    return parts(request, _context(request, _promotion(number)), top="promotion_top")


@require_POST
@seen_by(VIEW)
def act(request: HttpRequest, number: int, name: str) -> HttpResponse:
    """Answer a promotion, take it back, or start it. What was typed stays when that is refused."""
    row = _promotion(number)
    call = ACTS.get(name)
    if call is None:
        raise Http404
    text = request.POST.get("text", "")
    try:
        if request.POST.get("seen") != row.binding_sha256:
            raise seen_otherwise("the promotion")
        said = call(row, request, text.strip(), SystemClock().now())
    except ServiceRefused as refused:
        typed = Typed(form=name, values={"text": text}, refused=refused)
        return _page(request, _promotion(number), typed)
    return done(request, said, reverse("checks:promotion", args=[number]))


def _approve(row: Promotion, request: HttpRequest, text: str, now: datetime) -> str:
    password, seen = request.POST.get("password", ""), request.POST.get("seen", "")
    sources.approve(row, by=request.user, comment=text, password=password, seen=seen, at=now)
    return "Your yes is recorded, bound to what you saw."


def _reject(row: Promotion, request: HttpRequest, text: str, now: datetime) -> str:
    sources.reject(row, by=request.user, comment=text, at=now)
    return "Rejected. Nothing was changed; a new request can be made."


def _withdraw(row: Promotion, request: HttpRequest, text: str, now: datetime) -> str:
    sources.withdraw(row, by=request.user, reason=text, at=now)
    return "Withdrawn. Nothing was changed; a new request can be made."


def _start(row: Promotion, request: HttpRequest, text: str, now: datetime) -> str:
    del now  # checks and a backup come first: the start has a moment of its own
    sources.start_live(row, by=request.user, reason=text)
    return f"The engine is asked to start live in {Phase(row.phase).label}."


ACTS: dict[str, Callable[[Promotion, HttpRequest, str, datetime], str]] = {
    "approve": _approve,
    "reject": _reject,
    "withdraw": _withdraw,
    "start": _start,
}


def _request_page(
    request: HttpRequest, target: Target | None, typed: Typed | None = None
) -> HttpResponse:
    if target is None:
        title = {"title": "Ask for a promotion", "no_account": True}
        return page(request, "promotion_request.html", title)
    told = sources.wanted(account(), target.phase, target.venue)
    run = newest_full_run(account(), target.phase)
    context = {
        "title": f"Ask for {Phase(target.phase).label}",
        "phase": target.phase,
        "phase_name": Phase(target.phase).label,
        "renewal": target.renewal,
        "choices": target.choices,
        "obstacles": told["obstacles"],
        "waiting": open_promotion(account()),
        "cannot": lacks(request, "checks.request_promotion"),
        "seen": _seen(told),
        "typed": typed,
        "bound": bound_rows(told["items"], run),
        "voids": told["voids"],
        "run": run,
        "judged": criteria(newest_evaluation(account(), target.present)),
        "change": profile_change(account(), PHASE_PROFILES[target.phase]),
        "play": target.venue == PLAY_FEED,
        "approvers": approvers_needed(account()),
    }
    return page(request, "promotion_request.html", context)


def _page(request: HttpRequest, row: Promotion, typed: Typed | None = None) -> HttpResponse:
    return page(request, "promotion.html", {**_context(request, row), "typed": typed})


def _context(request: HttpRequest, row: Promotion) -> dict[str, Any]:
    now = SystemClock().now()
    told, answers = sources.standing(row, now), list(row.approvals.order_by("id"))
    said, icon, tone = STATES[told["state"]]
    is_open = told["state"] in OPEN_STATES
    waits = told["state"] == Promotion.State.REQUESTED
    missing = told["missing"]
    return {
        "title": f"Promotion {row.pk} to {Phase(row.phase).label}",
        "row": row,
        "phase": row.phase,
        "target": Phase(row.phase).label,
        "renewal": row.phase == row.phase_from,
        "state": said,
        "state_icon": icon,
        "state_tone": tone,
        "end_reason": told["end_reason"],
        "open": is_open,
        "waits": waits,
        "approved": told["state"] == Promotion.State.APPROVED,
        "ends": ends_in(row, now),
        "answers": answers,
        "needed": told["needed"],
        "more": missing,
        "cannot_answer": _cannot_answer(request, row, answers),
        "cannot_reject": lacks(request, "checks.approve_promotion"),
        "cannot_withdraw": _cannot_withdraw(request, row),
        "cannot_start": lacks(request, "trading.start_live"),
        "live_steps": LIVE_STEPS,
        "live_url": reverse("checks:promotion_live", args=[row.pk]),
        "stamp": f"{told['state']}|{missing}|{len(answers)}",
        "bound": bound_rows(told["items"], row.check_run),
        "voids": told["voids"],
        "run": row.check_run,
        "judged": criteria(row.evaluation),
        "change": profile_change(row.account, row.profile.name, row.profile.revision)
        if is_open else None,
        "play": row.venue == PLAY_FEED,
        "approvers": approvers_needed(row.account),
    }  # fmt: skip


def _cannot_answer(request: HttpRequest, row: Promotion, answers: list[Approval]) -> str:
    """Return why this person cannot answer; the service decides, this says it beforehand."""
    user: Any = request.user
    if any(one.by_id == user.pk for one in answers):
        return "you have answered already"
    if row.requested_by_id == user.pk and row.approvers_needed > 1:
        return "you asked for it; somebody else has to say yes"
    return lacks(request, "checks.approve_promotion")


def _cannot_withdraw(request: HttpRequest, row: Promotion) -> str:
    user: Any = request.user
    if row.requested_by_id == user.pk:
        return ""
    return lacks(request, "checks.request_promotion")


def _target(request: HttpRequest) -> Target | None:
    """Return the phase that is asked for: by default the next one, else the present one again."""
    mandate = mandate_of(account())
    if mandate is None:
        return None
    present = mandate.phase
    possible = [one for one in (present + 1, present) if Phase.MICRO_LIVE <= one <= LAST]
    asked = request.POST.get("phase") or request.GET.get("phase") or ""
    chosen = next((one for one in possible if str(one) == asked), possible[0])
    choices = [
        {
            "phase": one,
            "label": f"Again {Phase(one).label}" if one == present else Phase(one).label,
            "current": one == chosen,
        }
        for one in possible
    ]
    return Target(phase=chosen, present=present, venue=mandate.feed, choices=choices)


def _seen(told: sources.Wanted) -> str:
    """Return what the page was made of, so that nobody asks for what they have not read."""
    return canonical_sha256(list(told["items"]))


def _promotion(number: int) -> Promotion:
    row = Promotion.objects.filter(pk=number, account=account()).first()
    if row is None:
        raise Http404
    return row
