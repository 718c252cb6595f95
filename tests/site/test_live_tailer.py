"""The tailer: every committed message once and in order, whoever writes and whatever fails."""

import asyncio
import socket
import tempfile
import threading
import time
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from channels.layers import channel_layers, get_channel_layer
from django.db import OperationalError, connection, connections, transaction

from polyarb_site.live import outbox, wakeup
from polyarb_site.live.models import OutboxMessage
from polyarb_site.live.outbox import Position
from polyarb_site.live.send import publish
from polyarb_site.live.tailer import Tailer
from tests.conftest import NOON

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS, EACH = 4, 100


@pytest.fixture(autouse=True)
async def close_the_other_thread():
    """What sync_to_async opened in its thread would keep the test database in use."""
    yield
    await sync_to_async(connections.close_all)()


@pytest.fixture
def run_dir():
    with tempfile.TemporaryDirectory(prefix="pa-") as name:
        yield Path(name)


class Listening:
    """A tailer with one listener to all of its topics."""

    def __init__(self, run_dir, *, poll_seconds=1.0, topics=("facts",)):
        self.tailer = Tailer(run_dir, poll_seconds=poll_seconds)
        self.topics = topics

    async def __aenter__(self):
        await self.tailer.hold()
        self.layer = get_channel_layer()
        self.channel = await self.layer.new_channel()
        for topic in self.topics:
            await self.layer.group_add(self.tailer.group(topic), self.channel)
        return self

    async def __aexit__(self, *_):
        for topic in self.topics:
            await self.layer.group_discard(self.tailer.group(topic), self.channel)
        await self.tailer.release()

    async def batch(self, timeout=5.0):
        return await asyncio.wait_for(self.layer.receive(self.channel), timeout)

    async def numbers(self, count):
        """Return the numbers in the next messages, and check that no batch is missing."""
        found: list[int] = []
        sequence = 0
        while len(found) < count:
            batch = await self.batch()
            assert batch["sequence"] == sequence + 1 or not sequence
            sequence = batch["sequence"]
            found += [message["payload"]["n"] for message in batch["messages"]]
        return found


def runs(tailer):
    return tailer._thread is not None


async def send(n, topic="facts"):
    return await sync_to_async(publish)(topic, {"n": n}, at=NOON)


class TestHearing:
    async def test_a_message_comes_long_before_the_slow_poll(self, run_dir, settings):
        settings.RUN_DIR = run_dir
        # On PostgreSQL a transaction of anybody else's may hold the row back.
        poll_seconds = 3 if connection.vendor == "postgresql" else 30
        async with Listening(run_dir, poll_seconds=poll_seconds) as one:
            began = time.monotonic()
            await send(1)

            assert await one.numbers(1) == [1]
            assert time.monotonic() - began < 5

    async def test_a_lost_hint_costs_only_the_slow_poll(self, run_dir, settings):
        settings.RUN_DIR = run_dir / "nobody"  # hints go nowhere
        async with Listening(run_dir, poll_seconds=0.1) as one:
            await send(1)

            assert await one.numbers(1) == [1]

    async def test_without_a_socket_the_slow_poll_has_to_do(self, run_dir, caplog):
        too_long = run_dir / ("x" * 120)
        async with Listening(too_long, poll_seconds=0.1) as one:
            await send(1)

            assert await one.numbers(1) == [1]
        assert "no wake-up socket" in caplog.text

    async def test_sockets_of_dead_processes_are_removed_and_living_ones_stay(self, run_dir):
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as living,
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead,
        ):
            living.bind(str(run_dir / "live-1.sock"))
            dead.bind(str(run_dir / "live-2.sock"))
            dead.close()
            own = wakeup.WakeSocket(run_dir, lambda: None)
            own.open()

            names = {path.name for path in run_dir.iterdir()}

            assert "live-1.sock" in names
            assert "live-2.sock" not in names
            own.close()
            assert {path.name for path in run_dir.iterdir()} == {"live-1.sock"}


class TestOrder:
    async def test_what_was_there_before_is_old(self, run_dir):
        await send(1)
        async with Listening(run_dir, poll_seconds=0.1) as one:
            await send(2)

            assert await one.numbers(1) == [2]

    async def test_each_topic_has_its_own_gapless_numbers(self, run_dir):
        async with Listening(run_dir, poll_seconds=0.1, topics=("facts", "alerts")) as one:
            for n in range(3):
                await send(n, "facts")
                await send(n, "alerts")
            seen: dict[str, list[int]] = {"facts": [], "alerts": []}
            while sum(map(len, seen.values())) < 6:
                batch = await one.batch()
                seen[batch["topic"]] += [m["payload"]["n"] for m in batch["messages"]]

            assert seen == {"facts": [0, 1, 2], "alerts": [0, 1, 2]}

    async def test_a_long_backlog_comes_in_batches(self, run_dir, monkeypatch):
        monkeypatch.setattr(outbox, "BATCH_ROWS_MAX", 10)
        monkeypatch.setattr(outbox.read, "__kwdefaults__", {"limit": 10})
        async with Listening(run_dir, poll_seconds=0.1) as one:
            rows = [
                OutboxMessage(topic="facts", payload={"n": n}, created_at=NOON) for n in range(35)
            ]
            await sync_to_async(OutboxMessage.objects.bulk_create)(rows)

            assert await one.numbers(35) == list(range(35))

    @pytest.mark.postgres
    async def test_of_concurrent_writers_none_is_lost(self, run_dir):
        """Ids are given before the commit, so a reader by id alone passes over the slow ones."""
        if connection.vendor != "postgresql":
            return  # SQLite has one writer at a time
        async with Listening(run_dir, poll_seconds=0.02) as one:
            failed: list[Exception] = []
            threads = [
                threading.Thread(target=write_many, args=(number, failed))
                for number in range(WRITERS)
            ]
            for thread in threads:
                thread.start()
            got = await one.numbers(WRITERS * EACH)
            for thread in threads:
                thread.join()

        assert failed == []
        assert sorted(got) == list(range(WRITERS * EACH))

    @pytest.mark.postgres
    def test_a_row_is_not_read_while_an_older_transaction_runs(self):
        if connection.vendor != "postgresql":
            return  # SQLite has one writer at a time
        began, go_on = threading.Event(), threading.Event()

        def slow():
            with transaction.atomic():
                publish("facts", {"n": "slow"}, at=NOON)
                began.set()
                go_on.wait(10)
            connection.close()

        thread = threading.Thread(target=slow)
        thread.start()
        began.wait(10)
        publish("facts", {"n": "fast"}, at=NOON)
        early = outbox.read(Position())
        go_on.set()
        thread.join()

        assert early == []
        assert [row["payload"]["n"] for row in outbox.read(Position())] == ["slow", "fast"]

    @pytest.mark.postgres
    async def test_postgresql_wakes_by_notify(self, run_dir, settings):
        if connection.vendor != "postgresql":
            return  # only PostgreSQL has LISTEN
        settings.RUN_DIR = run_dir / "nobody"
        async with Listening(run_dir, poll_seconds=4) as one:
            await asyncio.sleep(0.5)  # for the LISTEN
            await send(1)

            assert await one.numbers(1) == [1]


def write_many(number, failed):
    try:
        for step in range(EACH):
            with transaction.atomic():
                publish("facts", {"n": number * EACH + step}, at=NOON)
                time.sleep(0.001 * (number % 3))
    except Exception as error:  # noqa: BLE001 - a thread's failure has to reach the test
        failed.append(error)
    finally:
        connection.close()


class TestTrouble:
    async def test_a_database_that_was_away_loses_nothing(self, run_dir, monkeypatch, caplog):
        async with Listening(run_dir, poll_seconds=0.05) as one:
            real = outbox.read

            def away(*_args, **_kwargs):
                raise OperationalError("the database is away")

            monkeypatch.setattr(outbox, "read", away)
            await send(1)
            await asyncio.sleep(0.4)
            monkeypatch.setattr(outbox, "read", real)

            assert await one.numbers(1) == [1]
        assert caplog.text.count("live updates wait") == 1

    async def test_a_layer_that_was_away_loses_nothing(self, run_dir, monkeypatch):
        async with Listening(run_dir, poll_seconds=0.05, topics=("facts", "alerts")) as one:
            layer = get_channel_layer()
            real = layer.group_send
            failures = iter([OSError("refused"), OSError("refused")])

            async def group_send(group, message):
                for failure in failures:
                    raise failure
                await real(group, message)

            monkeypatch.setattr(layer, "group_send", group_send)
            await send(1, "facts")
            await send(2, "alerts")

            topics = {(await one.batch())["topic"] for _ in range(2)}
            assert topics == {"facts", "alerts"}

    async def test_a_tailer_that_nobody_holds_has_no_thread_and_no_socket(self, run_dir):
        one = Tailer(run_dir)
        await one.hold()
        await one.hold()
        await one.release()
        assert runs(one)

        await one.release()

        assert not runs(one)
        assert list(run_dir.iterdir()) == []


@pytest.mark.redis
async def test_on_redis_two_processes_tell_their_own_pages_once(run_dir):
    layer = type(get_channel_layer()).__module__
    if "redis" not in layer:
        return  # the layer in memory is what the other tests use
    async with (
        Listening(run_dir, poll_seconds=0.05) as one,
        Listening(run_dir, poll_seconds=0.05) as other,
    ):
        for n in range(20):
            await send(n)

        assert await one.numbers(20) == list(range(20))
        assert await other.numbers(20) == list(range(20))
        with pytest.raises(TimeoutError):
            await one.batch(timeout=0.5)
    await channel_layers["default"].flush()
