"""Telling pages: the row with the change, the nudge after the commit."""

import socket
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction

from polyarb_site.live.models import OutboxMessage
from polyarb_site.live.send import CHANNEL, SOCKETS_MAX, prune, publish, wake
from tests.conftest import NOON


@pytest.fixture
def run_dir(settings):
    with tempfile.TemporaryDirectory(prefix="pa-") as name:
        settings.RUN_DIR = Path(name)
        yield settings.RUN_DIR


@pytest.fixture
def listener(run_dir):
    """A web process that waits for hints."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(run_dir / "live-1.sock"))
        receiver.setblocking(False)
        yield receiver


def heard(receiver):
    count = 0
    while True:
        try:
            receiver.recv(16)
        except BlockingIOError:
            return count
        count += 1


@pytest.mark.django_db(transaction=True)
class TestPublish:
    def test_wakes_after_the_commit_and_not_before(self, listener):
        with transaction.atomic():
            publish("state", {"account": "main"}, at=NOON)
            assert heard(listener) == 0

        assert heard(listener) == 1
        row = OutboxMessage.objects.get()
        assert (row.topic, row.payload, row.created_at) == ("state", {"account": "main"}, NOON)

    def test_what_is_rolled_back_is_told_to_nobody(self, listener):
        with transaction.atomic():
            publish("state", {})
            transaction.set_rollback(True)

        assert heard(listener) == 0
        assert OutboxMessage.objects.count() == 0

    def test_an_unknown_topic_is_our_mistake(self):
        with pytest.raises(ValueError, match="is not a topic"):
            publish("everything", {})

    def test_nobody_listening_is_no_trouble(self, run_dir):
        publish("facts", {})

        assert OutboxMessage.objects.count() == 1

    @pytest.mark.postgres
    def test_on_postgresql_listeners_are_notified_at_the_commit(self, run_dir):
        if connection.vendor != "postgresql":
            return  # only PostgreSQL has LISTEN and NOTIFY
        import psycopg

        wanted = connection.get_connection_params()
        wanted = {k: wanted[k] for k in ("dbname", "user", "password", "host", "port")}
        with psycopg.connect(**wanted, autocommit=True) as listening:
            listening.execute(f"LISTEN {CHANNEL}")
            with transaction.atomic():
                publish("facts", {})
                assert list(listening.notifies(timeout=0.2)) == []
            told = list(listening.notifies(timeout=2, stop_after=1))

        assert [(note.channel, note.payload) for note in told] == [(CHANNEL, "facts")]


class TestWake:
    def test_reaches_every_process_of_this_machine(self, run_dir, listener):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as second:
            second.bind(str(run_dir / "live-2.sock"))

            assert wake() == 2

    def test_passes_over_what_is_dead_or_no_socket(self, run_dir, listener):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
            dead.bind(str(run_dir / "live-0.sock"))
        (run_dir / "live-9.sock").touch()
        (run_dir / "other.sock").touch()

        assert wake() == 1
        assert heard(listener) == 1

    def test_never_blocks_on_a_process_that_does_not_listen(self, listener):
        for _ in range(2_000):
            assert wake() == 1  # at last its buffer is full, and a hint waits there already

        assert heard(listener) > 0

    def test_a_missing_directory_or_one_with_a_long_name_is_no_trouble(self, tmp_path):
        long = tmp_path / ("x" * 150)
        long.mkdir()
        (long / "live-1.sock").touch()

        assert wake(tmp_path / "nowhere") == 0
        assert wake(long) == 0

    def test_has_a_limit(self, run_dir):
        opened = []
        for number in range(SOCKETS_MAX + 5):
            receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            receiver.bind(str(run_dir / f"live-{number}.sock"))
            opened.append(receiver)
        try:
            assert wake() == SOCKETS_MAX
        finally:
            for receiver in opened:
                receiver.close()


@pytest.mark.django_db
class TestPrune:
    def test_removes_what_is_older_and_keeps_the_rest(self):
        for minutes in range(10):
            publish("state", {"n": minutes}, at=NOON + timedelta(minutes=minutes))

        assert prune(NOON + timedelta(minutes=6)) == 6
        assert sorted(row.payload["n"] for row in OutboxMessage.objects.all()) == [6, 7, 8, 9]
        assert prune(NOON) == 0

    def test_keeps_a_young_one_among_old_ones(self):
        for minutes in (0, 9, 1):
            publish("state", {"n": minutes}, at=NOON + timedelta(minutes=minutes))

        assert prune(NOON + timedelta(minutes=5)) == 2
        assert [row.payload["n"] for row in OutboxMessage.objects.all()] == [9]
