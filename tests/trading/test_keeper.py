"""The lease's keeper: it renews for a loop that moves, and for no other."""

import time

import pytest

from polyarb_site.clock import SystemClock
from tests.helpers.journals import until
from tests.helpers.shifts import QUICK
from trading.lease import Fenced
from trading.runtime.keeper import LeaseKeeper

pytestmark = pytest.mark.slow


class TestKeeper:
    class Holder:
        """A lease that runs out after a while without renewal."""

        account = "main"
        times = QUICK.lease

        def __init__(self):
            self.renewals = 0
            self.fenced = False
            self.deadline = time.monotonic() + 0.5

        def renew(self):
            if self.fenced:
                raise Fenced("taken over")
            self.renewals += 1
            self.deadline = time.monotonic() + 0.5

        def is_over(self):
            return time.monotonic() > self.deadline

    @pytest.fixture
    def keeper(self):
        made = []

        def make(holder):
            exits = []
            one = LeaseKeeper(
                holder, clock=SystemClock(), loop_silence_ms_max=200, exit_process=exits.append
            )
            one.exits = exits
            made.append(one)
            one.start()
            return one

        yield make
        for one in made:
            one.stop()

    def test_a_loop_that_moves_keeps_its_lease(self, keeper):
        holder = self.Holder()
        one = keeper(holder)
        one.loop_begins()
        for _ in range(20):
            one.beat()
            time.sleep(0.05)

        assert holder.renewals >= 5
        assert (one.lost, one.exits) == ("", [])

    def test_a_stuck_loop_loses_its_lease_and_then_its_process(self, keeper):
        holder = self.Holder()
        one = keeper(holder)
        one.loop_begins()
        until(lambda: one.exits)

        assert "the loop has not moved for" in one.lost
        assert one.exits[0] == 70
        assert holder.is_over()

    def test_a_slow_start_is_no_stuck_loop(self, keeper):
        holder = self.Holder()
        one = keeper(holder)
        time.sleep(0.6)

        assert (one.lost, one.exits) == ("", [])

    def test_a_lease_that_was_taken_over_is_lost_at_once(self, keeper):
        holder = self.Holder()
        holder.fenced = True
        one = keeper(holder)
        until(lambda: one.lost)

        assert one.lost == "taken over"
        assert one.exits == []

    def test_an_orphan_is_noticed(self, keeper, monkeypatch):
        one = keeper(self.Holder())
        monkeypatch.setattr("trading.runtime.keeper.os.getppid", lambda: 1)
        until(lambda: one.orphaned)
