"""A rule stops the real engine on the local venue, with the database and without; what left when.

The same as `python -m tests.bench.alert_stop`, a few times and in one process.
"""

import threading
import time
from contextlib import contextmanager, nullcontext
from datetime import datetime

import pytest
from django.db import connection

from alerts.models import Alert
from alerts.observer import EngineRules
from polyarb_site.audit.models import AuditEvent
from polyarb_site.clock import SystemClock
from tests.bench.alert_stop_trials import at_once
from tests.bench.alert_stop_venue import opens_a_set
from tests.helpers.clocks import to_ns
from tests.helpers.installation import wait_for
from tests.live.conftest import account_wanted, make_venue, place, signer, signers
from tests.live.rig import KEY, Rig, address_of
from trading.models import ArbitrageSet, Mandate, Order
from trading.services import Invalid, ServiceRefused, resume
from trading.simulator.signatures import deposit_wallet

__all__ = ["account_wanted", "make_venue", "place", "signer", "signers"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

RULE = "OPPORTUNITY_DETECTED"
MARKETS = 3  # fewer than the sets that have to fail for the breaker to open
ON_THE_WIRE_NS = 1_000_000_000  # what left before the stop may arrive after it
WRITES = ("trading_mandate", "trading_enginesession", "trading_order", "alerts_alert")


@pytest.fixture
def rig(make_venue, signer, account_wanted, settings, rules):
    """A venue with several markets, and a rule that fires with the first gap."""
    at_once(RULE, "opportunity_detected", ">", 0)
    settings.SIGNER_PLAY_SOCKET = signer.socket
    owner = address_of(KEY)
    venue = make_venue(markets=MARKETS)
    return Rig(venue, signer, owner=owner, wallet=deposit_wallet(owner))


@contextmanager
def offers(venue):
    """Offer gaps all the time."""
    done = threading.Event()

    def offer():
        number = 0
        while not done.wait(0.1):
            venue.gap(market=number % MARKETS)
            number += 1

    thread = threading.Thread(target=offer)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        venue.no_gap()


@contextmanager
def nothing_can_be_written():
    """Hold what everybody waits for who writes, as a long transaction does."""
    other = connection.copy()
    with other.cursor() as cursor:
        if other.vendor == "postgresql":
            cursor.execute("BEGIN")
            cursor.execute(f"LOCK TABLE {', '.join(WRITES)} IN EXCLUSIVE MODE")
        else:
            cursor.execute("BEGIN EXCLUSIVE")
        yield
        cursor.execute("ROLLBACK")
    other.close()


def sleep_until(part):
    """Sleep until this part of a second; the rules are judged at its beginning."""
    time.sleep((part - time.time()) % 1)


class Stops:
    """Lets the rule fire again and again, and looks at what left."""

    def __init__(self, rig):
        self.rig = rig
        self.seen = 0

    @property
    def loop(self):
        return self.rig._side()._loop

    def stop(self, *, away):
        """Trade until the rule stops it; return what the alert then says of the stop."""
        sleep_until(0.1)
        with nothing_can_be_written() if away else nullcontext(), offers(self.rig.venue):
            self.halted()
            time.sleep(0.2)
            assert not (away and self.mandate_is_halted())
        with offers(self.rig.venue):
            time.sleep(0.5)  # gaps go on, and nobody may take one
        wait_for(self.mandate_is_halted, 10, "a mandate that says so")
        return self.evidence()

    def halted(self):
        wait_for(lambda: self.loop.halt_code == RULE, 10, "a stop")

    def mandate_is_halted(self):
        return Mandate.objects.get().halted

    def evidence(self):
        self.seen += 1

        def stops():
            row = Alert.objects.filter(rule_id=RULE).first()
            stops = row.evidence.get("stops", []) if row is not None else []
            # What raises while it is halted is recorded too: it stopped nothing.
            found = [one for one in stops if not one["halted_already"]]
            return found if len(found) == self.seen else None

        (found, _) = wait_for(stops, 10, f"evidence of stop {self.seen}")
        return found[-1]

    def entries(self):
        """Return when each batch that opens a set came to the venue, as nanoseconds of UTC."""
        offset_ns = self.loop._parts.time.offset_ns
        batches = self.rig.venue.batches()
        return [one.at_ns + offset_ns for one in batches if opens_a_set(one.body)]

    def resume(self, reason):
        """Resume, once the books were compared and are a match."""

        def done():
            try:
                return resume("main", by=None, by_name="otto", reason=reason)
            except Invalid:
                raise
            except ServiceRefused:
                return None

        wait_for(done, 15, "resuming")
        wait_for(lambda: self.loop.may_trade and not self.loop.halt_code, 5, "a free engine")


def test_l1_no_order_reaches_the_venue_after_the_stop_that_the_alert_records(rig):
    with (
        EngineRules("main", SystemClock(), look_every_s=0.1) as rules,
        rig.trading(observers=[rules]),
    ):
        every = Stops(rig)
        for number, away in enumerate((False, True, False)):
            before = len(every.entries())
            stop = every.stop(away=away)

            assert Mandate.objects.get().halt_code == RULE
            assert stop["complete"]
            assert stop["stopped_us"] < 1_000_000
            stopped_ns = (
                to_ns(datetime.fromisoformat(stop["cause_at"])) + stop["stopped_us"] * 1_000
            )
            sent_ns = rig._side().entry_sent_ns
            assert sent_ns is None or sent_ns <= stopped_ns
            assert all(at_ns < stopped_ns + ON_THE_WIRE_NS for at_ns in every.entries())
            # It did trade until then; what waited for the database did not leave after it.
            assert (len(every.entries()) > before) is not away
            kept = Order.objects.filter(reason__contains="halted meanwhile")
            assert not away or kept.exists(), rig.story()

            sets = ArbitrageSet.objects.count()
            with offers(rig.venue):
                time.sleep(0.5)
            with pytest.raises(Invalid, match="reason"):
                resume("main", by=None, by_name="otto", reason=" ")
            assert every.loop.halt_code == RULE
            assert ArbitrageSet.objects.count() == sets
            time.sleep(1.1)  # the second of the last gap is judged
            wait_for(lambda: not rules._raised, 5, "the end of the condition")
            every.resume(f"looked at stop {number}")

    halts = AuditEvent.objects.filter(action="mandate.halt")
    resumes = AuditEvent.objects.filter(action="mandate.resume").order_by("id")
    assert [one.reason for one in resumes] == [f"looked at stop {number}" for number in range(3)]
    assert {one.after["code"] for one in halts} == {RULE}
