"""What people read: which rule, where, since when, what was done, what to do."""

from datetime import timedelta

import pytest

from alerts.rules.parse import parse_rule
from alerts.services.messages import alert_facts, badge, done, group_message, late_text
from tests.alerts.telling import alert, at, revision
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
STOP = {"stopped_us": 211_001, "complete": True, "halted_already": False}


def facts(**fields):
    row = alert(**fields)
    return alert_facts(row, parse_rule(row.rule_revision.values), "SHADOW")


def message(*alerts, kind="FIRING"):
    return group_message(kind, alerts, account="main", level="CRITICAL", label="SHADOW")


class TestTitle:
    def test_says_level_rule_place_and_what(self):
        assert message(facts())["title"] == (
            "[CRITICAL] WS_DISCONNECTED main (SHADOW): the feed is not connected for 10 s"
        )

    def test_of_several_names_them(self):
        both = message(facts(), facts(rule_id="LEG_EXPOSED"))
        assert both["title"] == ("[CRITICAL] 2 alerts main (SHADOW): WS_DISCONNECTED, LEG_EXPOSED")

    def test_of_the_end_and_of_an_escalation_say_so(self):
        ended = facts(state="RESOLVED", resolved_at=at(42))
        title = message(ended, kind="RESOLVED")["title"]
        assert title.startswith("[RESOLVED] WS_DISCONNECTED main (SHADOW): ended after 42 s")
        assert message(ended, kind="ESCALATED")["title"].startswith("[CRITICAL, NOT ACKNOWLEDGED]")

    def test_is_never_longer_than_its_row(self):
        many = [facts(rule_id=f"A_VERY_LONG_NAME_OF_A_RULE_{n}") for n in range(20)]
        assert len(message(*many)["title"]) == 200


class TestText:
    def test_has_all_that_a_person_needs(self):
        rule = revision(message="look at the venue")
        text = message(facts(rule=rule, evidence={"stop": STOP}, count=3))["text"]
        assert text.splitlines() == [
            "CRITICAL WS_DISCONNECTED: the feed is not connected for 10 s",
            "Value: false (bound == false)",
            "Since: 2026-03-02 12:00:00 UTC; fired 3 times",
            "Done: trading stopped in 212 ms",
            "Do: look at the venue",
            "Runbook: /admin/runbook/#rule-ws_disconnected",
        ]

    def test_of_very_many_names_twenty_and_counts_the_rest(self):
        many = [facts(rule_id=f"RULE_{n}") for n in range(23)]
        made = message(*many)
        assert made["text"].endswith("and 3 more")
        assert len(made["alerts"]) == 23

    @pytest.mark.parametrize(
        ("seconds", "repeated", "said"),
        [
            (0, False, ""),
            (299, False, ""),
            (3_700, False, "Late: this is from 2026-03-02 12:00:00 UTC, 61 min ago."),
            (0, True, "You may have this already: it is not known whether it arrived before."),
        ],
    )
    def test_says_first_when_it_is_late_or_may_be_known(self, seconds, repeated, said):
        assert late_text(NOON, NOON + timedelta(seconds=seconds), repeated=repeated) == said


class TestWhatWasDone:
    @pytest.mark.parametrize(
        ("evidence", "said"),
        [
            ({"stop": STOP}, "trading stopped in 212 ms"),
            ({"stop": {**STOP, "stopped_us": 1_500_000}}, "trading stopped in 1,500 ms"),
            ({"stop": {**STOP, "halted_already": True}}, "trading was halted already"),
            ({"stop": {**STOP, "complete": False}}, "trading is stopped; orders that were on"),
            ({}, "trading is being stopped; nothing proves yet that it has"),
        ],
    )
    def test_is_only_what_is_proved(self, evidence, said):
        assert facts(evidence=evidence)["done"].startswith(said)

    def test_of_a_warning_is_nothing(self):
        row = alert(rule=revision(severity="WARNING"))
        assert done(row, parse_rule(row.rule_revision.values)) == ""


class TestBadge:
    def test_is_that_of_the_mandate_while_nothing_runs(self, mandate):
        assert badge(mandate.account) == "RECORDED"
        mandate.feed = "live"
        mandate.save()
        assert badge(mandate.account) == "SHADOW"

    def test_of_an_account_that_is_not_there_is_not_invented(self):
        assert badge("nowhere") == "UNKNOWN"
