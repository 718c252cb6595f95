"""The circuit breaker is tripped by a drill, with the bounds in force, and anybody sees how.

Upstream's breaker opened after one failure and was called by nobody; its own test asserted on a
text that it had typed itself (E24, T1).
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from checks import tasks
from checks.models import Drill
from checks.selectors.drills import drill_is_due, newest_drill
from checks.services.drills import drill_breaker
from polyarb_site.audit.models import AuditEvent
from tests.api.building import Caller
from tests.conftest import NOON, make_profile
from trading.engine.breaker import Breaker, Permit
from trading.engine.codes import BreakerState
from trading.engine.limits import Limits
from trading.models import Mandate
from trading.services import NotPermitted, ServiceRefused
from trading.services.breaker_drills import drilled_limits, rehearse_breaker

BOUNDS = Limits(
    breaker_failures_max=3,
    breaker_fail_ratio_micro=400_000,
    breaker_sample_min=10,
    breaker_window=50,
    breaker_open_ms=300_000,
    leg_loss_max_micro=1_000_000,
    slippage_max_ratio_micro=20_000,
)


class TestRehearsing:
    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"breaker_failures_max": 5, "breaker_fail_ratio_micro": 500_000},
            {"breaker_failures_max": 1},
            {"breaker_failures_max": 2, "breaker_fail_ratio_micro": 400_000},
            {"breaker_window": 5, "breaker_sample_min": 20},
            {"breaker_failures_max": 20},
            {"breaker_open_ms": 1_000, "cooldown_ms": 5_000},
            {"breaker_fail_ratio_micro": 950_000},
        ],
        ids=str,
    )
    def test_a_breaker_as_it_is_passes_with_any_bounds(self, changes):
        told = rehearse_breaker(replace(BOUNDS, **changes))

        assert told.failed == []
        assert len(told.lines) > 10

    @pytest.mark.parametrize("name", ["live_shadow_atomic_v1", "live_scaled_atomic_v1"])
    @pytest.mark.django_db
    def test_so_it_does_with_our_own_profiles(self, mandate, name):
        mandate.profile = make_profile(name)

        assert rehearse_breaker(drilled_limits(mandate)).failed == []

    def test_the_threshold_is_that_of_the_profile(self):
        whats = [line["what"] for line in rehearse_breaker(BOUNDS).lines]

        assert "after 3 failed in a row" in whats
        assert "after 4 failed in a row" not in whats

    def test_orders_that_leave_while_it_is_open_are_seen(self, monkeypatch):
        monkeypatch.setattr(Breaker, "permit", lambda self, now_ns: Permit.ALLOW)

        failed = rehearse_breaker(BOUNDS).failed
        assert "orders that left while it was open" in [line["what"] for line in failed]

    @pytest.mark.parametrize("never", ["_too_many", "_waited"])
    def test_one_that_never_trips_or_never_tries_again_is_seen(self, monkeypatch, never):
        monkeypatch.setattr(Breaker, never, lambda self, *_: False)

        assert rehearse_breaker(BOUNDS).failed

    def test_one_that_opens_a_set_too_early_is_seen(self, monkeypatch):
        plain = Breaker._too_many
        monkeypatch.setattr(
            Breaker, "_too_many", lambda self: plain(self) or self._failures_in_a_row >= 2
        )

        failed = rehearse_breaker(BOUNDS).failed
        assert failed[0]["what"] == "after 2 failed in a row"
        assert failed[0]["seen"] == BreakerState.OPEN

    def test_one_that_lets_a_second_probe_through_is_seen(self, monkeypatch):
        monkeypatch.setattr(Breaker, "probe_started", lambda self: None)

        whats = [line["what"] for line in rehearse_breaker(BOUNDS).failed]
        assert "no second one beside it" in whats


@pytest.fixture
def drilled(mandate, profile):
    Mandate.objects.update(profile=profile)
    return mandate


@pytest.mark.django_db
class TestDrilling:
    def test_it_is_kept_with_what_was_seen(self, drilled, operator, profile):
        row = drill_breaker("main", by=operator, at=NOON)

        assert (row.passed, row.by_name, row.kind) == (True, "otto", "BREAKER")
        assert row.config_sha256 == profile.sha256
        assert row.evidence["failures_in_a_row"] == 3
        assert all(line["ok"] for line in row.evidence["lines"])
        event = AuditEvent.objects.get()
        assert (event.action, event.target) == ("drill.breaker", f"drill:{row.pk}")

    def test_one_that_fails_is_kept_too_and_says_how(self, drilled, monkeypatch):
        monkeypatch.setattr(Breaker, "_too_many", lambda self: False)
        row = drill_breaker("main", by=None, by_name="test", at=NOON)

        assert not row.passed
        assert "expected OPEN, seen CLOSED" in row.reason

    def test_without_the_role_or_a_profile_there_is_none(self, mandate, viewer):
        with pytest.raises(NotPermitted):
            drill_breaker("main", by=viewer, at=NOON)
        with pytest.raises(ServiceRefused, match="no profile"):
            drill_breaker("main", by=None, by_name="test", at=NOON)
        assert not Drill.objects.exists()

    def test_it_counts_for_its_profile_and_its_software_alone(self, drilled, monkeypatch):
        row = drill_breaker("main", by=None, by_name="test", at=NOON)
        assert newest_drill("main") == row
        assert not drill_is_due("main", NOON + timedelta(days=6, hours=23))
        assert drill_is_due("main", NOON + timedelta(days=7))

        changed = make_profile("live_shadow_atomic_v1", 2, CONSECUTIVE_FAILURES_THRESHOLD=4)
        Mandate.objects.update(profile=changed)
        assert newest_drill("main") is None
        assert drill_is_due("main", NOON)

        again = drill_breaker("main", by=None, by_name="test", at=NOON)
        assert newest_drill("main") == again
        monkeypatch.setattr("checks.selectors.drills.software", lambda: "another")
        assert newest_drill("main") is None

    def test_nothing_is_due_without_a_profile(self, mandate):
        assert not drill_is_due("main", NOON)
        assert tasks.drill() == "not due"

    def test_the_jobs_drill_once_a_week(self, drilled):
        assert "passed" in tasks.drill()
        assert tasks.drill() == "not due"
        assert Drill.objects.get().by_name == "jobs"


@pytest.mark.django_db
class TestDoors:
    def test_the_command_shows_each_line_and_fails_when_one_does(
        self, drilled, capsys, monkeypatch
    ):
        call_command("drill", "breaker")
        said = capsys.readouterr().out
        assert "after 3 failed in a row" in said
        assert "passed" in said

        monkeypatch.setattr(Breaker, "_too_many", lambda self: False)
        with pytest.raises(CommandError, match="not as expected"):
            call_command("drill", "breaker")

    def test_the_api_makes_one_and_lists_them(self, drilled, operator, viewer):
        made = Caller(operator).post("/api/drills", {"kind": "BREAKER"})
        assert made.status_code == 200, made.content
        assert made.json()["passed"] is True

        listed = Caller(viewer).get("/api/drills").json()["items"]
        assert [one["id"] for one in listed] == [made.json()["id"]]
        assert Caller(viewer).post("/api/drills", {"kind": "BREAKER"}).status_code == 403
