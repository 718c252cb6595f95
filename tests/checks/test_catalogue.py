"""The catalogue as a table: ids, words, priorities, anchors, and what the specification names."""

import re

import pytest

from checks.catalogue.base import ALL_PHASES, LIVE_PHASES, Category, Priority
from checks.catalogue.registry import CATALOGUE, asked_in
from checks.services.looking import RUN_MS_MAX
from polyarb_site.dashboard.runbook import document

ANCHORS = {one.anchor for one in document().headings}
IDS = [check.id for check in CATALOGUE]

# Row by row of the specification: id, priority in phase 0 (None: not asked), priority when live.
SPECIFIED = [
    ("security.secret_files", "P0", "P0"),
    ("security.key_signs", None, "P0"),
    ("security.key_matches_wallet", None, "P0"),
    ("security.no_private_key", "P0", "P0"),
    ("security.allowances", None, "P0"),
    ("security.wallet_balance", None, "P1"),
    ("security.dedicated_wallet", None, "P0"),
    ("security.account_may_trade", None, "P0"),
    ("security.region", None, "P0"),
    ("security.defaults_off", None, "P0"),
    ("system.configuration", "P0", "P0"),
    ("system.profile_limits", "P0", "P0"),
    ("system.dry_run", "P0", "P0"),
    ("system.alert_rules", "P0", "P0"),
    ("system.chain_id", None, "P0"),
    ("system.database", "P0", "P0"),
    ("system.workers", "P0", "P0"),
    ("system.as_locked", "P1", "P1"),
]


def test_no_id_is_there_twice():
    assert sorted(set(IDS)) == sorted(IDS)


@pytest.mark.parametrize("check", CATALOGUE, ids=IDS)
class TestEveryCheck:
    def test_says_all_that_a_person_needs(self, check):
        assert re.fullmatch(r"[a-z]+\.[a-z0-9_]+", check.id)
        assert check.id.split(".")[0] == check.category
        for text, length in ((check.title, 150), (check.needed, 300), (check.remedy, 500)):
            assert 0 < len(text) <= length
        assert not check.title.endswith(".")
        assert check.remedy.endswith(".")

    def test_has_a_section_in_the_runbook(self, check):
        assert check.runbook in ANCHORS
        assert check.runbook != "before-anything-else"  # that is where the reader begins, not ends

    def test_has_a_priority_in_some_phase_and_none_elsewhere(self, check):
        assert check.priorities
        assert set(check.priorities) <= set(ALL_PHASES)
        assert all(isinstance(one, Priority) for one in check.priorities.values())

    def test_ends_within_the_time_of_a_run(self, check):
        assert 0 < check.time_ms_max <= RUN_MS_MAX


@pytest.mark.parametrize(("check_id", "shadow", "live"), SPECIFIED)
def test_what_the_specification_names_is_asked_with_its_priority(check_id, shadow, live):
    check = next(one for one in CATALOGUE if one.id == check_id)

    assert check.priorities.get(0) == shadow
    assert {check.priorities[phase] for phase in LIVE_PHASES} == {live}


def test_a_phase_is_asked_its_own_checks_in_the_order_of_the_catalogue():
    asked = asked_in(0)

    assert [order for order, _, _ in asked] == sorted(order for order, _, _ in asked)
    assert all(0 in check.priorities for _, check, _ in asked)
    assert len(asked_in(1)) > len(asked)


def test_a_category_is_a_part_of_it():
    asked = asked_in(1, Category.SECURITY)

    assert {check.category for _, check, _ in asked} == {Category.SECURITY}
    assert len(asked) == 10
