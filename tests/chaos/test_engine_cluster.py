"""The engine in its cluster, with real processes killed and frozen: dependencies of section C.

After each fault: somebody trades again or everything is gone, tokens only grow, nothing stale is
written, no fact is lost or doubled, and no process is left behind.
"""

import os
import signal
import time

import pytest

from tests.helpers.installation import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

TTL_S = 4.0
CLEAN = (0, -signal.SIGTERM)


def gone(broken, seconds):
    """Wait until no process of the installation is left; return how long it took."""
    return wait_for(lambda: not broken.processes(), seconds, "the end of all processes")[1]


def sentinel_of(broken, parent):
    (one,) = [p for p in broken.processes() if p.ppid() == parent.pid]
    return one


def idle_workers(broken, parent, count):
    """The workers that wait for a task, once there are so many: their titles say it."""
    found = [p for p in broken.processes() if " ".join(p.cmdline()).strip().endswith(" idle")]
    return found if len(found) >= count and sentinel_of(broken, parent) else None


class TestWorkers:
    def test_a_killed_engine_is_replaced_by_its_standby_at_once(self, broken):
        broken.cluster()
        pid, token, _ = broken.wait_active()
        broken.standby()
        time.sleep(1.5)  # some facts more

        os.kill(pid, signal.SIGKILL)
        next_pid, next_token, took = broken.wait_active(above=token)

        assert took < 2.0
        assert next_pid != pid
        assert next_token == token + 1
        state, reason, closed = broken.sessions()[token]
        assert (state, reason, closed) == ("CRASHED", "its process died", True)
        broken.standby()  # and somebody stands by again
        broken.stop_engine()
        wait_for(lambda: broken.sessions()[next_token][0] == "STOPPED", 20, "the stop")
        broken.assert_nothing_lost()

    def test_a_frozen_engine_loses_its_lease_and_thaws_into_nothing(self, broken):
        broken.cluster()
        pid, token, _ = broken.wait_active()
        broken.standby()
        time.sleep(1)

        os.kill(pid, signal.SIGSTOP)
        _, next_token, took = broken.wait_active(above=token)
        assert TTL_S * 0.7 < took < TTL_S + 4
        assert next_token == token + 1
        assert broken.sessions()[token][0] in ("FENCED", "CRASHED")
        before = broken.database.rows(f"SELECT * FROM trading_enginesession WHERE token = {token}")
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            return  # it was frozen inside a transaction, and had to be killed
        wait_for(lambda: pid not in [p.pid for p in broken.processes()], 15, "its end")

        after = broken.database.rows(f"SELECT * FROM trading_enginesession WHERE token = {token}")
        assert before == after
        assert broken.lease()[2] == next_token
        time.sleep(1)
        broken.stop_engine()
        wait_for(lambda: broken.sessions()[next_token][0] == "STOPPED", 20, "the stop")
        broken.assert_nothing_lost()

    def test_a_frozen_standby_does_not_keep_others_from_taking_over(self, broken):
        broken.cluster()
        pid, token, _ = broken.wait_active()
        standby = broken.standby()

        os.kill(standby, signal.SIGSTOP)
        os.kill(pid, signal.SIGKILL)
        time.sleep(TTL_S)  # the minute's look finds a lease that has run out
        said = broken.manage(
            "shell", "-c", "from trading.tasks import ensure_engines; print(ensure_engines())"
        )
        assert "main" in said
        _, next_token, took = broken.wait_active(above=token, seconds=40)

        assert next_token == token + 1
        assert took < 25

    def test_a_shift_that_is_handed_out_again_ends_at_once(self, broken):
        broken.cluster()
        pid, token, _ = broken.wait_active()
        broken.standby()
        broken.database.rows("UPDATE django_q_ormq SET lock = '2020-01-01 00:00:00'")

        shifts = "SELECT COUNT(*) FROM django_q_task WHERE func = 'trading.tasks.engine_shift'"
        wait_for(lambda: broken.database.one(shifts)[0] >= 2, 30, "the copies' end")

        assert broken.lease()[1:] == (pid, token)
        assert len(broken.sessions()) == 1
        assert broken.active() == pid

    def test_a_killed_idle_worker_blocks_the_cluster_but_not_its_end(self, broken):
        broken.stop_engine()  # nothing shall be busy
        parent = broken.cluster()
        done = "SELECT COUNT(*) FROM django_q_task"
        wait_for(lambda: broken.database.one(done)[0], 30, "the first task")
        time.sleep(2)
        # All of them wait for a task, and one of them holds the lock with which they wait.
        for worker in wait_for(lambda: idle_workers(broken, parent, 3), 30, "idle workers")[0]:
            worker.kill()
        time.sleep(2)
        broken.manage(
            "shell",
            "-c",
            "from django_q.tasks import async_task;"
            "print(async_task('trading.tasks.canary', 'engine', cluster='engine'))",
        )
        before = broken.database.one(done)
        time.sleep(4)
        assert broken.database.one(done) == before  # alive, and it does nothing: hence canaries
        parent.send_signal(signal.SIGTERM)

        assert parent.wait(20) == 0
        assert gone(broken, 5) < 5


class TestCluster:
    @pytest.fixture
    def running(self, broken):
        parent = broken.cluster()
        pid, token, _ = broken.wait_active()
        broken.standby()
        time.sleep(1)
        return parent, pid, token

    def stopped_in_order(self, broken, token):
        assert "is killed" not in broken.log("engine")
        state, _, closed = broken.sessions()[token]
        assert (state, closed) == ("STOPPED", True)
        assert broken.lease()[0] == ""
        broken.assert_nothing_lost()

    def test_its_start_warns_of_nothing(self, broken, running):
        assert "misconfigured" not in broken.log("engine")
        assert "WARNING" not in broken.log("engine")

    def test_a_signal_to_the_parent_stops_the_engine_in_order(self, broken, running):
        parent, _, token = running
        began = time.monotonic()
        parent.send_signal(signal.SIGTERM)

        assert parent.wait(15) == 0
        assert time.monotonic() - began < 8
        gone(broken, 2)
        self.stopped_in_order(broken, token)

    def test_a_signal_to_the_whole_group_stops_the_engine_in_order(self, broken, running):
        parent, _, token = running
        os.killpg(parent.pid, signal.SIGTERM)

        assert parent.wait(15) == 0
        gone(broken, 2)
        self.stopped_in_order(broken, token)

    def test_an_interrupt_of_the_whole_group_stops_the_engine_in_order(self, broken, running):
        parent, _, token = running
        os.killpg(parent.pid, signal.SIGINT)

        assert parent.wait(15) == 0
        gone(broken, 2)
        self.stopped_in_order(broken, token)
        assert "Traceback" not in broken.log("engine")

    def test_a_killed_parent_takes_everything_along(self, broken, running):
        parent, _, token = running
        parent.kill()

        assert gone(broken, 6) < 6
        self.stopped_in_order(broken, token)

    def test_a_killed_sentinel_ends_the_cluster_with_its_own_status(self, broken, running):
        parent, _, token = running
        sentinel_of(broken, parent).kill()

        assert parent.wait(10) == 70
        assert gone(broken, 3) < 3
        self.stopped_in_order(broken, token)

    def test_a_cluster_that_is_started_again_goes_on_where_the_last_one_stopped(
        self, broken, running
    ):
        parent, _, token = running
        os.killpg(parent.pid, signal.SIGKILL)
        gone(broken, 5)

        broken.cluster()
        _, next_token, took = broken.wait_active(above=token)

        assert next_token == token + 1
        assert took < 25  # most of it is the start of a cluster
        assert broken.sessions()[token][0] == "CRASHED"
        rows = broken.database.one("SELECT COUNT(*) FROM django_q_ormq WHERE key = 'engine'")
        assert rows[0] <= 3  # what the dead workers held was cleared

    def test_an_unstoppable_task_does_not_keep_the_cluster_from_ending(self, broken, running):
        parent, pid, _ = running
        os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        parent.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        parent.send_signal(signal.SIGTERM)  # in a hurry

        assert parent.wait(15) == 0
        assert time.monotonic() - began < 8
        assert gone(broken, 2) < 2
