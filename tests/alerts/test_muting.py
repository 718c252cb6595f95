"""The decision for one alert, without a database: windows, rings of causes, order of reasons."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.rules.grouping import Told, admits, groups
from alerts.rules.muting import Answer, Causes, Mute, Seen, decide
from alerts.rules.rule import Level
from alerts.rules.states import State
from tests.alerts.rules import rule

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
DAY = timedelta(days=1)
NOTIFY = {"actions": [{"type": "notify"}], "cooldown_seconds": 60}


def seen(number=1, rule_id="WS_DISCONNECTED", **changes):
    fields = {
        "number": number,
        "account": "main",
        "rule_id": rule_id,
        "level": Level.CRITICAL,
        "state": State.FIRING,
        "unknown": False,
        "count": 1,
        "fired_at": NOON,
        "last_fired_at": NOON,
        "resolved_at": None,
        "told_count": 0,
        "told_at": None,
        "told_since": None,
        "escalations": 0,
    }
    return Seen(**{**fields, **changes})


def window(**changes):
    fields = {
        "number": 3,
        "window": True,
        "reason": "restart",
        "starts_at": NOON - 30 * DAY,
        "ends_at": NOON + 30 * DAY,
        "weekdays": frozenset({0}),
        "from_minute": 720,
        "minutes": 30,
    }
    return Mute(**{**fields, **changes})


def answer(alert, *, cause="", mutes=(), takers=1, steps=1, now=NOON, **values):
    decision = decide(
        alert,
        rule(**{**NOTIFY, **values}),
        cause=cause,
        mutes=mutes,
        takers=takers,
        escalation_steps=steps,
        now=now,
    )
    return decision.answer


class TestWindows:
    @pytest.mark.parametrize(
        ("minutes", "on"),
        [(-1, False), (0, True), (29, True), (30, False), (24 * 60, False), (7 * 24 * 60, True)],
    )
    def test_mute_on_their_days_for_their_minutes(self, minutes, on):
        assert window().is_on(NOON + timedelta(minutes=minutes)) is on

    @pytest.mark.parametrize(
        ("hours", "on"), [(10, False), (11, True), (12, True), (13, True), (14, False)]
    )
    def test_may_pass_midnight(self, hours, on):
        late = window(from_minute=23 * 60, minutes=180)  # Monday 23:00 to Tuesday 02:00
        assert late.is_on(NOON + timedelta(hours=hours)) is on

    def test_one_of_sunday_passes_into_monday(self):
        sunday = window(weekdays=frozenset({6}), from_minute=23 * 60, minutes=120)
        assert sunday.is_on(datetime(2026, 3, 2, 0, 59, tzinfo=UTC))
        assert not sunday.is_on(datetime(2026, 3, 2, 1, 0, tzinfo=UTC))

    def test_of_a_whole_day_has_no_hole_and_no_second_day(self):
        whole = window(from_minute=0, minutes=1_440)
        midnight = NOON - timedelta(hours=12)
        assert all(whole.is_on(midnight + timedelta(minutes=m)) for m in (0, 720, 1_439))
        assert not whole.is_on(midnight + timedelta(minutes=1_440))

    def test_outside_its_dates_it_mutes_nothing(self):
        assert not window(ends_at=NOON).is_on(NOON)
        assert window(starts_at=NOON).is_on(NOON)
        assert not window(starts_at=NOON + DAY).is_on(NOON)

    @given(st.integers(0, 1_439), st.integers(1, 1_440), st.integers(0, 6))
    def test_each_mutes_exactly_its_minutes_of_a_week(self, start, minutes, weekday):
        one = window(from_minute=start, minutes=minutes, weekdays=frozenset({weekday}))
        week = (NOON + timedelta(minutes=minute) for minute in range(7 * 1_440))
        assert sum(one.is_on(moment) for moment in week) == minutes


class TestMatching:
    @pytest.mark.parametrize(
        ("changes", "muted"),
        [
            ({}, True),
            ({"account": "main"}, True),
            ({"account": "other"}, False),
            ({"rule_ids": frozenset({"WS_DISCONNECTED"})}, True),
            ({"rule_ids": frozenset({"LOW_BALANCE"})}, False),
            ({"levels": frozenset({"CRITICAL"})}, True),
            ({"levels": frozenset({"INFO"})}, False),
        ],
    )
    def test_empty_matches_everything(self, changes, muted):
        assert window(**changes).covers(seen(), NOON) is muted


class TestOrderOfReasons:
    def test_a_cause_comes_before_a_window_and_that_before_a_silence(self):
        silence = window(window=False, number=4)
        both = (silence, window())
        assert answer(seen(), cause="ENGINE_STALE", mutes=both) is Answer.INHIBITED
        assert answer(seen(), mutes=both) is Answer.MAINTENANCE
        assert answer(seen(), mutes=(silence,)) is Answer.SILENCED
        assert answer(seen(), takers=0) is Answer.NOBODY
        assert answer(seen()) is Answer.TELL

    def test_a_silence_says_which_and_why(self):
        decision = decide(
            seen(),
            rule(**NOTIFY),
            cause="",
            mutes=(window(),),
            takers=1,
            escalation_steps=1,
            now=NOON,
        )
        assert decision.muted_by == "maintenance window 3: restart"

    def test_after_an_end_was_told_a_short_firing_is_no_news(self):
        ended = seen(
            state=State.RESOLVED, resolved_at=NOON, told_at=NOON - DAY / 2, count=3, told_count=2
        )
        assert answer(ended) is Answer.OVER
        assert answer(replace(ended, told_since=NOON)) is Answer.TELL_ENDED


class TestCauses:
    def causes(self, *links):
        """Return the answers for alerts 1, 2, ... of the rules RULE_1 ..., linked as given."""
        follows = {}
        for cause, follower in links:
            follows.setdefault(cause, []).append(f"RULE_{follower}")
        numbers = sorted({number for link in links for number in link})
        alerts = [seen(number, f"RULE_{number}") for number in numbers]
        rules = {n: rule(f"RULE_{n}", inhibits=follows.get(n, [])) for n in numbers}
        causes = Causes(alerts, rules)
        return {alert.number: causes.of(alert) for alert in alerts}

    def test_each_follower_names_its_cause(self):
        assert self.causes((1, 2), (1, 3)) == {1: "", 2: "RULE_1", 3: "RULE_1"}

    def test_a_later_alert_may_be_the_cause_of_an_earlier_one(self):
        assert self.causes((2, 1)) == {1: "RULE_2", 2: ""}

    def test_of_two_that_inhibit_each_other_the_first_is_told(self):
        assert self.causes((1, 2), (2, 1)) == {1: "", 2: "RULE_1"}

    def test_of_a_ring_one_is_told(self):
        assert self.causes((1, 2), (2, 3), (3, 1)) == {1: "", 2: "RULE_1", 3: "RULE_2"}

    @given(st.sets(st.tuples(st.integers(1, 6), st.integers(1, 6)).filter(lambda p: p[0] != p[1])))
    def test_whatever_inhibits_whatever_somebody_is_told(self, links):
        if links:
            assert "" in self.causes(*links).values()


class TestLevels:
    @pytest.mark.parametrize(
        ("level_min", "taken"),
        [
            ("INFO", ["CRITICAL", "WARNING", "INFO"]),
            ("WARNING", ["CRITICAL", "WARNING"]),
            ("CRITICAL", ["CRITICAL"]),
            ("nothing", []),
        ],
    )
    def test_a_channel_takes_its_level_and_graver_ones(self, level_min, taken):
        levels = ["CRITICAL", "WARNING", "INFO"]
        assert [level for level in levels if admits(level_min, level)] == taken


class TestGroups:
    def told(self, number, level=Level.WARNING, since=NOON, channels=(1,)):
        return Told(
            number=number,
            account="main",
            level=level,
            kind="FIRING",
            channels=channels,
            waits_since=since,
        )

    def test_the_gravest_goes_first(self):
        late = NOON + timedelta(seconds=10)
        found = groups([self.told(1), self.told(2, Level.CRITICAL)], late)
        assert [[one.number for one in group] for group in found] == [[2], [1]]

    def test_other_channels_are_another_group(self):
        late = NOON + timedelta(seconds=10)
        assert len(groups([self.told(1), self.told(2, channels=(2,))], late)) == 2

    def test_who_came_last_goes_with_who_came_first(self):
        newest = self.told(2, since=NOON + timedelta(seconds=9))
        assert groups([newest], NOON + timedelta(seconds=10)) == []
        (group,) = groups([self.told(1), newest], NOON + timedelta(seconds=10))
        assert [one.number for one in group] == [1, 2]
