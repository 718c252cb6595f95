"""What every door shows of an account: measured, counted, or None with a reason."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.building import make_incident, make_reconciliation
from tests.conftest import NOON, make_profile
from tests.helpers.runs import SECOND, completed, earned, gap, make_run, sample
from trading import services
from trading.models import Mandate
from trading.selectors import live_state
from trading.selectors.status import label_of

pytestmark = pytest.mark.django_db

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def run(mandate, profile):
    """Return the maker of sessions, for an account with a profile."""
    return make_run


def state(now=NOON, account="main"):
    found = live_state(account, now)
    json.dumps(found)  # it leaves through sockets and pages
    return found


def unknown_parts(value, path=""):
    """Return the path of everything that is None."""
    if isinstance(value, dict):
        return [p for k, v in value.items() for p in unknown_parts(v, f"{path}.{k}".lstrip("."))]
    return [path] if value is None else []


class TestReconciliation:
    def test_none_is_unknown_and_no_match(self, mandate):
        part = state()["reconciliation"]

        assert (part["verdict"], part["age_ms"], part["incident"]) == (None, None, None)
        assert "nothing was reconciled yet" in part["reason"]

    def test_shows_the_newest_with_its_age_and_the_open_incident(self, run):
        session = run()
        make_reconciliation(session, 1)
        incident = make_incident(session, 1)
        make_reconciliation(session, 2, at=NOON - timedelta(seconds=31))

        part = state()["reconciliation"]

        assert (part["verdict"], part["age_ms"], part["differences"]) == ("MISMATCH", 31_000, 1)
        assert (part["incident"], part["block_number"]) == (incident.pk, 77)


class TestBeforeAnythingRan:
    def test_nothing_is_zero(self, mandate):
        found = state()

        assert set(found["money"].values()) & {0, "0"} == set()
        for part in ("feed", "decision", "money", "funnel", "breaker"):
            numbers = [v for v in found[part].values() if isinstance(v, int)]
            assert numbers == [], part
            assert found[part]["reason"], part

    def test_the_engine_has_never_run(self, mandate):
        engine = state()["engine"]

        assert (engine["state"], engine["session"], engine["heartbeat_age_ms"]) == (
            "STOPPED",
            None,
            None,
        )
        assert "not run" in engine["reason"]

    def test_phase_mode_and_badge_are_known(self, mandate):
        found = state()

        assert found["phase"]["number"] == 0
        assert found["phase"]["name"] == "Shadow Production"
        assert (found["mode"], found["label"]) == ("SHADOW", "RECORDED")

    def test_alerts_are_unknown_and_not_none(self, mandate):
        alerts = state()["alerts"]

        assert (alerts["critical"], alerts["warning"], alerts["info"]) == (None, None, None)
        assert alerts["reason"] == "no rule has been judged yet"

    def test_every_part_says_from_when_it_is(self, mandate, run):
        sample(run())
        found = state()

        parts = [value for value in found.values() if isinstance(value, dict)]
        assert len(parts) == 17
        assert all(part["as_of"] for part in parts)

    def test_an_account_that_does_not_exist_is_no_crash(self, db):
        found = state(account="other")

        assert found["phase"]["number"] is None
        assert "seed" in found["phase"]["reason"]
        assert found["halted"]["halted"] is None

    def test_told_to_run_without_an_engine_is_waiting(self, mandate):
        Mandate.objects.update(desired="RUN", changed_at=NOON - SECOND)
        engine = state()["engine"]

        assert (engine["state"], engine["desired"]) == ("WAITING", "RUN")
        assert engine["since"] == (NOON - SECOND).isoformat()


class TestRunning:
    def test_shows_what_the_engine_measured(self, run):
        session = run()
        sample(session)
        found = state()

        assert found["engine"] == {
            "state": "TRADING",
            "since": (NOON - timedelta(minutes=5)).isoformat(),
            "reason": "",
            "heartbeat_age_ms": 1_000,
            "session": session.key,
            "token": session.token,
            "standby": None,
            "desired": "STOP",
            "as_of": (NOON - SECOND).isoformat(),
        }
        assert found["decision"]["p50_us"] == 12
        assert found["decision"]["p99_us"] == 80
        assert found["money"]["exposure_micro"] == 4_900_000
        assert found["money"]["worst_case_micro"] == 250_000
        assert found["breaker"]["state"] == "CLOSED"
        assert found["feed"]["connected"] is True

    def test_the_age_of_the_feed_goes_on_after_the_sample(self, run):
        sample(run())

        assert state()["feed"]["age_ms"] == 1_400
        assert state(NOON + 2 * SECOND)["feed"]["age_ms"] == 3_400

    def test_a_feed_that_never_spoke_has_no_age(self, run):
        sample(run(), feed_age_ms=None)
        feed = state()["feed"]

        assert feed["age_ms"] is None
        assert "no frame" in feed["reason"]

    def test_a_silent_engine_is_stale_and_its_figures_are_not_now(self, run):
        session = run(heartbeat_at=NOON - timedelta(seconds=16))
        sample(session, at=NOON - timedelta(seconds=16))
        found = state()

        assert found["engine"]["state"] == "STALE"
        assert "16 s" in found["engine"]["reason"]
        assert "TRADING" in found["engine"]["reason"]
        assert found["decision"]["p50_us"] is None
        assert found["feed"]["connected"] is None

    def test_a_heartbeat_within_its_time_is_not_stale(self, run):
        run(heartbeat_at=NOON - timedelta(seconds=15))

        assert state()["engine"]["state"] == "TRADING"

    def test_old_exposure_is_shown_with_its_age_and_not_as_zero(self, run):
        ended = NOON - timedelta(hours=1)
        session = run(state="STOPPED", ended_at=ended, heartbeat_at=ended, state_reason="asked to")
        sample(session, at=ended)
        money = state()["money"]

        assert money["exposure_micro"] == 4_900_000
        assert money["exposure_as_of"] == ended.isoformat()

    def test_an_ended_engine_that_is_wanted_is_waiting_and_says_how_it_ended(self, run):
        Mandate.objects.update(desired="RUN")
        run(state="CRASHED", state_reason="KeyError: 'x'", ended_at=NOON - SECOND)
        engine = state()["engine"]

        assert engine["state"] == "WAITING"
        assert "KeyError" in engine["reason"]

    def test_the_newest_session_counts(self, run):
        sample(run(state="FENCED", ended_at=NOON))
        run(state="STARTING")

        assert state()["engine"]["state"] == "STARTING"
        assert state()["decision"]["p50_us"] is None

    def test_a_clock_ahead_of_ours_gives_no_negative_age(self, run):
        sample(run(heartbeat_at=NOON + SECOND), at=NOON + SECOND)
        found = state()

        assert found["engine"]["heartbeat_age_ms"] == 0
        assert found["feed"]["age_ms"] == 400

    @pytest.mark.parametrize(
        ("mode", "feed", "label"),
        [
            ("SHADOW", "recorded", "RECORDED"),
            ("SHADOW", "polymarket", "SHADOW"),
            ("SHADOW", "simulator", "SIMULATED"),
            ("LIVE", "polymarket", "LIVE"),
            ("LIVE", "recorded", "LIVE"),
        ],
    )
    def test_the_badge_never_hides_real_money(self, mode, feed, label):
        assert label_of(mode, feed) == label


class TestMoney:
    def test_today_is_the_utc_day(self, run):
        session = run(started_at=MIDNIGHT - timedelta(hours=5))
        earned(session, 100, MIDNIGHT - timedelta(microseconds=1))
        earned(session, 20, MIDNIGHT)
        earned(session, 3, NOON)

        assert state()["money"]["realised_today_micro"] == 23

    def test_an_engine_that_ran_and_earned_nothing_has_a_real_zero(self, run):
        sample(run())

        assert state()["money"]["realised_today_micro"] == 0
        assert state()["money"]["reason"] is None

    def test_paper_and_real_money_are_never_added(self, run):
        earned(run(), 100)
        live = run(mode="LIVE", label="LIVE")
        earned(live, -7, paper=False)
        earned(live, 1_000, paper=True)

        assert state()["money"]["realised_today_micro"] == -7
        assert state()["money"]["paper"] is False

    def test_another_account_s_money_is_not_ours(self, run):
        run()
        earned(run(account="other", token=9), 100)

        assert state()["money"]["realised_today_micro"] == 0

    def test_the_phase_begins_with_its_first_run_and_ends_with_another(self, run, mandate):
        day = timedelta(days=1)
        earned(run(started_at=NOON - 5 * day, ended_at=NOON - 4 * day), 1, NOON - 4 * day)
        earned(run(phase=1, started_at=NOON - 3 * day, ended_at=NOON - 2 * day), 10, NOON - 2 * day)
        earned(run(started_at=NOON - day, ended_at=NOON - SECOND), 100, NOON - day)
        earned(run(started_at=NOON - SECOND), 1_000, NOON)

        assert state()["money"]["realised_phase_micro"] == 1_100

    def test_the_limits_are_those_of_the_profile_in_force(self, mandate, profile):
        assert state()["money"]["limit_micro"] is None
        Mandate.objects.update(profile=profile)

        money = state()["money"]
        assert money["limit_micro"] == 1_000_000
        assert money["position_limit_micro"] == 10_000_000

    def test_a_profile_of_another_version_leaves_them_unknown(self, mandate):
        old = make_profile("live_shadow_atomic_v1")
        type(old).objects.update(values={"NOT_A_KEY": "1"})
        Mandate.objects.update(profile=old)

        assert state()["money"]["limit_micro"] is None


class TestHalted:
    def test_nothing_halted(self, mandate):
        halted = state()["halted"]

        assert halted["halted"] is False
        assert unknown_parts(halted) == [
            *("code", "label", "reason", "told", "since", "by", "incident", "remedy"),
        ]

    def test_by_the_mandate(self, mandate, viewer):
        services.halt("main", by=viewer, code="MANUAL", reason="odd fills", at=NOON)

        assert state()["halted"] == {
            "halted": True,
            "code": "MANUAL",
            "label": "Halted by hand",
            "reason": "odd fills",
            "told": "odd fills",
            "since": NOON.isoformat(),
            "by": "vera",
            "by_file": True,
            "incident": None,
            "remedy": "find out why, put it right, then resume with a reason",
            "as_of": NOON.isoformat(),
        }

    def test_because_of_an_incident_says_what_has_to_be_done_first(self, run, viewer):
        session = run()
        make_reconciliation(session)
        incident = make_incident(session)
        services.halt("main", by=viewer, reason="a difference", at=NOON)

        halted = state()["halted"]

        assert halted["incident"] == incident.pk
        assert f"incident {incident.pk}" in halted["remedy"]
        assert "ledger, venue and chain agree" in halted["remedy"]

    def test_without_a_match_asks_to_wait_for_one_only_when_orders_are_live(self, run, viewer):
        make_reconciliation(run(), verdict="INCOMPLETE")
        services.halt("main", by=viewer, reason="odd", at=NOON)
        assert state()["halted"]["remedy"].startswith("find out why")

        Mandate.objects.update(mode="LIVE", feed="simulator", desired="RUN")

        assert state()["halted"]["remedy"].startswith("wait until ledger, venue and chain agree")

    def test_without_an_engine_to_compare_asks_to_start_one(self, run, viewer):
        make_reconciliation(run(), verdict="INCOMPLETE")
        services.halt("main", by=viewer, reason="odd", at=NOON)
        Mandate.objects.update(mode="LIVE", feed="simulator", desired="STOP")

        assert state()["halted"]["remedy"].startswith("start the engine with play money")

    def test_by_the_file_alone(self, mandate, settings):
        settings.KILL_FILE.touch()
        halted = state()["halted"]

        assert (halted["halted"], halted["by_file"], halted["code"]) == (True, True, "KILL_FILE")

    def test_by_the_file_even_without_an_account(self, db, settings):
        settings.KILL_FILE.touch()

        assert state()["halted"]["halted"] is True

    def test_by_the_mandate_when_the_file_is_gone(self, mandate, viewer, settings):
        """As on every other machine."""
        services.halt("main", by=viewer, reason="odd fills", at=NOON)
        settings.KILL_FILE.unlink()

        assert (state()["halted"]["halted"], state()["halted"]["by_file"]) == (True, False)


def test_the_number_of_queries_does_not_grow_with_the_facts(run, mandate):
    def count():
        with CaptureQueriesContext(
            connection,
        ) as queries:
            state()
        return len(queries)

    session = run()
    sample(session)
    few = count()
    for _ in range(50):
        gap(session, "SEEN", "COOLDOWN")
        earned(session, 1)
        completed(session)

    assert count() == few
    assert few <= 18  # two each of them for alerts, backups and gates
