"""The doors of the local venue, asked directly: good questions, bad ones, slow readers."""

import asyncio
import json
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from tests.simulator.builders import NOON_MS
from trading.simulator import server as server_module
from trading.simulator.local_venue import LocalVenue
from trading.simulator.server import BODY_BYTES_MAX, VenueServer


class Time:
    """The venue's clock, moved by hand."""

    def __init__(self):
        self.now_ms = NOON_MS

    def __call__(self):
        return self.now_ms


@pytest.fixture
def clock():
    return Time()


@pytest.fixture
def venue(clock):
    return LocalVenue(seed=1, markets=2, now_ms=clock())


@pytest.fixture
def server(venue, clock):
    return VenueServer(venue, clock)


async def ask(server, method, target, body=b"", pieces=1):
    """Ask over HTTP and return (status, value)."""
    parts = urlsplit(target)
    step = len(body) // pieces + 1
    messages = [
        {"type": "http.request", "body": body[start : start + step], "more_body": True}
        for start in range(0, len(body), step)
    ] + [{"type": "http.request", "body": b""}]
    said = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        said.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": parts.path,
        "query_string": parts.query.encode(),
    }
    await server(scope, receive, send)
    return said[0]["status"], json.loads(said[1]["body"])


class Reader:
    """A client of the market channel."""

    def __init__(self, server, path="/ws/market"):
        self.heard = asyncio.Queue()
        self.says = asyncio.Queue()
        self.says.put_nowait({"type": "websocket.connect"})
        self.reads = asyncio.Event()
        self.reads.set()
        scope = {"type": "websocket", "path": path}
        self.task = asyncio.create_task(server(scope, self.says.get, self._send))

    async def _send(self, message):
        await self.reads.wait()
        self.heard.put_nowait(message)

    def say(self, value):
        text = value if isinstance(value, str) else json.dumps(value)
        self.says.put_nowait({"type": "websocket.receive", "text": text})

    async def hear(self):
        async with asyncio.timeout(2):
            return await self.heard.get()

    async def frame(self):
        return (await self.hear())["text"]

    async def leave(self):
        self.says.put_nowait({"type": "websocket.disconnect"})
        async with asyncio.timeout(2):
            await self.task


@asynccontextmanager
async def running(server):
    """Let the venue's time go on."""
    says, heard = asyncio.Queue(), asyncio.Queue()
    says.put_nowait({"type": "lifespan.startup"})
    task = asyncio.create_task(server({"type": "lifespan"}, says.get, heard.put))
    assert (await heard.get())["type"] == "lifespan.startup.complete"
    try:
        yield
    finally:
        says.put_nowait({"type": "lifespan.shutdown"})
        assert (await heard.get())["type"] == "lifespan.shutdown.complete"
        await task


def tokens(venue):
    return [token for market in venue.markets.values() for token in market.listing.token_ids]


class TestReads:
    async def test_the_time_is_in_seconds(self, server):
        assert await ask(server, "GET", "/time") == (200, NOON_MS // 1_000)

    async def test_books_of_unknown_tokens_are_left_out(self, server, venue):
        question = [{"token_id": token} for token in [*tokens(venue), "77"]]

        status, books = await ask(server, "POST", "/books", json.dumps(question).encode(), pieces=3)

        assert status == 200
        assert [book["asset_id"] for book in books] == tokens(venue)

    async def test_one_book_is_the_same_as_one_of_many(self, server, venue):
        token = tokens(venue)[0]
        status, book = await ask(server, "GET", f"/book?token_id={token}")

        assert status == 200
        question = json.dumps([{"token_id": token}]).encode()
        assert await ask(server, "POST", "/books", question) == (200, [book])

    async def test_pages_of_markets_are_walked_by_their_cursor(self, server, venue):
        target = "/markets/keyset?closed=false&limit=1"
        _, first = await ask(server, "GET", target)
        _, second = await ask(server, "GET", f"{target}&after_cursor={first['next_cursor']}")

        found = [one["conditionId"] for one in [*first["markets"], *second["markets"]]]
        assert found == list(venue.markets)
        assert "next_cursor" not in second

    async def test_no_market_of_it_is_closed(self, server, venue):
        (condition_id, *_) = venue.markets
        target = f"/markets/keyset?closed=true&condition_ids={condition_id}"

        assert await ask(server, "GET", target) == (200, {"markets": []})

    @pytest.mark.parametrize(
        "target",
        ["/", "/nothing", "/book", "/book?token_id=77", "/clob-markets/0x77", "/clob-markets"],
    )
    async def test_what_is_not_there_is_not_found(self, server, target):
        assert await ask(server, "GET", target) == (404, {"error": "not found"})

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"[1]", b"7", b'{"token_id": "1"}', b"[[]]", b"[" * 100_000, b"\xff"]
    )
    async def test_a_question_that_is_none_is_refused(self, server, body):
        assert await ask(server, "POST", "/books", body) == (400, {"error": "Invalid payload"})

    async def test_too_many_books_are_refused(self, server):
        question = json.dumps([{"token_id": "1"}] * 501).encode()

        assert (await ask(server, "POST", "/books", question))[0] == 400

    async def test_too_long_a_question_is_refused(self, server):
        assert (await ask(server, "POST", "/books", b"x" * (BODY_BYTES_MAX + 1), 3))[0] == 413

    @pytest.mark.parametrize("cursor", ["-1", "x", "9" * 30, "٣"])
    async def test_a_cursor_that_is_none_begins_at_the_beginning(self, server, venue, cursor):
        _, page = await ask(server, "GET", f"/markets/keyset?after_cursor={cursor}&limit=0")

        assert [one["conditionId"] for one in page["markets"]] == list(venue.markets)[:1]


class TestMarketChannel:
    async def test_a_subscription_is_answered_with_the_books_and_then_with_changes(
        self, server, venue, clock
    ):
        async with running(server):
            reader = Reader(server)
            assert (await reader.hear())["type"] == "websocket.accept"
            reader.say({"type": "market", "assets_ids": tokens(venue)[:2]})

            books = json.loads(await reader.frame())
            assert [book["asset_id"] for book in books] == tokens(venue)[:2]
            own = books[0]["market"]
            frames = []
            while len(frames) < 5:
                clock.now_ms += 100
                await asyncio.sleep(0.01)
                frames += [reader.heard.get_nowait() for _ in range(reader.heard.qsize())]
            assert {json.loads(frame["text"])["market"] for frame in frames} == {own}
            await reader.leave()

    async def test_ping_is_answered(self, server):
        reader = Reader(server)
        await reader.hear()
        reader.say("PING")

        assert await reader.frame() == "PONG"
        await reader.leave()

    async def test_who_unsubscribes_hears_no_more(self, server, venue, clock):
        async with running(server):
            reader = Reader(server)
            await reader.hear()
            reader.say({"type": "market", "assets_ids": tokens(venue), "initial_dump": False})
            reader.say({"operation": "unsubscribe", "assets_ids": tokens(venue)})
            reader.say("PING")
            while await reader.frame() != "PONG":
                pass
            clock.now_ms += 2_000
            await asyncio.sleep(0.1)

            assert reader.heard.empty()
            await reader.leave()

    @pytest.mark.parametrize(
        "said", ["", "{", "7", "[]", '{"assets_ids": 7}', '{"assets_ids": [7, null]}', "[" * 99_999]
    )
    async def test_nonsense_is_passed_over(self, server, said):
        reader = Reader(server)
        await reader.hear()
        reader.say(said)
        reader.say("PING")

        assert await reader.frame() == "PONG"
        await reader.leave()

    async def test_another_path_is_closed(self, server):
        reader = Reader(server, "/ws/secret")

        assert await reader.hear() == {"type": "websocket.close", "code": 1008}

    @pytest.mark.slow
    async def test_who_reads_too_slowly_is_disconnected_and_nobody_else(
        self, server, venue, clock, monkeypatch
    ):
        monkeypatch.setattr(server_module, "FRAMES_WAITING_MAX", 500)
        async with running(server), asyncio.timeout(20):
            slow, quick = Reader(server), Reader(server)
            for reader in (slow, quick):
                await reader.hear()
                reader.say({"type": "market", "assets_ids": tokens(venue)})
            slow.reads.clear()
            while len(server.readers) == 2:
                clock.now_ms += 50
                await asyncio.sleep(0.01)
            slow.reads.set()
            await slow.task

            heard = [slow.heard.get_nowait() for _ in range(slow.heard.qsize())]
            assert heard[-1] == {"type": "websocket.close", "code": 1013}
            assert not quick.task.done()
            await quick.leave()
