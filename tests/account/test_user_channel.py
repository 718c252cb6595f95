"""The user channel on a venue that misbehaves: what is told, in which order, and what never is."""

import asyncio
import base64
import hashlib
import json
import re
import struct
from itertools import pairwise

import pytest

from tests.account.breaking import breaking
from tests.account.hearing import Ear, make_channel
from tests.account.recorded import recorded
from tests.account.secrets import PLANTED, hides
from tests.feeds.listening import running
from tests.feeds.misbehaving import BINARY, CLOSE, frame_header

ORDER = json.dumps(recorded("ws_user_order_placement"))
TRADE = json.dumps(recorded("ws_user_trade_taker_matched"))


@pytest.fixture
def ear():
    ear = Ear()
    yield ear
    assert hides(" ".join(ear.reasons + ear.unreadable))


@pytest.fixture
def serve(venue, ear, credentials):
    """Return a function that serves each socket as given and waits for something to happen."""

    async def serve(behave, until, **settings):
        venue.on_socket = behave
        channel = make_channel(venue.ws_url, ear, credentials, **settings)
        async with running(channel.run()):
            await ear.until(lambda: until(channel))
        assert hides(channel.counts.last_problem)
        return channel

    return serve


def first_then_well(misbehave):
    """Let only the first socket misbehave."""
    sockets = []

    def behave(socket):
        sockets.append(socket)
        if len(sockets) == 1:
            misbehave(socket)

    return behave


def handshake(request):
    """Return the venue's half of a handshake."""
    (key,) = re.findall(r"(?i)sec-websocket-key: (\S+)", request)
    accept = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return f"{head}Sec-WebSocket-Accept: {base64.b64encode(accept).decode()}\r\n\r\n".encode()


def quiet(socket):
    """Say nothing; a PING is answered all the same."""


class TestConnecting:
    async def test_the_first_frame_is_the_login_for_all_markets(self, venue, serve):
        await serve(quiet, lambda channel: channel.connected)

        assert await venue.sockets[0].text(0) == {
            "type": "user",
            "auth": {
                "apiKey": PLANTED["key"],
                "secret": PLANTED["secret"],
                "passphrase": PLANTED["passphrase"],
            },
        }

    async def test_connected_is_told_before_anything_else(self, ear, serve):
        await serve(lambda socket: socket.send(ORDER), lambda _: ear.orders)

        assert ear.log == ["connected", "order"]

    async def test_a_message_of_ours_proves_the_login_as_well_as_a_pong(self, venue, ear, serve):
        venue.pongs = False

        await serve(lambda socket: socket.send(TRADE), lambda _: ear.trades)

        assert ear.log == ["connected", "trade"]

    async def test_without_a_sign_of_life_nothing_is_connected(self, venue, ear, serve):
        venue.pongs = False

        channel = await serve(quiet, lambda _: ear.reasons, pong_within_ms=60)

        assert "connected" not in ear.log
        assert ear.reasons[0] == (
            "no PONG for 0.06 s, right after the login (1 in a row): "
            "the API key may be wrong or deleted, log in again"
        )
        assert channel.counts.failures >= 1

    async def test_an_error_in_a_message_does_not_prove_the_login(self, venue, ear, serve):
        venue.pongs = False

        await serve(
            lambda socket: socket.send('{"error": "unauthorized"}'), lambda _: ear.unreadable
        )

        assert ear.log == ["unreadable"]

    async def test_nor_does_a_plain_text(self, venue, ear, serve):
        venue.pongs = False

        await serve(
            lambda socket: socket.send("NO NEW MARKETS"), lambda _: ear.reasons, pong_within_ms=60
        )

        assert "connected" not in ear.log

    async def test_who_is_put_out_with_the_handshake_itself_is_told_the_same(
        self, ear, credentials
    ):
        async def shut(reader, writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            bye = frame_header(2, opcode=CLOSE) + struct.pack("!H", 1008)
            writer.write(handshake(head) + bye)
            await writer.drain()
            await reader.read(-1)

        async with breaking(shut) as url:
            channel = make_channel(url.replace("http", "ws"), ear, credentials)
            async with running(channel.run()):
                await ear.until(lambda: len(ear.reasons) >= 2)

        assert ear.reasons[1] == (
            "closed by the venue (1008), right after the login (2 in a row): "
            "the API key may be wrong or deleted, log in again"
        )

    @pytest.mark.parametrize("pongs", [True, False])
    async def test_who_is_put_out_each_time_is_told_what_to_do(self, venue, ear, serve, pongs):
        venue.pongs = pongs
        text = f"bad key {PLANTED['secret']}".encode()

        channel = await serve(
            lambda socket: socket.close(1008, text), lambda channel: channel.login_failures >= 3
        )

        assert ear.reasons[2] == (
            "closed by the venue (1008 bad key ***), right after the login (3 in a row): "
            "the API key may be wrong or deleted, log in again"
        )
        assert channel.counts.last_problem == ear.reasons[-1]

    async def test_a_venue_that_is_not_there_is_tried_again(self, venue, ear, credentials):
        await venue.stop_listening()
        channel = make_channel(venue.ws_url, ear, credentials)
        async with running(channel.run()):
            await ear.until(lambda: len(ear.reasons) >= 2)
            assert not channel.connected
            await venue.listen_again()
            await ear.until(lambda: channel.connected)

        assert ear.log[-1] == "connected"
        assert channel.login_failures == 0

    @pytest.mark.parametrize("status", [401, 403, 503])
    async def test_a_refused_handshake_says_its_status(self, venue, ear, serve, status):
        venue.handshake_status = status

        await serve(quiet, lambda _: ear.reasons)

        assert ear.reasons[0] == f"the handshake was answered with HTTP {status}"


class TestMessages:
    async def test_all_kinds_in_their_order(self, ear, serve):
        def talk(socket):
            socket.send(f"[{ORDER},{TRADE}]")
            socket.send(ORDER)

        await serve(talk, lambda _: len(ear.orders) == 2)

        assert ear.log == ["connected", "order", "trade", "order"]
        assert ear.trades[0].taker_order_hash.startswith("0x5b605a0e")

    async def test_what_cannot_be_read_is_told_and_the_rest_is_taken(self, ear, serve):
        def talk(socket):
            socket.send(json.dumps([{"event_type": "weather"}, json.loads(ORDER)]))
            socket.send(ORDER.replace('"0.513"', '"half"'))

        channel = await serve(talk, lambda _: len(ear.unreadable) == 2)

        assert ear.log == ["connected", "unreadable", "order", "unreadable"]
        assert ear.unreadable == [
            "event_type: 'weather' is neither order nor trade",
            "price: not a decimal number: 'half'",
        ]
        assert channel.counts.unknown_frames == 2

    @pytest.mark.parametrize("field", ["price", "asset_id", "status", "type"])
    async def test_a_message_that_repeats_our_secret_is_not_quoted(self, ear, serve, field):
        message = json.loads(ORDER) | {field: "9" * 40 + PLANTED["secret"] * 3}

        await serve(
            lambda socket: socket.send_json(message), lambda _: ear.unreadable or ear.orders
        )

    async def test_plain_texts_are_counted_and_mean_nothing(self, ear, serve):
        def talk(socket):
            socket.send("NO NEW MARKETS")
            socket.send(ORDER)

        channel = await serve(talk, lambda _: ear.orders)

        assert channel.counts.non_json_frames == 1
        assert ear.unreadable == []

    @pytest.mark.parametrize(
        ("send", "reason"),
        [
            (lambda socket: socket.send(b"x", opcode=BINARY), "a binary frame"),
            (lambda socket: socket.send(f"[{' ' * 3_000}]"), "max allowed size"),
        ],
    )
    async def test_what_cannot_be_taken_ends_the_socket(self, ear, serve, send, reason):
        def talk(socket):
            socket.send(ORDER)
            send(socket)

        await serve(
            first_then_well(talk),
            lambda _: ear.log.count("connected") == 2,
            message_bytes_max=2_000,
        )

        assert ear.log == ["connected", "order", "lost", "connected"]
        assert reason in ear.reasons[0].lower()

    async def test_a_sink_that_fails_ends_the_channel(self, venue, ear, credentials):
        def fail(news):
            raise LookupError("a bug of ours")

        ear.on_order = fail
        venue.on_socket = lambda socket: socket.send(ORDER)

        with pytest.raises(LookupError, match="a bug of ours"):
            async with asyncio.timeout(3):
                await make_channel(venue.ws_url, ear, credentials).run()


class TestLosses:
    @pytest.mark.parametrize("leave", ["drop", "close"])
    async def test_every_loss_and_every_new_connection_is_told(self, ear, serve, leave):
        def talk(socket):
            socket.send(ORDER)
            asyncio.get_running_loop().call_later(0.02, getattr(socket, leave))

        channel = await serve(first_then_well(talk), lambda _: ear.log.count("connected") == 2)

        assert ear.log == ["connected", "order", "lost", "connected"]
        assert channel.counts.reconnects == 1

    async def test_a_socket_that_falls_silent_is_given_up(self, venue, ear, serve):
        def fall_silent(socket):
            socket.send(ORDER)
            socket.pongs = False

        await serve(
            first_then_well(fall_silent),
            lambda _: ear.log.count("connected") == 2,
            pong_within_ms=100,
        )

        assert ear.reasons == ["no PONG for 0.1 s"]
        assert venue.sockets[0].pings >= 2

    async def test_a_healthy_socket_is_replaced_on_schedule_and_the_new_one_is_first(
        self, venue, ear, serve
    ):
        channel = await serve(quiet, lambda _: ear.log.count("connected") == 3, replace_every_ms=60)

        assert ear.log[:5] == ["connected", "lost", "connected", "lost", "connected"]
        assert set(ear.reasons) == {"planned reconnect"}
        assert channel.counts.failures == 0
        assert not channel.connected  # it has ended
        for socket in venue.sockets:
            async with asyncio.timeout(2):
                await socket.closed.wait()

    async def test_a_replacement_that_fails_leaves_the_serving_socket_alone(
        self, venue, ear, serve
    ):
        def only_the_first_is_answered(socket):
            venue.pongs = False

        channel = await serve(
            only_the_first_is_answered,
            lambda channel: channel.counts.failures >= 1,
            replace_every_ms=40,
            pong_within_ms=90,
        )

        assert ear.log == ["connected"]
        assert "right after the login" in channel.counts.last_problem

    async def test_a_replacement_that_cannot_be_made_is_not_tried_without_a_pause(
        self, venue, ear, serve
    ):
        def refuse_others(socket):
            venue.handshake_status = 503

        await serve(
            refuse_others,
            lambda channel: channel.counts.failures >= 3,
            replace_every_ms=20,
            backoff_ms_max=100,
        )

        assert venue.handshakes == 4
        assert ear.log == ["connected"]

    async def test_pauses_grow_while_nothing_holds(self, venue, ear, credentials):
        drawn = []

        def jitter():
            drawn.append(asyncio.get_running_loop().time())
            return 1.0

        venue.on_socket = lambda socket: socket.drop()
        channel = make_channel(venue.ws_url, ear, credentials, jitter=jitter, backoff_ms_max=60)
        async with running(channel.run()):
            await ear.until(lambda: len(drawn) == 5)

        gaps = [later - earlier for earlier, later in pairwise(drawn)]
        assert gaps[0] >= 0.01
        assert gaps[1] >= 0.02
        assert gaps[3] >= 0.06
