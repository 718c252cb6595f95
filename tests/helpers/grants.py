"""A promotion in force: the rows that people's work would have left, with hashes that are true."""

from datetime import timedelta

from checks.criteria.hashing import canonical_sha256
from checks.models import Approval, CheckResult, CheckRun, CriterionVerdict, Evaluation, Promotion
from checks.selectors.bindings import approvals_sha256, evaluation_sha256, run_sha256
from polyarb_site.software import software
from reports.models import BackupRun
from trading.config.grants import Grant, grant_json, grant_sha256
from trading.models import Mandate
from trading.services.grants import config_files_sha256, running_of


def granted(account, profile, *, phase=1, venue="simulator", at, state="CONSUMED"):
    """Return the grant of a new promotion whose every row is there."""
    running = running_of(account, phase=phase, venue=venue, profile=profile)
    run = _run(account, phase, venue, running, at)
    evaluation = _evaluation(account, phase - 1, venue, at)
    backup = BackupRun.objects.create(
        name=f"{at:%Y%m%d_%H%M}_{BackupRun.objects.count()}",
        kind=BackupRun.Kind.MANUAL,
        state=BackupRun.State.VERIFIED,
        sha256="b" * 64,
        started_at=at - timedelta(hours=1),
        verified_at=at - timedelta(minutes=50),
        created_by="test",
    )
    binding = {
        **{name: getattr(running, name) for name in running.__dataclass_fields__},
        "check_run": run.pk,
        "check_run_sha256": run.sha256,
        "evaluation": evaluation.pk,
        "evaluation_sha256": evaluation.sha256,
        "backup": backup.name,
        "backup_sha256": backup.sha256,
    }
    promotion = Promotion.objects.create(
        account=account,
        phase_from=phase - 1,
        phase=phase,
        venue=venue,
        state=state,
        profile=profile,
        check_run=run,
        evaluation=evaluation,
        backup=backup.name,
        binding=binding,
        binding_sha256=canonical_sha256(binding),
        reason="seven quiet days",
        requested_by_name="otto",
        requested_at=at,
        expires_at=at + timedelta(hours=24),
        approved_at=at,
        ended_at=at,
    )
    for name in ("anna", "adam"):
        Approval.objects.create(
            promotion=promotion,
            by_name=name,
            answer=Approval.Answer.YES,
            comment="read it all",
            proof="password",
            binding_sha256=promotion.binding_sha256,
            at=at,
        )
    return Grant(
        **binding,
        promotion=promotion.pk,
        approvals_sha256=approvals_sha256(promotion),
        granted_at=at.isoformat(),
    )


def put_in_force(account, profile, *, phase=1, venue="simulator", at, desired="RUN"):
    """Let the mandate trade live as a promotion allows it; return the grant."""
    grant = granted(account, profile, phase=phase, venue=venue, at=at)
    stored = grant_json(grant)
    Mandate.objects.filter(account=account).update(
        phase=phase,
        phase_since=at,
        mode="LIVE",
        feed=venue,
        profile=profile,
        grant=stored,
        grant_sha256=grant_sha256(stored),
        desired=desired,
    )
    return grant


def _run(account, phase, venue, running, at):
    run = CheckRun.objects.create(
        account=account,
        phase=phase,
        venue=venue,
        state=CheckRun.State.FINISHED,
        decision=CheckRun.Decision.GO,
        profile_sha256=running.profile_sha256,
        config_sha256=config_files_sha256(),
        software=software(),
        started_at=at,
        finished_at=at,
        by_name="otto",
    )
    CheckResult.objects.create(
        run=run,
        order=0,
        check_id="data.disk",
        category="data",
        priority="P0",
        status=CheckResult.Status.PASS,
        title="There is room on the disk",
        reason="12 GB are free",
    )
    run.sha256 = run_sha256(run)
    run.save()
    return run


def _evaluation(account, phase, venue, at):
    evaluation = Evaluation.objects.create(
        account=account,
        phase=phase,
        venue=venue,
        scope="ALL",
        at=at,
        config_sha256=config_files_sha256(),
        criteria_sha256="c" * 64,
        software=software(),
        by_name="otto",
    )
    CriterionVerdict.objects.create(
        evaluation=evaluation,
        order=0,
        kind=CriterionVerdict.Kind.SUCCESS,
        criterion="days_without_crash",
        definition={},
        verdict=CriterionVerdict.Verdict.PASS,
        value="7",
        bound=">= 7 days",
        reason="7 days without a crash",
        window_to=at,
        sample=7,
    )
    evaluation.sha256 = evaluation_sha256(evaluation)
    evaluation.save()
    return evaluation
