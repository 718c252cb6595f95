"""The REST door of alerts: what fires, what there was, what people do with it, and the rules."""

import csv
import io
from datetime import timedelta

import pytest

from alerts.models import Alert, AlertMove, RuleRevision, Watch
from polyarb_site.rest.views import ApiView
from tests.api.alert_building import RULE, VALUES, make_alert, make_rule
from tests.api.building import error_of, make_sample, make_session
from tests.api.openapi import undescribed
from tests.conftest import NOON
from tests.helpers.clocks import FixedClock

pytestmark = pytest.mark.django_db
COMMENT = {"comment": "the venue is down; I watch"}


@pytest.fixture(autouse=True)
def standing(monkeypatch):
    monkeypatch.setattr(ApiView, "clock", FixedClock(NOON + timedelta(seconds=12)))


@pytest.fixture
def alert(mandate):
    return make_alert()


class TestState:
    def test_is_what_jq_expects_of_it(self, reader, alert):
        make_alert("RPC_UNHEALTHY", level="WARNING", state="ACKED", acked_by="otto")

        answer = reader.get("/api/alerts/state").json()

        firing = [one for one in answer["alerts"] if one["state"] == "FIRING"]
        assert [one["rule_id"] for one in firing] == [RULE]
        assert firing[0]["severity"] == firing[0]["level"] == "CRITICAL"
        assert firing[0]["runbook"] == "/admin/runbook/#rule-ws_disconnected"
        assert answer["counts"]["critical"] == 1
        assert answer["as_of"] == "2026-03-02T12:00:12+00:00"

    def test_has_the_gravest_first_and_what_has_ended_only_when_asked_for(self, reader, mandate):
        make_alert("RPC_UNHEALTHY", level="WARNING")
        make_alert("TRADE_EXECUTED", level="INFO", state="PENDING", fired_at=None)
        make_alert("LOW_BALANCE", level="WARNING", state="RESOLVED", resolved_at=NOON)
        make_alert("LOW_BALANCE", level="WARNING", state="RESOLVED", resolved_at=NOON, count=2)
        make_alert()
        make_alert(state="RESOLVED", resolved_at=NOON, pk=9_000)

        def rules_of(**query):
            answer = reader.get("/api/alerts/state", **query).json()
            return [(one["rule_id"], one["count"]) for one in answer["alerts"]]

        assert rules_of() == [(RULE, 1), ("RPC_UNHEALTHY", 1), ("TRADE_EXECUTED", 1)]
        assert rules_of(resolved="true")[3:] == [(RULE, 1), ("LOW_BALANCE", 2)]
        assert error_of(reader.get("/api/alerts/state", resolved="yes"))["field"] == "resolved"

    def test_says_when_nobody_judges(self, reader, mandate):
        assert reader.get("/api/alerts/state").json()["counts"]["reason"] is not None
        Watch.objects.create(name="JUDGE", beat_at=NOON + timedelta(seconds=11))

        assert reader.get("/api/alerts/state").json()["counts"]["reason"] is None

    def test_carries_the_evidence_of_a_stop_and_nothing_else_of_it(self, reader, mandate):
        make_alert(evidence={"stop": {"stopped_us": 212_000, "odd": "x"}, "stops": []})

        stop = reader.get("/api/alerts/state").json()["alerts"][0]["stop"]

        assert stop["stopped_us"] == 212_000
        assert stop["cause_at"] is None
        assert "odd" not in stop


class TestList:
    def test_is_narrowed_and_paged(self, reader, mandate):
        make_rule()
        for number in range(5):
            at = NOON + timedelta(minutes=number)
            make_alert(state="RESOLVED", opened_at=at, resolved_at=at)
        make_alert("LOW_BALANCE", level="WARNING")

        first = reader.get("/api/alerts", rule=RULE, limit=3)
        rest = reader.get("/api/alerts", rule=RULE, limit=3, cursor=first.json()["next_cursor"])

        seen = [one["id"] for page in (first, rest) for one in page.json()["items"]]
        assert len(seen) == 5
        assert seen == sorted(seen, reverse=True)
        since = reader.get("/api/alerts", since="2026-03-02T12:03:00Z", level="CRITICAL").json()
        assert len(since["items"]) == 2
        assert len(reader.get("/api/alerts", state="FIRING").json()["items"]) == 1

    @pytest.mark.parametrize(
        ("name", "value"), [("level", "LOUD"), ("state", "OPEN"), ("rule", "a b"), ("x", "1")]
    )
    def test_refuses_what_it_does_not_know(self, name, value, reader):
        assert error_of(reader.get("/api/alerts", **{name: value}))["field"] == name


class TestHistory:
    def test_has_each_move_with_who_and_why(self, doer, reader, alert):
        doer.post(f"/api/alerts/{alert.pk}/ack", COMMENT)

        items = reader.get("/api/alerts/history", alert=alert.pk).json()["items"]

        assert [(one["state_from"], one["state_to"], one["by"]) for one in items] == [
            ("FIRING", "ACKED", "otto"),
            ("", "FIRING", "alert rules"),
        ]
        assert items[0]["comment"] == COMMENT["comment"]
        assert (items[0]["rule_id"], items[0]["level"]) == (RULE, "CRITICAL")

    def test_is_a_file_with_the_same_rows(self, reader, alert):
        make_alert("LOW_BALANCE", level="WARNING")

        response = reader.get("/api/alerts/history.csv", rule="LOW_BALANCE")

        lines = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
        assert [(line["rule_id"], line["state_to"]) for line in lines] == [
            ("LOW_BALANCE", "FIRING")
        ]

    @pytest.mark.parametrize("number", ["0", "x", "1.5", "9" * 30, "-1"])
    def test_refuses_what_is_no_number(self, number, reader):
        assert error_of(reader.get("/api/alerts/history", alert=number))["field"] == "alert"


class TestActing:
    def test_an_alert_is_acknowledged_commented_given_back_and_resolved(self, doer, alert):
        path = f"/api/alerts/{alert.pk}"

        acked = doer.post(f"{path}/ack", COMMENT).json()
        said = doer.post(f"{path}/comment", {"comment": "asked the provider"}).json()
        back = doer.post(f"{path}/unack", {"comment": "my shift is over"}).json()
        Alert.objects.update(quiet_since=NOON)
        closed = doer.post(f"{path}/resolve", {"note": "a switch was replaced"}).json()

        assert (acked["state"], acked["acked_by"]) == ("ACKED", "otto")
        assert acked["ack_comment"] == COMMENT["comment"]
        assert said["moves"][0]["comment"] == "asked the provider"
        assert (back["state"], back["acked_by"]) == ("FIRING", "")
        assert (closed["state"], closed["resolve_note"]) == ("RESOLVED", "a switch was replaced")
        assert [one["sequence"] for one in closed["moves"]] == [5, 4, 3, 2, 1]

    def test_what_still_holds_is_not_resolved(self, doer, alert):
        error = error_of(doer.post(f"/api/alerts/{alert.pk}/resolve", {"note": "gone"}))

        assert error["code"] == "STILL_BAD"
        assert Alert.objects.get().state == "FIRING"

    def test_what_somebody_has_is_not_acknowledged_again(self, doer, alert):
        path = f"/api/alerts/{alert.pk}/ack"
        doer.post(path, COMMENT)

        second = doer.post(path, COMMENT)

        assert second.status_code == 409
        assert error_of(second)["code"] == "NOT_FIRING"
        assert AlertMove.objects.count() == 2

    @pytest.mark.parametrize("body", [{}, {"comment": ""}, {"comment": 1}, {"note": "x"}])
    def test_needs_a_comment(self, body, doer, alert):
        assert doer.post(f"/api/alerts/{alert.pk}/ack", body).status_code == 400

    def test_answers_what_is_described(self, doer, alert):
        path = f"/api/alerts/{alert.pk}"
        for act, body in (
            ("ack", COMMENT), ("ack", COMMENT), ("ack", {}), ("comment", COMMENT),
            ("unack", COMMENT), ("resolve", {"note": "x"}), ("unack", COMMENT),
        ):  # fmt: skip
            response = doer.post(f"{path}/{act}", body)

            assert undescribed(f"/api/alerts/{{number}}/{act}", "POST", response) == [], act


class TestRules:
    def test_all_are_listed_also_those_that_are_off(self, reader, mandate):
        make_rule()
        make_rule(revision=2, enabled=False)
        make_rule("RPC_UNHEALTHY", severity="WARNING")

        items = reader.get("/api/alerts/rules").json()["items"]

        assert [(one["rule_id"], one["revision"]) for one in items] == [
            ("RPC_UNHEALTHY", 1),
            (RULE, 2),
        ]
        assert items[1]["values"]["enabled"] is False
        assert items[1]["stops_trading"] is True

    def test_one_that_cannot_be_read_is_named_instead_of_hidden(self, reader, mandate):
        make_rule()
        RuleRevision.objects.update(values={"id": RULE})

        answer = reader.get("/api/alerts/rules").json()
        one = reader.get(f"/api/alerts/rules/{RULE}")

        assert answer["items"] == []
        assert answer["broken"][0]["rule_id"] == RULE
        assert (one.status_code, error_of(one)["code"]) == (409, "RULE_BROKEN")

    def test_a_rule_is_saved_as_a_revision_with_its_history(self, boss, mandate):
        make_rule()
        rule = {**VALUES, "cooldown_seconds": 90}

        answer = boss.post("/api/alerts/rules", {"rule": rule, "reason": "it flaps at night"})

        assert answer.status_code == 200
        assert undescribed("/api/alerts/rules", "POST", answer) == []
        saved = answer.json()
        assert (saved["revision"], saved["author"]) == (2, "adam")
        assert saved["values"]["cooldown_seconds"] == 90
        assert [one["revision"] for one in saved["history"]] == [2, 1]
        assert boss.get(f"/api/alerts/rules/{RULE}").json() == saved

    def test_what_is_read_can_be_sent_back(self, boss, mandate):
        make_rule()
        values = boss.get(f"/api/alerts/rules/{RULE}").json()["values"]

        same = boss.post("/api/alerts/rules", {"rule": values, "reason": "nothing"})
        values["message"] = "Look at the venue's status page."
        saved = boss.post("/api/alerts/rules", {"rule": values, "reason": "a better advice"})

        assert error_of(same)["code"] == "RULE_UNCHANGED"
        assert saved.json()["values"] == values

    @pytest.mark.parametrize(
        ("rule", "code"),
        [
            ({**VALUES, "severity": "LOUD"}, "RULE_INVALID"),
            ({**VALUES, "odd": 1}, "RULE_INVALID"),
            ({"id": "X"}, "RULE_INVALID"),
            ([1], "INVALID"),
            ("x", "INVALID"),
            ({**VALUES, "name": "\ud800"}, "INVALID"),
            ({**VALUES, "name": "\0"}, "INVALID"),
            ({**VALUES, "values_by_phase": {"\ud800": 1}}, "INVALID"),
            ({**VALUES, "query": {"metric": ["ws_connected"]}}, "RULE_INVALID"),
            ({**VALUES, "inhibits": ["NOBODY"]}, "RULE_INVALID"),
        ],
    )
    def test_one_that_does_not_say_what_it_must_changes_nothing(self, rule, code, boss, mandate):
        answer = boss.post("/api/alerts/rules", {"rule": rule, "reason": "a try"})

        assert answer.status_code == 400
        assert error_of(answer)["code"] == code
        assert RuleRevision.objects.count() == 0

    def test_all_that_is_wrong_with_one_is_said_at_once(self, boss, mandate):
        rule = {**VALUES, "severity": "LOUD", "cooldown_seconds": -1}

        error = error_of(boss.post("/api/alerts/rules", {"rule": rule, "reason": "a try"}))

        assert "severity" in error["message"]
        assert "cooldown_seconds" in error["message"]


class TestDryRun:
    LATENCY = {
        "id": "LATENCY_P95_HIGH",
        "severity": "WARNING",
        "query": {"metric": "latency_p95", "operator": ">=", "value": 500, "window_seconds": 0},
    }

    @pytest.fixture
    def recorded(self, mandate, profile):
        """Ten minutes of samples that ended at noon: two of them with slow decisions."""
        session = make_session(profile)
        for number in range(0, 600, 10):
            slow = 60 <= number < 120 or 300 <= number < 360
            figures = {"decision_p95_us": 800_000 if slow else 9_000}
            make_sample(session, at=NOON - timedelta(seconds=600 - number), **figures)

    def test_says_how_often_a_rule_in_force_would_have_fired(self, reader, recorded):
        make_rule(
            "LATENCY_P95_HIGH", severity="WARNING", query=self.LATENCY["query"], actions=["log"]
        )

        answer = reader.post(
            "/api/alerts/rules/dry_run", {"rule_id": "LATENCY_P95_HIGH", "hours": 1}
        )

        assert undescribed("/api/alerts/rules/dry_run", "POST", answer) == []
        found = answer.json()
        assert found["samples"] == 60
        assert found["count"] == len(found["spells"]) == 2
        assert found["spells"][0]["fired_at"] == "2026-03-02T11:51:00Z"
        assert RuleRevision.objects.count() == 1

    def test_takes_a_rule_that_nobody_has_saved(self, reader, recorded):
        answer = reader.post("/api/alerts/rules/dry_run", {"rule": self.LATENCY})

        assert answer.status_code == 200
        assert RuleRevision.objects.count() == 0
        assert Alert.objects.count() == 0

    def test_says_why_when_nothing_can_be_said(self, reader, mandate):
        nothing = reader.post("/api/alerts/rules/dry_run", {"rule": self.LATENCY}).json()

        assert nothing["count"] == 0
        assert "no engine ran" in nothing["reason"]

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({}, 400),
            ({"rule": LATENCY, "rule_id": RULE}, 400),
            ({"rule_id": RULE}, 404),
            ({"rule": {**LATENCY, "severity": "LOUD"}}, 400),
            ({"rule": LATENCY, "hours": 25}, 400),
        ],
    )
    def test_needs_exactly_one_rule_that_there_is(self, body, status, reader, mandate):
        assert reader.post("/api/alerts/rules/dry_run", body).status_code == status
