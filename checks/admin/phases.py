"""The page Phases: the ladder, what is missing, what can be done, and what has happened."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from checks.admin import sources
from checks.admin.base import (
    Button,
    Typed,
    account,
    done,
    lacks,
    page,
    parts,
    seen_by,
    seen_otherwise,
)
from checks.admin.rungs import (
    approvers_needed,
    ends_in,
    headline,
    mandate_of,
    money_chip,
    open_promotion,
    rungs,
)
from checks.models import Promotion
from checks.selectors.timeline import timeline
from checks.selectors.verdicts import newest_evaluation
from checks.services.promotions import APPROVERS_MAX, APPROVERS_MIN
from polyarb_site.clock import SystemClock
from trading.selectors.phases import Mandate, Phase
from trading.services import ServiceRefused

VIEW = "checks.view_evaluation"
NO_ACCOUNT = "no account is set up yet"


@require_GET
@seen_by(VIEW)
def phases(request: HttpRequest) -> HttpResponseBase:
    """Return the page."""
    return _page(request)


@require_GET
@seen_by(VIEW)
def phases_json(request: HttpRequest) -> JsonResponse:
    """Return the parts of the page that change, read now."""
    context = _context(request)
    return parts(request, context, top="phase_top", ladder="ladder", timeline="gate_timeline")


@require_POST
@seen_by(VIEW)
def evaluate(request: HttpRequest) -> HttpResponse:
    """Have all criteria of the present phase judged now."""
    try:
        row = sources.evaluate(account(), by=request.user)
    except ServiceRefused as refused:
        return _page(request, typed=Typed(form="evaluate", values={}, refused=refused))
    return done(
        request, f"All criteria were judged: evaluation {row.pk}.", reverse("checks:phases")
    )


@require_POST
@seen_by(VIEW)
def drill(request: HttpRequest) -> HttpResponse:
    """Trip the circuit breaker, and tell what was seen."""
    try:
        row = sources.drill(account(), by=request.user, at=SystemClock().now())
    except ServiceRefused as refused:
        return _page(request, typed=Typed(form="drill", values={}, refused=refused))
    said = f"The drill of the circuit breaker {'passed' if row.passed else 'failed'}: {row.reason}."
    return done(request, said, reverse("checks:phases"), well=row.passed)


@require_POST
@seen_by(VIEW)
def approvers(request: HttpRequest) -> HttpResponse:
    """Set how many people have to say yes to a promotion."""
    needed, reason = request.POST.get("approvers", ""), request.POST.get("reason", "")
    try:
        row = sources.set_approvers(
            account(), _number(needed), by=request.user, reason=reason, at=SystemClock().now()
        )
    except ServiceRefused as refused:
        values = {"approvers": needed, "reason": reason}
        return _page(request, typed=Typed(form="approvers", values=values, refused=refused))
    people = "person has" if row.approvers_needed == 1 else "people have"
    said = f"{row.approvers_needed} {people} to approve each promotion from now on."
    return done(request, said, reverse("checks:phases"))


def _number(text: str) -> int:
    """Return the number in a text; one that no number of people is for any other text."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else -1


@require_POST
@seen_by(VIEW)
def roll_back(request: HttpRequest) -> HttpResponse:
    """Go down a phase. Refused only where nothing is below, and to who may not."""
    reason = request.POST.get("reason", "")
    now = SystemClock().now()
    mandate = mandate_of(account())
    try:
        # Pressed twice, or while the machine did it: nobody means to fall two phases.
        if mandate is None or str(mandate.phase) != request.POST.get("phase"):
            raise seen_otherwise("the phase")
        row = sources.roll_back(account(), by=request.user, reason=reason, at=now)
    except ServiceRefused as refused:
        values = {"reason": reason}
        return _page(request, typed=Typed(form="roll_back", values=values, refused=refused))
    said = f"Going down to {Phase(row.phase_to).label}: new orders are stopped first. "
    return done(request, f"{said}Each step is shown below.", reverse("checks:phases"))


def _page(request: HttpRequest, *, typed: Typed | None = None) -> HttpResponse:
    context = _context(request)
    chosen = context["approvers"].approvers_needed
    if typed is not None and typed.form == "approvers":
        chosen = _number(typed.values["approvers"])
    return page(request, "phases.html", {**context, "typed": typed, "chosen": chosen})


def _context(request: HttpRequest) -> dict[str, Any]:
    now = SystemClock().now()
    mandate, told = mandate_of(account()), sources.ladder(account(), now)
    evaluation = newest_evaluation(account(), mandate.phase) if mandate is not None else None
    promotion, needed = open_promotion(account()), approvers_needed(account())
    sentence = headline(told, evaluation, mandate)
    buttons = _buttons(request, mandate, promotion)
    blocked = ",".join(one.name for one in buttons if one.why_not)
    return {
        "title": "Phases",
        "mandate": mandate,
        "phase_name": Phase(mandate.phase).label if mandate is not None else "",
        "below": Phase(mandate.phase - 1).label if mandate is not None and mandate.phase else "",
        "money": money_chip(mandate),
        "headline": sentence,
        # Listed only where the one sentence does not name them already.
        "missing": [one for one in told["missing"] if one not in sentence],
        "rungs": rungs(account(), told, mandate, now),
        "approvers": needed,
        "promotion": promotion,
        "promotion_name": Phase(promotion.phase).label if promotion is not None else "",
        "promotion_ends": ends_in(promotion, now) if promotion is not None else "",
        "yes": promotion.approvals.filter(answer="YES").count() if promotion is not None else 0,
        "buttons": buttons,
        "choices": range(APPROVERS_MIN, APPROVERS_MAX + 1),
        "approvers_why_not": lacks(request, "checks.set_approvers"),
        "events": timeline(account()),
        "live_url": reverse("checks:phases_live"),
        "stamp": f"{mandate.phase if mandate else ''}|{blocked}|{needed.approvers_needed}",
    }


def _buttons(
    request: HttpRequest, mandate: Mandate | None, promotion: Promotion | None
) -> list[Button]:
    """Return the things to do, each with why it cannot be done now."""
    none = NO_ACCOUNT if mandate is None else ""
    phase = mandate.phase if mandate is not None else Phase.SHADOW
    return [
        _request_button(request, mandate, promotion),
        Button(
            name="evaluate",
            label="Evaluate now",
            icon="calculate",
            section="see-where-the-phase-stands",
            url=reverse("checks:evaluate"),
            why_not=none or lacks(request, "checks.evaluate_criteria"),
        ),
        Button(
            name="drill",
            label="Drill the breaker",
            icon="labs",
            section="circuit-breaker",
            url=reverse("checks:drill"),
            why_not=none or lacks(request, "checks.run_drill"),
        ),
        Button(
            name="roll_back",
            label="Roll back",
            icon="keyboard_double_arrow_down",
            section="roll-back",
            url=reverse("checks:phase_roll_back"),
            why_not=none
            or ("this is the lowest phase; nothing is below it" if not phase else "")
            or lacks(request, "checks.roll_back"),
        ),
    ]


def _request_button(
    request: HttpRequest, mandate: Mandate | None, promotion: Promotion | None
) -> Button:
    label, why, remedy = "Request promotion", "", ""
    if mandate is None:
        why = NO_ACCOUNT
    elif promotion is not None:
        why, remedy = f"promotion {promotion.pk} is open", "it is decided, or withdrawn, first"
    else:
        why = lacks(request, "checks.request_promotion")
    if mandate is not None and mandate.phase >= Phase.SCALED_LIVE:
        label = "Renew permission"
    return Button(
        name="request",
        label=label,
        icon="stairs",
        section="ask-for-a-promotion",
        url=reverse("checks:request"),
        why_not=why,
        remedy=remedy,
        primary=True,
    )
