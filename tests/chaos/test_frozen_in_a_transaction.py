"""An owner that freezes inside a transaction holds a lock that nobody else gets: it has to go."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.helpers.installation import ROOT, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

COMMON = """
import os, signal, sys, threading, time
from pathlib import Path
os.environ["DJANGO_SETTINGS_MODULE"] = "polyarb_site.settings"
import django
django.setup()
from django.conf import settings
from django.db import transaction
from polyarb_site.clock import SystemClock
from trading.lease import LeaseHolder, LeaseTimes, check_fence, standby_lock
from trading.runtime.contending import Contender
times = LeaseTimes(ttl_ms=1500, renew_every_ms=200, read_every_ms=50)
holder = LeaseHolder("main", clock=SystemClock(), run_dir=settings.RUN_DIR, times=times)
"""
OWNER = """
while holder.poll() is None:
    time.sleep(0.05)
with transaction.atomic():
    check_fence("main", holder.token)
    print("frozen", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
    print("thawed", flush=True)
"""
CONTENDER = """
contender = Contender(
    holder=holder,
    standby=standby_lock(settings.RUN_DIR, "main"),
    stop=threading.Event(),
    clock=SystemClock(),
    wait_ms_max=60_000,
    obstacle=lambda: "",
)
print("ready", flush=True)
print("taken", contender.contend(), holder.token, flush=True)
"""


@pytest.fixture
def script(broken):
    def start(code):
        child = subprocess.Popen(
            [sys.executable, "-c", COMMON + code],
            cwd=ROOT,
            env=broken.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        broken.started.append(child)
        return child

    yield start
    for child in broken.started:
        child.kill()
        child.stdout.close()


def test_it_is_killed_once_its_lease_has_run_out_and_the_next_owner_goes_on(broken, script):
    owner = script(OWNER)
    assert owner.stdout.readline() == "frozen\n"
    os.waitid(os.P_PID, owner.pid, os.WSTOPPED | os.WNOWAIT)
    contender = script(CONTENDER)
    assert contender.stdout.readline() == "ready\n"
    began = time.monotonic()

    assert contender.stdout.readline() in ("taken EXPIRED 2\n", "taken DEAD_LOCAL 2\n")

    assert 1.0 < time.monotonic() - began < 15
    assert owner.wait(5) == -signal.SIGKILL
    assert broken.lease()[2] == 2


def test_a_process_that_runs_is_never_killed_for_holding_a_lock(broken, script):
    busy = script(
        """
while holder.poll() is None:
    time.sleep(0.05)
with transaction.atomic():
    check_fence("main", holder.token)
    print("holding", flush=True)
    time.sleep(6)
print("done", flush=True)
"""
    )
    assert busy.stdout.readline() == "holding\n"
    contender = script(CONTENDER)
    assert contender.stdout.readline() == "ready\n"

    assert busy.stdout.readline() == "done\n"
    assert busy.wait(5) == 0
    assert contender.stdout.readline() in ("taken EXPIRED 2\n", "taken DEAD_LOCAL 2\n")
    wait_for(lambda: contender.poll() is not None, 10, "the contender's end")
