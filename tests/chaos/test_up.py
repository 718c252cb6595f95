"""`manage.py up` as a whole: starts three processes, stops them in order, leaves none behind."""

import os
import signal
import socket
import time

import pytest

from tests.helpers.installation import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def up(broken):
    port = free_port()

    def start():
        return broken.start(
            *("up", "--port", str(port), "--feed", "recorded", "--speed", "200"), log="up"
        )

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
    second = broken.start("up", "--port", "0", "--feed", "recorded", log="second")

    assert second.wait(60) == 1
    assert "Traceback" not in broken.log("second")


def test_the_local_venue_is_traded_on_from_any_folder_and_stops_last(broken, tmp_path):
    child = broken.start(
        *("up", "--port", str(free_port()), "--feed", "simulator", "--shadow"),
        log="up",
        cwd=tmp_path,
        POLYARB_SIMULATOR_PORT=str(free_port()),
    )
    ready(broken, child)
    merged = "select count(*) from trading_arbitrageset where state = 'MERGED'"
    wait_for(lambda: broken.database.one(merged)[0], 150, "a merged set")
    child.send_signal(signal.SIGINT)

    assert child.wait(60) == 0
    nothing_left(broken, 3)
    said = broken.log("up")
    assert "SIMULATED" in said
    assert "died" not in said
    assert "Traceback" not in said
    assert said.index("web        stopped") < said.index("venue      stopped")
    broken.assert_nothing_lost()


def test_a_halted_portal_is_open_at_once_and_says_how_to_resume(broken):
    assert broken.start("emergency_stop", "--reason", "odd fills", log="halt").wait(60) == 0
    child = broken.start("up", "--port", str(free_port()), "--feed", "recorded", log="up")
    wait_for(lambda: "Ctrl-C stops" in broken.log("up") or child.poll() is not None, 90, "up")
    child.send_signal(signal.SIGINT)

    assert child.wait(60) == 0
    said = broken.log("up")
    assert "stays halted" in said
    assert "manage.py resume_trading --reason" in said
    assert "not ready yet" not in said


def test_a_taken_port_of_the_local_venue_is_said_before_anything_starts(broken):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        child = broken.start(
            *("up", "--port", str(free_port()), "--feed", "simulator"),
            log="up",
            POLYARB_SIMULATOR_PORT=str(port),
        )
        assert child.wait(60) == 1
    said = broken.log("up")
    assert f"{port}" in said
    assert "POLYARB_SIMULATOR_PORT" in said
    assert "Traceback" not in said
