"""`manage.py up` as a whole: starts three processes, stops them in order, leaves none behind."""

import os
import signal
import socket
import time

import pytest

from tests.helpers.installation import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def up(broken):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def start():
        return broken.start("up", "--port", str(port), "--speed", "200", log="up")

    return start


def ready(broken, child):
    wait_for(lambda: "Ctrl-C stops" in broken.log("up") or child.poll() is not None, 90, "up")
    assert child.poll() is None, broken.log("up")
    return broken.wait_active(seconds=60)


def nothing_left(broken, seconds):
    return wait_for(lambda: not broken.processes(), seconds, "the end of all processes")[1]


def test_one_interrupt_stops_engine_jobs_and_web_in_this_order(broken, up):
    child = up()
    _, token, _ = ready(broken, child)
    began = time.monotonic()
    child.send_signal(signal.SIGINT)

    assert child.wait(60) == 0
    assert time.monotonic() - began < 40
    nothing_left(broken, 3)
    said = broken.log("up")
    order = [said.index(f"{name:<10} stopped") for name in ("engine", "jobs", "web")]
    assert order == sorted(order)
    assert "Traceback" not in said
    assert broken.sessions()[token][0] == "STOPPED"
    assert broken.lease()[0] == ""
    broken.assert_nothing_lost()


def test_two_interrupts_hurry_and_still_give_the_lease_back(broken, up):
    child = up()
    _, token, _ = ready(broken, child)
    began = time.monotonic()
    child.send_signal(signal.SIGINT)
    time.sleep(0.2)
    child.send_signal(signal.SIGINT)

    assert child.wait(40) in (0, 2)
    assert time.monotonic() - began < 25
    nothing_left(broken, 3)
    assert "Traceback" not in broken.log("up")
    assert broken.sessions()[token][0] == "STOPPED"
    assert broken.lease()[0] == ""


def test_killed_it_leaves_no_orphan_and_the_next_one_goes_on(broken, up):
    child = up()
    _, token, _ = ready(broken, child)
    os.kill(child.pid, signal.SIGKILL)

    nothing_left(broken, 25)
    assert broken.lease()[0] == ""
    again = up()
    _, next_token, _ = ready(broken, again)
    assert next_token > token
    again.send_signal(signal.SIGTERM)
    assert again.wait(60) == 0
    broken.assert_nothing_lost()


def test_a_second_one_on_the_same_data_is_refused_in_a_sentence(broken, up):
    child = up()
    ready(broken, child)
    second = broken.start("up", "--port", "0", log="second")

    assert second.wait(60) == 1
    assert "Traceback" not in broken.log("second")
