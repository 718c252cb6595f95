"""What is no longer true ends by itself, and is shown as ended before anybody sweeps."""

from datetime import timedelta

import pytest
from django.core.cache import cache

from checks.models import Approval, Promotion
from checks.selectors.promotions import promotion_dict
from checks.services import promotions
from polyarb_site.audit.models import AuditEvent
from tests.checks.promotion_world import (
    MINUTE,
    World,
)
from tests.conftest import ACCOUNT, NOON, make_profile
from trading import services as trading_services
from trading.models import Incident, Mandate

pytestmark = pytest.mark.django_db
LATER = NOON + 5 * MINUTE


@pytest.fixture(autouse=True)
def nobody_has_guessed_yet():
    cache.clear()


@pytest.fixture
def world(db):
    return World()


class TestEndingByItself:
    def swept(self, at=LATER):
        return [(row.state, row.end_reason) for row in promotions.sweep(ACCOUNT, at)]

    def test_what_has_not_changed_stays(self, world):
        world.approved()

        assert self.swept() == []

    def test_expires_after_a_day_and_is_shown_so_before_the_sweep(self, world):
        promotion = world.approved()
        Promotion.objects.update(expires_at=NOON + timedelta(days=9))
        end = NOON + timedelta(hours=24)

        assert promotion_dict(promotion, end)["state"] == "EXPIRED"
        assert self.swept(end) == [("EXPIRED", "24 hours have passed")]
        assert self.swept(end) == []

    @pytest.mark.parametrize(
        ("happens", "why"),
        [
            (lambda w: make_profile(w.profile.name, revision=2), "not the newest revision"),
            (lambda w: w.run.results.filter(order=0).update(reason="edited"), "not what it was"),
            (lambda w: w.evaluation.verdicts.update(value="9"), "not what it was"),
            (lambda w: type(w.backup).objects.update(state="FAILED"), "backup"),
            (lambda w: type(w.backup).objects.update(state="PRUNED"), "was pruned"),
            (lambda w: type(w.backup).objects.update(sha256="d" * 64), "backup"),
            (lambda w: type(w.first).objects.filter(pk=w.first.pk).delete(), "not active"),
            (lambda w: w.first.groups.clear(), "role was taken away"),
            (lambda w: Mandate.objects.update(phase=1), "phase was changed"),
            (lambda w: Mandate.objects.update(phase_since=NOON + MINUTE), "phase was changed"),
            (lambda w: Promotion.objects.update(phase=2), "not what it was asked for"),
            (lambda w: Promotion.objects.update(venue="polymarket"), "not what it was asked for"),
            (lambda w: Promotion.objects.update(binding={}), "not complete"),
            (lambda w: Approval.objects.update(binding_sha256="0" * 64), "to something else"),
            (lambda w: Approval.objects.first().delete(), "2 approvals are needed, and 1 count"),
        ],
    )
    def test_is_void_when_anything_bound_changes(self, world, happens, why):
        promotion = world.approved()
        happens(world)

        promotion.refresh_from_db()
        shown = promotion_dict(promotion, LATER)
        assert (shown["state"], shown["approvals_missing"]) == ("VOID", 0)
        assert why in shown["end_reason"]
        [(state, reason)] = self.swept()
        assert (state, reason) == ("VOID", shown["end_reason"])
        assert AuditEvent.objects.filter(action="promotion.void").count() == 1

    def test_is_void_when_the_configuration_changes(self, world, settings, tmp_path):
        promotion = world.approved()
        for name in ("venues.yaml", "phases.yaml"):
            (tmp_path / name).write_bytes((settings.CONFIG_DIR / name).read_bytes() + b"# x\n")
        settings.CONFIG_DIR = tmp_path
        assert "venues.yaml or phases.yaml" in promotion_dict(promotion, LATER)["end_reason"]

    def test_is_void_when_the_software_changes(self, world, monkeypatch):
        promotion = world.approved()
        monkeypatch.setattr("trading.services.grants.software", lambda: "0.1.0+other")
        assert promotion_dict(promotion, LATER)["end_reason"] == "the software was changed"

    def test_is_void_when_another_profile_is_put_in_force(self, world):
        promotion = world.approved()
        other = make_profile("live_shadow_atomic_v1", revision=2)
        trading_services.apply_profile(
            other.name, by=None, by_name="t", reason="x", account=ACCOUNT, at=LATER
        )

        assert "another profile" in promotion_dict(promotion, LATER)["end_reason"]

    def test_is_void_by_a_halt_that_is_over_again(self, world):
        promotion = world.approved()
        trading_services.halt(ACCOUNT, by=None, by_name="t", at=LATER)
        assert "halted" in promotion_dict(promotion, LATER)["end_reason"]
        trading_services.resume(ACCOUNT, by=None, by_name="t", reason="ok", at=LATER)

        assert promotion_dict(promotion, LATER)["end_reason"] == "trading was halted since"

    def test_is_void_by_an_incident_that_is_resolved_again(self, world):
        promotion = world.approved()
        Incident.objects.create(
            account=ACCOUNT,
            kind="SECURITY",
            title="a login",
            opened_at=LATER,
            last_seen_at=LATER,
            state="RESOLVED",
        )

        assert promotion_dict(promotion, LATER)["state"] == "VOID"

    def test_a_halt_from_before_the_request_is_no_reason(
        self, world, django_capture_on_commit_callbacks
    ):
        trading_services.halt(ACCOUNT, by=None, by_name="t", at=NOON)
        with django_capture_on_commit_callbacks(execute=True):
            trading_services.resume(ACCOUNT, by=None, by_name="t", reason="ok", at=NOON)

        assert promotion_dict(world.approved(), LATER)["state"] == "APPROVED"

    def test_the_check_run_grows_too_old_before_the_day_is_over(self, world):
        promotion = world.approved()

        shown = promotion_dict(promotion, NOON + timedelta(hours=23, seconds=1))
        assert shown["end_reason"] == f"check run {world.run.pk} is older than 24 hours"

    def test_an_approval_that_the_audit_does_not_know_is_none(self, world):
        promotion = world.ask()
        world.approve(promotion)
        Approval.objects.create(
            promotion=promotion,
            by=world.second,
            by_name="bert",
            answer="YES",
            comment="forged",
            proof="password",
            binding_sha256=promotion.binding_sha256,
            at=LATER,
        )
        Promotion.objects.update(state="APPROVED", approvers_needed=0)
        promotion.refresh_from_db()

        assert "the audit does not know it" in promotion_dict(promotion, LATER)["end_reason"]

    def test_the_job_of_the_minute_ends_it(self, world, monkeypatch, clock):
        from checks import tasks

        world.approved()
        clock.set_wall(NOON + timedelta(hours=25))
        monkeypatch.setattr(tasks, "SystemClock", lambda: clock)

        assert tasks.sweep_promotions().endswith(": expired")
        assert tasks.sweep_promotions() == "none ended"
