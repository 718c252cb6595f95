"""GET /api/status: what is known, from when it is, and null with a reason for the rest."""

from datetime import timedelta

import pytest

from tests.api.building import make_sample, make_session
from tests.conftest import NOON
from tests.helpers.clocks import FixedClock
from trading.api.status import StatusView
from trading.models import Mandate


@pytest.fixture(autouse=True)
def noon_clock(monkeypatch):
    clock = FixedClock(NOON)
    monkeypatch.setattr(StatusView, "clock", clock)
    return clock


def numbers(value, path=""):
    """Return every number in an answer with its place."""
    if isinstance(value, dict):
        return [
            found for name, inner in value.items() for found in numbers(inner, f"{path}.{name}")
        ]
    return [(path, value)] if isinstance(value, int) and not isinstance(value, bool) else []


class TestBeforeAnyEngineRan:
    def test_invents_no_number(self, reader, mandate):
        answer = reader.get("/api/status").json()

        assert numbers(answer) == [(".phase.number", 0)]
        for part in ("feed", "decision", "money", "funnel", "breaker", "engine", "profile"):
            assert answer[part]["reason"], part

    def test_of_an_account_that_is_not_there_says_so(self, reader):
        answer = reader.get("/api/status").json()

        assert answer["phase"]["number"] is None
        assert "seed" in answer["phase"]["reason"]


class TestWhileTheEngineRuns:
    def test_shows_amounts_twice(self, reader, mandate, profile):
        make_sample(make_session(profile))

        money = reader.get("/api/status").json()["money"]

        assert (money["exposure_micro"], money["exposure"]) == (4_862_400, "4.8624")
        assert (money["realised_today_micro"], money["realised_today"]) == (0, "0")
        assert money["paper"] is True

    def test_shows_ages(self, reader, mandate, profile, noon_clock):
        make_sample(make_session(profile))
        noon_clock.advance(timedelta(seconds=2))

        answer = reader.get("/api/status").json()

        assert answer["engine"]["state"] == "TRADING"
        assert answer["engine"]["heartbeat_age_ms"] == 2_000
        assert answer["feed"]["age_ms"] == 2_120

    def test_shows_no_old_number_as_new(self, reader, mandate, profile, noon_clock):
        make_sample(make_session(profile))
        noon_clock.advance(timedelta(minutes=5))

        answer = reader.get("/api/status").json()

        assert answer["engine"]["state"] == "STALE"
        assert answer["feed"]["age_ms"] is None
        assert answer["decision"]["p50_us"] is None


class TestHalted:
    def test_says_by_whom_and_why(self, reader, stranger, mandate):
        stranger.post("/api/emergency_stop", {"reason": "fills look wrong"})

        halted = reader.get("/api/status").json()["halted"]

        assert halted["halted"] is True
        assert (halted["by"], halted["reason"]) == ("nora", "fills look wrong")

    def test_by_the_file_alone_counts(self, reader, mandate, settings):
        settings.KILL_FILE.touch()

        halted = reader.get("/api/status").json()["halted"]

        assert (halted["halted"], halted["by_file"]) == (True, True)
        assert not Mandate.objects.get().halted
        assert str(settings.DATA_DIR) not in str(halted)
