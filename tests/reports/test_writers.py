"""A backup that is taken while others write is one moment of the database, and stops nobody."""

import threading
import time

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from polyarb_site.clock import SystemClock
from reports.backups import metadata
from tests.helpers.audit import note
from tests.reports.taking import folder, take

pytestmark = pytest.mark.slow

WRITERS = 3


class Writers:
    """Threads that add a group and an audit record in one transaction, again and again."""

    def __init__(self):
        self.stop = threading.Event()
        self.done = 0
        self.slowest_ms = 0.0
        self.failures = []
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(WRITERS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error):
        self.stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, writer):
        number = 0
        try:
            while not self.stop.is_set():
                began = time.perf_counter()
                with transaction.atomic():
                    Group.objects.create(name=f"{writer}-{number}")
                    note(after={"n": number}, at=SystemClock().now())
                took_ms = (time.perf_counter() - began) * 1000
                with self._lock:
                    self.done += 1
                    self.slowest_ms = max(self.slowest_ms, took_ms)
                number += 1
                time.sleep(0.002)
        except Exception as error:  # noqa: BLE001 - a thread's failure is the test's
            self.failures.append(error)
        finally:
            connection.close()


def test_what_belongs_together_is_together_in_it(portal):
    groups = Group.objects.count()
    with Writers() as writers:
        while writers.done < 30 and not writers.failures:
            time.sleep(0.01)
        before = writers.done
        row = take()
        went_on = writers.done - before

    told, _ = metadata.read(folder(row))
    assert writers.failures == []
    assert (row.state, row.problem) == ("VERIFIED", "")  # with its audit chain, record by record
    assert told.rows["auth_group"] - groups == told.rows["audit_auditevent"] - 5
    assert told.rows["auth_group"] - groups >= before - WRITERS
    assert went_on > 0
