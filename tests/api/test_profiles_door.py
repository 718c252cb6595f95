"""Profiles through the REST door: seeing, comparing, applying, rolling back, and who did it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from polyarb_site.audit.models import AuditEvent
from tests.api.building import error_of
from tests.conftest import NOON, make_profile
from trading.models import Mandate, Profile

SHADOW, SAFE = "live_shadow_atomic_v1", "live_safe_atomic_v1"
REASON = {"reason": "tighter slippage"}
CANARY = "0x" + "c0ffee" * 10 + "abcd"


@pytest.fixture
def revisions(mandate):
    """Two revisions of the shadow profile, the first in force, and a live profile."""
    first = make_profile(SHADOW)
    make_profile(SHADOW, 2, MAX_SLIPPAGE="0.015")
    make_profile(SAFE)
    Mandate.objects.update(profile=first)


def in_force():
    """Return the revision that the mandate names."""
    profile = Mandate.objects.get().profile
    assert profile is not None
    return profile


class TestList:
    def test_shows_the_newest_revision_of_each(self, reader, revisions):
        rows = reader.get("/api/profiles").json()["items"]

        assert [(row["name"], row["revision"]) for row in rows] == [(SAFE, 1), (SHADOW, 2)]
        assert [row["applied"] for row in rows] == [False, False]

    def test_is_empty_before_anything_was_imported(self, reader, mandate):
        assert reader.get("/api/profiles").json() == {"items": []}

    def test_takes_the_same_few_queries_for_many(self, reader, revisions):
        for number in range(20):
            Profile.objects.create(
                name=f"p{number}", revision=1, values={}, sha256="", author_name="", reason="",
                created_at=NOON,
            )  # fmt: skip

        with CaptureQueriesContext(connection) as queries:
            rows = reader.get("/api/profiles").json()["items"]

        assert len(rows) == 22
        assert len(queries) <= 5


class TestOne:
    def test_shows_the_newest_with_its_values(self, reader, revisions):
        answer = reader.get(f"/api/profiles/{SHADOW}").json()

        assert answer["revision"] == 2
        assert answer["values"]["MAX_SLIPPAGE"] == "0.015"
        assert answer["base_values"]["DRY_RUN"] == "true"

    def test_shows_an_earlier_revision(self, reader, revisions):
        answer = reader.get(f"/api/profiles/{SHADOW}", revision="1").json()

        assert (answer["revision"], answer["applied"]) == (1, True)

    @pytest.mark.parametrize("revision", ["3", "2147483647"])
    def test_of_a_revision_that_is_not_there_is_not_found(self, revision, reader, revisions):
        response = reader.get(f"/api/profiles/{SHADOW}", revision=revision)

        assert response.status_code == 404
        assert error_of(response)["code"] == "NO_PROFILE"

    @pytest.mark.parametrize("revision", ["0", "-1", "1.0", "x", "9999999999", "\u0661"])
    def test_of_what_is_no_revision_is_refused(self, revision, reader, revisions):
        response = reader.get(f"/api/profiles/{SHADOW}", revision=revision)

        assert response.status_code == 400
        assert error_of(response)["field"] == "revision"

    def test_shows_no_secret_that_got_into_a_revision(self, reader, revisions):
        Profile.objects.filter(name=SAFE).update(
            values={"PRIVATE_KEY": "hunter2", "NOTE": CANARY}, base_values={"api_key": "x"}
        )

        text = reader.get(f"/api/profiles/{SAFE}").content.decode()

        assert "hunter2" not in text
        assert CANARY not in text


class TestDryRun:
    def test_shows_changes_and_risks_and_changes_nothing(self, reader, revisions):
        body = {**REASON, "dry_run": True}

        response = reader.post(f"/api/profiles/{SAFE}/apply", body)

        answer = response.json()
        assert response.status_code == 200
        assert answer["applied"] is False
        assert {"field": "DRY_RUN", "unit": "on or off", "before": "true", "after": "false"} in (
            answer["changes"]
        )
        assert [risk["code"] for risk in answer["risks"]] == [
            "SWITCH_TO_LIVE",
            "INCREASE_POSITION_SIZE",
        ]
        assert in_force().name == SHADOW
        assert not AuditEvent.objects.filter(action__startswith="profile.").exists()

    def test_of_what_is_in_force_shows_no_change(self, reader, revisions):
        body = {**REASON, "dry_run": True, "revision": 1}

        answer = reader.post(f"/api/profiles/{SHADOW}/apply", body).json()

        assert (answer["changes"], answer["risks"]) == ([], [])

    def test_compares_with_nothing_when_nothing_is_in_force(self, reader, revisions):
        Mandate.objects.update(profile=None)

        answer = reader.post(f"/api/profiles/{SHADOW}/apply", {**REASON, "dry_run": True}).json()

        assert {change["before"] for change in answer["changes"]} == {None}


class TestApplying:
    def test_puts_the_newest_in_force_and_is_recorded(self, boss, revisions):
        response = boss.post(f"/api/profiles/{SHADOW}/apply", REASON)

        answer = response.json()
        assert response.status_code == 200
        assert (answer["applied"], answer["profile"]["revision"]) == (True, 2)
        assert in_force().revision == 2
        event = AuditEvent.objects.get(action="profile.apply")
        assert (event.actor_name, event.reason) == ("adam", REASON["reason"])

    def test_a_live_profile_in_shadow_is_refused(self, boss, revisions):
        response = boss.post(f"/api/profiles/{SAFE}/apply", REASON)

        assert response.status_code == 409
        assert error_of(response)["code"] == "PROFILE_DOES_NOT_FIT_PHASE"
        assert in_force().name == SHADOW

    def test_what_somebody_else_changed_since_the_dry_run_is_refused(self, boss, revisions):
        path = f"/api/profiles/{SHADOW}/apply"
        seen = boss.post(path, {**REASON, "dry_run": True}).json()["mandate_revision"]
        boss.post("/api/emergency_stop")

        response = boss.post(path, {**REASON, "mandate_revision": seen})

        assert response.status_code == 409
        assert error_of(response)["code"] == "CHANGED_MEANWHILE"
        assert in_force().revision == 1


class TestRollingBack:
    def test_restores_what_was_in_force_as_a_new_revision(self, boss, revisions):
        boss.post(f"/api/profiles/{SHADOW}/apply", {**REASON, "revision": 2})
        boss.post(f"/api/profiles/{SHADOW}/apply", {**REASON, "revision": 1})

        response = boss.post("/api/profiles/rollback", {"reason": "fill rate fell"})

        assert response.status_code == 200
        assert response.json()["profile"]["revision"] == 3
        assert in_force().values["MAX_SLIPPAGE"] == "0.015"

    def test_goes_to_a_named_revision(self, boss, revisions):
        body = {**REASON, "name": SHADOW, "revision": 2}

        assert boss.post("/api/profiles/rollback", body).status_code == 200
        assert in_force().values["MAX_SLIPPAGE"] == "0.015"

    @pytest.mark.parametrize(("given", "missing"), [("name", "revision"), ("revision", "name")])
    def test_with_half_a_target_is_refused(self, given, missing, boss, revisions):
        target = {"name": SHADOW, "revision": 2}

        response = boss.post("/api/profiles/rollback", {**REASON, given: target[given]})

        assert response.status_code == 400
        assert error_of(response)["field"] == missing

    def test_before_anything_was_applied_is_refused(self, boss, revisions):
        error = error_of(boss.post("/api/profiles/rollback", REASON))

        assert error["code"] == "NO_EARLIER_PROFILE"


class TestConfigChanges:
    def test_shows_who_changed_what_and_why(self, boss, reader, revisions):
        boss.post(f"/api/profiles/{SHADOW}/apply", REASON)

        rows = reader.get("/api/audit/config_changes").json()["items"]

        assert len(rows) == 1
        assert (rows[0]["actor"], rows[0]["action"]) == ("adam", "profile.apply")
        assert rows[0]["before"]["profile"]["revision"] == 1
        assert rows[0]["after"]["profile"]["revision"] == 2

    def test_shows_nothing_else_of_the_audit(self, boss, reader, revisions):
        boss.post("/api/emergency_stop")

        assert reader.get("/api/audit/config_changes").json()["items"] == []

    def test_are_narrowed(self, boss, reader, revisions):
        boss.post(f"/api/profiles/{SHADOW}/apply", REASON)
        path = "/api/audit/config_changes"

        assert reader.get(path, action="profile.apply").json()["items"]
        assert not reader.get(path, action="profile.save").json()["items"]
        assert not reader.get(path, until="2026-01-01").json()["items"]
        assert reader.get(path, action="mandate.halt").status_code == 400

    def test_masks_what_an_older_rule_let_in(self, reader, revisions):
        AuditEvent(
            sequence=1_000, at=NOON, actor_name="x", action="profile.save",
            before={"PRIVATE_KEY": "hunter2"}, after={"note": CANARY, "size": 1.5}, sha256="0",
        ).append()  # fmt: skip

        response = reader.get("/api/audit/config_changes")

        text = response.content.decode()
        assert response.status_code == 200
        assert "hunter2" not in text
        assert CANARY not in text
