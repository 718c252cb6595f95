"""What the pages about gates ask of services and selectors, in one place and in one shape.

Each function names the keys that the pages read; what a selector tells beyond them is not shown.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from checks.admin.windows import window_text
from checks.models import CheckRun, Promotion
from checks.selectors import ladder as ladders
from checks.selectors.promotions import promotion_dict, would_bind
from checks.services import attestations, drills, evaluations, promotions, rollbacks, runs, starting
from trading.selectors.phases import Phase
from trading.services import HaltFailed, ServiceRefused


class Asked(TypedDict):
    """One criterion of a phase as it is defined, for rungs that are not judged now."""

    id: str
    kind: str  # SUCCESS, KILL, EXIT, ENTRY
    name: str
    bound: str  # with its unit: "at least 7 days"
    window: str  # in words: "the last 7 days", "" for none


class Rung(TypedDict):
    """One phase of the ladder."""

    number: int
    name: str
    goals: list[str]  # one sentence each
    planned: str  # "7-14 days", "" where nothing says it
    days_min: int | None  # planned duration; None: open-ended
    days_max: int | None
    criteria: list[Asked]


class Ladder(TypedDict):
    """The phases, and what is missing for the next step."""

    sentence: str  # "To ask for Micro-Live: 2 of 6 criteria missing, ..."; "" when it is not known
    missing: list[str]  # one sentence each
    rungs: list[Rung]  # by number


class Item(TypedDict):
    """One thing that a promotion is bound to."""

    what: str  # phase, venue, profile, configuration, software, check run, evaluation, backup
    name: str  # for people
    sha256: str  # "" for what is compared as it is


class Obstacle(TypedDict):
    """Why something cannot be done now."""

    code: str
    message: str
    remedy: str


class Wanted(TypedDict):
    """What a promotion asked for now would be bound to, and what is in its way."""

    items: list[Item]
    obstacles: list[Obstacle]
    voids: list[str]


class Standing(TypedDict):
    """Where a promotion stands now, whatever its row still says."""

    state: str
    end_reason: str
    needed: int
    missing: int  # approvals
    items: list[Item]
    voids: list[str]


VOIDS = [
    "a value of the profile, or another revision of it",
    "the files phases.yaml or venues.yaml on the machine",
    "the software version",
    "the check run, the evaluation or the backup: edited, removed or pruned",
    "the phase, by a rollback",
    "24 hours pass",
]


def ladder(account: str, now: datetime) -> Ladder:
    """Return the ladder; without rungs where there is no account, or nothing defines them."""
    try:
        told = ladders.ladder(account, now)
    except ServiceRefused as refused:
        return Ladder(sentence=str(refused), missing=[], rungs=[])
    return Ladder(
        sentence=str(told["sentence"] or ""),
        missing=[str(one) for one in told["missing"]],
        rungs=[_rung(one) for one in told["phases"]],
    )


def wanted(account: str, phase: int, venue: str) -> Wanted:
    """Return what a promotion asked for now would be bound to, and what is in its way."""
    try:
        told = would_bind(account, phase, venue)
    except ServiceRefused as refused:
        found = Obstacle(code=refused.code, message=refused.message, remedy=refused.remedy)
        return Wanted(items=[], obstacles=[found], voids=VOIDS)
    return Wanted(
        items=[_item(one["what"], one["name"], one["sha256"]) for one in told["bound"]],
        obstacles=[
            Obstacle(code=one["code"], message=one["message"], remedy=one["remedy"])
            for one in told["obstacles"]
        ],
        voids=[str(one) for one in told["voids"]],
    )


def standing(promotion: Promotion, now: datetime) -> Standing:
    """Return where a promotion stands now."""
    told = promotion_dict(promotion, now)
    return Standing(
        state=told["state"],
        end_reason=told["end_reason"],
        needed=told["approvers_needed"],
        missing=told["approvals_missing"],
        items=[_item(one["what"], one["name"], one["sha256"]) for one in told["bound"]],
        voids=[str(one) for one in told["voids"]],
    )


def stored(promotion: Promotion) -> Standing:
    """Return where a promotion stands by its own row alone."""
    yes = promotion.approvals.filter(answer="YES").count()
    return Standing(
        state=promotion.state,
        end_reason=promotion.end_reason,
        needed=promotion.approvers_needed,
        missing=max(0, promotion.approvers_needed - yes),
        items=bound_by(promotion),
        voids=VOIDS,
    )


def bound_by(promotion: Promotion) -> list[Item]:
    """Return what a promotion is bound to, as its own row says."""
    bound = promotion.binding
    return [
        _item("phase", Phase(promotion.phase).label, ""),
        _item("venue", promotion.venue, ""),
        _item("profile", f"{promotion.profile}", bound.get("profile_sha256", "")),
        _item("configuration", "venues.yaml and phases.yaml", bound.get("config_sha256", "")),
        _item("software", bound.get("software", ""), ""),
        _item(
            "check run", f"check run {promotion.check_run_id}", bound.get("check_run_sha256", "")
        ),
        _item(
            "evaluation",
            f"evaluation {promotion.evaluation_id}",
            bound.get("evaluation_sha256", ""),
        ),
        _item("backup", f"backup {promotion.backup}", bound.get("backup_sha256", "")),
    ]


def evaluate(account: str, *, by: Any) -> Any:
    """Judge all criteria of the present phase now; return the Evaluation."""
    return evaluations.evaluate(account, by=by)


def ask_for_run(account: str, *, phase: int, by: Any) -> CheckRun:
    """Have the catalogue run by a job; return its row, which fills while it runs."""
    return runs.ask_for_run(account, phase=phase, by=by)


def attest(account: str, kind: str, *, note: str, days: int, by: Any, at: datetime) -> Any:
    """State what no machine can see; return the Attestation."""
    return attestations.attest(account, kind, note=note, days=days, by=by, at=at)


def revoke(attestation: Any, *, by: Any, at: datetime) -> Any:
    """Take a statement back."""
    return attestations.revoke(attestation, by=by, at=at)


def request_promotion(
    account: str, *, phase: int, venue: str, by: Any, reason: str, at: datetime
) -> Promotion:
    """Ask for a promotion; return it."""
    return promotions.request_promotion(
        account, phase=phase, venue=venue, by=by, reason=reason, at=at
    )


def approve(
    promotion: Promotion, *, by: Any, comment: str, password: str, seen: str, at: datetime
) -> Any:
    """Say yes to what was seen, re-authenticated."""
    return promotions.approve(
        promotion, by=by, comment=comment, password=password, seen=seen, at=at
    )


def reject(promotion: Promotion, *, by: Any, comment: str, at: datetime) -> Any:
    """Say no, which stops something and so needs no proof."""
    return promotions.reject(promotion, by=by, comment=comment, at=at)


def withdraw(promotion: Promotion, *, by: Any, reason: str, at: datetime) -> Any:
    """Take a request back."""
    return promotions.withdraw(promotion, by=by, reason=reason, at=at)


def start_live(promotion: Promotion, *, by: Any, reason: str) -> Any:
    """Take an approved promotion into force and start the engine live, in its phase and venue."""
    return starting.start_live(
        promotion.account,
        phase=promotion.phase,
        venue=promotion.venue,
        by=by,
        reason=reason,
        skip_countdown=True,
    )


def drill(account: str, *, by: Any, at: datetime) -> Any:
    """Trip the circuit breaker with the bounds in force; return the Drill, passed or not."""
    return drills.drill_breaker(account, by=by, at=at)


def set_approvers(account: str, needed: int, *, by: Any, reason: str, at: datetime) -> Any:
    """Set how many different people have to approve; return the ApprovalSetting."""
    return promotions.set_approvers(account, needed, by=by, reason=reason, at=at)


def roll_back(account: str, *, by: Any, reason: str, at: datetime) -> Any:
    """Go down a phase; return the Rollback. The halt comes first, and is what may fail."""
    try:
        return rollbacks.roll_back(account, by=by, reason=reason, at=at)
    except (HaltFailed, rollbacks.RollbackNotKept) as failed:
        remedy = "halt on the machine itself: manage.py emergency_stop"
        raise ServiceRefused("HALT_FAILED", str(failed), remedy) from failed


def _item(what: str, name: str, sha256: str) -> Item:
    return Item(what=what, name=name, sha256=sha256)


def _rung(told: Mapping[str, Any]) -> Rung:
    asked = [one for rows in told["criteria"].values() for one in rows]
    checked = [
        Asked(id=text, kind="ENTRY", name=text, bound="by the go/no-go", window="")
        for text in told["entry_checks"]
    ]
    return Rung(
        number=told["number"],
        name=told["name"],
        goals=list(told["goals"]),
        planned=told["planned"],
        days_min=told["days_min"],
        days_max=told["days_max"],
        criteria=[
            *(
                Asked(
                    id=one["id"],
                    kind=one["kind"],
                    name=one["text"],
                    bound=one["bound"],
                    window=window_text(one["window"]),
                )
                for one in asked
            ),
            *checked,
        ],
    )
