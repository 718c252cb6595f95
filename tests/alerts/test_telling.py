"""A round of telling: who is told of what, once, in time, and why nobody is."""

import pytest

from alerts.models import Alert, Delivery
from alerts.services import silences
from alerts.services.telling import tell_round
from polyarb_site.live.models import OutboxMessage
from tests.alerts.telling import (
    acknowledge,
    alert,
    at,
    channel,
    end,
    fire_again,
    give_back,
    revision,
    told,
)
from tests.conftest import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def hook(db):
    return channel("hook")


def rounds(*seconds):
    for second in seconds:
        tell_round(at(second))


class TestOnce:
    def test_a_critical_is_told_in_the_first_round(self, hook):
        row = alert()
        rounds(0)
        row.refresh_from_db()
        assert told() == [("FIRING", "hook", ["WS_DISCONNECTED"])]
        assert (row.notified_at, row.notified_count, row.told_since) == (NOON, 1, NOON)
        assert (row.muted_by, row.suppressed) == ("", 0)

    def test_what_goes_on_is_not_told_again(self, hook):
        alert()
        rounds(0, 1, 59, 60, 3_600)
        assert len(told()) == 1

    def test_a_round_without_anything_new_writes_nothing(self, hook, django_assert_max_num_queries):
        alert()
        rounds(0, 1)
        with django_assert_max_num_queries(4) as queries:
            rounds(2)
        assert not [query for query in queries if not query["sql"].startswith("SELECT")]

    def test_what_fires_again_within_the_cooldown_is_told_after_it(self, hook):
        row = alert()
        rounds(0)
        fire_again(row, 10)
        rounds(10)
        fire_again(row, 20)
        rounds(20, 59)
        row.refresh_from_db()
        assert (len(told()), row.suppressed) == (1, 2)
        rounds(60)
        row.refresh_from_db()
        assert (len(told()), row.notified_count) == (2, 3)
        assert row.suppressed == 1  # of three firings two were told

    def test_pending_is_not_told(self, hook):
        alert(state="PENDING", fired_at=None, last_fired_at=None, count=0)
        rounds(0, 60)
        assert told() == []

    def test_the_same_message_is_never_queued_twice(self, hook):
        row = alert()
        rounds(0)
        Alert.objects.filter(pk=row.pk).update(
            notified_at=None, notified_count=0, told_since=None
        )  # as if the note had been lost
        rounds(1)
        assert len(told()) == 1

    def test_a_rule_that_does_not_notify_tells_nobody_and_says_so(self, hook):
        row = alert(rule=revision(actions=[{"type": "log"}]))
        rounds(0)
        row.refresh_from_db()
        assert told() == []
        assert row.muted_by == "its rule tells nobody"


class TestTheEnd:
    def test_is_told_to_who_was_told_that_it_fires(self, hook):
        channel("quiet", tell_resolved=False)
        row = alert()
        rounds(0)
        channel("later")
        end(row, 40)
        rounds(40, 41)
        assert told("RESOLVED") == [("RESOLVED", "hook", ["WS_DISCONNECTED"])]
        row.refresh_from_db()
        assert row.told_since is None

    def test_of_what_somebody_had_is_told_too(self, hook):
        row = alert()
        rounds(0)
        acknowledge(row, 5)
        rounds(5, 100)
        end(row, 100)
        rounds(100)
        assert [kind for kind, _, _ in told()] == ["FIRING", "RESOLVED"]

    def test_of_what_nobody_heard_of_is_told_as_one_message(self, hook):
        row = alert()
        end(row, 4)
        rounds(5, 6, 60)
        assert told() == [("FIRING", "hook", ["WS_DISCONNECTED"])]
        title = Delivery.objects.get().title
        assert "ended after 4 s" in title

    def test_of_what_ended_long_ago_wakes_nobody(self, hook):
        end(alert(), 4)
        rounds(86_405)
        assert told() == []


class TestAcknowledged:
    def test_is_never_told_again(self, hook):
        row = alert()
        rounds(0)
        acknowledge(row, 5)
        Alert.objects.filter(pk=row.pk).update(count=9)
        rounds(5, 100, 10_000)
        assert len(told()) == 1

    def test_before_anybody_was_told_it_is_not_told_at_all(self, hook):
        row = alert()
        acknowledge(row, 0)
        rounds(0, 100)
        assert told() == []


class TestEscalation:
    @pytest.fixture
    def row(self, hook):
        channel("second", tier=2, level_min="CRITICAL")
        channel("third", tier=3)
        return alert(rule=revision(escalate_seconds=300))

    def test_goes_from_tier_to_tier_and_then_ends(self, row):
        rounds(0, 299, 300, 301, 599, 600, 900, 1_200)
        assert [(kind, name) for kind, name, _ in told()] == [
            ("FIRING", "hook"),
            ("ESCALATED", "second"),
            ("ESCALATED", "third"),
        ]
        row.refresh_from_db()
        assert row.escalations == 2
        assert "NOT ACKNOWLEDGED" in Delivery.objects.order_by("id").last().title

    def test_stops_when_somebody_acknowledges(self, row):
        rounds(0)
        acknowledge(row, 299)
        rounds(300, 900)
        assert told("ESCALATED") == []

    def test_begins_anew_when_it_is_given_back(self, row):
        rounds(0, 300)
        acknowledge(row, 310)
        rounds(311)
        give_back(row, 320)
        rounds(321, 619)
        assert len(told("ESCALATED")) == 1
        rounds(620)
        assert [name for _, name, _ in told("ESCALATED")] == ["second", "second"]

    def test_without_a_further_tier_the_first_is_told_once_more(self, hook):
        alert(rule=revision(escalate_seconds=300))
        rounds(0, 300, 600, 900)
        assert [(kind, name) for kind, name, _ in told()] == [
            ("FIRING", "hook"),
            ("ESCALATED", "hook"),
        ]

    def test_a_warning_is_not_escalated(self, hook):
        alert(rule=revision(severity="WARNING", escalate_seconds=300))
        rounds(0, 10, 300, 900)
        assert told("ESCALATED") == []

    def test_who_heard_of_it_hears_of_the_end(self, row):
        rounds(0, 300)
        end(row, 310)
        rounds(310)
        assert [name for _, name, _ in told("RESOLVED")] == ["hook", "second"]

    def test_a_flapping_alert_is_escalated_too(self, row):
        for second in range(0, 400, 10):
            fire_again(row, second)
            rounds(second)
        assert [name for _, name, _ in told("ESCALATED")] == ["second"]


class TestMuted:
    def silence(self, operator, **values):
        given = {"reason": "venue maintenance", "ends_at": at(3_600), **values}
        return silences.add_silence(given, by=operator, at=NOON)

    def test_a_silence_is_said_on_the_alert_and_nobody_is_told(self, hook, operator):
        silence = self.silence(operator)
        row = alert()
        rounds(0, 1)
        row.refresh_from_db()
        assert told() == []
        assert row.muted_by == f"silence {silence.pk}: venue maintenance"
        assert row.suppressed == 1

    def test_what_still_fires_when_the_silence_ends_is_told_then(self, hook, operator):
        self.silence(operator)
        row = alert()
        rounds(0, 3_599)
        assert told() == []
        rounds(3_600)
        row.refresh_from_db()
        assert told() == [("FIRING", "hook", ["WS_DISCONNECTED"])]
        assert (row.muted_by, row.suppressed) == ("", 0)

    def test_ended_early_tells_at_once(self, hook, operator):
        silence = self.silence(operator)
        alert()
        rounds(0)
        silences.end_silence(silence, by=operator, reason="it is over", at=at(10))
        rounds(11)
        assert len(told()) == 1

    def test_what_was_muted_to_its_end_is_not_told(self, hook, operator):
        self.silence(operator)
        row = alert()
        rounds(0)
        end(row, 100)
        rounds(100, 3_601)
        assert told() == []

    def test_the_end_of_what_was_told_is_told_after_the_silence(self, hook, operator):
        row = alert()
        rounds(0)
        self.silence(operator)
        end(row, 100)
        rounds(100)
        assert told("RESOLVED") == []
        rounds(3_601)
        assert len(told("RESOLVED")) == 1

    def test_a_silence_of_another_rule_mutes_nothing(self, hook, operator):
        revision("LOW_BALANCE")
        self.silence(operator, rule_ids=["LOW_BALANCE"])
        alert()
        rounds(0)
        assert len(told()) == 1

    def test_nobody_is_escalated_to_during_a_silence(self, hook, operator):
        alert(rule=revision(escalate_seconds=300))
        rounds(0)
        self.silence(operator)
        rounds(300, 900)
        assert told("ESCALATED") == []

    def test_open_pages_hear_that_it_is_muted(self, hook, operator):
        self.silence(operator)
        row = alert()
        rounds(0)
        payload = OutboxMessage.objects.order_by("id").last().payload
        assert (payload["what"], payload["alert"]) == ("alert.muted", row.pk)


class TestInhibited:
    @pytest.fixture
    def stale(self):
        return revision("ENGINE_STALE", inhibits=["WS_DISCONNECTED"])

    def test_what_follows_from_a_silent_engine_is_not_told(self, hook, stale):
        cause, follower = alert(rule=stale), alert("WS_DISCONNECTED")
        rounds(0)
        follower.refresh_from_db()
        assert told() == [("FIRING", "hook", ["ENGINE_STALE"])]
        assert follower.muted_by == "inhibited by ENGINE_STALE"
        end(cause, 60)
        rounds(61)
        assert ("FIRING", "hook", ["WS_DISCONNECTED"]) in told()

    def test_of_another_account_it_is_told(self, hook, stale):
        alert(rule=stale, account="main")
        alert("WS_DISCONNECTED", account="other")
        rounds(0)
        assert len(told("FIRING")) == 2

    def test_what_is_unknown_waits_for_its_cause(self, hook, stale):
        alert("WS_DISCONNECTED", unknown=True)
        rounds(0, 2)
        assert told() == []
        alert(rule=stale, seconds=3)
        rounds(3, 20)
        assert told() == [("FIRING", "hook", ["ENGINE_STALE"])]

    def test_what_is_unknown_is_told_when_no_cause_comes(self, hook):
        row = alert(unknown=True)
        rounds(0, 4)
        assert told() == []
        rounds(5)
        row.refresh_from_db()
        assert len(told()) == 1
        assert row.suppressed == 0


class TestChannels:
    def test_without_one_the_alert_says_so_and_is_told_when_there_is_one(self, db):
        row = alert()
        rounds(0)
        row.refresh_from_db()
        assert row.muted_by == "no channel takes CRITICAL"
        channel()
        rounds(1)
        assert len(told()) == 1

    def test_only_those_that_take_the_level_are_told(self, hook):
        channel("all", level_min="INFO")
        channel("off", enabled=False)
        alert(rule=revision(severity="INFO"))
        rounds(10)
        assert told() == [("FIRING", "all", ["WS_DISCONNECTED"])]

    def test_those_that_a_rule_names_are_told_whatever_their_tier(self, hook):
        channel("second", tier=2)
        alert(rule=revision(channels=["second"]))
        rounds(0)
        assert told() == [("FIRING", "second", ["WS_DISCONNECTED"])]


class TestGroups:
    def test_what_fires_together_is_one_message(self, hook):
        for number in range(7):
            alert(f"RULE_{number}")
        rounds(0)
        assert [len(rules) for _, _, rules in told()] == [7]
        assert "7 alerts" in Delivery.objects.get().title

    def test_a_warning_waits_ten_seconds_for_others(self, hook):
        for number in range(3):
            alert(
                seconds=number * 4,
                rule=revision(f"RULE_{number}", severity="WARNING"),
            )
        rounds(0, 4, 8, 9)
        assert told() == []
        rounds(10)
        assert [len(rules) for _, _, rules in told()] == [3]

    def test_a_storm_is_told_in_few_messages_and_all_of_it(self, hook):
        for number in range(120):
            alert(f"RULE_{number}")
        rounds(0)
        sizes = [len(rules) for _, _, rules in told()]
        assert sizes == [50, 50, 20]
        assert len({rule for _, _, rules in told() for rule in rules}) == 120
