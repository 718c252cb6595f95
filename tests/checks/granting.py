"""An account in a live phase, with everything behind it that a promotion leaves: made by hand."""

from datetime import timedelta
from typing import Any

from checks.criteria.hashing import canonical_sha256
from checks.models import Approval, CheckRun, CriterionVerdict, Evaluation, Promotion
from checks.selectors.bindings import approvals_sha256, evaluation_sha256, run_sha256
from polyarb_site.software import software
from reports.models import BackupRun
from tests.conftest import ACCOUNT, NOON, make_profile
from trading.config.grants import Grant, grant_json, grant_sha256
from trading.models import Mandate, Profile
from trading.services.grants import running_of
from trading.services.live import PHASE_PROFILES

DAY = timedelta(days=1)


def make_evaluation(
    *, account=ACCOUNT, phase=1, venue="simulator", scope="ALL", at=NOON, since=None, **verdicts
):
    """An evaluation with kill criteria by name: FAIL, PASS or UNKNOWN, or (verdict, value)."""
    row = Evaluation.objects.create(
        account=account,
        phase=phase,
        venue=venue,
        scope=scope,
        at=at,
        phase_since=since,
        config_sha256="c" * 64,
        criteria_sha256="d" * 64,
        software=software(),
        sha256="e" * 64,
        by_name="test",
    )
    for order, (name, said) in enumerate(verdicts.items(), 1):
        verdict, value = said if isinstance(said, tuple) else (said, "6.00")
        CriterionVerdict.objects.create(
            evaluation=row,
            order=order,
            kind="KILL",
            criterion=name,
            definition={"title": name.replace("_", " ").capitalize()},
            verdict=verdict,
            value="" if verdict == "UNKNOWN" else value,
            bound="at most $5",
            reason=f"{name} was {verdict.lower()}",
            window_to=at,
            sample=12,
        )
    return row


def make_check_run(*, account=ACCOUNT, phase=1, venue="simulator", at=NOON):
    """A finished run that said GO."""
    run = CheckRun.objects.create(
        account=account,
        phase=phase,
        venue=venue,
        state="FINISHED",
        decision="GO",
        software=software(),
        started_at=at,
        finished_at=at,
        by_name="test",
    )
    CheckRun.objects.filter(pk=run.pk).update(sha256=run_sha256(run))
    return run


def make_backup(name="20260302_1100", at=NOON):
    """A backup that was verified."""
    return BackupRun.objects.get_or_create(
        name=name,
        defaults={
            "kind": "PRE_LIVE",
            "state": "VERIFIED",
            "pinned": True,
            "sha256": "b" * 64,
            "started_at": at,
            "finished_at": at,
            "verified_at": at,
            "created_by": "test",
        },
    )[0]


def make_promotion(
    profile: Profile, *, account=ACCOUNT, phase=1, venue="simulator", at=NOON, people=()
) -> Promotion:
    """A promotion in force; `people` are those who approved, as users."""
    run = make_check_run(account=account, phase=phase, venue=venue, at=at)
    evaluation = make_evaluation(account=account, phase=phase - 1, venue=venue, at=at)
    backup = make_backup(at=at)
    running = running_of(account, phase=phase, venue=venue, profile=profile)
    binding: dict[str, Any] = {
        **{name: getattr(running, name) for name in running.__slots__},
        "check_run": run.pk,
        "check_run_sha256": run_sha256(run),
        "evaluation": evaluation.pk,
        "evaluation_sha256": evaluation_sha256(evaluation),
        "backup": backup.name,
        "backup_sha256": backup.sha256,
    }
    promotion = Promotion.objects.create(
        account=account,
        phase_from=phase - 1,
        phase=phase,
        venue=venue,
        state=Promotion.State.CONSUMED,
        profile=profile,
        check_run=run,
        evaluation=evaluation,
        backup=backup.name,
        binding=binding,
        binding_sha256=canonical_sha256(binding),
        reason="test",
        requested_by_name="test",
        requested_at=at,
        expires_at=at + DAY,
        approved_at=at,
    )
    for number in range(2):
        person = people[number] if number < len(people) else None
        Approval.objects.create(
            promotion=promotion,
            by=person,
            by_name=person.username if person is not None else f"approver {number}",
            answer="YES",
            comment="looked at",
            proof="password",
            binding_sha256=promotion.binding_sha256,
            at=at,
        )
    return promotion


def grant_of(promotion: Promotion, at=NOON) -> Grant:
    """The grant that a promotion gives."""
    return Grant(
        promotion=promotion.pk,
        approvals_sha256=approvals_sha256(promotion),
        granted_at=at.isoformat(),
        **promotion.binding,
    )


def go_live(mandate: Mandate, *, phase=1, venue="simulator", at=NOON, profile=None, run=True):
    """Put an account into a live phase as if it had come there by a promotion; return its grant.

    The row is written directly, so that a test begins with an empty audit.
    """
    profile = profile or make_profile(PHASE_PROFILES[phase])
    grant = grant_of(
        make_promotion(profile, account=mandate.account, phase=phase, venue=venue, at=at), at
    )
    stored = grant_json(grant)
    Mandate.objects.filter(pk=mandate.pk).update(
        phase=phase,
        phase_since=at,
        profile=profile,
        feed=venue,
        mode="LIVE",
        desired="RUN" if run else "STOP",
        grant=stored,
        grant_sha256=grant_sha256(stored),
    )
    mandate.refresh_from_db()
    return grant
