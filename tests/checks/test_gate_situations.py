"""Thousands of invented situations at the gates: none passes that must not, and the valid one does.

Situations come from numbers: a failure names its number, and
`pytest tests/checks/test_gate_situations.py` makes the same one again.
"""

import random
import shutil
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.db import transaction

from checks.models import Promotion
from checks.selectors.bindings import broken
from checks.selectors.promotions import effective
from checks.services.starting import start_live
from polyarb_site import one_time_password
from tests.api.building import make_session
from tests.checks import situations as what
from tests.checks import situations_people as who
from tests.checks.promotion_world import (
    HERE,
    MINUTE,
    PASSWORD,
    World,
    backup_that_fails,
    make_person,
    stand_in,
)
from tests.checks.situations import Facts, allowed, good_evaluation, good_run
from tests.conftest import ACCOUNT, NOON
from trading.models import Mandate
from trading.services import ServiceRefused

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
WORLDS = [  # (phase, venue, whether the phase is only renewed)
    *((phase, venue, False) for phase in (0, 1, 2) for venue in ("simulator", "polymarket")),
    *((1, "polymarket", True), (3, "simulator", True)),
]
REQUESTS, APPROVALS, STARTS = 100, 50, 70  # in each of the eight worlds
SEED = 20260302

BEFORE = (
    *(what.run_is_gone, what.run_has_an_age, what.run_failed, what.run_is_running),
    *(what.run_is_of_something_else, what.run_was_made_with_something_else),
    *(what.run_saw_other_results, what.run_saw_other_results, what.run_has_an_unknown_priority),
    *(what.run_was_edited, what.evaluation_was_edited, what.evaluation_is_gone),
    *(what.evaluation_has_an_age, what.evaluation_is_of_something_else),
    *(what.evaluation_was_made_with_something_else, what.evaluation_has_other_verdicts),
    *(what.evaluation_has_other_verdicts, what.evaluation_lacks_a_kind),
    *(what.evaluation_is_of_an_earlier_stay, what.backup_has_an_age, what.backup_does_not_count),
    *(what.backup_is_another, what.backup_is_deleted, what.is_halted, what.kill_file_is_there),
    *(what.incident, what.rollback, what.phase_has_moved, who.profile_has_a_newer_revision),
    *(who.profile_does_not_fit, who.config_is_another, who.software_is_another),
    *(who.requester, who.phase_is_skipped, who.venue_is_another, who.open_already),
    who.reason_is_missing,
)
SINCE = (
    *(what.run_was_edited, what.run_was_edited_and_sealed_again, what.evaluation_was_edited),
    *(what.evaluation_was_edited_and_sealed_again, what.backup_does_not_count),
    *(what.backup_is_another, what.backup_is_deleted, what.is_halted, what.kill_file_is_there),
    *(what.was_halted_and_resumed, what.incident, what.incident, what.rollback, what.rollback),
    *(what.phase_has_moved, what.phase_has_moved_and_back, who.profile_has_a_newer_revision),
    *(who.profile_in_force_is_another, who.config_is_another, who.software_is_another),
    *(who.an_approver_is_no_more, who.an_approver_has_another_role_too),
    *(who.approvals_were_edited, who.an_approval_is_deleted, who.an_approval_is_forged),
    *(who.promotion_was_edited, who.promotion_was_edited, who.promotion_lives_longer),
    *(who.time_passes, who.time_passes),
)


@pytest.fixture
def other_config(tmp_path):
    """The same files with a comment more."""
    shutil.copytree(django_settings.CONFIG_DIR, tmp_path / "config")
    for name in ("venues.yaml", "phases.yaml"):
        with (tmp_path / "config" / name).open("a") as file:
            file.write("# another day\n")
    return tmp_path / "config"


@pytest.fixture
def surroundings(monkeypatch, settings, other_config):
    """Make configuration and software what the facts say, while something is tried."""
    home = settings.CONFIG_DIR

    @contextmanager
    def made(facts):
        settings.CONFIG_DIR = other_config if facts.config else home
        with monkeypatch.context() as patch:
            if facts.software:
                patch.setattr("trading.services.grants.software", lambda: "0.1.0+other")
            try:
                yield
            finally:
                settings.CONFIG_DIR = home

    return made


@contextmanager
def undone():
    """Take back whatever is done inside."""
    cache.clear()
    try:
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
    finally:
        django_settings.KILL_FILE.unlink(missing_ok=True)


def pick(rng, changes):
    """Return which changes are made, of different subjects; sometimes none at all."""
    chosen = rng.sample(changes, rng.choice((0, 1, 1, 1, 1, 1, 2, 2, 2, 3)))
    if who.open_already in chosen:
        return [who.open_already]  # which needs everything else to be right
    return list({one.__name__.split("_")[0]: one for one in chosen}.values())


def passes(call, *args, **options):
    """Return whether a call is answered, and not with a refusal that says what to do."""
    try:
        call(*args, **options)
    except ServiceRefused as refused:
        return not (refused.code and refused.message and refused.remedy)
    return True


def valid_facts(renew):
    return Facts(run=good_run(), evaluation=good_evaluation(), renewal=renew)


class Tally(Counter):
    """How many were tried, passed and refused, and how often each change was among them."""

    def note(self, number, chosen, facts, *, stage, passed):
        """Hold the outcome against the oracle."""
        names = [one.__name__ for one in chosen]
        expected = allowed(facts, stage=stage)
        assert passed == expected, (stage, number, names, facts)
        self["passed" if passed else "refused"] += 1
        self.update(names)


@pytest.mark.parametrize(("phase", "venue", "renew"), WORLDS)
def test_requests(phase, venue, renew, surroundings, db):
    tally = Tally()
    world = World(phase=phase, venue=venue, renew=renew)
    asker = world.asker
    for number in range(REQUESTS):
        rng = random.Random(f"{SEED} request {phase} {venue} {renew} {number}")
        facts, chosen = valid_facts(renew), pick(rng, BEFORE)
        world.asker, world.reason = User.objects.get(pk=asker.pk), "seven quiet days"
        world.wanted, world.wanted_venue = world.target, rng.choice((None, venue))
        with undone():
            for change in chosen:
                change(rng, world, facts)
            with surroundings(facts):
                passed = passes(
                    world.ask,
                    by=world.asker,
                    reason=world.reason,
                    phase=world.wanted,
                    venue=world.wanted_venue,
                )
            opened = Promotion.objects.filter(state="REQUESTED").count()
        tally.note(number, chosen, facts, stage="request", passed=passed)
        assert opened == (1 if passed or who.open_already in chosen else 0)
        assert not Promotion.objects.exists()
    assert tally["passed"] > REQUESTS // 20
    assert tally["refused"] > REQUESTS // 2


@pytest.mark.parametrize(("phase", "venue", "renew"), WORLDS)
def test_last_approvals(phase, venue, renew, surroundings, db):
    tally = Tally()
    world = World(phase=phase, venue=venue, renew=renew)
    world.promotion = world.ask()
    world.approve(world.promotion, world.first)
    world.answered = [world.first]
    for number in range(APPROVALS):
        rng = random.Random(f"{SEED} approval {phase} {venue} {renew} {number}")
        facts, chosen = valid_facts(renew), pick(rng, SINCE)
        # One that is gone or forged before the last approval is simply one fewer or one too many.
        chosen = [one for one in chosen if one is not who.an_approval_is_deleted]
        with undone():
            options = _who_answers(rng, world, facts)
            for change in chosen:
                change(rng, world, facts)
            promotion = Promotion.objects.get(pk=world.promotion.pk)
            options.setdefault("seen", world.promotion.binding_sha256)
            options["at"] = NOON + timedelta(seconds=facts.later)
            with surroundings(facts):
                passed = passes(world.approve, promotion, **options)
                row = Promotion.objects.get(pk=world.promotion.pk)
                assert (row.state == "APPROVED") == passed
        tally.note(number, chosen, facts, stage="approve", passed=passed)
    assert tally["passed"] > APPROVALS // 40
    assert tally["refused"] > APPROVALS // 2


def _first_password(_rng, world):
    user = User.objects.get(pk=world.second.pk)
    password = one_time_password.give(user)
    user.save()
    return {"by": user, "password": password}


def _inactive(_rng, world):
    User.objects.filter(pk=world.second.pk).update(is_active=False)
    return {"by": world.second}


def _own(_rng, world):
    world.asker.groups.add(Group.objects.get(name="approver"))
    return {"by": world.asker}


def _without_role(rng, _world):
    return {"by": make_person("vera", rng.choice(("viewer", "operator")))}


WRONG = {
    "twice": lambda _rng, world: {"by": world.first},
    "own": _own,
    "no role": _without_role,
    "inactive": _inactive,
    "first password": _first_password,
    "wrong password": lambda rng, _w: {"password": rng.choice((PASSWORD.upper(), PASSWORD + " "))},
    "no password": lambda _rng, _world: {"password": ""},
    "only a code": lambda _rng, _world: {"password": "", "code": "123456"},
    "no comment": lambda _rng, _world: {"comment": " "},
    "seen another": lambda _rng, _world: {"seen": "1" * 64},
}


def _who_answers(rng, world, facts):
    """Return who gives the last approval, and how; most of the time somebody who may."""
    options = {"by": User.objects.get(pk=world.second.pk)}
    if rng.random() < 0.1:
        options["by"] = User.objects.create_superuser("root", password=PASSWORD)
    if rng.random() < 0.4:
        case = rng.choice(sorted(WRONG))
        facts.asked.add(case)
        options |= WRONG[case](rng, world)
    return options


@pytest.mark.parametrize(("phase", "venue", "renew"), WORLDS)
def test_starts(phase, venue, renew, surroundings, monkeypatch, db):
    tally = Tally()
    stand_in(monkeypatch)
    world = World(phase=phase, venue=venue, renew=renew)
    world.promotion = world.approved()
    world.answered = [world.first, world.second]
    for number in range(STARTS):
        rng = random.Random(f"{SEED} start {phase} {venue} {renew} {number}")
        facts, chosen = valid_facts(renew), pick(rng, (*SINCE, who.more_approvers_are_needed))
        with undone(), monkeypatch.context() as patch:
            before = Mandate.objects.get()
            options = _how_it_starts(rng, world, facts, patch)
            for change in chosen:
                change(rng, world, facts)
            at = NOON + timedelta(seconds=facts.later)
            # What is shown as approved is what can be started, and nothing else.
            with surroundings(facts):
                row = Promotion.objects.get(pk=world.promotion.pk)
                shown, _ = effective(row, at)
                passed = passes(start_live, ACCOUNT, at=at, **options)
                if passed:
                    assert shown == "APPROVED"
                _look(world, before, passed=passed)
        tally.note(number, chosen, facts, stage="start", passed=passed)
    assert tally["passed"] > STARTS // 40
    assert tally["refused"] > STARTS // 2


def _how_it_starts(rng, world, facts, patch):
    """Return how the start is asked for; most of the time as it may be."""
    case = rng.choice(
        ("may",) * 12
        + ("no role", "other phase", "other venue", "no-go", "no backup", "running", "open run")
    )
    options = {"by": rng.choice((None, world.asker)), "by_name": "shell:root"}
    if case == "no role":
        options["by"] = world.first
    elif case == "other phase":
        options["phase"] = rng.choice([one for one in range(4) if one != world.target])
    elif case == "other venue":
        options["venue"] = "polymarket" if world.venue == "simulator" else "simulator"
    elif case == "no-go":
        patch.setattr("checks.services.starting.RUN_CHECKS", f"{HERE}.checks_that_fail")
    elif case == "no backup":
        patch.setattr("checks.services.starting.take_backup", backup_that_fails)
    elif case == "running":
        Mandate.objects.update(desired="RUN")
    elif case == "open run":
        make_session(world.profile)
    if case != "may":
        facts.asked.add(case)
    return options


def _look(world, before, *, passed):
    """Check that a start is whole, and that a refused one has moved nothing."""
    after = Mandate.objects.get()
    promotion = Promotion.objects.get(pk=world.promotion.pk)
    assert (promotion.state == "CONSUMED") == passed
    if passed:
        assert (after.desired, after.mode, after.phase) == ("RUN", "LIVE", world.target)
        assert broken(ACCOUNT, after.grant) == ""
    else:
        assert after.grant == before.grant == {}
        assert after.mode == before.mode


@pytest.mark.parametrize(("phase", "venue", "renew"), WORLDS)
def test_the_untouched_world_passes_every_gate(phase, venue, renew, monkeypatch, db):
    stand_in(monkeypatch)
    world = World(phase=phase, venue=venue, renew=renew)

    assert allowed(valid_facts(renew), stage="request")
    world.approved()
    mandate, _ = start_live(ACCOUNT, by=None, by_name="shell:root", at=NOON + 5 * MINUTE)

    assert (mandate.phase, mandate.feed) == (world.target, venue)


def test_enough_situations_are_invented():
    assert len(WORLDS) * (REQUESTS + APPROVALS + STARTS) >= 1_760
