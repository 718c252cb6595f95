"""Runs of the check catalogue: asked for, carried out, stored as they go, decided, and finished."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from django.contrib.auth.models import User
from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import Q
from django_q.tasks import async_task

from checks.catalogue.base import Category, Check, Scene, Status
from checks.catalogue.registry import asked_in
from checks.criteria.decision import Judged, count, decide
from checks.models import CheckResult, CheckRun
from checks.selectors.bindings import run_sha256
from checks.selectors.targets import target_of
from checks.services.looking import RUN_MS_MAX, Asked, Looked, Looking
from polyarb_site.audit.masking import Plain, mask
from polyarb_site.audit.recorder import record
from polyarb_site.clock import Clock, SystemClock
from polyarb_site.live.send import publish
from polyarb_site.software import software
from trading.services.changes import actor_text, kept
from trading.services.refusals import Invalid, require

PERMISSION = "checks.run_checks"
TASK = "checks.tasks.run_asked"
# A run takes ten seconds at most, and the queue gives it to another worker after ninety.
STALE_AFTER = timedelta(minutes=2)
OnResult: TypeAlias = Callable[[CheckResult], None]


def run_checks(
    account: str,
    *,
    phase: int | None = None,
    venue: str | None = None,
    category: str = "",
    by: User | None = None,
    by_name: str = "",
    at: datetime | None = None,
    on_result: OnResult | None = None,
    clock: Clock | None = None,
    catalogue: Sequence[Check] | None = None,
) -> CheckRun:
    """Carry out a run in this process and return it, finished.

    Without a phase it is the present one. Raises ServiceRefused for an account, phase, venue or
    category that is not there.
    """
    clock = clock or SystemClock()
    now = at or clock.now()
    sweep(now)
    run = _new(account, phase, venue, category, by=by, by_name=by_name, at=now)
    run.save()
    carry_out(run, at=now, on_result=on_result, clock=clock, catalogue=catalogue)
    return run


def ask_for_run(
    account: str,
    *,
    phase: int | None = None,
    venue: str | None = None,
    category: str = "",
    by: User | None = None,
    by_name: str = "",
    at: datetime | None = None,
) -> CheckRun:
    """Make the row of a run that the jobs cluster then carries out, and return it.

    Whoever asks for what is running already gets that run. Raises ServiceRefused as run_checks.
    """
    now = at or SystemClock().now()
    sweep(now)
    run = _new(account, phase, venue, category, by=by, by_name=by_name, at=now)
    with transaction.atomic():
        same = CheckRun.objects.filter(
            account=run.account,
            phase=run.phase,
            venue=run.venue,
            category=run.category,
            state=CheckRun.State.RUNNING,
        )
        running = same.order_by("-id").first()
        if running is not None:
            return running
        run.save()
        transaction.on_commit(lambda: _queue(run.pk))
        _tell(run)
        record(
            "check_run.ask",
            actor=by,
            actor_name=run.by_name,
            target=_target(run),
            after=_asked_facts(run),
            at=now,
        )
    return run


def carry_out(
    run: CheckRun,
    *,
    at: datetime | None = None,
    on_result: OnResult | None = None,
    clock: Clock | None = None,
    catalogue: Sequence[Check] | None = None,
) -> bool:
    """Carry out a run that nobody has begun; return whether it was this call that did.

    The queue may give a run to two workers: the second one finds it begun, and leaves it.
    """
    clock = clock or SystemClock()
    began_at, began_ns = at or clock.now(), clock.monotonic_ns()
    wanted = asked_in(run.phase, run.category, catalogue)
    if not _claim(run, len(wanted), began_at):
        return False
    asked = [Asked(order=order, check=check, priority=grade) for order, check, grade in wanted]
    scene = Scene(account=run.account, phase=run.phase, venue=run.venue, now=began_at, clock=clock)
    done = False
    try:
        for batch in Looking(scene, run_ms_max=RUN_MS_MAX).batches(asked):
            for result in _store(run, batch):
                if on_result is not None:
                    on_result(result)
        elapsed = timedelta(microseconds=(clock.monotonic_ns() - began_ns) // 1_000)
        done = _finish(run, began_at + elapsed)
    finally:
        if not done:
            with suppress(DatabaseError, InterfaceError):  # then the next sweep marks it
                _fail(run, "it was interrupted", began_at)
    return True


def sweep(at: datetime | None = None) -> list[CheckRun]:
    """Mark the runs failed whose process ended in the middle, or that no worker took; return them.

    One from the future was made while the clock was wrong.
    """
    now = at or SystemClock().now()
    old = Q(started_at__lt=now - STALE_AFTER) | Q(started_at__gt=now + STALE_AFTER)
    failed = []
    for run in CheckRun.objects.filter(old, state=CheckRun.State.RUNNING).order_by("id"):
        problem = "the process that ran it ended" if run.planned else "no worker took it"
        minutes = int(STALE_AFTER.total_seconds()) // 60
        if _fail(run, f"{problem}: it was not finished within {minutes} minutes", now):
            failed.append(run)
    return failed


def _new(
    account: str,
    phase: int | None,
    venue: str | None,
    category: str,
    *,
    by: User | None,
    by_name: str,
    at: datetime,
) -> CheckRun:
    require(by, PERMISSION)
    if category and category not in tuple(Category):
        raise Invalid(
            "CATEGORY_UNKNOWN",
            f"there is no category {category[:30]!r}",
            f"choose one of {', '.join(Category)}",
        )
    target = target_of(account, phase=phase, venue=venue)
    return CheckRun(
        account=target.would.account,
        phase=target.would.phase,
        venue=target.would.feed,
        category=category,
        software=software(),
        started_at=at,
        by=by,
        by_name=actor_text(by, by_name),
    )


def _claim(run: CheckRun, planned: int, at: datetime) -> bool:
    """Begin a run, with the hashes of what it is about at this moment; return whether it was us.

    A run of no check at all stays at 0 planned, and whoever begins it again finishes it the same.
    """
    target = target_of(run.account, phase=run.phase, venue=run.venue)
    waiting = CheckRun.objects.filter(pk=run.pk, state=CheckRun.State.RUNNING, planned=0)
    claimed = waiting.update(
        planned=planned,
        started_at=at,
        profile=target.profile[:100],
        profile_sha256=target.profile_sha256,
        config_sha256=target.config_sha256,
        software=software(),
    )
    run.refresh_from_db()
    return claimed == 1


def _store(run: CheckRun, batch: Sequence[Looked]) -> list[CheckResult]:
    rows = [_row(run, one) for one in batch]
    with transaction.atomic():
        for row in rows:
            row.save()
        _tell(run, done=run.results.count())
    return rows


def _row(run: CheckRun, one: Looked) -> CheckResult:
    check, seen = one.asked.check, one.seen
    bad = seen.status is not Status.PASS
    return CheckResult(
        run=run,
        order=one.asked.order,
        check_id=check.id,
        category=check.category.value,
        priority=one.asked.priority.value,
        status=seen.status.value,
        title=check.title[:150],
        reason=kept(seen.reason, 500),
        needed=check.needed[:300],
        evidence=_evidence(seen.evidence),
        remedy=kept(seen.remedy or check.remedy, 500) if bad else "",
        runbook=check.runbook[:80],
        took_ms=one.took_ms,
    )


def _evidence(evidence: Mapping[str, Any]) -> Plain:
    """Return what was seen as plain data without secrets, numbers with a fraction as text."""
    try:
        return mask(_without_floats(evidence))
    except (TypeError, ValueError) as error:
        return {"not_kept": type(error).__name__}


def _without_floats(value: object) -> object:
    if isinstance(value, float):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _without_floats(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_floats(inner) for inner in value]
    return value


def _finish(run: CheckRun, at: datetime) -> bool:
    """Decide and close a run; return False when somebody marked it failed meanwhile."""
    judged = [
        Judged(id=check_id, priority=priority, status=status)
        for check_id, priority, status in run.results.order_by("order").values_list(
            "check_id", "priority", "status"
        )
    ]
    if len(judged) != run.planned:
        return _fail(run, f"{len(judged)} of {run.planned} results were stored", at)
    if run.category:
        passed = sum(one.status == "PASS" for one in judged)
        decision, counts = "", count(judged)
        sentence = (
            f"{passed} of {len(judged)} checks of the category {run.category} passed; "
            "one category alone decides nothing."
        )
    else:
        decided = decide(judged)
        decision, counts, sentence = decided.word, decided.counts, decided.sentence
    with transaction.atomic():
        still = CheckRun.objects.filter(pk=run.pk, state=CheckRun.State.RUNNING)
        if not still.update(
            state=CheckRun.State.FINISHED,
            decision=decision,
            sentence=sentence[:500],
            counts=counts,
            finished_at=at,
        ):
            run.refresh_from_db()
            return False
        run.refresh_from_db()
        run.sha256 = run_sha256(run)
        CheckRun.objects.filter(pk=run.pk).update(sha256=run.sha256)
        _tell(run)
        record(
            "check_run.finish",
            actor=run.by,
            actor_name=run.by_name,
            target=_target(run),
            after={**_asked_facts(run), **_finished_facts(run)},
            at=at,
        )
    return True


def _fail(run: CheckRun, problem: str, at: datetime) -> bool:
    """Mark a run failed, unless it is finished; return whether that was done."""
    with transaction.atomic():
        still = CheckRun.objects.filter(pk=run.pk, state=CheckRun.State.RUNNING)
        failed = still.update(
            state=CheckRun.State.FAILED, problem=kept(problem, 500), finished_at=at
        )
        run.refresh_from_db()
        if failed:
            _tell(run)
            record(
                "check_run.fail",
                actor=None,
                actor_name=run.by_name,
                target=_target(run),
                reason=run.problem,
                after=_asked_facts(run),
                at=at,
            )
    return failed == 1


def _tell(run: CheckRun, *, done: int | None = None) -> None:
    told: dict[str, Any] = {
        "account": run.account,
        "what": "check_run",
        "run": run.pk,
        "state": run.state,
        "planned": run.planned,
    }
    publish("state", told if done is None else {**told, "done": done})


def _target(run: CheckRun) -> str:
    return f"check_run:{run.pk}"


def _asked_facts(run: CheckRun) -> dict[str, Any]:
    return {
        "account": run.account,
        "phase": run.phase,
        "venue": run.venue,
        "category": run.category,
    }


def _finished_facts(run: CheckRun) -> dict[str, Any]:
    return {
        "decision": run.decision,
        "sentence": run.sentence,
        "counts": run.counts,
        "profile": run.profile,
        "profile_sha256": run.profile_sha256,
        "config_sha256": run.config_sha256,
        "software": run.software,
        "sha256": run.sha256,
    }


def _queue(number: int) -> None:
    async_task(TASK, number, group="checks")  # type: ignore[no-untyped-call]
