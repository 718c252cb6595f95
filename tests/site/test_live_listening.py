"""Who listens on the WebSocket: pages by session, programs by token, each to what it may see."""

import json

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.db import connections
from django.test import Client

from polyarb_site.live import consumers
from polyarb_site.live.routing import websocket_application
from polyarb_site.live.send import TOPICS, publish
from polyarb_site.rest import tokens
from tests.conftest import NOON
from tests.helpers.websockets import WebSocketPage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
async def close_the_other_thread():
    """What sync_to_async opened in its thread would keep the test database in use."""
    cache.clear()
    yield
    await sync_to_async(connections.close_all)()


@pytest.fixture
def token(viewer):
    return tokens.issue(viewer, by_name="test")


@pytest.fixture
def blind(django_user_model):
    """Somebody who may read the state, and no alert."""
    user = django_user_model.objects.create(username="bea", password="!", is_staff=True)
    user.user_permissions.add(
        Permission.objects.get(codename="view_opportunity", content_type__app_label="trading")
    )
    return user


def program(token, word="Token", **headers):
    sent = [(b"host", b"127.0.0.1"), (b"authorization", f"{word} {token}".encode())]
    sent += [(name.encode(), value.encode()) for name, value in headers.items()]
    return WebSocketPage(websocket_application, "/ws/live/", sent)


def page(user):
    client = Client()
    client.force_login(user)
    cookie = client.cookies["sessionid"].value
    headers = [
        (b"host", b"127.0.0.1"),
        (b"origin", b"http://127.0.0.1"),
        (b"cookie", f"sessionid={cookie}".encode()),
    ]
    return WebSocketPage(websocket_application, "/ws/live/", headers)


async def opened(connection):
    connected, code = await connection.connect()
    assert connected, code
    return await connection.receive_json()


async def send(topic, payload):
    return await sync_to_async(publish)(topic, payload, at=NOON)


class TestPrograms:
    @pytest.mark.parametrize("word", ["Token", "token", "Bearer"])
    async def test_a_token_opens_the_connection_without_an_origin(self, token, word):
        connection = program(token, word)

        hello = await opened(connection)

        assert hello["type"] == "hello"
        assert hello["topics"] == list(TOPICS)
        await connection.disconnect()

    async def test_a_program_is_told_what_pages_are_told(self, token):
        connection = program(token)
        await opened(connection)

        message = await send("alerts", {"n": 1})

        told = await connection.receive_json()
        assert told["messages"] == [{"id": message.id, "topic": "alerts", "payload": {"n": 1}}]
        await connection.disconnect()

    @pytest.mark.parametrize("bad", ["polyarb_" + "x" * 40, "nonsense", ""])
    async def test_a_token_that_is_nobodys_is_refused(self, roles, bad):
        assert await program(bad).connect() == (False, 4401)

    async def test_a_bad_token_is_not_helped_by_a_good_session(self, viewer):
        client = Client()
        await sync_to_async(client.force_login)(viewer)
        cookie = f"sessionid={client.cookies['sessionid'].value}"

        connection = program("polyarb_" + "x" * 40, cookie=cookie, origin="http://127.0.0.1")

        assert await connection.connect() == (False, 4401)

    async def test_a_token_that_is_taken_back_is_noticed(self, token, viewer, monkeypatch):
        monkeypatch.setattr(consumers, "RECHECK_NS", 0)
        connection = program(token)
        await opened(connection)
        await sync_to_async(tokens.revoke)(viewer, by_name="test")

        await send("facts", {"n": 1})

        assert await connection.close_code() == 4401

    async def test_an_account_without_a_role_is_refused_with_its_token(self, nobody):
        token = await sync_to_async(tokens.issue)(nobody, by_name="test")

        assert await program(token).connect() == (False, 4401)

    async def test_who_tries_many_tokens_is_not_asked_any_more(self, token, monkeypatch):
        monkeypatch.setattr("polyarb_site.live.listening.FAILED_LOGINS_MAX", 2)
        for _ in range(3):
            await program("polyarb_" + "x" * 40).connect()

        assert await program(token).connect() == (False, 4401)

    async def test_what_a_browser_can_be_made_to_send_still_needs_an_origin(self, viewer):
        connection = program("dmVyYTp2ZXJh", "Basic")

        connected, _ = await connection.connect()

        assert not connected


class TestTopics:
    async def test_what_an_account_may_not_see_is_not_sent(self, blind):
        connection = await sync_to_async(page)(blind)
        hello = await opened(connection)
        assert hello["topics"] == ["state", "facts"]

        await send("alerts", {"secret": True})
        await send("facts", {"n": 1})

        told = await connection.receive_json()
        assert [one["topic"] for one in told["messages"]] == ["facts"]
        await connection.disconnect()

    async def test_nor_when_it_asks_for_what_it_missed(self, blind):
        first = await send("facts", {"n": 0})
        await send("alerts", {"secret": True})
        second = await send("facts", {"n": 1})
        connection = await sync_to_async(page)(blind)
        await opened(connection)

        await connection.send_json({"since": first.id})

        told = await connection.receive_json()
        assert [one["id"] for one in told["messages"]] == [second.id]
        await connection.disconnect()

    async def test_pings_of_a_page_with_fewer_topics_are_answered(self, blind):
        connection = await sync_to_async(page)(blind)
        await opened(connection)

        await connection.send_json({"ping": 1})

        assert (await connection.receive_json())["type"] == "pong"
        await connection.disconnect()

    async def test_other_permissions_end_the_connection_so_that_the_page_comes_back(
        self, blind, monkeypatch
    ):
        monkeypatch.setattr(consumers, "RECHECK_NS", 0)
        connection = await sync_to_async(page)(blind)
        await opened(connection)
        await sync_to_async(blind.user_permissions.clear)()

        await send("facts", {"n": 1})

        assert await connection.close_code() == 4401


class TestAlerts:
    async def test_a_move_comes_with_the_cells_of_the_header(self, viewer):
        connection = await sync_to_async(page)(viewer)
        await opened(connection)
        counts = {"critical": 1, "warning": 0, "info": 0, "acked": 0, "reason": None}

        await send("alerts", {"what": "alert.firing", "counts": counts})

        told = await connection.receive_json()
        assert told["values"]["alerts_bar"]["text"] == "1 crit"
        assert json.loads(json.dumps(told)) == told
        await connection.disconnect()

    async def test_a_message_without_counts_comes_without_cells(self, viewer):
        connection = await sync_to_async(page)(viewer)
        await opened(connection)

        await send("alerts", {"what": "alert_rule.import"})

        assert "values" not in await connection.receive_json()
        await connection.disconnect()
