"""Nothing is lost: channels down for an hour, the sender killed in the middle, a full disk.

What the runs came to is written to build/outages.json; docs/BENCHMARKS.md states it.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import DatabaseError, OperationalError, connection

from alerts.models import Channel, Delivery
from alerts.pump import CLAIM_TTL, Pump, send_due
from polyarb_site.clock import SystemClock
from polyarb_site.live.models import OutboxMessage
from tests.alerts.telling import HOUR, delivery
from tests.helpers.clocks import FixedClock
from tests.helpers.outages import FAILURES, KINDS, Figures, Outage, Receiving, judge

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
DIE = """
import os, signal, sys
import django; django.setup()
from alerts import pump
from polyarb_site.clock import SystemClock
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
setattr(pump.Pump, sys.argv[1], die)
pump.send_due(SystemClock())
"""
SENDERS = """
import os, signal, sys
from datetime import timedelta
import django; django.setup()
from alerts import pump
from polyarb_site.clock import SystemClock
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
pump.CLAIM_TTL = timedelta(seconds=0.3)
for _ in sys.stdin:
    pid = os.fork()
    if pid:
        print(pid, flush=True)
        continue
    works = pump.Pump(SystemClock())
    while True:
        works.poll()
        works.wait(0.05)
"""


def start(code, *arguments):
    """Start a process on the database of this test."""
    place = connection.settings_dict
    if connection.vendor == "postgresql":
        who = f"{place['USER']}:{place['PASSWORD']}@{place['HOST']}:{place['PORT'] or 5432}"
        url = f"postgres://{who}/{place['NAME']}"
    else:
        url = f"sqlite://{place['NAME']}"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "polyarb_site.settings",
        "POLYARB_DATA_DIR": str(settings.DATA_DIR),
        "DATABASE_URL": url,
    }
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def queue(row, numbers, now):
    for number in numbers:
        delivery(row, number, created_at=now, next_try_at=now, expires_at=now + 24 * HOUR)


def note(name, figures):
    """Keep what a run came to for docs/BENCHMARKS.md."""
    file = ROOT / "build" / "outages.json"
    file.parent.mkdir(exist_ok=True)
    known = json.loads(file.read_text()) if file.exists() else {}
    known[f"{name} ({connection.vendor})"] = figures
    file.write_text(json.dumps(known, indent=1, sort_keys=True))


@pytest.fixture
def receiving(request):
    one = Receiving(getattr(request, "param", "WEBHOOK"))
    yield one
    one.close()


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_channel_that_is_down_for_an_hour_loses_nothing_and_holds_up_no_other(
    kind, failure, clock
):
    figures = Outage(clock, failure, kind).run()
    note(f"hour: {kind}, {failure}", figures.row())
    assert (figures.queued, figures.lost, figures.out_of_order) == (21, 0, 0)
    assert figures.arrived_twice == figures.twice_marked
    assert figures.others_worst_s == 0
    assert figures.caught_up_s <= 360
    assert (figures.arrived_twice > 0) is (failure == FAILURES[2])


class TestKilled:
    def again(self, receiving, numbers):
        """Let another process find what the dead one left, when its claim has run out."""
        later = FixedClock(SystemClock().now() + CLAIM_TTL + timedelta(seconds=1))
        send_due(later)
        figures = Figures(channel=receiving.kind, failure="killed", queued=len(numbers))
        judge(figures, receiving.arrived(), numbers)
        assert not Delivery.objects.exclude(state="SENT").exists()
        assert (figures.lost, figures.out_of_order) == (0, 0)
        assert figures.arrived_twice == figures.twice_marked
        return figures

    @pytest.mark.parametrize("receiving", KINDS, indirect=True)
    def test_while_the_other_side_has_it_and_has_not_answered(self, receiving):
        queue(receiving.row, range(3), SystemClock().now())
        receiving.server.hold.clear()
        child = start(
            "import django; django.setup()\nfrom alerts import pump\n"
            "from polyarb_site.clock import SystemClock\npump.send_due(SystemClock())"
        )
        assert receiving.server.arrived.wait(30)
        child.send_signal(signal.SIGKILL)
        assert child.wait(10) == -signal.SIGKILL
        child.communicate(timeout=10)
        receiving.server.hold.set()
        figures = self.again(receiving, range(3))
        assert figures.arrived_twice == 1
        assert Delivery.objects.filter(repeated=True).count() == 1

    @pytest.mark.parametrize(("point", "twice"), [("_send", 0), ("_arrived", 1), ("_record", 1)])
    def test_before_the_call_and_before_its_outcome_is_written(self, receiving, point, twice):
        queue(receiving.row, range(3), SystemClock().now())
        child = start(DIE, point)
        child.communicate(timeout=60)
        assert child.returncode == -signal.SIGKILL
        assert Delivery.objects.filter(state="SENDING").count() == 1
        figures = self.again(receiving, range(3))
        assert figures.arrived_twice == twice
        assert Delivery.objects.filter(repeated=True).count() == 1

    @pytest.mark.timeout(300)
    def test_again_and_again_until_all_is_sent(self, db):
        """Kill the sender at random moments; a new one goes on each time."""
        rng, total, kills = random.Random(5), 60, 0
        channels = [Receiving("WEBHOOK", name) for name in ("one", "two", "three")]
        nursery = start(SENDERS)  # forks a sender for each line: starting Python takes seconds
        try:
            for one in channels:
                one.server.delay_s = 0.02
                queue(one.row, range(total), SystemClock().now())
            while Delivery.objects.exclude(state="SENT").exists():
                before = Delivery.objects.filter(state="SENT").count()
                nursery.stdin.write("\n")
                nursery.stdin.flush()
                sender = int(nursery.stdout.readline())
                self.wait_for_more(before)
                time.sleep(rng.uniform(0.1, 0.5))
                os.kill(sender, signal.SIGKILL)
                kills += 1
            figures = Figures(channel="3 of WEBHOOK", failure="killed", queued=3 * total)
            for one in channels:
                judge(figures, one.arrived(), range(total))
        finally:
            nursery.kill()
            nursery.communicate(timeout=10)
            for one in channels:
                one.close()
        marked = Delivery.objects.filter(repeated=True).count()
        note("killed", {**figures.row(), "kills": kills, "rows_marked": marked})
        assert kills >= 3
        assert (figures.lost, figures.out_of_order) == (0, 0)
        assert figures.arrived_twice == figures.twice_marked <= marked

    def wait_for_more(self, before):
        ends = time.monotonic() + 30
        rows = Delivery.objects.filter(state="SENT")
        while rows.count() <= before and time.monotonic() < ends:
            if not Delivery.objects.exclude(state="SENT").exists():
                return
            time.sleep(0.01)


class TestFullDisk:
    """The outcome of a message that arrived cannot be written."""

    @pytest.fixture
    def full(self, monkeypatch):
        """Make the disk full for the connection that writes an outcome, until it is emptied."""
        record, state = Pump._record, {"full": True, "errors": 0}

        def filled(pump, *arguments):
            if not state["full"]:
                return record(pump, *arguments)
            try:
                with _full_disk():
                    return record(pump, *arguments)
            except DatabaseError:
                state["errors"] += 1
                raise

        monkeypatch.setattr(Pump, "_record", filled)
        return state

    def test_it_is_sent_again_and_marked_and_nothing_is_lost(self, receiving, clock, full, caplog):
        queue(receiving.row, range(5), clock.now())
        send_due(clock)
        assert full["errors"] == 1
        assert Delivery.objects.filter(state="SENDING").count() == 1
        assert "the database could not be written" in caplog.text
        send_due(clock)
        assert len(receiving.arrived()) == 1  # the claim stands, nothing is sent meanwhile
        full["full"] = False
        clock.advance(CLAIM_TTL)
        send_due(clock)
        figures = Figures(channel="WEBHOOK", failure="disk full", queued=5)
        judge(figures, receiving.arrived(), range(5))
        note("disk full", figures.row())
        assert (figures.lost, figures.arrived_twice, figures.twice_marked) == (0, 1, 1)
        assert Delivery.objects.filter(state="SENT").count() == 5

    def test_for_an_hour_it_is_one_double_a_claim_and_no_more(self, receiving, clock, full):
        queue(receiving.row, range(5), clock.now())
        for _ in range(10):
            send_due(clock)
            clock.advance(timedelta(seconds=30))
        assert full["errors"] == 5
        full["full"] = False
        clock.advance(CLAIM_TTL)
        send_due(clock)
        figures = Figures(channel="WEBHOOK", failure="disk full", queued=5)
        judge(figures, receiving.arrived(), range(5))
        assert (figures.lost, figures.arrived_twice, figures.twice_marked) == (0, 5, 5)
        assert Channel.objects.get().problem == ""


class _full_disk:  # noqa: N801 - reads as what it is
    """Real on SQLite: no page is left. On PostgreSQL the server's own refusal is played."""

    def __enter__(self):
        if connection.vendor != "sqlite":
            self._wrapper = connection.execute_wrapper(_no_space)
            self._wrapper.__enter__()
            return
        with connection.cursor() as cursor:
            pages = cursor.execute("PRAGMA page_count").fetchone()[0]
            cursor.execute(f"PRAGMA max_page_count = {pages}")
        for size in (3_000, 100, 1):
            with pytest.raises(OperationalError, match="full"):
                self._fill(size)

    def _fill(self, size):
        while True:
            OutboxMessage.objects.create(
                topic="facts", payload={"x": "x" * size}, created_at=SystemClock().now()
            )

    def __exit__(self, *error):
        if connection.vendor != "sqlite":
            self._wrapper.__exit__(*error)
            return
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count = 4294967294")


def _no_space(execute, sql, params, many, context):
    if sql.startswith(("INSERT", "UPDATE")):
        raise OperationalError("could not extend file: No space left on device")
    return execute(sql, params, many, context)
