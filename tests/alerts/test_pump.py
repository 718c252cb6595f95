"""The queue: each channel in order, none waits for another, nothing lost, doubles marked."""

import random
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from alerts import pump
from alerts.models import Alert, Channel, Delivery, Watch
from alerts.pump import Pump, backoff, claim, send_due
from alerts.services import channels
from polyarb_site.live.models import OutboxMessage
from tests.alerts.telling import HOUR, KEY, acknowledge, alert, at, channel, delivery
from tests.conftest import NOON
from tests.helpers.installation import wait_for
from tests.helpers.receivers import HttpReceiver

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def receiver():
    one = HttpReceiver()
    yield one
    one.close()


@pytest.fixture
def other():
    one = HttpReceiver()
    yield one
    one.close()


def hook(receiver, name="hook", **fields):
    return channel(name, address={"url": receiver.url, "key": KEY}, **fields)


def states():
    return list(Delivery.objects.order_by("id").values_list("state", flat=True))


def send(clock, seconds=0):
    clock.advance(timedelta(seconds=seconds))
    return send_due(clock, timeout_s=5.0)


class TestArriving:
    def test_the_outcome_is_kept_on_the_row_and_on_its_channel(self, receiver, clock):
        row = delivery(hook(receiver))
        done = send(clock, 2)
        row.refresh_from_db()
        assert done.states == {"SENT": 1}
        assert (row.state, row.tries, row.latency_ms, row.repeated) == ("SENT", 1, 2_000, False)
        to = Channel.objects.get()
        assert (to.delivered_at, to.latency_ms, to.problem) == (at(2), 2_000, "")

    def test_open_pages_are_told(self, receiver, clock):
        row = delivery(hook(receiver))
        send(clock)
        payload = OutboxMessage.objects.get(topic="alerts").payload
        assert (payload["what"], payload["delivery"]) == ("delivery.sent", row.pk)

    def test_a_test_that_arrives_is_noted(self, receiver, clock, admin_user):
        channels.test_channel(hook(receiver), by=admin_user, at=NOON)
        send(clock)
        assert Channel.objects.get().tested_at == NOON
        assert receiver.requests[0].json["kind"] == "TEST"

    def test_the_order_is_that_of_the_rows(self, receiver, clock):
        to = hook(receiver)
        rows = [delivery(to, number) for number in range(9)]
        send(clock)
        assert receiver.keys() == [row.key for row in rows]

    def test_a_late_message_says_that_it_is_late(self, receiver, clock):
        delivery(hook(receiver))
        send(clock, 600)
        assert receiver.requests[0].json["text"].startswith("Late: this is from 2026-03-02 12:00")


class TestTryingAgain:
    def test_what_failed_waits_and_all_behind_it_too(self, receiver, clock):
        to = hook(receiver)
        first = delivery(to, 1)
        delivery(to, 2)
        receiver.status = 503
        assert send(clock).failed == 1
        first.refresh_from_db()
        assert (first.state, first.outcome, first.tries) == ("WAITING", "HTTP 503", 1)
        assert timedelta(seconds=8) <= first.next_try_at - NOON <= timedelta(seconds=12)
        receiver.status = 200
        send(clock, 7)
        assert len(receiver.requests) == 1  # not due, and nobody overtakes
        send(clock, 6)
        assert states() == ["SENT", "SENT"]

    def test_the_channel_says_since_when_it_fails_and_why(self, receiver, clock):
        delivery(hook(receiver))
        receiver.status = 503
        send(clock)
        send(clock, 13)
        to = Channel.objects.get()
        assert (to.failing_since, to.problem) == (NOON, "HTTP 503")
        receiver.status = 200
        send(clock, 25)
        assert Channel.objects.get().failing_since is None

    def test_it_waits_ever_longer_with_a_cap_and_not_exactly(self):
        rng = random.Random(1)
        waits = [backoff(tries, rng).total_seconds() for tries in (1, 2, 3, 6, 7, 60)]
        for wait, exact in zip(waits, (10, 20, 40, 300, 300, 300), strict=True):
            assert exact * 0.8 <= wait <= exact * 1.2
        assert len({backoff(1, rng) for _ in range(20)}) > 10

    def test_it_waits_at_least_as_long_as_it_is_asked_to(self, receiver, clock):
        row = delivery(hook(receiver))
        receiver.status, receiver.headers = 429, {"Retry-After": "120"}
        send(clock)
        row.refresh_from_db()
        assert row.next_try_at - NOON == timedelta(seconds=120)

    def test_refused_for_good_makes_room_for_the_next(self, receiver, clock):
        to = hook(receiver)
        delivery(to, 1)
        receiver.status = 404
        send(clock)
        receiver.status = 200
        delivery(to, 2)
        send(clock)
        assert states() == ["REFUSED", "SENT"]

    def test_what_may_have_arrived_is_marked_when_it_is_sent_again(self, receiver, clock):
        row = delivery(hook(receiver))
        receiver.hold.clear()
        send_due(clock, timeout_s=1.0)
        receiver.hold.set()
        send(clock, 13)
        row.refresh_from_db()
        assert (row.state, row.repeated) == ("SENT", True)
        first, second = (request.json for request in receiver.requests)
        assert (first["repeated"], second["repeated"]) == (False, True)
        assert first["key"] == second["key"]
        assert second["text"].startswith("You may have this already")

    def test_an_address_that_cannot_be_read_waits_for_somebody(self, receiver, clock):
        row = delivery(hook(receiver))
        Channel.objects.update(secret="from another installation")
        send(clock)
        row.refresh_from_db()
        assert row.state == "WAITING"
        assert "type it in again" in row.outcome


class TestEnding:
    def test_what_is_too_old_wakes_nobody(self, receiver, clock):
        to = hook(receiver)
        delivery(to, 1, expires_at=NOON + HOUR)
        delivery(to, 2)
        send(clock, 3_600)
        assert states() == ["EXPIRED", "SENT"]

    def test_a_channel_switched_off_withdraws(self, receiver, clock):
        delivery(hook(receiver, enabled=False))
        send(clock)
        assert (states(), receiver.requests) == (["WITHDRAWN"], [])

    def test_switched_off_while_it_fails_withdraws_too(self, receiver, clock, monkeypatch):
        delivery(hook(receiver))
        receiver.status = 503
        record = Pump._record

        def off(self, *arguments):
            Channel.objects.update(enabled=False)
            return record(self, *arguments)

        monkeypatch.setattr(Pump, "_record", off)
        send(clock)
        assert states() == ["WITHDRAWN"]
        assert "switched off" in Delivery.objects.get().outcome

    def test_removed_while_it_is_sent_it_still_has_an_end(self, receiver, clock):
        row = delivery(hook(receiver))
        claim(row, NOON)
        Channel.objects.all().delete()
        send(clock, 61)
        assert states() == ["WITHDRAWN"]

    def test_an_escalation_that_somebody_answered_is_not_sent(self, receiver, clock):
        raised = alert()
        to = hook(receiver)
        delivery(to, 1, kind="ESCALATED", alert_ids=[raised.pk])
        acknowledge(raised, 1)
        send(clock, 2)
        assert (states(), receiver.requests) == (["WITHDRAWN"], [])

    def test_an_escalation_that_nobody_answered_is_sent(self, receiver, clock):
        raised = alert()
        delivery(hook(receiver), 1, kind="ESCALATED", alert_ids=[raised.pk])
        assert Alert.objects.get().state == "FIRING"
        send(clock)
        assert states() == ["SENT"]


class TestSeveralChannels:
    def test_one_that_hangs_holds_up_no_other(self, receiver, other, clock):
        delivery(hook(receiver, "hangs"))
        for number in range(5):
            delivery(hook(other, f"goes{number}"), number)
        receiver.hold.clear()
        works = Pump(clock, timeout_s=30.0)
        works.poll()
        assert receiver.arrived.wait(8)  # each channel claims in its own thread, when it gets to it
        wait_for(lambda: states()[1:] == ["SENT"] * 5, 8, "the other channels")
        assert states()[0] == "SENDING"
        receiver.hold.set()
        assert works.close(8)
        assert states()[0] == "SENT"

    def test_a_channel_that_is_busy_gets_no_second_thread(self, receiver, clock):
        delivery(hook(receiver))
        receiver.hold.clear()
        works = Pump(clock, timeout_s=10.0)
        works.poll()
        receiver.arrived.wait(5)
        clock.advance(timedelta(seconds=90))  # its claim has run out, and it is still at work
        assert works.poll() == 0
        receiver.hold.set()
        works.close(8)
        assert len(receiver.requests) == 1


class TestTwoProcesses:
    def test_one_of_them_sends(self, receiver, clock):
        for number in range(20):
            delivery(hook(receiver, f"hook{number}"), number)
        works = [Pump(clock) for _ in range(4)]
        threads = [threading.Thread(target=self.work, args=(one,)) for one in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert states() == ["SENT"] * 20
        assert len(receiver.requests) == 20

    def work(self, one):
        try:
            one.poll()
            one.close(None)
        finally:
            connection.close()

    def test_a_claim_is_one_only(self, receiver):
        row = delivery(hook(receiver))
        again = Delivery.objects.get()
        assert claim(row, NOON) is not None
        assert claim(again, NOON) is None

    def test_what_a_dead_process_left_is_sent_again_and_marked(self, receiver, clock):
        row = delivery(hook(receiver))
        claim(row, NOON)
        send(clock, 59)
        assert receiver.requests == []
        send(clock, 1)
        row.refresh_from_db()
        assert (row.state, row.repeated, row.tries) == ("SENT", True, 2)

    def test_who_lost_its_claim_does_not_write(self, receiver, clock):
        row = delivery(hook(receiver))
        mine = claim(row, NOON)
        theirs = claim(Delivery.objects.get(), at(60))
        assert Pump(clock)._arrived(mine, row.channel) is False
        row.refresh_from_db()
        assert (row.state, row.started_at) == ("SENDING", theirs.started_at)


class TestRunning:
    class Stop:
        def __init__(self):
            self.asked = False

        def is_set(self):
            return self.asked

    def test_it_sends_for_as_long_as_told_and_gives_the_lease_back(self, receiver, real_clock):
        now = real_clock.now()
        delivery(hook(receiver), created_at=now, next_try_at=now, expires_at=now + HOUR)
        said = pump.run(real_clock, self.Stop(), 0.3)
        assert (states(), said) == (["SENT"], "1 ended, 0 tries failed")
        watch = Watch.objects.get(name="SEND")
        assert (watch.owner, watch.rounds >= 1, watch.beat_at >= now) == ("", True, True)

    def test_without_the_lease_it_sends_nothing(self, receiver, real_clock):
        from alerts.services import watches

        now = real_clock.now()
        delivery(hook(receiver), created_at=now, next_try_at=now, expires_at=now + HOUR)
        watches.take("SEND", "another", now, timedelta(seconds=60))
        pump.run(real_clock, self.Stop(), 0.3)
        assert (states(), receiver.requests) == (["WAITING"], [])

    def test_it_ends_when_it_is_asked_to(self, real_clock):
        stop = self.Stop()
        stop.asked = True
        began_ns = real_clock.monotonic_ns()
        pump.run(real_clock, stop, 60)
        assert real_clock.monotonic_ns() - began_ns < 5_000_000_000

    def test_a_database_that_does_not_answer_is_asked_again(
        self, receiver, real_clock, monkeypatch
    ):
        now = real_clock.now()
        delivery(hook(receiver), created_at=now, next_try_at=now, expires_at=now + HOUR)
        answers = [OperationalError("away"), OperationalError("away")]
        due = pump.due_channels

        def flaky(moment):
            if answers:
                raise answers.pop()
            return due(moment)

        monkeypatch.setattr(pump, "due_channels", flaky)
        monkeypatch.setattr(pump, "POLL_S", 0.05)
        pump.run(real_clock, self.Stop(), 1.0)
        assert states() == ["SENT"]


@pytest.fixture
def real_clock():
    from polyarb_site.clock import SystemClock

    return SystemClock()
