"""The lease: one owner, growing tokens, and no clock that can be set decides who lives."""

import os
import signal
import subprocess
import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction

from polyarb_site.locks import process_stat
from tests.helpers.clocks import FixedClock
from trading.lease import Fenced, LeaseHolder, LeaseTimes, Owner, Taken, check_fence, this_process
from trading.models import EngineLease

pytestmark = pytest.mark.django_db(transaction=True)

TTL = timedelta(seconds=4)
MOMENT = timedelta(milliseconds=300)
FOREIGN = Owner("another-host/1234/5", 1, 1, "nonce")


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def holder(clock, tmp_path):
    """Make a contender. By default one of another host: no file lock, no process to look at."""
    made = []

    def make(owner=None, run_dir=None, account="main"):
        number = len(made)
        owner = owner or Owner(f"host-{number}/boot/1", 1000 + number, 1, f"nonce{number}")
        run_dir = run_dir or tmp_path / f"host-{number}"
        made.append(LeaseHolder(account, clock=clock, run_dir=run_dir, owner=owner))
        return made[-1]

    yield make
    for one in made:
        one.forget()


@pytest.fixture
def process():
    """A process of this host that a test may kill or freeze."""
    child = subprocess.Popen(["sleep", "60"])
    yield child
    child.kill()
    child.wait()


def as_owner(child) -> Owner:
    return Owner(this_process().host, child.pid, process_stat(child.pid).started_ticks, "child")


def row():
    return EngineLease.objects.get(account="main")


class TestTaking:
    def test_a_free_lease_is_taken_with_the_next_token(self, holder):
        first = holder()

        assert first.poll() is Taken.FREE
        assert (first.token, row().token, row().owner) == (1, 1, first.owner.text)
        assert first.may_work()

    def test_a_released_lease_is_free_at_once_and_its_token_grows(self, holder):
        first, second = holder(), holder()
        first.poll()
        first.release()

        assert second.poll() is Taken.FREE
        assert second.token == 2
        assert not first.may_work()

    def test_a_lease_that_is_renewed_is_never_taken(self, holder, clock):
        first, second = holder(), holder()
        first.poll()
        for _ in range(40):
            assert second.poll() is None
            clock.advance(timedelta(milliseconds=500))
            first.renew()

        assert second.poll() is None
        assert second.observe() is None
        first.renew()
        assert second.observe() is True
        assert row().token == 1
        assert second.holder_text == first.owner.text

    def test_a_lease_that_is_not_renewed_is_taken_after_a_whole_ttl_and_not_before(
        self, holder, clock
    ):
        first, second = holder(), holder()
        first.poll()
        assert second.poll() is None
        clock.advance(TTL - timedelta(milliseconds=1))
        assert second.poll() is None

        clock.advance(MOMENT)

        assert second.poll() is Taken.EXPIRED
        assert second.token == 2

    def test_a_newcomer_gives_a_silent_owner_a_whole_ttl(self, holder, clock):
        holder().poll()
        clock.advance(timedelta(days=3))
        second = holder()

        assert second.poll() is None  # it may have renewed a moment ago
        clock.advance(TTL)
        assert second.poll() is Taken.EXPIRED

    def test_of_many_contenders_exactly_one_gets_it(self, holder, clock):
        for round_number in range(10):
            account = f"race{round_number}"
            EngineLease.objects.create(account=account)
            contenders = [holder(account=account) for _ in range(4)]
            start = threading.Barrier(len(contenders))
            taken = []

            def contend(one, start=start, taken=taken):
                start.wait()
                try:
                    taken.append(one.poll())
                finally:
                    connection.close()

            threads = [threading.Thread(target=contend, args=(one,)) for one in contenders]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

            assert taken.count(Taken.FREE) == 1
            assert EngineLease.objects.get(account=account).token == 1

    def test_accounts_do_not_disturb_each_other(self, holder):
        first, other = holder(), holder(account="other")

        assert first.poll() is Taken.FREE
        assert other.poll() is Taken.FREE


class TestWallClock:
    @pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(days=-1), timedelta(days=900)])
    def test_a_jump_does_not_steal_from_an_owner_that_renews(self, holder, clock, jump):
        first, second = holder(), holder()
        first.poll()
        second.poll()

        clock.set_wall(clock.now() + jump)
        for _ in range(20):
            clock.advance(timedelta(milliseconds=500))
            first.renew()
            assert second.poll() is None

        assert first.may_work()
        assert row().token == 1

    @pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(days=-1)])
    def test_a_jump_does_not_keep_a_dead_owner(self, holder, clock, jump):
        first, second = holder(), holder()
        first.poll()
        second.poll()

        clock.set_wall(clock.now() + jump)
        clock.advance(TTL)

        assert second.poll() is Taken.EXPIRED

    def test_each_renewal_is_a_change_even_when_the_wall_clock_stands_still(self, holder, clock):
        first = holder()
        first.poll()
        seen = set()
        for _ in range(5):
            first.renew()
            clock.set_wall(clock.now())
            seen.add(row().expires_ns)

        assert len(seen) >= 2
        assert all(abs(a - b) <= 1 for a, b in zip(sorted(seen), sorted(seen)[1:], strict=False))


class TestFencing:
    def test_an_owner_stops_a_quarter_of_the_ttl_before_a_contender_may_start(self, holder, clock):
        first = holder()
        first.poll()
        clock.advance(timedelta(milliseconds=2_999))
        assert first.may_work()

        clock.advance(timedelta(milliseconds=1))

        assert not first.may_work()
        assert not first.is_over()
        clock.advance(timedelta(seconds=1))
        assert first.is_over()

    def test_the_deadline_counts_from_before_the_renewal_was_sent(self, holder, clock):
        first = holder()
        first.poll()
        clock.advance(timedelta(seconds=2))
        started = clock.monotonic_ns()
        slow = _SlowClock(clock, timedelta(seconds=1))
        first._clock = slow
        first.renew()
        first._clock = clock

        assert first._deadline_ns == started + 4_000_000_000

    def test_a_former_owner_cannot_renew_and_cannot_write(self, holder, clock):
        first, second = holder(), holder()
        first.poll()
        second.poll()
        clock.advance(TTL)
        second.poll()

        with pytest.raises(Fenced, match="token 1 was taken over"):
            first.renew()
        with transaction.atomic(), pytest.raises(Fenced, match="token 1 of main"):
            check_fence("main", 1)
        with transaction.atomic():
            check_fence("main", 2)

    def test_after_a_release_nothing_may_be_written_with_its_token(self, holder):
        first = holder()
        first.poll()
        first.release()

        with transaction.atomic(), pytest.raises(Fenced):
            check_fence("main", 1)

    def test_an_account_without_a_lease_row_is_fenced(self):
        with transaction.atomic(), pytest.raises(Fenced):
            check_fence("nobody", 0)

    def test_a_late_release_does_not_free_the_lease_of_the_next_owner(self, holder, clock):
        first, second = holder(), holder()
        first.poll()
        second.poll()
        clock.advance(TTL)
        second.poll()

        first.release()

        assert row().owner == second.owner.text

    def test_tokens_only_grow(self, holder, clock):
        tokens = []
        for _ in range(6):
            one = holder()
            while one.poll() is None:
                clock.advance(timedelta(seconds=1))
            tokens.append(one.token)
            if one.token % 2:
                one.release()

        assert tokens == [1, 2, 3, 4, 5, 6]


class _SlowClock:
    """Takes its time between two looks, as a statement does that waits for a lock."""

    def __init__(self, clock, step):
        self._clock, self._step = clock, step

    def monotonic_ns(self):
        now_ns = self._clock.monotonic_ns()
        self._clock.advance(self._step)
        return now_ns

    def now_ns(self):
        return self._clock.now_ns()

    def now(self):
        return self._clock.now()


class TestSameHost:
    def test_a_dead_owner_of_this_host_is_replaced_at_once(self, holder, process, tmp_path):
        first = holder(as_owner(process), tmp_path)
        first.poll()
        second = holder(this_process(), tmp_path)
        assert second.poll() is None  # alive, and holds the file lock

        process.kill()
        process.wait()
        first._lock.release()  # as the kernel does when the real owner dies

        assert second.poll() is Taken.DEAD_LOCAL
        assert second.token == 2

    def test_a_zombie_counts_as_dead(self, holder, process, tmp_path):
        first = holder(as_owner(process), tmp_path)
        first.poll()
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        first._lock.release()

        assert holder(this_process(), tmp_path).poll() is Taken.DEAD_LOCAL

    def test_another_process_with_the_same_number_is_not_the_owner(self, holder, tmp_path):
        me = this_process()
        first = holder(Owner(me.host, me.pid, me.started_ticks - 1, "earlier"), tmp_path)
        first.poll()
        first._lock.release()

        assert holder(me, tmp_path).poll() is Taken.DEAD_LOCAL

    def test_a_frozen_owner_keeps_its_lease_for_the_whole_ttl(
        self, holder, process, tmp_path, clock
    ):
        holder(as_owner(process), tmp_path).poll()
        second = holder(this_process(), tmp_path)
        second.poll()
        process.send_signal(signal.SIGSTOP)
        clock.advance(TTL - MOMENT)
        assert second.poll() is None

        clock.advance(MOMENT)

        assert second.poll() is Taken.EXPIRED

    def test_the_file_lock_of_a_foreign_owner_proves_nothing(self, holder, clock, tmp_path):
        first = holder(FOREIGN, tmp_path)
        first.poll()
        first._lock.release()  # it never was on this host
        second = holder(this_process(), tmp_path)

        assert second.poll() is None
        clock.advance(MOMENT)
        assert second.poll() is None

    def test_a_live_owner_without_the_file_lock_is_left_alone(self, holder, clock, tmp_path):
        first = holder(this_process(), tmp_path)
        first.poll()
        first._lock.release()
        second = holder(this_process(), tmp_path)

        for _ in range(10):
            assert second.poll() is None
            clock.advance(MOMENT)
            first.renew()

    def test_only_an_expired_stopped_owner_of_this_host_is_killed(
        self, holder, process, tmp_path, clock
    ):
        holder(as_owner(process), tmp_path).poll()
        second = holder(this_process(), tmp_path)
        second.poll()
        assert not second.kill_frozen_owner()  # it runs
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        assert not second.kill_frozen_owner()  # its lease has not run out

        clock.advance(TTL)

        assert second.kill_frozen_owner()
        assert process.wait(5) == -signal.SIGKILL

    def test_a_stopped_process_of_another_host_is_not_ours_to_kill(
        self, holder, process, tmp_path, clock
    ):
        owner = as_owner(process)
        holder(Owner("elsewhere/1/1", owner.pid, owner.started_ticks, "x"), tmp_path).poll()
        second = holder(this_process(), tmp_path)
        second.poll()
        process.send_signal(signal.SIGSTOP)
        clock.advance(TTL)

        assert not second.kill_frozen_owner()


def test_the_default_times_keep_the_promises_that_are_made_with_them():
    times = LeaseTimes()

    assert times.renew_every_ms * 4 <= times.ttl_ms * (100 - times.guard_percent) // 100
    assert times.read_every_ms < times.ttl_ms // 4
