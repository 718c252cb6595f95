"""Reports that are made by themselves: each morning, at each stop; late ones fail their job."""

from datetime import timedelta

import pytest
from django_q.models import Schedule

from alerts.models import Channel, Delivery
from reports import tasks
from reports.models import DailyReport
from reports.services import regular
from reports.services.daily import make_report
from tests.helpers.clocks import FixedClock
from tests.helpers.days import DAY, session_of
from trading.models import EngineSession, Mandate
from trading.runtime.ending import SHIFT_OVER_TEXT
from trading.schedules import SCHEDULES, Daily, keep_schedules
from trading.selectors.stops import stops_since

pytestmark = pytest.mark.django_db
MORNING = DAY + timedelta(days=1, minutes=5)
HOUR = timedelta(hours=1)
ONE_DAY = timedelta(days=1)


def channel(name, **changes):
    values = {
        "name": name, "kind": "WEBHOOK", "level_min": "CRITICAL", "secret": "x", "shown": "x",
        "created_by": "test", "created_at": DAY, "changed_at": DAY,
    }  # fmt: skip
    return Channel.objects.create(**{**values, **changes})


@pytest.fixture
def day_over(mandate, profile):
    return session_of(profile)


class TestEachMorning:
    def test_yesterday_is_made_and_told_once(self, day_over):
        channel("office")
        channel("home", tier=2)
        channel("off", enabled=False)
        channel("prometheus", kind="ALERTMANAGER")
        clock = FixedClock(MORNING)

        assert [str(one) for one in regular.make_missing(clock)] == ["Daily report of 2026-03-02"]
        assert regular.make_missing(clock) == []
        delivery = Delivery.objects.get()
        assert (delivery.channel_name, delivery.kind, delivery.level) == (
            "office",
            "REPORT",
            "INFO",
        )
        assert delivery.title == "[REPORT] main (SHADOW): Daily report of 2026-03-02"
        assert "PolyArb ran for 23 h 57 min" in delivery.payload["text"]
        assert f"/dailyreport/{DailyReport.objects.get().pk}/" in delivery.payload["text"]

    def test_days_that_were_missed_are_made_later_the_newest_first(self, day_over):
        clock = FixedClock(DAY + timedelta(days=5, hours=9))

        first = [one.day.day for one in regular.make_missing(clock)]
        rest = [one.day.day for one in regular.make_missing(clock)]

        assert (first, rest) == ([6, 5, 4], [3, 2])
        assert not Delivery.objects.exists()

    def test_what_was_made_before_the_day_was_over_is_made_again(self, day_over):
        make_report("main", DAY.date(), by_name="test", at=DAY + 3 * HOUR)

        (report,) = regular.make_missing(FixedClock(MORNING))

        assert report.revision == 2

    def test_an_account_without_any_run_has_none(self, mandate):
        assert regular.make_missing(FixedClock(MORNING)) == []

    def test_is_scheduled_at_five_past_midnight_of_utc(self, db):
        keep_schedules(FixedClock(DAY + 9 * HOUR))
        row = Schedule.objects.get(name="daily report")

        assert row.next_run == MORNING
        assert (row.schedule_type, row.func) == (Schedule.DAILY, "reports.tasks.make_daily_reports")
        keep_schedules(FixedClock(DAY + 30 * HOUR))  # the jobs were off at its time
        row.refresh_from_db()
        assert row.next_run == MORNING  # so that it runs now

    @pytest.mark.parametrize("regular_job", [one for one in SCHEDULES if isinstance(one, Daily)])
    def test_a_daily_job_is_never_due_at_once(self, regular_job):
        for hours in range(48):
            now = DAY + hours * HOUR
            assert now < regular_job.next_run(now) <= now + ONE_DAY


class TestLate:
    def test_is_not_before_half_an_hour_has_gone(self, day_over):
        regular.refuse_late(FixedClock(MORNING + timedelta(minutes=29)))

        assert not DailyReport.objects.exists()

    def test_makes_it_and_fails_the_job_once(self, day_over):
        clock = FixedClock(MORNING + timedelta(minutes=31))
        with pytest.raises(regular.ReportLateError, match="2026-03-02 was late for main"):
            regular.refuse_late(clock)

        assert DailyReport.objects.get().day == DAY.date()
        regular.refuse_late(clock)

    def test_goes_on_failing_while_it_cannot_be_made(self, day_over, monkeypatch):
        def fail(*_, **__):
            raise OSError("the disk is full")

        monkeypatch.setattr(regular, "make_report", fail)
        for _ in range(2):
            with pytest.raises(OSError, match="disk"):
                regular.refuse_late(FixedClock(MORNING + timedelta(minutes=31)))


class TestStops:
    def sessions(self, profile, *ends):
        """Sessions of an hour each, one after the other, that ended in these ways."""
        EngineSession.objects.all().delete()
        for token, (state, reason) in enumerate(ends, 1):
            start = DAY + HOUR * token
            session_of(
                profile, token=token, started_at=start, ended_at=start + HOUR, state=state,
                state_reason=reason, heartbeat_at=start + HOUR,
            )  # fmt: skip

    def stops(self, hours=24):
        now = DAY + HOUR * hours
        return [(one.key, one.began_at.hour) for one in stops_since("main", DAY, now)]

    def test_a_shift_that_hands_over_ends_no_run(self, mandate, profile):
        over = ("STOPPED", SHIFT_OVER_TEXT)
        self.sessions(profile, over, over, ("STOPPED", "stop requested"), over)

        assert self.stops(hours=5) == [("main-3", 1)]
        assert self.stops(hours=6) == [("main-3", 1), ("main-4", 4)]  # nobody took over

    def test_a_crash_ends_one_whoever_takes_over(self, mandate, profile):
        self.sessions(profile, ("CRASHED", "boom"), ("STOPPED", "stop requested"))

        assert self.stops() == [("main-1", 1), ("main-2", 2)]

    def test_one_that_fell_silent_has_ended_with_its_last_heartbeat(self, mandate, profile):
        self.sessions(profile, ("TRADING", ""))
        EngineSession.objects.update(ended_at=None)

        (stop,) = stops_since("main", DAY, DAY + HOUR * 3)
        assert stop.ended_at == DAY + HOUR * 2
        assert stops_since("main", DAY, DAY + HOUR * 2 + timedelta(minutes=1)) == []

    def test_each_has_one_report_which_says_how_it_ended(self, mandate, profile):
        channel("office")
        self.sessions(profile, ("CRASHED", "the disk is full"))
        clock = FixedClock(DAY + 3 * HOUR)

        (report,) = regular.make_stops(clock)

        assert regular.make_stops(clock) == []
        assert (report.kind, report.session_key) == ("STOP", "main-1")
        assert report.figures["since"] == (DAY + HOUR).isoformat()
        assert "it ended crashed: the disk is full" in report.markdown
        assert "# Stop report of main-1" in report.markdown
        assert Delivery.objects.get().kind == "REPORT"

    def test_of_a_long_run_covers_its_last_day(self, mandate, profile):
        session_of(profile, started_at=DAY - timedelta(days=9))
        (report,) = regular.make_stops(FixedClock(MORNING))

        assert report.figures["runs"]["period_ms"] == 86_400_000


def test_the_tasks_say_what_they_did(day_over, monkeypatch):
    monkeypatch.setattr(tasks, "SystemClock", lambda: FixedClock(MORNING))
    Mandate.objects.update(desired="RUN")

    assert tasks.watch_reports() == "At an engine stop report of 2026-03-02"
    assert tasks.make_daily_reports() == "Daily report of 2026-03-02"
    assert tasks.make_daily_reports() == tasks.watch_reports() == "nothing to do"
