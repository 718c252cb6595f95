"""A grant is compared field by field, and whatever is missing or odd grants nothing."""

from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from tests.conftest import make_profile
from tests.helpers.grants import granted, put_in_force
from trading.config.grants import (
    Grant,
    GrantMalformed,
    Running,
    grant_json,
    grant_problems,
    grant_sha256,
    parse_grant,
)
from trading.models import Mandate
from trading.runtime.permission import why_not
from trading.services import ServiceRefused, apply_profile, halt, start_shadow, stop_engine
from trading.services.grants import broken_grant
from trading.services.live import start_live, step_down

SHA = "a" * 64
RUNNING = Running(
    account="main",
    phase=1,
    venue="simulator",
    profile="live_safe_atomic_v1",
    profile_revision=3,
    profile_sha256=SHA,
    config_sha256="b" * 64,
    software="0.1.0+0123456789abcdef",
)
GRANT = Grant(
    **{field.name: getattr(RUNNING, field.name) for field in fields(Running)},
    promotion=7,
    check_run=8,
    check_run_sha256="c" * 64,
    evaluation=9,
    evaluation_sha256="d" * 64,
    backup="20261120_0100",
    backup_sha256="e" * 64,
    approvals_sha256="f" * 64,
    granted_at="2026-11-20T01:00:00+00:00",
)
STORED = grant_json(GRANT)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOW = {"by": None, "by_name": "test", "at": NOW}


class TestComparing:
    def test_what_was_granted_may_run(self):
        assert grant_problems(STORED, grant_sha256(STORED), RUNNING) == []

    @pytest.mark.parametrize("field", [field.name for field in fields(Running)])
    def test_whatever_differs_is_named(self, field):
        other = 2 if isinstance(getattr(RUNNING, field), int) else "9" * 64
        found = grant_problems(STORED, grant_sha256(STORED), replace(RUNNING, **{field: other}))

        assert len(found) == 1
        assert "promotion 7 was granted for" in found[0]

    @pytest.mark.parametrize("field", [field.name for field in fields(Grant)])
    def test_an_edited_field_is_noticed_by_the_hash(self, field):
        value = STORED[field]
        edited = {**STORED, field: value + 1 if isinstance(value, int) else value[::-1] + "0"}
        edited[field] = edited[field] if not field.endswith("sha256") else "0" * 64

        assert grant_problems(edited, grant_sha256(STORED), RUNNING) == [
            "the grant was changed after it was given"
        ]

    @pytest.mark.parametrize(
        "stored",
        [
            *({}, None, [], "yes", 7, True),
            *({**STORED, "phase": "1"}, {**STORED, "phase": True}, {**STORED, "phase": -1}),
            *({**STORED, "profile": ""}, {**STORED, "profile": "x" * 300}, {**STORED, "extra": 1}),
            *({**STORED, "profile_sha256": "A" * 64}, {**STORED, "phase": 1.0}),
            {name: value for name, value in STORED.items() if name != "backup"},
        ],
        ids=lambda stored: str(stored)[:20],
    )
    def test_what_is_no_grant_grants_nothing(self, stored):
        sha256 = grant_sha256(stored) if isinstance(stored, dict) else ""

        assert len(grant_problems(stored, sha256, RUNNING)) == 1

    @pytest.mark.parametrize("phase", [0, 4, -1])
    def test_no_phase_but_the_three_live_ones_trades_live(self, phase):
        stored = {**STORED, "phase": max(phase, 0)}

        assert grant_problems(stored, grant_sha256(stored), replace(RUNNING, phase=phase)) == [
            f"phase {phase} is no live phase"
        ]

    def test_a_malformed_one_names_its_field(self):
        with pytest.raises(GrantMalformed, match="backup_sha256 of the grant is no hash"):
            parse_grant({**STORED, "backup_sha256": "short"})


@pytest.mark.django_db
class TestStartingLive:
    @pytest.fixture
    def safe(self, mandate):
        return make_profile("live_safe_atomic_v1")

    def start(self, safe, **changes):
        grant = replace(granted("main", safe, at=NOW), **changes)
        return start_live("main", grant=grant, profile=safe, **HOW)

    def test_moves_phase_profile_and_venue_in_one_change(self, mandate, safe):
        now = self.start(safe)

        assert (now.phase, now.mode, now.feed, now.desired) == (1, "LIVE", "simulator", "RUN")
        assert now.profile == safe
        assert now.phase_since == NOW
        assert now.revision == mandate.revision + 1
        assert broken_grant(now) == []
        assert why_not("main", now.revision) == ""

    def test_starts_again_with_the_grant_in_force(self, mandate, safe):
        self.start(safe)
        stop_engine("main", **HOW)

        assert start_live("main", **HOW).desired == "RUN"

    @pytest.mark.parametrize("phase", [2, 3])
    def test_skips_no_phase(self, mandate, safe, phase):
        with pytest.raises(ServiceRefused, match="is in phase 0, and the promotion is to phase"):
            self.start(safe, phase=phase)
        assert Mandate.objects.get().phase == 0

    @pytest.mark.parametrize(
        "changes",
        [
            {"software": "0.0.1+0000000000000000"},
            {"profile_sha256": SHA},
            {"check_run": 999},
            {"approvals_sha256": SHA},
            {"promotion": 999},
            {"account": "other"},
        ],
        ids=str,
    )
    def test_starts_nothing_that_was_not_granted(self, mandate, safe, changes):
        with pytest.raises(ServiceRefused) as refused:
            self.start(safe, **changes)
        assert refused.value.code == "NO_VALID_PROMOTION"
        now = Mandate.objects.get()
        assert (now.phase, now.mode, now.desired, now.grant) == (0, "SHADOW", "STOP", {})

    def test_starts_nothing_without_any(self, mandate, profile):
        Mandate.objects.update(profile=profile, feed="polymarket")
        with pytest.raises(ServiceRefused, match="is in phase 0, which is paper"):
            start_live("main", **HOW)

    def test_is_refused_while_halted_or_running(self, mandate, safe):
        halt("main", by=None, by_name="test")
        with pytest.raises(ServiceRefused, match="trading is halted"):
            self.start(safe)

    def test_a_paper_profile_never_goes_live(self, mandate, profile):
        with pytest.raises(ServiceRefused, match="DRY_RUN"):
            self.start(profile)

    def test_a_live_phase_never_runs_paper(self, mandate, safe, profile):
        self.start(safe)
        stop_engine("main", **HOW)

        with pytest.raises(ServiceRefused, match="shadow is phase 0"):
            start_shadow("main", **HOW)

    def test_another_profile_in_force_ends_the_permission(self, mandate, safe):
        self.start(safe)
        make_profile("live_safe_atomic_v1", revision=2, TRADE_SIZE="3")
        now = apply_profile("live_safe_atomic_v1", reason="more", **HOW)

        assert "the profile" in "; ".join(broken_grant(now))
        assert why_not("main", now.revision) != ""


@pytest.mark.django_db
class TestGoingDown:
    @pytest.fixture
    def live(self, mandate):
        safe = make_profile("live_safe_atomic_v1")
        put_in_force("main", safe, at=NOW)
        return Mandate.objects.get()

    def test_takes_the_grant_back_and_is_paper(self, live, profile):
        now = step_down("main", reason="too many losses", **HOW)

        assert (now.phase, now.mode, now.desired, now.grant) == (0, "SHADOW", "STOP", {})
        assert now.profile == profile
        assert why_not("main", live.revision) == "the mandate was changed meanwhile"

    def test_is_possible_halted_and_running_alike(self, live):
        halt("main", by=None, by_name="test")

        assert step_down("main", reason="down", **HOW).halted is True

    @pytest.mark.parametrize("to", [1, 2, 3, -1])
    def test_only_goes_down(self, live, to):
        with pytest.raises(ServiceRefused, match="is not below the present phase 1"):
            step_down("main", to=to, reason="down", **HOW)

    def test_wants_a_reason(self, live):
        with pytest.raises(ServiceRefused, match="reason"):
            step_down("main", reason=" ", **HOW)


@pytest.mark.django_db
class TestThePermission:
    def test_a_halt_and_an_account_that_is_gone_say_no(self, mandate):
        assert why_not("main", mandate.revision) == ""
        halt("main", by=None, by_name="test", code="MANUAL")
        assert why_not("main", mandate.revision).startswith("halted meanwhile")
        Mandate.objects.all().delete()
        assert why_not("main", mandate.revision) == "the account is gone"
