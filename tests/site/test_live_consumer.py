"""The WebSocket of an open page: who may listen, what it is told, and that nothing gets lost."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.contrib.auth import get_user_model
from django.db import connections
from django.test import Client

from polyarb_site.live import consumers, outbox
from polyarb_site.live.models import OutboxMessage
from polyarb_site.live.routing import websocket_application
from polyarb_site.live.send import publish
from polyarb_site.live.tailer import tailer
from tests.helpers.websockets import WebSocketPage

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
async def close_the_other_thread():
    """What sync_to_async opened in its thread would keep the test database in use."""
    yield
    await sync_to_async(connections.close_all)()


@pytest.fixture
def cookie(viewer):
    """The session cookie of somebody who may only look."""
    client = Client()
    client.force_login(viewer)
    return client.cookies["sessionid"].value


def page(cookie=None, *, origin="http://127.0.0.1", host="127.0.0.1"):
    headers = [(b"origin", origin.encode()), (b"host", host.encode())]
    if cookie:
        headers.append((b"cookie", f"sessionid={cookie}".encode()))
    return WebSocketPage(websocket_application, "/ws/live/", headers)


async def opened(cookie):
    connection = page(cookie)
    connected, _ = await connection.connect()
    assert connected
    return connection, await connection.receive_json()


async def send(topic, payload):
    return await sync_to_async(publish)(topic, payload, at=NOON)


async def messages(connection, count):
    """Return the next messages out of batches, and fail when the server says something else."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        told = await connection.receive_json(timeout=10)
        assert told["type"] == "batch", told
        assert told["messages"], "an empty batch says nothing"
        found += told["messages"]
    return found


class TestWhoMayListen:
    async def test_a_page_without_an_account_is_refused(self, roles):
        connected, code = await page().connect()

        assert (connected, code) == (False, 4401)

    async def test_a_made_up_session_is_refused(self, roles):
        connected, code = await page("x" * 32).connect()

        assert (connected, code) == (False, 4401)

    async def test_an_account_that_may_not_read_pages_is_refused(self, nobody):
        client = Client()
        await sync_to_async(client.force_login)(nobody)

        connected, code = await page(client.cookies["sessionid"].value).connect()

        assert (connected, code) == (False, 4401)

    async def test_a_page_of_another_host_is_refused(self, cookie):
        connected, _ = await page(cookie, origin="http://evil.example").connect()

        assert not connected

    async def test_everybody_with_an_account_is_told_where_the_outbox_stands(self, cookie):
        message = await send("facts", {"n": 1})

        connection, hello = await opened(cookie)

        assert hello["type"] == "hello"
        assert hello["last_id"] == message.id
        await connection.disconnect()

    async def test_a_session_that_ended_is_noticed(self, cookie, monkeypatch):
        monkeypatch.setattr(consumers, "RECHECK_NS", 0)
        connection, _ = await opened(cookie)
        await sync_to_async(get_user_model().objects.update)(is_active=False)

        await send("facts", {"n": 1})

        assert await connection.close_code() == 4401


class TestWhatAPageIsTold:
    async def test_a_change_arrives_without_being_asked_for(self, cookie):
        connection, _ = await opened(cookie)

        message = await send("facts", {"n": 7})

        (got,) = await messages(connection, 1)
        assert got == {"id": message.id, "topic": "facts", "payload": {"n": 7}}
        await connection.disconnect()

    async def test_a_whole_state_comes_with_its_cells(self, cookie):
        connection, _ = await opened(cookie)

        await send("state", {"label": "SHADOW", "engine": {"state": "STOPPED"}})

        told = await connection.receive_json(timeout=5)
        assert told["cells"]["badge"]["text"] == "SHADOW"
        assert told["cells"]["values"]["engine"]["text"] == "stopped"
        await connection.disconnect()

    async def test_a_hint_without_a_state_comes_without_cells(self, cookie):
        connection, _ = await opened(cookie)

        await send("state", {"what": "mandate.halt"})

        assert "cells" not in await connection.receive_json(timeout=5)
        await connection.disconnect()

    async def test_two_pages_are_told_the_same(self, cookie):
        one, _ = await opened(cookie)
        two, _ = await opened(cookie)

        await send("alerts", {"n": 1})

        assert await messages(one, 1) == await messages(two, 1)
        await one.disconnect()
        await two.disconnect()

    async def test_what_is_rolled_back_is_never_told(self, cookie):
        connection, _ = await opened(cookie)

        def fail():
            from django.db import transaction

            with transaction.atomic():
                publish("facts", {"n": 1}, at=NOON)
                transaction.set_rollback(True)

        await sync_to_async(fail)()
        await send("facts", {"n": 2})

        (got,) = await messages(connection, 1)
        assert got["payload"] == {"n": 2}
        await connection.disconnect()

    async def test_a_ping_is_answered(self, cookie):
        connection, _ = await opened(cookie)

        await connection.send_json({"ping": 3})

        answer = await connection.receive_json(timeout=5)
        assert (answer["type"], answer["ping"]) == ("pong", 3)
        await connection.disconnect()


class TestComingBack:
    async def test_what_was_missed_comes_in_order(self, cookie):
        first = await send("facts", {"n": 0})
        ids = [(await send("facts", {"n": n})).id for n in range(1, 4)]
        connection, _ = await opened(cookie)

        await connection.send_json({"since": first.id})

        assert [m["id"] for m in await messages(connection, 3)] == ids
        await connection.disconnect()

    async def test_what_comes_meanwhile_comes_once(self, cookie):
        first = await send("facts", {"n": 0})
        missed = await send("facts", {"n": 1})
        connection, _ = await opened(cookie)
        live = await send("facts", {"n": 2})
        await connection.send_json({"since": first.id})

        got = [m["id"] for m in await messages(connection, 2)]

        assert sorted(got) == [missed.id, live.id]
        assert await connection.receive_nothing(0.3)
        await connection.disconnect()

    async def test_too_much_to_catch_up_is_a_resync(self, cookie, monkeypatch):
        monkeypatch.setattr(consumers, "CATCH_UP_ROWS_MAX", 3)
        first = await send("facts", {"n": 0})
        for n in range(4):
            await send("facts", {"n": n})
        connection, _ = await opened(cookie)

        await connection.send_json({"since": first.id})

        assert (await connection.receive_json())["type"] == "resync"
        await connection.disconnect()

    async def test_a_message_that_is_no_longer_kept_is_a_resync(self, cookie):
        first = await send("facts", {"n": 0})
        await send("facts", {"n": 1})
        await sync_to_async(OutboxMessage.objects.filter(id=first.id).delete)()
        connection, _ = await opened(cookie)

        await connection.send_json({"since": first.id})

        assert (await connection.receive_json())["type"] == "resync"
        await connection.disconnect()


class TestLimits:
    @pytest.mark.parametrize(
        "text",
        ["{}", "[]", "not json", '{"since": "1"}', '{"since": -1}', '{"since": true}', "x" * 300],
    )
    async def test_anything_but_the_two_questions_ends_the_connection(self, cookie, text):
        connection, _ = await opened(cookie)

        await connection.send_text(text)

        assert await connection.close_code() == 4408

    async def test_asking_too_often_ends_the_connection(self, cookie):
        connection, _ = await opened(cookie)

        for n in range(consumers.RECEIVED_MAX + 1):
            await connection.send_text(json.dumps({"ping": n}))

        assert await connection.close_code() == 4408

    async def test_the_last_page_lets_the_tailer_rest(self, cookie):
        connection, _ = await opened(cookie)
        running = tailer()
        assert list(running._socket._path.parent.glob("live-*.sock"))

        await connection.disconnect()

        assert running._thread is None
        assert not running._socket._path.exists()


@pytest.mark.slow
class TestABurst:
    async def test_of_two_thousand_none_is_lost(self, cookie):
        connection, _ = await opened(cookie)
        rows = [
            OutboxMessage(topic="facts", payload={"n": n}, created_at=NOON) for n in range(2000)
        ]

        await sync_to_async(OutboxMessage.objects.bulk_create)(rows)

        got = await messages(connection, 2000)
        assert [message["payload"]["n"] for message in got] == list(range(2000))
        await connection.disconnect()

    async def test_a_batch_from_before_the_page_came_is_not_told_again(self, cookie):
        await send("facts", {"n": 1})
        first, _ = await opened(cookie)
        await send("facts", {"n": 2})
        await messages(first, 1)
        late, _ = await opened(cookie)
        old = {"topic": "facts", "sequence": tailer().sequences["facts"], "messages": []}
        await get_channel_layer().group_send(tailer().group("facts"), {"type": "live.batch", **old})

        await send("facts", {"n": 3})

        assert [m["payload"] for m in await messages(late, 1)] == [{"n": 3}]
        await first.disconnect()
        await late.disconnect()

    async def test_a_batch_that_the_layer_dropped_is_told_with_the_next_one(self, cookie):
        connection, _ = await opened(cookie)
        tailer().sequences["facts"] += 1  # as if one had been sent and dropped

        await send("facts", {"n": 1})

        assert (await connection.receive_json(timeout=5))["type"] == "resync"
        assert (await connection.receive_json(timeout=5))["messages"][0]["payload"] == {"n": 1}
        await connection.disconnect()

    async def test_a_dropped_last_batch_is_told_with_the_ping_after_next(self, cookie):
        connection, _ = await opened(cookie)
        tailer().sequences["facts"] += 1

        await connection.send_json({"ping": 1})
        assert (await connection.receive_json(timeout=5))["type"] == "pong"
        await connection.send_json({"ping": 2})

        assert (await connection.receive_json(timeout=5))["type"] == "resync"
        await connection.disconnect()

    async def test_a_page_that_does_not_read_costs_the_others_nothing(self, cookie, monkeypatch):
        reading, _ = await opened(cookie)
        layer = get_channel_layer()
        monkeypatch.setattr(layer, "capacity", 3, raising=False)
        monkeypatch.setattr(outbox, "BATCH_ROWS_MAX", 10)
        stuck = await layer.new_channel()
        await layer.group_add(tailer().group("facts"), stuck)
        rows = [OutboxMessage(topic="facts", payload={"n": n}, created_at=NOON) for n in range(100)]

        await sync_to_async(OutboxMessage.objects.bulk_create)(rows)

        seen, resynced = 0, False
        while seen < 100 and not resynced:
            told = await reading.receive_json(timeout=10)
            resynced = told["type"] == "resync"
            seen += len(told.get("messages", ()))
        assert seen == 100 or resynced
        await layer.group_discard(tailer().group("facts"), stuck)
        await reading.disconnect()
        await asyncio.sleep(0)
