"""Whether a check run and an evaluation prove what a promotion needs. Unknown proves nothing."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from checks.models import CheckResult, CheckRun, CriterionVerdict, Evaluation
from checks.selectors.bindings import evaluation_sha256, run_sha256
from trading.selectors.promoting import Running
from trading.services.refusals import ServiceRefused

RUN_AGE_MAX = timedelta(hours=24)
EVALUATION_AGE_MAX = timedelta(hours=1)
P1_FAILED_MAX = 2
NAMED_MAX = 3
RUN_AGAIN = "run the checks again: manage.py go_no_go --phase {phase}"
JUDGE_AGAIN = "have the criteria judged again on the page Phases"
Kind = CriterionVerdict.Kind


def newest_run(account: str, *, phase: int, venue: str) -> CheckRun | None:
    """Return the newest whole run for this phase and venue that has ended, however."""
    rows = CheckRun.objects.filter(account=account, phase=phase, venue=venue, category="")
    return rows.exclude(state=CheckRun.State.RUNNING).order_by("-pk").first()


def newest_evaluation(account: str, *, phase: int, venue: str) -> Evaluation | None:
    """Return the newest judgement of all criteria of a phase by the facts of a venue."""
    rows = Evaluation.objects.filter(account=account, phase=phase, venue=venue, scope="ALL")
    return rows.order_by("-pk").first()


def run_problems(
    run: CheckRun, *, phase: int, venue: str, running: Running, now: datetime
) -> list[ServiceRefused]:
    """Return why a check run does not allow this phase on this venue, with what would run."""
    remedy = RUN_AGAIN.format(phase=phase)
    return [
        ServiceRefused(code, f"check run {run.pk} {what}", remedy)
        for code, what in _run_faults(run, phase=phase, venue=venue, running=running, now=now)
    ]


def _run_faults(
    run: CheckRun, *, phase: int, venue: str, running: Running, now: datetime
) -> Iterator[tuple[str, str]]:
    if run.state != CheckRun.State.FINISHED or run.finished_at is None:
        yield "CHECK_RUN_NOT_FINISHED", f"has not finished: {run.problem or run.state}"
        return
    asked = (run.account, run.phase, run.venue, run.category)
    if asked != (running.account, phase, venue, ""):
        yield "CHECK_RUN_OF_OTHER", "asked about something else"
    if max(run.started_at, run.finished_at) > now:
        yield "CHECK_RUN_FROM_FUTURE", "is from a time that has not come"
    elif now - min(run.started_at, run.finished_at) > RUN_AGE_MAX:
        yield "CHECK_RUN_TOO_OLD", "is older than 24 hours"
    if run.profile_sha256 != running.profile_sha256:
        yield "CHECK_RUN_OF_OTHER_PROFILE", f"was made with {run.profile or 'another profile'}"
    if run.config_sha256 != running.config_sha256:
        yield "CHECK_RUN_OF_OTHER_CONFIG", "was made with another venues.yaml or phases.yaml"
    if run.software != running.software:
        yield "CHECK_RUN_OF_OTHER_SOFTWARE", "was made by another version of the software"
    results = list(run.results.all())
    if not results or len(results) != run.planned or run_sha256(run) != run.sha256:
        yield "CHECK_RUN_CHANGED", "is not complete, or is not what was stored"
    if run.decision != CheckRun.Decision.GO or not _goes(results):
        yield "CHECK_RUN_NO_GO", f"says no: {run.sentence or 'NO_GO'}"


def _goes(results: Iterable[CheckResult]) -> bool:
    """Return whether these results are a Go, whatever the run says of itself."""
    failed = Counter(
        result.priority for result in results if result.status != CheckResult.Status.PASS
    )
    known = all(result.priority in ("P0", "P1", "P2", "P3") for result in results)
    return known and not failed["P0"] and failed["P1"] <= P1_FAILED_MAX


def evaluation_problems(
    evaluation: Evaluation,
    *,
    phase: int,
    venue: str,
    target: int,
    running: Running,
    now: datetime,
    fresh: bool,
) -> list[ServiceRefused]:
    """Return why an evaluation does not allow to go from `phase` to `target`.

    The next phase needs every criterion of success and exit and every precondition of the next
    phase. Renewing the present one needs neither of them. Both need every kill criterion unmet.
    """
    renews = target == phase
    kinds = {Kind.KILL} if renews else {Kind.SUCCESS, Kind.KILL, Kind.EXIT, Kind.ENTRY}
    faults = [
        *_evaluation_faults(
            evaluation, phase=phase, venue=venue, running=running, now=now, fresh=fresh
        ),
        *_verdict_faults(list(evaluation.verdicts.all()), kinds),
    ]
    return [
        ServiceRefused(code, f"evaluation {evaluation.pk} {what}", JUDGE_AGAIN)
        for code, what in faults
    ]


def _evaluation_faults(
    evaluation: Evaluation,
    *,
    phase: int,
    venue: str,
    running: Running,
    now: datetime,
    fresh: bool,
) -> Iterator[tuple[str, str]]:
    about = (evaluation.account, evaluation.phase, evaluation.venue, evaluation.scope)
    if about != (running.account, phase, venue, "ALL"):
        yield "EVALUATION_OF_OTHER", "is of something else"
    if evaluation.at > now:
        yield "EVALUATION_FROM_FUTURE", "is from a time that has not come"
    elif fresh and now - evaluation.at > EVALUATION_AGE_MAX:
        yield "EVALUATION_TOO_OLD", "is older than an hour"
    if evaluation.config_sha256 != running.config_sha256:
        yield "EVALUATION_OF_OTHER_CONFIG", "was made with another venues.yaml or phases.yaml"
    if evaluation.software != running.software:
        yield "EVALUATION_OF_OTHER_SOFTWARE", "was made by another version of the software"
    if evaluation_sha256(evaluation) != evaluation.sha256:
        yield "EVALUATION_CHANGED", "is not what was stored"


def _verdict_faults(
    verdicts: list[CriterionVerdict], kinds: set[Kind]
) -> Iterator[tuple[str, str]]:
    asked = [one for one in verdicts if one.kind in kinds]
    if missing := sorted(kinds - {one.kind for one in asked}):
        words = ", ".join(kind.lower() for kind in missing)
        yield "EVALUATION_INCOMPLETE", f"has no criterion of {words}"
    bad = [one for one in asked if one.verdict != CriterionVerdict.Verdict.PASS]
    if kills := [one for one in bad if one.kind == Kind.KILL and not _spared(one)]:
        yield "KILL_CRITERION", f"does not rule out a kill criterion: {_named(kills)}"
    if others := [one for one in bad if one.kind != Kind.KILL]:
        yield "CRITERIA_NOT_MET", f"has criteria that are not met: {_named(others)}"


def _spared(verdict: CriterionVerdict) -> bool:
    """Return whether a kill criterion may be unknown, as its definition says."""
    unknown = verdict.verdict == CriterionVerdict.Verdict.UNKNOWN
    return unknown and verdict.definition.get("unknown_allowed") is True


def _named(verdicts: list[CriterionVerdict]) -> str:
    told = [f"{one.criterion} ({one.verdict.lower()})" for one in verdicts[:NAMED_MAX]]
    more = f" and {len(verdicts) - NAMED_MAX} more" if len(verdicts) > NAMED_MAX else ""
    return f"{', '.join(told)}{more}"
