"""Resuming, starting and stopping through the REST door."""

import pytest

from polyarb_site.audit.models import AuditEvent
from tests.api.building import error_of
from trading.models import Mandate

START = "/api/engine/start_shadow"
SIMULATED = "/api/engine/start_simulated"
REASON = {"reason": "the test asks"}


class TestResuming:
    def test_ends_a_halt_and_is_recorded(self, doer, mandate):
        doer.post("/api/emergency_stop")

        response = doer.post("/api/resume", {"reason": "feed is back"})

        assert response.status_code == 200
        assert response.json()["halted"] is False
        assert not Mandate.objects.get().halted
        event = AuditEvent.objects.get(action="mandate.resume")
        assert (event.actor_name, event.reason) == ("otto", "feed is back")
        assert event.request_id == response.headers["X-Request-ID"]

    def test_needs_a_reason(self, doer, mandate):
        doer.post("/api/emergency_stop")

        response = doer.post("/api/resume")

        assert error_of(response)["field"] == "reason"
        assert Mandate.objects.get().halted

    def test_of_what_is_not_halted_is_refused(self, doer, mandate):
        response = doer.post("/api/resume", REASON)

        assert response.status_code == 409
        assert error_of(response)["code"] == "NOT_HALTED"


class TestStartingShadow:
    def test_asks_the_engine_to_run_on_paper(self, doer, mandate, profile):
        response = doer.post(START)

        assert response.status_code == 200
        answer = response.json()
        assert (answer["mode"], answer["desired"]) == ("SHADOW", "RUN")
        assert answer["profile"]["name"] == "live_shadow_atomic_v1"
        assert AuditEvent.objects.get(action="engine.start_shadow").actor_name == "otto"

    def test_takes_a_speed_and_keeps_it(self, doer, mandate, profile):
        response = doer.post(START, {"speed": "2.5", "feed": "recorded", "reason": "a look"})

        assert response.status_code == 200
        assert Mandate.objects.get().feed_options == {"speed": "2.5"}

    def test_while_it_runs_is_refused(self, doer, mandate, profile):
        doer.post(START)

        assert error_of(doer.post(START))["code"] == "ALREADY_RUNNING"

    def test_while_halted_is_refused(self, doer, mandate, profile):
        doer.post("/api/emergency_stop")

        response = doer.post(START)

        assert response.status_code == 409
        assert error_of(response)["code"] == "HALTED"

    def test_with_a_live_profile_is_refused(self, doer, mandate, profile):
        from tests.conftest import make_profile

        make_profile("live_safe_atomic_v1")

        error = error_of(doer.post(START, {"profile": "live_safe_atomic_v1"}))

        assert error["code"] == "PROFILE_IS_LIVE"
        assert Mandate.objects.get().desired == "STOP"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"feed": "binance"}, "feed"),
            ({"feed": True}, "feed"),
            ({"speed": 10}, "speed"),
            ({"speed": "fast"}, "speed"),
            ({"speed": "1e9"}, "speed"),
            ({"recording": "../../etc/passwd"}, "recording"),
            ({"recording": "/etc/passwd"}, "recording"),
            ({"recording": ".hidden"}, "recording"),
            ({"profile": ""}, "profile"),
            ({"mode": "LIVE"}, "mode"),
            ({"dry_run": False}, "dry_run"),
        ],
    )
    def test_with_what_it_does_not_know_is_refused(self, body, field, doer, mandate, profile):
        response = doer.post(START, body)

        assert response.status_code == 400
        assert error_of(response)["field"] == field
        assert Mandate.objects.get().desired == "STOP"

    def test_with_a_recording_that_is_not_there_is_refused(self, doer, mandate, profile):
        response = doer.post(START, {"recording": "nothing.gz"})

        assert response.status_code == 400
        assert error_of(response)["code"] == "RECORDING_MISSING"

    def test_tells_no_path_of_the_machine(self, doer, reader, mandate, profile, settings, tmp_path):
        settings.RECORDINGS_DIR = tmp_path
        (tmp_path / "day.frames").write_text("")

        response = doer.post(START, {"recording": "day.frames"})

        assert response.status_code == 200
        assert str(tmp_path) not in response.content.decode()


class TestStartingWithPlayMoney:
    @pytest.fixture
    def play(self, mandate):
        from tests.conftest import make_profile

        return make_profile("simulated_atomic_v1")

    def test_asks_the_engine_to_trade_live_on_the_local_venue(self, doer, play):
        response = doer.post(SIMULATED, {"reason": "a rehearsal"})

        assert response.status_code == 200
        answer = response.json()
        assert (answer["mode"], answer["feed"], answer["desired"]) == ("LIVE", "simulator", "RUN")
        assert answer["profile"]["name"] == "simulated_atomic_v1"
        event = AuditEvent.objects.get(action="engine.start_simulated")
        assert (event.actor_name, event.reason) == ("otto", "a rehearsal")

    def test_it_is_a_change_of_configuration(self, doer, reader, play):
        doer.post(SIMULATED)
        asked = {"action": "engine.start_simulated"}

        assert len(reader.get("/api/audit/config_changes", **asked).json()["items"]) == 1

    @pytest.mark.parametrize("field", ["feed", "mode", "phase", "recording", "speed"])
    def test_on_another_feed_it_cannot_even_be_asked_for(self, doer, play, field):
        response = doer.post(SIMULATED, {field: "polymarket"})

        assert response.status_code == 400
        assert error_of(response)["field"] == field
        assert Mandate.objects.get().desired == "STOP"

    def test_with_a_profile_of_paper_it_is_refused(self, doer, mandate, profile):
        response = doer.post(SIMULATED, {"profile": profile.name})

        assert response.status_code == 409
        assert error_of(response)["code"] == "PROFILE_NOT_FOR_PLAY_MONEY"
        assert Mandate.objects.get().desired == "STOP"

    def test_without_a_profile_for_it_it_says_how_to_get_one(self, doer, mandate):
        response = doer.post(SIMULATED)

        assert response.status_code == 404
        assert "manage.py seed" in error_of(response)["remedy"]


class TestStopping:
    def test_asks_the_engine_to_end(self, doer, mandate, profile):
        doer.post(START)

        response = doer.post("/api/engine/stop", {"reason": "maintenance"})

        assert response.status_code == 200
        assert response.json()["desired"] == "STOP"
        assert AuditEvent.objects.get(action="engine.stop").reason == "maintenance"

    def test_needs_no_body(self, doer, mandate, profile):
        doer.post(START)

        response = doer.post("/api/engine/stop", raw=b"", content_type="")

        assert response.status_code == 200
