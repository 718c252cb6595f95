"""Check runs and attestations as rows."""

from datetime import timedelta

from checks.models import Attestation, CheckResult, CheckRun, Drill, Rollback
from reports.models import BackupRun
from tests.conftest import ACCOUNT, NOON


def make_run(**changes):
    """Store a finished run for phase 1 with one result."""
    values = {
        "account": ACCOUNT,
        "phase": 1,
        "venue": "polymarket",
        "state": CheckRun.State.FINISHED,
        "decision": CheckRun.Decision.NO_GO,
        "sentence": "No-go: 1 critical check did not pass (system.dry_run).",
        "counts": {"P0": {"PASS": 0, "FAIL": 1, "UNKNOWN": 0}},
        "planned": 1,
        "software": "0.1.0+test",
        "started_at": NOON,
        "finished_at": NOON + timedelta(seconds=3),
        "by_name": "test",
    }
    run = CheckRun.objects.create(**{**values, **changes})
    CheckResult.objects.create(
        run=run,
        order=0,
        check_id="system.dry_run",
        category="system",
        priority="P0",
        status="FAIL",
        title="DRY_RUN fits the phase",
        reason="DRY_RUN is true",
        needed="false",
        evidence={"dry_run": True},
        remedy="Apply another profile.",
        runbook="before-anything-else",
    )
    return run


def make_check_facts():
    """Store a run, a statement, a rollback, a backup and a drill."""
    make_run(pk=1)
    Attestation.objects.create(
        pk=1,
        account=ACCOUNT,
        kind=Attestation.Kind.RUNBOOK_READ,
        note="read",
        by_name="test",
        at=NOON,
        expires_at=NOON + timedelta(days=90),
    )
    Rollback.objects.create(
        pk=1,
        account=ACCOUNT,
        phase_from=1,
        phase_to=0,
        venue="simulator",
        cause=Rollback.Cause.PERSON,
        reason="too many losses",
        state=Rollback.State.FINISHED,
        started_at=NOON,
        finished_at=NOON + timedelta(seconds=20),
        by_name="test",
    )
    BackupRun.objects.create(
        name="20260302_1105",
        kind=BackupRun.Kind.MANUAL,
        state=BackupRun.State.VERIFIED,
        sha256="b" * 64,
        started_at=NOON,
        verified_at=NOON,
        created_by="test",
    )
    Drill.objects.create(
        account=ACCOUNT,
        kind=Drill.Kind.BREAKER,
        at=NOON,
        passed=True,
        reason="it opened after 3 failures",
        config_sha256="a" * 64,
        software="0.1.0+test",
        by_name="test",
    )
