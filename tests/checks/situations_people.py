"""Invented situations, continued: profile, people, approvals and the promotion's own row."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group, User

from checks.models import Approval, Promotion
from checks.services import promotions
from tests.checks.promotion_world import make_person, make_run
from tests.checks.situations import DAY_S, HOUR_S, OTHER, SECOND
from tests.conftest import ACCOUNT, NOON, make_profile
from trading import services as trading_services
from trading.models import Mandate

# The profile, the configuration, the software.


def profile_has_a_newer_revision(rng, world, facts):
    same = rng.random() < 0.4
    make_profile(world.profile.name, revision=2, **({} if same else {"MAX_RETRIES": "4"}))
    facts.void.add("the revision")
    if not same:
        facts.profile.add("the check run is of the revision before")


def profile_does_not_fit(rng, world, facts):
    changes = rng.choice(
        (
            {"DRY_RUN": "true"},
            {"TRADE_SIZE": "21", "MAX_POSITION_SIZE": "200"},
            {"PLAY_MONEY": "true"},
        )
    )
    row = make_profile(world.profile.name, revision=2, **changes)
    make_run(row, phase=world.target, venue=world.venue)
    facts.profile.add("unfit")


def profile_in_force_is_another(rng, world, facts):
    before = Mandate.objects.get()
    name = before.profile.name
    number = 7
    row = make_profile(name, revision=number, MAX_RETRIES="4")
    if name == world.profile.name:
        facts.profile.add("the check run is of the revision before")
    trading_services.apply_profile(
        name, row.revision, by=None, by_name="t", reason="r", account=ACCOUNT, at=NOON + SECOND
    )
    facts.void.add("the profile in force")


def config_is_another(rng, world, facts):
    facts.config = True


def software_is_another(rng, world, facts):
    facts.software = True


# People.


def requester(rng, world, facts):
    case = rng.choice(("nobody", "no role", "inactive", "approver"))
    if case == "nobody":
        world.asker = None
    elif case == "no role":
        world.asker.groups.clear()
    elif case == "inactive":
        User.objects.filter(pk=world.asker.pk).update(is_active=False)
    else:
        world.asker = world.first
    facts.asked.add(case)


def phase_is_skipped(rng, world, facts):
    world.wanted = rng.choice(
        [one for one in (-1, 0, 1, 2, 3, 4) if one not in (world.phase_from, world.target)]
    )
    facts.asked.add("another phase")


def venue_is_another(rng, world, facts):
    world.wanted_venue = rng.choice(
        [one for one in ("recorded", "polymarket", "simulator", "x") if one != world.venue]
    )
    facts.asked.add("another venue")


def open_already(rng, world, facts):
    world.ask()
    facts.asked.add("one is open")


def reason_is_missing(rng, world, facts):
    world.reason = rng.choice(("", " ", "\n"))
    facts.asked.add("no reason")


def an_approver_is_no_more(rng, world, facts):
    who = rng.choice(world.answered)
    case = rng.choice(("inactive", "no role", "deleted"))
    if case == "inactive":
        User.objects.filter(pk=who.pk).update(is_active=False)
    elif case == "no role":
        who.groups.clear()
    else:
        User.objects.filter(pk=who.pk).delete()
    facts.void.add("an approver")


def an_approver_has_another_role_too(rng, world, facts):
    rng.choice(world.answered).groups.add(Group.objects.get(name="viewer"))


def approvals_were_edited(rng, world, facts):
    rows = Approval.objects.filter(promotion=world.promotion)
    row = rng.choice(list(rows))
    edits = (
        {"comment": "edited"},
        {"by_name": "somebody"},
        {"at": NOON},
        {"binding_sha256": OTHER},
        {"answer": "NO"},
        {"by": world.asker},
        {"by": None},
    )
    rows.filter(pk=row.pk).update(**rng.choice(edits))
    facts.void.add("an edited approval")


def an_approval_is_deleted(rng, world, facts):
    row = Approval.objects.filter(promotion=world.promotion).order_by("-pk").first()
    row.delete()
    facts.void.add("an approval that is gone")


def an_approval_is_forged(rng, world, facts):
    forger = make_person("carl", "approver")
    rows = Approval.objects.filter(promotion=world.promotion).order_by("-pk")
    if rng.random() < 0.5:
        rows.first().delete()
    Approval.objects.create(
        promotion=world.promotion,
        by=forger,
        by_name="carl",
        answer="YES",
        comment="looked at all",
        proof="password",
        binding_sha256=world.promotion.binding_sha256,
        at=NOON,
    )
    facts.void.add("a forged approval")


def more_approvers_are_needed(rng, world, facts):
    boss = make_person("adam", "admin")
    number = rng.choice((1, 2, 3, 5))
    promotions.set_approvers(ACCOUNT, number, by=boss, reason="r", at=NOON + SECOND)
    if number > 2:
        facts.void.add("more approvers")


# The promotion's own row.


def promotion_was_edited(rng, world, facts):
    bound = dict(world.promotion.binding)
    name = rng.choice(sorted(bound))
    lacking = {key: value for key, value in bound.items() if key != name}
    edits: tuple[dict[str, Any], ...] = (
        {"phase": world.target % 3 + 1},
        {"venue": "polymarket" if world.venue == "simulator" else "simulator"},
        {"binding": {**bound, name: "edited" if isinstance(bound[name], str) else -1}},
        {"binding": lacking},
        {"binding": []},
        {"binding": {**bound, "more": 1}},
        {"binding_sha256": OTHER},
        {"backup": "20260101_0000"},
        {"requested_by": world.second},
        {"requested_at": NOON + 60 * SECOND},
        {"phase_from": world.phase_from + 1},
        {"reason": "edited"},
    )
    Promotion.objects.filter(pk=world.promotion.pk).update(**rng.choice(edits))
    facts.void.add("an edited promotion")


def promotion_lives_longer(rng, world, facts):
    Promotion.objects.update(expires_at=NOON + timedelta(days=30), approvers_needed=0)
    facts.later = rng.choice((300, DAY_S - 1, DAY_S, DAY_S + 1))


def time_passes(rng, world, facts):
    run_left_s = DAY_S - HOUR_S
    facts.later = rng.choice(
        (61, HOUR_S + 1, run_left_s, run_left_s + 1, DAY_S - 1, DAY_S, DAY_S + 1)
    )
