"""Which check weighs how much in which phase, as the specification says."""

import pytest

from checks.catalogue import data, documents, operations
from checks.catalogue.base import ALL_PHASES, Category
from polyarb_site.dashboard.runbook import document

CHECKS = {check.id: check for part in (data, operations, documents) for check in part.CHECKS}
PARTS = {"data": data, "operations": operations, "documents": documents}
# P0 critical, P1 high, P2 medium, P3 low, - not asked; phases 0 to 3.
WEIGHTS = {
    "data.journal_continuous": "0000",
    "data.journal_writable": "0000",
    "data.audit_chain": "0000",
    "data.backup_verified": "0000",
    "data.disk_free": "0000",
    "data.alerts_readable": "1111",
    "data.replay_equal": "2111",
    "data.reconciled": "-000",
    "data.no_open_incident": "-000",
    "data.second_copy": "3333",
    "operations.python": "1111",
    "operations.rpc_one": "0000",
    "operations.rpc_two": "1111",
    "operations.market_channel": "0000",
    "operations.venue_clock": "0000",
    "operations.sizes_fit": "1111",
    "operations.memory": "1111",
    "operations.processor": "1111",
    "operations.message_test": "1111",
    "operations.heartbeat": "1111",
    "operations.breaker_closed": "0000",
    "operations.kill_switch": "0000",
    "documents.present": "1111",
    "documents.of_this_version": "1111",
    "documents.runbook_read": "2222",
    "documents.contacts_set": "2222",
    "documents.emergency_plan": "---1",
}


def weight(check):
    return "".join(
        check.priorities[phase].value[1] if phase in check.priorities else "-"
        for phase in ALL_PHASES
    )


def test_each_check_weighs_what_the_specification_says():
    assert {name: weight(check) for name, check in CHECKS.items()} == WEIGHTS


@pytest.mark.parametrize("category", PARTS)
def test_each_check_is_named_for_its_category(category):
    for check in PARTS[category].CHECKS:
        assert check.category is Category(category)
        assert check.id.startswith(f"{category}.")


@pytest.mark.parametrize("check", CHECKS.values(), ids=list(CHECKS))
def test_each_check_says_what_it_needs_what_to_do_and_where_to_read_on(check):
    anchors = {heading.anchor for heading in document().headings}

    assert check.title
    assert check.needed
    assert check.remedy.endswith(".")
    assert check.runbook in anchors
    assert len(check.id) <= 60
    assert len(check.title) <= 150
    assert len(check.needed) <= 300
    assert len(check.remedy) <= 500
