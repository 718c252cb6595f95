"""The second evaluator: rules over the database, round by round."""

from datetime import timedelta

import pytest
from django_q.models import Schedule, Task

from alerts.models import Alert, AlertMove, Watch
from alerts.selectors.portal import PortalReadings
from alerts.services.judging import QUIET_HOLD
from alerts.services.rules import save_rule
from alerts.watching import Judge
from polyarb_site.audit.models import AuditEvent
from tests.alerts.test_observer import GOOD
from tests.conftest import NOON
from trading.models import EngineSession, LedgerEntry, Mandate, MetricSample, ReconciliationRun
from trading.selectors.watched import watched

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)
NOTHING_LATE = ("SCHEDULE_STUCK", "JOB_FAILED", "JOBS_SILENT")


@pytest.fixture
def session(mandate, profile):
    return make_session(profile)


def make_session(profile, token=1, mode="SHADOW"):
    Mandate.objects.update(desired="RUN", profile=profile, mode=mode, changed_at=NOON)
    return EngineSession.objects.create(
        account="main",
        token=token,
        key=f"main-{token}",
        owner="here",
        mode=mode,
        feed="simulator" if mode == "LIVE" else "recorded",
        label="SHADOW",
        phase=0,
        profile=profile,
        mandate_revision=1,
        state="TRADING",
        state_since=NOON,
        started_at=NOON,
        heartbeat_at=NOON,
    )


class World:
    """An engine that says one sample a second, and whoever judges it."""

    def __init__(self, session, clock):
        self.session = session
        self.clock = clock
        self.judge = self.new_judge(since=NOON)
        Schedule.objects.create(name="x", func="x", next_run=NOON + timedelta(days=1))

    def new_judge(self, since, judged_until=None):
        judged_until = judged_until or since
        return Judge(account="main", clock=self.clock, since=since, judged_until=judged_until)

    def second(self, *, sample=True, judge=True, **figures):
        self.clock.advance(SECOND)
        now = self.clock.now()
        Watch.objects.update_or_create(name="JOBS", defaults={"beat_at": now})
        if sample:
            EngineSession.objects.filter(pk=self.session.pk).update(heartbeat_at=now)
            MetricSample.objects.create(
                session=self.session,
                at=now,
                values=GOOD | figures,
                realised_micro=0,
                exposure_micro=0,
            )
        return self.judge.round() if judge else None

    def seconds(self, count, **options):
        return [self.second(**options) for _ in range(count)][-1]


@pytest.fixture
def world(rules, session, clock):
    return World(session, clock)


def fired():
    return set(Alert.objects.exclude(fired_at=None).values_list("rule_id", flat=True))


class TestTheEngineSFigures:
    def test_while_all_is_well_there_is_no_alert(self, world):
        done = world.seconds(90)
        assert done.judged == 13  # the others are for live orders and later phases
        assert Alert.objects.count() == 0

    def test_a_spell_between_two_rounds_is_not_missed(self, world):
        world.seconds(2)
        world.second(judge=False, breaker="OPEN")
        world.second()
        alert = Alert.objects.get()
        assert (alert.rule_id, alert.state) == ("CIRCUIT_BREAKER_OPEN", "FIRING")
        assert Mandate.objects.get().halt_code == "CIRCUIT_BREAKER_OPEN"

    def test_events_are_counted_in_one_alert(self, world):
        for total in (0, 0, 1, 1, 2, 3):
            world.second(sets_completed=total, gaps_confirmed=0)
        alert = Alert.objects.get(rule_id="TRADE_EXECUTED")
        assert (alert.count, alert.level) == (2, "INFO")
        assert not Mandate.objects.get().halted

    def test_whoever_takes_over_knows_what_is_going_on_and_counts_nothing_twice(self, world):
        world.second(sets_completed=0)
        world.second(sets_completed=1)
        world.seconds(5, sets_completed=1, feed_connected=False)
        world.judge = world.new_judge(NOON - timedelta(hours=1), judged_until=world.clock.now())
        world.seconds(5, sets_completed=1, feed_connected=False)
        assert Alert.objects.get(rule_id="TRADE_EXECUTED").count == 1
        assert fired() == {"TRADE_EXECUTED"}
        world.second(sets_completed=1, feed_connected=False)
        assert fired() == {"TRADE_EXECUTED", "WS_DISCONNECTED"}

    def test_a_rule_that_is_switched_off_ends_its_alert(self, world):
        world.seconds(3, breaker="OPEN")
        alert = Alert.objects.get()
        off = {**alert.rule_revision.values, "enabled": False}
        save_rule(off, by=None, by_name="test", reason="not now", at=world.clock.now())
        world.second(breaker="OPEN")
        alert.refresh_from_db()
        assert alert.state == "RESOLVED"
        assert AlertMove.objects.first().comment.startswith("the rule is off")


class TestASilentEngine:
    def test_it_is_told_once_and_stops_trading(self, world):
        world.seconds(5)
        world.seconds(14, sample=False)
        assert fired() == set()
        world.second(sample=False)
        assert fired() == {"ENGINE_STALE"}
        mandate = Mandate.objects.get()
        assert (mandate.halt_code, mandate.halted_by) == ("ENGINE_STALE", "alert rules")
        world.seconds(10, sample=False)
        assert "WS_DISCONNECTED" in fired()  # not known: told as that, and inhibited
        assert Alert.objects.get(rule_id="WS_DISCONNECTED").unknown
        assert AuditEvent.objects.filter(action="mandate.halt").count() == 1

    def test_one_that_is_not_to_run_is_no_alert_and_ends_those_that_it_had(self, world):
        world.seconds(3, breaker="OPEN")
        Mandate.objects.update(desired="STOP")
        EngineSession.objects.update(ended_at=world.clock.now(), state="STOPPED")
        world.seconds(60, sample=False)
        assert fired() == {"CIRCUIT_BREAKER_OPEN"}
        assert Alert.objects.get().state == "RESOLVED"

    def test_one_that_was_just_asked_for_need_not_be_there_yet(self, world):
        world.seconds(3)
        Mandate.objects.update(desired="STOP")
        EngineSession.objects.update(ended_at=world.clock.now(), state="STOPPED")
        world.seconds(30, sample=False)
        Mandate.objects.update(desired="RUN", changed_at=world.clock.now())
        world.seconds(14, sample=False)
        assert fired() == set()
        assert Mandate.objects.get().halted is False
        world.seconds(20, sample=False)
        assert "ENGINE_STALE" in fired()

    def test_silence_counts_from_when_somebody_began_to_watch(self, world):
        world.seconds(2)
        world.clock.advance(timedelta(hours=12))
        world.judge = world.new_judge(since=world.clock.now())
        world.seconds(14, sample=False)
        assert "ENGINE_STALE" not in fired()
        world.seconds(2, sample=False)
        assert "ENGINE_STALE" in fired()

    def test_resumed_while_it_still_holds_it_stops_again(self, world):
        world.seconds(3, breaker="OPEN")
        Mandate.objects.update(halted=False, halted_at=None, halt_code="")
        world.second(breaker="OPEN")
        assert Mandate.objects.get().halt_code == "CIRCUIT_BREAKER_OPEN"


class TestThePortal:
    def readings(self, at=NOON):
        return PortalReadings("main", NOON - timedelta(hours=1)).take(watched("main"), at)

    def test_jobs_that_failed_within_the_hour_are_counted(self, session):
        for number, minutes in enumerate((5, 59, 61)):
            at = NOON - timedelta(minutes=minutes)
            Task.objects.create(
                id=f"{number:032}", name="x", func="x", started=at, stopped=at, success=False
            )
        assert self.readings()["jobs_failed"] == 2_000_000

    def test_a_schedule_that_is_late_is_measured(self, session):
        assert self.readings()["schedule_lateness"] is None  # none at all is not known
        Schedule.objects.create(name="a", func="x", next_run=NOON - timedelta(seconds=400))
        Schedule.objects.create(name="b", func="x", next_run=NOON + timedelta(seconds=400))
        assert self.readings()["schedule_lateness"] == 400_000_000

    def test_a_jobs_cluster_that_was_never_heard_of_counts_from_the_start(self, session):
        assert self.readings()["jobs_silence"] == 3_600_000_000
        Watch.objects.create(name="JOBS", beat_at=NOON - 7 * SECOND)
        assert self.readings()["jobs_silence"] == 7_000_000

    def test_drawdown_is_of_the_equity_at_its_peak(self, session):
        MetricSample.objects.create(
            session=session,
            at=NOON,
            values={"cash_micro": 90_000_000},
            realised_micro=0,
            exposure_micro=6_000_000,
        )
        readings = PortalReadings("main", NOON)
        for number, micro in enumerate((5_000_000, -3_000_000, -1_000_000)):
            LedgerEntry.objects.create(
                entry_id=f"e{number}",
                session=session,
                kind="MERGE",
                at=NOON,
                realised_micro=micro,
                paper=True,
            )
            told = readings.take(watched("main"), NOON)["drawdown_percent"]
        assert told == 4_000_000  # 4 dollars below the peak, at which there were 100

    def test_without_its_cash_there_is_no_drawdown_that_is_known(self, session):
        assert str(self.readings()["drawdown_percent"]) == "Nothing.NOTHING"
        MetricSample.objects.create(
            session=session, at=NOON, values={}, realised_micro=0, exposure_micro=0
        )
        assert self.readings()["drawdown_percent"] is None

    def test_a_comparison_matters_for_live_orders_only_and_gets_old(self, mandate, profile):
        make_session(profile, mode="LIVE")
        assert self.readings()["reconciliation_verdict"] is None
        ReconciliationRun.objects.create(
            account="main",
            at=NOON,
            at_start=False,
            verdict="MISMATCH",
            ledger_sequence=1,
            order_count=0,
            trade_count=0,
            took_ms=1,
        )
        assert self.readings()["reconciliation_verdict"] == "MISMATCH"
        assert self.readings(NOON + timedelta(minutes=6))["reconciliation_verdict"] is None
        Mandate.objects.update(mode="SHADOW")
        assert str(self.readings()["reconciliation_verdict"]) == "Nothing.NOTHING"


class TestEnding:
    def test_an_alert_ends_after_its_condition_did(self, world):
        world.seconds(3, breaker="OPEN")
        world.seconds(QUIET_HOLD // SECOND)
        assert Alert.objects.get().state == "FIRING"
        world.seconds(2)
        assert Alert.objects.get().state == "RESOLVED"
        # Trading goes on only when a person says so.
        assert Mandate.objects.get().halted
