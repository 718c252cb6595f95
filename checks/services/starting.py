"""Starting live: everything is looked at anew, and then moved in one transaction or not at all.

Order: the promotion that allows it, the checks in this process, a backup that is restored and
compared, a last look by whoever starts. Up to there nothing of the account has changed. Then one
transaction consumes the promotion, makes the grant and asks the engine to run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.module_loading import import_string

from checks.models import CheckRun, Promotion
from checks.selectors.bindings import approvals_sha256
from checks.selectors.gates import open_promotion
from checks.selectors.proofs import RUN_AGAIN, run_problems
from checks.selectors.validity import approvals_valid, ending, needed
from checks.services.promotion_states import State, move
from checks.services.promotions import sweep
from polyarb_site.audit.recorder import record
from polyarb_site.clock import Clock, SystemClock
from reports.services import find_backup, pin_backup, take_backup
from trading.selectors.profiles import preview_apply
from trading.selectors.promoting import Grant, Mandate, Phase, Profile, Running, limit_texts
from trading.selectors.runs import open_session
from trading.services.changes import actor_text, find_mandate, mandate_target
from trading.services.grants import running_of
from trading.services.live import start_live as start_engine
from trading.services.mandates import refuse_start
from trading.services.refusals import ServiceRefused, require

RUN_CHECKS = "checks.services.runs.run_checks"  # by name: the catalogue loads half the portal
RunChecks: TypeAlias = Callable[..., CheckRun]
BACKUP_WAIT_S = 60  # for one that is being made at that moment
BACKUP_NS_MAX = 600 * 1_000_000_000
ASK = "ask for a promotion on the page Phases, or with POST /api/promotions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is about to run, complete: nothing has been moved yet."""

    account: str
    phase: int
    venue: str
    profile: Profile
    running: Running
    promotion: Promotion
    restart: bool  # by the grant in force; else the promotion is about to be consumed
    approvers: tuple[str, ...]
    limits: dict[str, str]
    risks: tuple[str, ...]
    check_run: CheckRun
    backup: str  # taken for this start, verified and pinned


@dataclass(frozen=True, slots=True, kw_only=True)
class _Permission:
    promotion: Promotion
    profile: Profile
    restart: bool


Ready: TypeAlias = Callable[[Plan], None]


def start_live(
    account: str,
    *,
    phase: int | None = None,
    venue: str | None = None,
    by: User | None,
    by_name: str = "",
    reason: str = "",
    skip_countdown: bool = False,
    ready: Ready = lambda _plan: None,
    at: datetime | None = None,
    clock: Clock | None = None,
) -> tuple[Mandate, Plan]:
    """Start the engine live as the approved promotion, or the grant in force, allows.

    `ready` is called when everything is there and nothing has been moved: what it raises ends the
    start. Raises ServiceRefused, with a promotion left as it was, for whatever is not as it must
    be. `phase` and `venue` are what the caller expects; anything else is refused, never taken.
    """
    require(by, "trading.start_live")
    who = actor_text(by, by_name)
    ticking = clock or SystemClock()
    now = at or ticking.now()
    sweep(account, now)
    mandate = find_mandate(account)
    allowed = _permission(mandate, phase=phase, venue=venue)
    refuse_start(mandate)
    _refuse_open_session(account)
    plan = _prepare(allowed, by=by, who=who, now=now, clock=ticking)
    ready(plan)
    moment = at or ticking.now()
    try:
        with transaction.atomic():
            started = _move(plan, by=by, who=who, reason=reason, at=moment)
            _record(plan, by=by, who=who, reason=reason, skipped=skip_countdown, at=moment)
    except ServiceRefused:
        sweep(account, moment)
        raise
    return started, plan


def _permission(mandate: Mandate, *, phase: int | None, venue: str | None) -> _Permission:
    """Return what allows the start, before anything costs time. Raises ServiceRefused."""
    waiting = open_promotion(mandate.account)
    approved = waiting if waiting is not None and waiting.state == State.APPROVED else None
    if approved is not None and phase in (None, approved.phase):
        _refuse_other_venue(venue, approved.venue)
        return _Permission(promotion=approved, profile=approved.profile, restart=False)
    wanted = mandate.phase if phase is None else phase
    number = mandate.grant.get("promotion") if isinstance(mandate.grant, dict) else None
    in_force = Promotion.objects.filter(pk=number, state=State.CONSUMED).first() if number else None
    if wanted == mandate.phase != Phase.SHADOW and in_force is not None and mandate.profile:
        _refuse_other_venue(venue, mandate.feed)
        return _Permission(promotion=in_force, profile=mandate.profile, restart=True)
    raise _not_allowed(mandate, waiting, phase)


def _not_allowed(mandate: Mandate, waiting: Promotion | None, phase: int | None) -> ServiceRefused:
    if waiting is None:
        what = f"phase {mandate.phase}" if phase is None else f"starting in phase {phase}"
        text = f"no approved promotion and no grant in force allows {what} of {mandate.account}"
        return ServiceRefused("NO_PROMOTION", text, ASK)
    if waiting.state == State.APPROVED:
        text = f"what was approved is phase {waiting.phase}, not phase {phase}"
        return ServiceRefused("OTHER_PHASE", text, f"start with --phase {waiting.phase}")
    count = len(approvals_valid(waiting))
    text = f"promotion {waiting.pk} has {count} of {needed(waiting)} approvals"
    return ServiceRefused("NOT_APPROVED", text, "wait for the others, on the page Phases")


def _refuse_other_venue(wanted: str | None, allowed: str) -> None:
    if wanted not in (None, allowed):
        raise ServiceRefused(
            "OTHER_VENUE",
            f"what was approved is trading on {allowed}, not on {wanted}",
            f"start with --venue {allowed}, or ask for a promotion on {wanted}",
        )


def _refuse_open_session(account: str) -> None:
    if (session := open_session(account)) is not None:
        raise ServiceRefused(
            "STILL_STOPPING",
            f"the run {session.key} has not ended yet ({session.state.lower()})",
            "wait for its end: manage.py stop_engine",
        )


def _prepare(
    allowed: _Permission, *, by: User | None, who: str, now: datetime, clock: Clock
) -> Plan:
    """Run the checks and take the backup. Raises ServiceRefused."""
    promotion, profile = allowed.promotion, allowed.profile
    account, phase, venue = promotion.account, promotion.phase, promotion.venue
    try:
        running = running_of(account, phase=phase, venue=venue, profile=profile)
    except OSError as error:
        text = f"the configuration cannot be read ({error.strerror or error})"
        raise ServiceRefused("CONFIG_UNREADABLE", text, "put config/ right") from error
    limits = limit_texts(profile)
    risks = tuple(one.text for one in preview_apply(account, profile).risks)
    run = _checked(running, by=by, who=who, now=now)
    return Plan(
        account=account,
        phase=phase,
        venue=venue,
        profile=profile,
        running=running,
        promotion=promotion,
        restart=allowed.restart,
        approvers=tuple(one.by_name for one in promotion.approvals.filter(answer="YES")),
        limits=limits,
        risks=risks,
        check_run=run,
        backup=_backed_up(phase, who=who, clock=clock),
    )


def _checked(running: Running, *, by: User | None, who: str, now: datetime) -> CheckRun:
    """Return a Go that was made for this start, in this process. Raises ServiceRefused."""
    run_checks: RunChecks = import_string(RUN_CHECKS)
    phase, venue = running.phase, running.venue
    run = run_checks(running.account, phase=phase, venue=venue, by=by, by_name=who, at=now)
    if run.started_at < now:
        raise ServiceRefused(
            "CHECK_RUN_NOT_NEW",
            f"check run {run.pk} was not made for this start",
            RUN_AGAIN.format(phase=phase),
        )
    latest = max(now, run.finished_at or now)
    problems = run_problems(run, phase=phase, venue=venue, running=running, now=latest)
    for problem in problems:
        raise problem
    return run


def _backed_up(phase: int, *, who: str, clock: Clock) -> str:
    """Take, verify and pin the backup of this start; return its name. Raises ServiceRefused."""
    deadline_ns = clock.monotonic_ns() + BACKUP_NS_MAX
    row = take_backup(
        "PRE_LIVE",
        by=None,
        by_name=who,
        reason=f"start in phase {phase}",
        wait_s=BACKUP_WAIT_S,
        should_stop=lambda: clock.monotonic_ns() > deadline_ns,
    )
    if row.state != "VERIFIED" or not row.pinned:
        raise ServiceRefused(
            "BACKUP_FAILED",
            f"the backup {row.name} before the start is not verified: {row.problem or row.state}",
            "put right what it says, then start again",
        )
    return row.name


def _move(plan: Plan, *, by: User | None, who: str, reason: str, at: datetime) -> Mandate:
    """Consume, grant and start. Is called within a transaction, which ends all three or none."""
    _refuse_open_session(plan.account)
    if plan.restart:
        return start_engine(plan.account, by=by, by_name=who, reason=reason, at=at)
    locked = (
        Promotion.objects.select_for_update().select_related("profile").get(pk=plan.promotion.pk)
    )
    if (end := ending(locked, at)) is not None:
        text = f"promotion {locked.pk} is {end.state.label.lower()}: {end.reason}"
        raise ServiceRefused(f"PROMOTION_{end.state}", text, "ask for it again")
    count = len(approvals_valid(locked))
    if locked.state == State.REQUESTED or count < needed(locked):
        text = f"promotion {locked.pk} has {count} of {needed(locked)} approvals"
        raise ServiceRefused("NOT_APPROVED", text, "wait for the others, on the page Phases")
    consumed = move(locked, State.CONSUMED, by=by, by_name=who, reason=_why(reason), at=at)
    grant = Grant(
        **consumed.binding,
        promotion=consumed.pk,
        approvals_sha256=approvals_sha256(consumed),
        granted_at=at.isoformat(),
    )
    started = start_engine(
        plan.account,
        grant=grant,
        profile=consumed.profile,
        by=by,
        by_name=who,
        reason=reason,
        at=at,
    )
    _pin(consumed, who)
    return started


def _pin(promotion: Promotion, who: str) -> None:
    """Keep the backup that the promotion is bound to for as long as somebody wants it."""
    if not find_backup(promotion.backup).pinned:
        why = f"promotion {promotion.pk} is bound to it"
        pin_backup(promotion.backup, by=None, by_name=who, reason=why)


def _why(reason: str) -> str:
    return reason.strip() or "started"


def _record(
    plan: Plan, *, by: User | None, who: str, reason: str, skipped: bool, at: datetime
) -> None:
    """Keep what the start was made with, in its own transaction with it."""
    kept: dict[str, Any] = {
        "promotion": plan.promotion.pk,
        "restart": plan.restart,
        "phase": plan.phase,
        "venue": plan.venue,
        "profile": str(plan.profile),
        "check_run": plan.check_run.pk,
        "check_run_sha256": plan.check_run.sha256,
        "backup": plan.backup,
        "countdown_skipped": skipped,
    }
    record(
        "gates.start_live",
        actor=by,
        actor_name=who,
        target=mandate_target(plan.account),
        reason=reason,
        after=kept,
        at=at,
    )
