"""The REST door of silences, channels and deliveries. No secret comes out of it."""

import csv
import io
import json
from datetime import timedelta

import pytest

from alerts.models import Channel, Delivery, Silence
from polyarb_site.audit.models import AuditEvent
from polyarb_site.rest.views import ApiView
from tests.api.alert_building import (
    RULE,
    SECRET,
    make_channel,
    make_delivery,
    make_rule,
    make_silence,
)
from tests.api.building import error_of
from tests.api.openapi import undescribed
from tests.conftest import NOON
from tests.helpers.clocks import FixedClock

pytestmark = pytest.mark.django_db
SILENCE = {"reason": "the host is replaced", "ends_at": "2026-03-02T14:00:00Z"}
CHANNEL = {"name": "office", "kind": "WEBHOOK", "address": {"url": SECRET, "key": "k" * 32}}


@pytest.fixture(autouse=True)
def standing(monkeypatch):
    monkeypatch.setattr(ApiView, "clock", FixedClock(NOON))


class TestSilences:
    def test_one_is_added_seen_and_ended(self, doer, reader, mandate):
        make_rule()

        added = doer.post("/api/alerts/silences", {**SILENCE, "rule_ids": [RULE]})
        number = added.json()["id"]
        listed = reader.get("/api/alerts/silences", state="ACTIVE").json()["items"]
        ended = doer.post(f"/api/alerts/silences/{number}/end", {"reason": "done"})

        assert (added.status_code, ended.status_code) == (200, 200)
        assert listed == [added.json()]
        assert (listed[0]["state"], listed[0]["created_by"]) == ("ACTIVE", "otto")
        assert (ended.json()["state"], ended.json()["ended_by"]) == ("ENDED", "otto")
        assert reader.get("/api/alerts/silences", state="ACTIVE").json()["items"] == []

    def test_a_window_is_added_with_its_days_and_hours(self, doer, mandate):
        window = {**SILENCE, "kind": "MAINTENANCE", "weekdays": [6], "minutes": 60}

        added = doer.post("/api/alerts/silences", {**window, "from_minute": 120})

        assert added.json()["weekdays"] == [6]
        assert undescribed("/api/alerts/silences", "POST", added) == []

    def test_are_listed_by_whether_they_are_in_force(self, reader, mandate):
        make_silence(reason="now")
        make_silence(reason="later", starts_at=NOON + timedelta(minutes=1))
        make_silence(reason="over", ends_at=NOON)
        make_silence(reason="ended", ended_at=NOON)

        def reasons(state):
            items = reader.get("/api/alerts/silences", state=state).json()["items"]
            assert {one["state"] for one in items} == {state}
            return [one["reason"] for one in items]

        assert reasons("ACTIVE") == ["now"]
        assert reasons("UPCOMING") == ["later"]
        assert reasons("ENDED") == ["ended", "over"]

    @pytest.mark.parametrize(
        "change",
        [
            {"ends_at": None},
            {"ends_at": "soon"},
            {"ends_at": "0001-01-01T00:00:00+14:00"},
            {"ends_at": "2026-03-02T11:00:00Z"},
            {"ends_at": "2026-05-02T11:00:00Z"},
            {"reason": ""},
            {"rule_ids": ["NOBODY"]},
            {"levels": ["LOUD"]},
            {"weekdays": [1]},
            {"odd": 1},
        ],
    )
    def test_one_that_cannot_be_meant_is_refused(self, change, doer, mandate):
        answer = doer.post("/api/alerts/silences", {**SILENCE, **change})

        assert answer.status_code == 400, answer.content
        assert Silence.objects.count() == 0

    def test_one_that_has_ended_is_not_ended_again(self, doer, mandate):
        number = make_silence(ended_at=NOON).pk

        error = error_of(doer.post(f"/api/alerts/silences/{number}/end", {"reason": "x"}))

        assert error["code"] == "NOT_MUTING"
        assert doer.post("/api/alerts/silences/99/end", {"reason": "x"}).status_code == 404


class TestChannels:
    def test_one_is_added_changed_tested_and_removed_and_its_secret_comes_never_out(
        self, boss, mandate
    ):
        answers = [boss.post("/api/alerts/channels", CHANNEL)]
        number = answers[0].json()["id"]
        again = {"name": "office", "kind": "WEBHOOK", "level_min": "CRITICAL", "tier": 2}
        answers.append(boss.post("/api/alerts/channels", again))
        before = Channel.objects.get()
        answers.append(boss.get("/api/alerts/channels"))
        answers.append(boss.post(f"/api/alerts/channels/{number}/test", {}))
        answers.append(boss.get("/api/alerts/deliveries"))
        answers.append(
            boss.post(f"/api/alerts/channels/{number}/remove", {"reason": "nobody reads it"})
        )

        assert [one.status_code for one in answers] == [200] * 6, answers[0].content
        assert (before.level_min, before.tier, before.shown) == (
            "CRITICAL",
            2,
            answers[0].json()["shown"],
        )
        assert answers[3].json()["kind"] == "TEST"
        assert answers[5].json() == {"removed": True, "name": "office"}
        assert Channel.objects.count() == 0
        assert Delivery.objects.get().state == "WITHDRAWN"
        told = b"".join(one.content for one in answers)
        kept = json.dumps(list(AuditEvent.objects.values()), default=str)
        for secret in ("T0KEN-OF-THE-CHANNEL", "k" * 32, before.secret):
            assert secret.encode() not in told
            assert secret not in kept

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"address": {"url": SECRET, "key": "short"}}, "INVALID_ADDRESS"),
            ({"address": {"url": SECRET, "secret-of-mine": "x"}}, "INVALID_ADDRESS"),
            ({"address": f"nobody-knows://{SECRET}", "kind": "APPRISE"}, "INVALID_ADDRESS"),
            ({"address": [SECRET]}, "INVALID"),
            ({"address": SECRET, "kind": "EMAIL"}, "INVALID_ADDRESS"),
            ({"address": {"url": 1, "key": ["k"]}}, "INVALID_ADDRESS"),
            ({"tier": 0}, "INVALID"),
            ({"level_min": "LOUD"}, "INVALID"),
            ({"kind": "PIGEON"}, "INVALID"),
        ],
    )
    def test_a_refusal_repeats_no_address(self, change, code, boss, mandate):
        answer = boss.post("/api/alerts/channels", {**CHANNEL, **change})

        assert answer.status_code == 400, answer.content
        assert error_of(answer)["code"] == code
        assert b"T0KEN" not in answer.content
        assert Channel.objects.count() == 0

    def test_one_that_is_not_there_is_404(self, boss, mandate):
        assert boss.post("/api/alerts/channels/9/test", {}).status_code == 404
        assert boss.post("/api/alerts/channels/9/remove", {"reason": "x"}).status_code == 404


class TestDeliveries:
    def test_are_narrowed_by_channel_state_and_kind(self, reader, mandate):
        office, night = make_channel(), make_channel("night shift")
        make_delivery(office, 1)
        make_delivery(office, 2, state="SENT", kind="RESOLVED", latency_ms=640)
        make_delivery(night, 3, outcome="HTTP 503", tries=2)

        def numbers(**query):
            items = reader.get("/api/alerts/deliveries", **query).json()["items"]
            return [one["title"] and one["tries"] for one in items], [
                one["channel"] for one in items
            ]

        assert numbers(channel="night shift") == ([2], ["night shift"])
        assert numbers(state="SENT") == ([0], ["office"])
        assert numbers(kind="FIRING")[1] == ["night shift", "office"]

    def test_are_a_file_without_what_was_sent(self, reader, mandate):
        make_delivery(make_channel(), payload={"alerts": ["the whole message"]})

        response = reader.get("/api/alerts/deliveries.csv")

        content = b"".join(response.streaming_content).decode()
        assert "the whole message" not in content
        assert [row["state"] for row in csv.DictReader(io.StringIO(content))] == ["WAITING"]
