"""Invented situations at the gates: what is done to a valid world, and what has to come of it.

Each change is made to the rows and noted as plain facts. `allowed` judges by the facts alone, in
its own words: it asks nothing of the product.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from checks.models import (
    CheckResult,
    CheckRun,
    CriterionVerdict,
    Evaluation,
    Rollback,
)
from reports.models import BackupRun
from tests.checks.promotion_world import (
    KINDS,
    make_backup,
    make_evaluation,
    make_run,
    seal_evaluation,
    seal_run,
)
from tests.conftest import ACCOUNT, NOON
from trading import services as trading_services
from trading.models import Incident, Mandate

SECOND = timedelta(seconds=1)
DAY_S, HOUR_S = 86_400, 3_600
AGES = (1, 60, HOUR_S - 1, HOUR_S, HOUR_S + 1, 9_000, DAY_S - 1, DAY_S, DAY_S + 1, 99_999, -1, -999)
OTHER = "0" * 64


@dataclass
class Facts:
    """What is true of a situation. Ages are seconds before the request; below zero: the future."""

    run: dict[str, Any] | None = None
    evaluation: dict[str, Any] | None = None
    backup_age: int | None = 7_200
    account: set[str] = field(default_factory=set)  # what is wrong with it
    asked: set[str] = field(default_factory=set)  # what is wrong with the request or the start
    profile: set[str] = field(default_factory=set)  # what is wrong with the profile
    void: set[str] = field(default_factory=set)  # what has changed since the request
    later: int = 300  # seconds between the request and now, once there is one
    config: bool = False  # the files are others now
    software: bool = False
    renewal: bool = False


def good_run() -> dict[str, Any]:
    """Return the run of a valid world."""
    return {"age": HOUR_S, "whole": True, "fits": True, "go": True, "p0": 0, "p1": 0, "odd": False}


def good_evaluation() -> dict[str, Any]:
    """Return the evaluation of a valid world."""
    return {"age": 600, "whole": True, "fits": True, "bad": set(), "kinds": set(KINDS)}


def allowed(facts: Facts, *, stage: str) -> bool:
    """Return whether it may pass: a request, the last approval, or the start."""
    if facts.account or facts.asked or facts.profile or facts.config or facts.software:
        return False
    passed_s = 0 if stage == "request" else facts.later
    run, evaluation = facts.run, facts.evaluation
    if run is None or evaluation is None:
        return False
    if not 0 <= run["age"] + passed_s <= DAY_S or run["age"] < 0:
        return False
    if not (run["whole"] and run["fits"] and run["go"]) or run["odd"]:
        return False
    if run["p0"] > 0 or run["p1"] > 2:
        return False
    needs = {"KILL"} if facts.renewal else set(KINDS)
    if evaluation["bad"] & needs or not needs <= evaluation["kinds"]:
        return False
    if not (evaluation["whole"] and evaluation["fits"]):
        return False
    if stage == "request":
        if not 0 <= evaluation["age"] <= HOUR_S:
            return False
        return facts.backup_age is not None and 0 <= facts.backup_age <= DAY_S
    return not facts.void and passed_s < DAY_S


# What can be done to the newest check run before a request. Half of the time the good one stays.


def _new_run(rng, world, facts, **changes):
    kept = rng.random() < 0.5
    if not kept:
        CheckRun.objects.filter(pk=world.run.pk).delete()
    return kept, make_run(world.profile, phase=world.target, venue=world.venue, **changes)


def run_is_gone(rng, world, facts):
    CheckRun.objects.all().delete()
    facts.run = None


def run_has_an_age(rng, world, facts):
    age = rng.choice(AGES)
    at = NOON - age * SECOND
    _new_run(rng, world, facts, at=at, finished_at=at + min(5, max(0, age)) * SECOND)
    facts.run = {**good_run(), "age": age}


def run_failed(rng, world, facts):
    _new_run(rng, world, facts, state="FAILED", decision="")
    facts.run = {**good_run(), "go": False}


def run_is_running(rng, world, facts):
    kept, _ = _new_run(rng, world, facts, state="RUNNING", decision="", finished_at=None)
    facts.run = good_run() if kept else None


def run_is_of_something_else(rng, world, facts):
    other = rng.choice(
        [
            {"phase": (world.target + rng.choice((1, 2, 3))) % 4},
            {"venue": "polymarket" if world.venue == "simulator" else "simulator"},
            {"venue": "recorded"},
            {"category": rng.choice(("data", "security"))},
            {"account": "other"},
        ]
    )
    if not (kept := rng.random() < 0.5):
        CheckRun.objects.filter(pk=world.run.pk).delete()
    make_run(world.profile, **{"phase": world.target, "venue": world.venue, **other})
    facts.run = good_run() if kept else None


def run_was_made_with_something_else(rng, world, facts):
    name = rng.choice(("profile_sha256", "config_sha256", "software"))
    _new_run(rng, world, facts, **{name: OTHER[:60]})
    facts.run = {**good_run(), "fits": False}


def run_saw_other_results(rng, world, facts):
    failed = [
        (rng.choice(("P0", "P1", "P1", "P1", "P2", "P3")), rng.choice(("FAIL", "UNKNOWN", "PASS")))
        for _ in range(rng.randint(1, 6))
    ]
    decision = rng.choice(("GO", "GO", "GO", "NO_GO", ""))
    _new_run(rng, world, facts, failed=failed, decision=decision)
    counts = {p: sum(1 for one in failed if one[0] == p and one[1] != "PASS") for p in ("P0", "P1")}
    facts.run = {**good_run(), "p0": counts["P0"], "p1": counts["P1"], "go": decision == "GO"}


def run_has_an_unknown_priority(rng, world, facts):
    _new_run(rng, world, facts, failed=[(rng.choice(("", "P4", "p0")), "PASS")])
    facts.run = {**good_run(), "odd": True}


# Rows that somebody edited, before or after the request.


def run_was_edited(rng, world, facts):
    results = CheckResult.objects.filter(run=world.run)
    edits = (
        lambda: results.filter(order=1).update(reason="edited"),
        lambda: results.filter(order=1).update(evidence={"edited": 1}),
        lambda: results.filter(order=1).update(status="FAIL"),
        lambda: results.filter(order=3).update(priority="P3"),
        lambda: results.filter(order=2).delete(),
        lambda: results.filter(order=2).update(check_id="another"),
        lambda: CheckRun.objects.filter(pk=world.run.pk).update(decision="NO_GO"),
        lambda: CheckRun.objects.filter(pk=world.run.pk).update(started_at=NOON - SECOND),
        lambda: CheckRun.objects.filter(pk=world.run.pk).update(sha256=OTHER),
        lambda: CheckRun.objects.filter(pk=world.run.pk).update(planned=4),
        lambda: CheckRun.objects.filter(pk=world.run.pk).update(profile_sha256=OTHER),
    )
    rng.choice(edits)()
    facts.run = {**good_run(), "whole": False}


def run_was_edited_and_sealed_again(rng, world, facts):
    CheckResult.objects.filter(run=world.run, order=1).update(reason="edited")
    seal_run(CheckRun.objects.get(pk=world.run.pk))
    facts.void.add("another check run")


def evaluation_was_edited(rng, world, facts):
    verdicts = CriterionVerdict.objects.filter(evaluation=world.evaluation)
    edits = (
        lambda: verdicts.filter(order=1).update(value="edited"),
        lambda: verdicts.filter(order=1).update(facts={"edited": 1}),
        lambda: verdicts.filter(order=1).update(rows={"trading.MetricSample": [[1, 9]]}),
        lambda: verdicts.filter(order=3).update(verdict="UNKNOWN"),
        lambda: verdicts.filter(order=1).update(bound="<= 99"),
        lambda: verdicts.filter(order=2).delete(),
        lambda: Evaluation.objects.filter(pk=world.evaluation.pk).update(at=NOON - SECOND),
        lambda: Evaluation.objects.filter(pk=world.evaluation.pk).update(sha256=OTHER),
        lambda: Evaluation.objects.filter(pk=world.evaluation.pk).update(criteria_sha256=OTHER),
    )
    rng.choice(edits)()
    facts.evaluation = {**good_evaluation(), "whole": False}


def evaluation_was_edited_and_sealed_again(rng, world, facts):
    CriterionVerdict.objects.filter(evaluation=world.evaluation, order=1).update(value="edited")
    seal_evaluation(Evaluation.objects.get(pk=world.evaluation.pk))
    facts.void.add("another evaluation")


# What can be done to the newest evaluation before a request.


def _new_evaluation(rng, world, **changes):
    if rng.random() < 0.5:
        Evaluation.objects.filter(pk=world.evaluation.pk).delete()
    return make_evaluation(**{"phase": world.phase_from, "venue": world.venue, **changes})


def evaluation_is_gone(rng, world, facts):
    Evaluation.objects.all().delete()
    facts.evaluation = None


def evaluation_has_an_age(rng, world, facts):
    age = rng.choice(AGES)
    _new_evaluation(rng, world, at=NOON - age * SECOND)
    facts.evaluation = {**good_evaluation(), "age": age}


def evaluation_is_of_something_else(rng, world, facts):
    other = rng.choice(
        [
            {"phase": (world.phase_from + rng.choice((1, 2, 3))) % 4},
            {"venue": "polymarket" if world.venue == "simulator" else "simulator"},
            {"scope": "KILL"},
            {"account": "other"},
        ]
    )
    if not (kept := rng.random() < 0.5):
        Evaluation.objects.filter(pk=world.evaluation.pk).delete()
    make_evaluation(**{"phase": world.phase_from, "venue": world.venue, **other})
    facts.evaluation = good_evaluation() if kept else None


def evaluation_was_made_with_something_else(rng, world, facts):
    _new_evaluation(rng, world, **{rng.choice(("config_sha256", "software")): OTHER[:60]})
    facts.evaluation = {**good_evaluation(), "fits": False}


def evaluation_has_other_verdicts(rng, world, facts):
    said = {kind: rng.choice(("PASS", "PASS", "FAIL", "UNKNOWN")) for kind in KINDS}
    _new_evaluation(rng, world, bad=said)
    bad = {kind for kind, verdict in said.items() if verdict != "PASS"}
    facts.evaluation = {**good_evaluation(), "bad": bad}


def evaluation_lacks_a_kind(rng, world, facts):
    kind = rng.choice(KINDS)
    evaluation = _new_evaluation(rng, world)
    evaluation.verdicts.filter(kind=kind).delete()
    seal_evaluation(evaluation)
    facts.evaluation = {**good_evaluation(), "kinds": set(KINDS) - {kind}}


def evaluation_is_of_an_earlier_stay(rng, world, facts):
    Mandate.objects.update(phase_since=NOON - 599 * SECOND)
    facts.account.add("the phase began after the evaluation")


# Backups.


def backup_has_an_age(rng, world, facts):
    age = rng.choice(AGES)
    BackupRun.objects.all().delete()
    make_backup(at=NOON - age * SECOND)
    facts.backup_age = age


def backup_does_not_count(rng, world, facts):
    BackupRun.objects.update(state=rng.choice(("RUNNING", "TAKEN", "FAILED", "PRUNED")))
    facts.backup_age = None
    facts.void.add("the backup")


def backup_is_another(rng, world, facts):
    BackupRun.objects.update(sha256="d" * 64)
    facts.void.add("the backup")


def backup_is_deleted(rng, world, facts):
    BackupRun.objects.all().delete()
    facts.backup_age = None
    facts.void.add("the backup")


# The account.


def is_halted(rng, world, facts):
    Mandate.objects.update(halted=True, halt_reason="odd fills")
    facts.account.add("halted")


def was_halted_and_resumed(rng, world, facts):
    trading_services.halt(ACCOUNT, by=None, by_name="t", at=NOON + SECOND)
    Mandate.objects.update(halted=False, halted_at=None)
    _remove_kill_file()
    facts.void.add("a halt")


def kill_file_is_there(rng, world, facts):
    from django.conf import settings

    settings.KILL_FILE.write_text("")
    facts.account.add("the kill file")


def _remove_kill_file():
    from django.conf import settings

    settings.KILL_FILE.unlink(missing_ok=True)


def incident(rng, world, facts):
    state, age = rng.choice(("OPEN", "RESOLVED")), rng.choice((9_000, -100))
    account = rng.choice((ACCOUNT, ACCOUNT, "other"))
    at = NOON - age * SECOND
    Incident.objects.create(
        account=account, kind="SECURITY", title="t", state=state, opened_at=at, last_seen_at=at
    )
    if account == ACCOUNT and state == "OPEN":
        facts.account.add("an incident")
    elif account == ACCOUNT and age < 0:
        facts.void.add("an incident")


def rollback(rng, world, facts):
    state, age = rng.choice(("RUNNING", "FINISHED")), rng.choice((9_000, -100))
    Rollback.objects.create(
        account=ACCOUNT,
        phase_from=1,
        phase_to=0,
        venue=world.venue,
        cause="PERSON",
        reason="r",
        state=state,
        started_at=NOON - age * SECOND,
        by_name="t",
    )
    if state == "RUNNING":
        facts.account.add("a rollback")
    elif age < 0:
        facts.void.add("a rollback")


def phase_has_moved(rng, world, facts):
    step = rng.choice((-1, 1))
    if world.phase_from + step < 0:
        step = 1
    Mandate.objects.update(phase=world.phase_from + step)
    facts.account.add("another phase")


def phase_has_moved_and_back(rng, world, facts):
    Mandate.objects.update(phase_since=NOON + SECOND)
    facts.void.add("another stay in the phase")
    facts.account.add("the phase began after the evaluation")
