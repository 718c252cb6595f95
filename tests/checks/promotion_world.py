"""A world in which a promotion is possible: every row that it needs, each with its true hash."""

import itertools
import os
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from checks.models import CheckResult, CheckRun, CriterionVerdict, Evaluation, Promotion
from checks.selectors.bindings import evaluation_sha256, run_sha256
from checks.services import promotions
from polyarb_site.roles import Role, give_role, seed_roles
from polyarb_site.software import software
from reports.models import BackupRun
from tests.conftest import ACCOUNT, NOON, make_profile
from trading.models import Mandate
from trading.services import ServiceRefused
from trading.services.grants import config_files_sha256
from trading.services.live import PHASE_PROFILES

PASSWORD = "correct horse of the stable"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
KINDS = ("SUCCESS", "KILL", "EXIT", "ENTRY")


def make_person(name: str, *roles: str) -> User:
    """Make somebody with a password and roles."""
    user = User.objects.create_user(name, password=PASSWORD)
    for role in roles:
        give_role(user, Role(role))
    return User.objects.get(pk=user.pk)


def make_run(profile, *, phase=1, venue="simulator", at=NOON - HOUR, failed=(), **changes):
    """A finished run whose checks pass, but for the (priority, status) in `failed`."""
    statuses = [("P0", "PASS")] * 3 + [("P1", "PASS")] * 2 + list(failed)
    values: dict[str, Any] = {
        "account": ACCOUNT,
        "phase": phase,
        "venue": venue,
        "state": "FINISHED",
        "decision": "GO",
        "sentence": "every check passes",
        "planned": len(statuses),
        "profile": str(profile),
        "profile_sha256": profile.sha256,
        "config_sha256": config_files_sha256(),
        "software": software(),
        "started_at": at,
        "finished_at": at + timedelta(seconds=5),
        "by_name": "test",
    }
    run = CheckRun.objects.create(**{**values, **changes})
    CheckResult.objects.bulk_create(
        CheckResult(
            run=run,
            order=number,
            check_id=f"check_{number}",
            category="system",
            priority=priority,
            status=status,
            title=f"check {number}",
            reason="seen",
            evidence={"number": number},
        )
        for number, (priority, status) in enumerate(statuses)
    )
    return seal_run(run)


def seal_run(run):
    """Store the true hash of a run."""
    run.sha256 = run_sha256(run)
    run.save()
    return run


def make_evaluation(*, phase=0, venue="simulator", at=NOON - 10 * MINUTE, bad=(), **changes):
    """An evaluation whose criteria are met, but for the {kind: verdict} in `bad`."""
    values: dict[str, Any] = {
        "account": ACCOUNT,
        "phase": phase,
        "venue": venue,
        "scope": "ALL",
        "at": at,
        "config_sha256": config_files_sha256(),
        "criteria_sha256": "c" * 64,
        "software": software(),
        "by_name": "test",
    }
    evaluation = Evaluation.objects.create(**{**values, **changes})
    verdicts = dict(bad)
    CriterionVerdict.objects.bulk_create(
        CriterionVerdict(
            evaluation=evaluation,
            order=2 * number + half,
            kind=kind,
            criterion=f"{kind.lower()}_{half}",
            definition={"metric": "crashes"},
            verdict=verdicts.get(kind, "PASS") if half else "PASS",
            value="0",
            bound="<= 0",
            reason="none was seen",
            window_to=at,
            sample=7,
            sample_min=7,
        )
        for number, kind in enumerate(KINDS)
        for half in (0, 1)
    )
    return seal_evaluation(evaluation)


def seal_evaluation(evaluation):
    """Store the true hash of an evaluation."""
    evaluation.sha256 = evaluation_sha256(evaluation)
    evaluation.save()
    return evaluation


def make_backup(name="20260302_1000", *, at=NOON - 2 * HOUR, state="VERIFIED", **changes):
    """A backup that counts. It has no files."""
    values: dict[str, Any] = {
        "name": name,
        "kind": "DAILY",
        "state": state,
        "sha256": "b" * 64,
        "started_at": at,
        "finished_at": at + MINUTE,
        "verified_at": at + 2 * MINUTE,
        "created_by": "test",
    }
    return BackupRun.objects.create(**{**values, **changes})


def make_promotion(profile, **changes):
    """A promotion of which only the row is there, such as one of long ago."""
    values: dict[str, Any] = {
        "account": ACCOUNT,
        "phase_from": 0,
        "phase": 1,
        "venue": "simulator",
        "state": "WITHDRAWN",
        "profile": profile,
        "check_run": changes.get("check_run") or make_run(profile),
        "evaluation": make_evaluation(),
        "backup": "20260302_1000",
        "binding": {},
        "binding_sha256": "0" * 64,
        "reason": "seven quiet days",
        "requested_by_name": "otto",
        "requested_at": NOON,
        "expires_at": NOON + timedelta(hours=24),
        "ended_at": NOON + MINUTE,
        "end_reason": "not yet",
    }
    return Promotion.objects.create(**{**values, **changes})


class World:
    """An account in a phase, with everything that its next phase needs, and people."""

    def __init__(self, *, phase=0, venue="simulator", renew=False):
        seed_roles()
        self.account, self.venue, self.phase_from = ACCOUNT, venue, phase
        self.target = phase if renew else phase + 1
        self.asker = make_person("otto", "operator")
        self.first = make_person("anna", "approver")
        self.second = make_person("bert", "approver")
        in_force = make_profile(PHASE_PROFILES[phase])
        self.profile = in_force if renew else make_profile(PHASE_PROFILES[self.target])
        self.mandate = Mandate.objects.create(
            account=ACCOUNT,
            phase=phase,
            feed=venue,
            mode="LIVE" if phase else "SHADOW",
            profile=in_force,
            phase_since=NOON - timedelta(days=9),
            changed_at=NOON,
        )
        self.run = make_run(self.profile, phase=self.target, venue=venue)
        self.evaluation = make_evaluation(phase=phase, venue=venue)
        self.backup = make_backup()

    def ask(self, **changes):
        """Ask for the next phase."""
        usual = {"phase": self.target, "by": self.asker, "reason": "seven quiet days", "at": NOON}
        options = {**usual, **changes}
        return promotions.request_promotion(self.account, **options)

    def approve(self, promotion, by=None, **changes):
        """Approve as the first approver, or as somebody else."""
        options = {"comment": "looked at all", "password": PASSWORD, "at": NOON + MINUTE}
        return promotions.approve(promotion, by=by or self.first, **{**options, **changes})

    def approved(self, **changes):
        """Return a promotion that has what it needs."""
        promotion = self.ask(**changes)
        self.approve(promotion, self.first)
        return self.approve(promotion, self.second)


def refusal(call, *args, **options):
    """Return the code of a refusal, and check that it says what to do."""
    with pytest.raises(ServiceRefused) as caught:
        call(*args, **options)
    assert caught.value.message
    assert caught.value.remedy
    return caught.value.code


NUMBERS = itertools.count(1)  # of invented backups, in each process


# What a start asks of the outside: the catalogue and the disk. Both answer with a row.


def checks_that_pass(account, *, phase, venue, by=None, by_name="", at=None):
    """Stand in for the catalogue: a Go for what would run, made now."""
    from trading.services.revisions import newest

    del account, by
    profile = newest(PHASE_PROFILES[phase])
    return make_run(profile, phase=phase, venue=venue, at=at, by_name=by_name)


def checks_that_fail(account, **options):
    """Stand in for the catalogue: a No-go."""
    run = checks_that_pass(account, **options)
    run.results.filter(order=0).update(status="FAIL")
    run.decision, run.sentence = "NO_GO", "the signer does not answer"
    return seal_run(run)


def backup_that_works(kind, *, by, by_name, reason, wait_s, should_stop):
    """Stand in for taking a backup, which others test: a verified one, pinned by its kind."""
    assert (kind, by, bool(reason), wait_s > 0, should_stop()) == (
        "PRE_LIVE",
        None,
        True,
        True,
        False,
    )
    return make_backup(
        f"20260302_{os.getpid()}_{next(NUMBERS)}",
        at=NOON + MINUTE,
        kind=kind,
        pinned=True,
        pinned_reason="taken before a live start",
        created_by=by_name,
    )


def backup_that_fails(kind, **options):
    """Stand in for taking a backup when the disk is full."""
    row = backup_that_works(kind, **options)
    BackupRun.objects.filter(pk=row.pk).update(state="FAILED", problem="the disk is full")
    return BackupRun.objects.get(pk=row.pk)


HERE = "tests.checks.promotion_world"


def stand_in(monkeypatch, *, checks="checks_that_pass", backup=backup_that_works):
    """Let a start find these instead of the catalogue and the disk."""
    from checks.services import starting

    monkeypatch.setattr(starting, "RUN_CHECKS", f"{HERE}.{checks}")
    monkeypatch.setattr(starting, "take_backup", backup)
