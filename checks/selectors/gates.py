"""What stands for and against a promotion at this moment: the same for pages, API and services."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from checks.models import CheckRun, Evaluation, Promotion, Rollback
from checks.selectors.bindings import evaluation_sha256, run_sha256
from checks.selectors.proofs import (
    JUDGE_AGAIN,
    RUN_AGAIN,
    evaluation_problems,
    newest_evaluation,
    newest_run,
    run_problems,
)
from reports.selectors.backups import newest_verified
from trading.selectors.promoting import (
    Mandate,
    Phase,
    Profile,
    Running,
    halt_cause,
    incident_since,
    phase_name,
    profile_problems,
    running_facts,
)
from trading.services.changes import find_mandate
from trading.services.grants import running_of
from trading.services.live import LIVE_VENUES, PHASE_PROFILES
from trading.services.refusals import ServiceRefused
from trading.services.revisions import newest

BACKUP_AGE_MAX = timedelta(hours=24)
OPEN_STATES = (Promotion.State.REQUESTED, Promotion.State.APPROVED)
TAKE_BACKUP = "take one: manage.py backup_state"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup that was restored and compared."""

    name: str
    sha256: str
    taken_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What a promotion would be bound to now, and everything that is in its way."""

    mandate: Mandate
    phase: int
    venue: str
    profile: Profile | None
    running: Running | None
    run: CheckRun | None
    evaluation: Evaluation | None
    backup: Backup | None
    obstacles: tuple[ServiceRefused, ...]

    def profile_id(self) -> int:
        """Return the number of the revision in the database. Raises ValueError without one."""
        if self.profile is None:
            raise ValueError("there is no profile to bind")
        return self.profile.pk

    def binding(self) -> dict[str, Any]:
        """Return what is bound. Raises ValueError while something of it is missing."""
        if not (self.running and self.run and self.evaluation and self.backup):
            raise ValueError("something that has to be bound is missing")
        return {
            **running_facts(self.running),
            "check_run": self.run.pk,
            "check_run_sha256": run_sha256(self.run),
            "evaluation": self.evaluation.pk,
            "evaluation_sha256": evaluation_sha256(self.evaluation),
            "backup": self.backup.name,
            "backup_sha256": self.backup.sha256,
        }


def next_phase(mandate: Mandate) -> int:
    """Return the phase that comes next; of the last one that one itself, which can be renewed."""
    return min(mandate.phase + 1, max(Phase.values))


def open_promotion(account: str) -> Promotion | None:
    """Return the one promotion of an account that may still come into force."""
    rows = Promotion.objects.filter(account=account, state__in=OPEN_STATES)
    return rows.select_related("profile").first()


def look(
    account: str, *, phase: int | None, venue: str | None, profile: str | None, now: datetime
) -> Gate:
    """Return what a promotion would be bound to now. Raises NotFound for an unknown account."""
    mandate = find_mandate(account)
    target = next_phase(mandate) if phase is None else phase
    feed = mandate.feed if venue is None else venue
    obstacles = _wrong_target(mandate, target, feed)
    obstacles += unrest(mandate, since=None)
    if (row := open_promotion(account)) is not None:
        text = f"promotion {row.pk} to phase {row.phase} is open already"
        obstacles.append(ServiceRefused("PROMOTION_OPEN", text, "withdraw it first, or wait"))
    revision, found = _profile(target, profile)
    obstacles += found
    running, found = _running(account, target, feed, revision)
    obstacles += found
    run, found = _run(account, target, feed, running, now)
    obstacles += found
    evaluation, found = _evaluation(mandate, target, feed, running, now)
    obstacles += found
    backup, found = _backup(now)
    return Gate(
        mandate=mandate,
        phase=target,
        venue=feed,
        profile=revision,
        running=running,
        run=run,
        evaluation=evaluation,
        backup=backup,
        obstacles=(*obstacles, *found),
    )


def unrest(mandate: Mandate, *, since: datetime | None) -> list[ServiceRefused]:
    """Return what is wrong with the account itself, or with `since` what was wrong from then on."""
    found = []
    if cause := halt_cause(mandate):
        remedy = "find out why, then resume: manage.py resume_trading --reason '...'"
        found.append(ServiceRefused("HALTED", f"trading is halted ({cause})", remedy))
    if told := incident_since(mandate.account, since):
        remedy = "clear it up and resolve it with a note"
        found.append(ServiceRefused("INCIDENT", told, remedy))
    rollbacks = Rollback.objects.filter(account=mandate.account)
    running = rollbacks.filter(state=Rollback.State.RUNNING).first()
    if running is not None:
        text = f"rollback {running.pk} from phase {running.phase_from} is running"
        found.append(ServiceRefused("ROLLBACK_RUNNING", text, "wait until it has finished"))
    elif since is not None and (row := rollbacks.filter(started_at__gte=since).first()):
        text = f"rollback {row.pk} from phase {row.phase_from} was made since"
        found.append(ServiceRefused("ROLLED_BACK", text, "ask for the promotion again"))
    return found


def _wrong_target(mandate: Mandate, target: int, venue: str) -> list[ServiceRefused]:
    found = []
    allowed = {max(mandate.phase, Phase.MICRO_LIVE), next_phase(mandate)}
    if target not in allowed:
        text = f"phase {target} does not follow phase {mandate.phase}"
        remedy = f"ask for phase {next_phase(mandate)}, {phase_name(next_phase(mandate))}"
        found.append(ServiceRefused("NOT_THE_NEXT_PHASE", text, remedy))
    if venue not in LIVE_VENUES:
        text = f"facts of the feed {venue} prove nothing for trading live"
        remedy = f"run the engine in shadow on {' or '.join(LIVE_VENUES)} first"
        found.append(ServiceRefused("NO_LIVE_VENUE", text, remedy))
    elif mandate.phase != Phase.SHADOW and venue != mandate.feed:
        text = f"the account trades on {mandate.feed}, whose facts prove nothing for {venue}"
        remedy = f"ask for {mandate.feed}, or go down to phase 0 and begin again on {venue}"
        found.append(ServiceRefused("OTHER_VENUE", text, remedy))
    return found


def _profile(target: int, name: str | None) -> tuple[Profile | None, list[ServiceRefused]]:
    wanted = name or PHASE_PROFILES.get(target, "")
    revision = newest(wanted) if wanted else None
    if revision is None:
        text = f"there is no profile {wanted[:80]!r}"
        return None, [ServiceRefused("NO_PROFILE", text, "run manage.py seed, or name another")]
    try:
        problems = profile_problems(revision, target)
    except ServiceRefused as refused:
        return revision, [refused]
    if not problems:
        return revision, []
    text = f"{revision} does not fit phase {target}: {'. '.join(problems)}"
    return revision, [ServiceRefused("PROFILE_UNFIT", text, "save a revision that does")]


def _running(
    account: str, target: int, venue: str, profile: Profile | None
) -> tuple[Running | None, list[ServiceRefused]]:
    if profile is None:
        return None, []
    try:
        return running_of(account, phase=target, venue=venue, profile=profile), []
    except ServiceRefused:
        return None, []  # said of the profile already
    except OSError as error:
        text = f"the configuration cannot be read ({error.strerror or error})"
        return None, [ServiceRefused("CONFIG_UNREADABLE", text, "put config/ right")]


def _run(
    account: str, target: int, venue: str, running: Running | None, now: datetime
) -> tuple[CheckRun | None, list[ServiceRefused]]:
    run = newest_run(account, phase=target, venue=venue)
    if run is None:
        text = f"the checks were never run for phase {target} on {venue}"
        return None, [ServiceRefused("NO_CHECK_RUN", text, RUN_AGAIN.format(phase=target))]
    if running is None:
        return run, []
    return run, run_problems(run, phase=target, venue=venue, running=running, now=now)


def _evaluation(
    mandate: Mandate, target: int, venue: str, running: Running | None, now: datetime
) -> tuple[Evaluation | None, list[ServiceRefused]]:
    evaluation = newest_evaluation(mandate.account, phase=mandate.phase, venue=venue)
    if evaluation is None:
        text = f"the criteria of phase {mandate.phase} were never judged by facts of {venue}"
        return None, [ServiceRefused("NO_EVALUATION", text, JUDGE_AGAIN)]
    found = []
    if mandate.phase_since is not None and evaluation.at < mandate.phase_since:
        text = f"evaluation {evaluation.pk} is of an earlier time in phase {mandate.phase}"
        found.append(ServiceRefused("EVALUATION_TOO_OLD", text, JUDGE_AGAIN))
    if running is not None:
        found += evaluation_problems(
            evaluation,
            phase=mandate.phase,
            venue=venue,
            target=target,
            running=running,
            now=now,
            fresh=True,
        )
    return evaluation, found


def _backup(now: datetime) -> tuple[Backup | None, list[ServiceRefused]]:
    row = newest_verified()
    if row is None:
        return None, [ServiceRefused("NO_BACKUP", "no backup was verified yet", TAKE_BACKUP)]
    backup = Backup(name=row.name, sha256=row.sha256, taken_at=row.started_at)
    if backup.taken_at > now:
        text = f"the backup {row.name} is from a time that has not come"
        return backup, [ServiceRefused("BACKUP_FROM_FUTURE", text, TAKE_BACKUP)]
    if now - backup.taken_at > BACKUP_AGE_MAX:
        text = f"the newest verified backup, {row.name}, is older than 24 hours"
        return backup, [ServiceRefused("BACKUP_TOO_OLD", text, TAKE_BACKUP)]
    return backup, []
