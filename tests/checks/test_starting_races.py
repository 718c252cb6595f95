"""Starts at the same moment, and one that is killed: with connections of their own."""

import os
import signal
import threading

import pytest
from django.db import connection, connections

from checks.models import Promotion
from checks.selectors.bindings import broken
from checks.services import starting
from checks.services.starting import start_live
from polyarb_site.audit.models import AuditEvent
from polyarb_site.audit.verifying import verify_audit
from reports.models import BackupRun
from tests.checks.promotion_world import MINUTE, World, stand_in
from tests.conftest import ACCOUNT, NOON
from trading.models import Mandate
from trading.services import ServiceRefused

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
LATER = NOON + 5 * MINUTE
POINTS = ("move", "start_engine", "_pin", "_record")


@pytest.fixture
def world(transactional_db, monkeypatch):
    stand_in(monkeypatch)
    world = World()
    world.approved()
    return world


def start(**options):
    return start_live(ACCOUNT, **{"by": None, "by_name": "shell:root", "at": LATER, **options})


def test_of_starts_in_several_threads_exactly_one_wins(world):
    together = threading.Barrier(3)
    won, lost = [], []

    def one():
        try:
            won.append(start(ready=lambda _plan: together.wait(timeout=30))[0])
        except ServiceRefused as refused:
            lost.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert (len(won), len(lost)) == (1, 2), lost
    assert AuditEvent.objects.filter(action="promotion.consume").count() == 1
    assert AuditEvent.objects.filter(action="engine.start_live").count() == 1
    assert broken(ACCOUNT, Mandate.objects.get().grant) == ""


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("late", [False, True])
def test_a_start_that_is_killed_has_consumed_and_granted_nothing(world, monkeypatch, point, late):
    whole = getattr(starting, point)

    def die(*args, **options):
        if late:
            whole(*args, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    connections.close_all()
    pid = os.fork()
    if pid == 0:
        setattr(starting, point, die)
        try:
            start()
        finally:
            os._exit(1)  # never reached: the process is killed before
    _, status = os.waitpid(pid, 0)

    assert os.WTERMSIG(status) == signal.SIGKILL
    mandate = Mandate.objects.get()
    assert (mandate.phase, mandate.desired, mandate.grant) == (0, "STOP", {})
    assert Promotion.objects.get().state == "APPROVED"
    assert verify_audit([]).broken is None
    started, _ = start()
    assert broken(ACCOUNT, started.grant) == ""


def test_the_backup_before_a_start_is_really_taken_verified_and_pinned(
    transactional_db, monkeypatch, settings, tmp_path
):
    from reports.services import take_backup

    settings.BACKUP_DIR, settings.RUN_DIR = tmp_path / "backups", tmp_path / "run"
    settings.JOURNAL_DIR = tmp_path / "journal"
    settings.BACKUP_DIR.mkdir()
    stand_in(monkeypatch, backup=take_backup)
    world = World()
    world.approved()

    _, plan = start()

    row = BackupRun.objects.get(name=plan.backup)
    assert (row.kind, row.state, row.pinned) == ("PRE_LIVE", "VERIFIED", True)
    assert (settings.BACKUP_DIR / plan.backup / "metadata.json").exists()
