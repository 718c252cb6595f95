"""The market channel on a venue that behaves: what is said to it, and what comes out."""

import asyncio

import pytest

from tests.feeds.listening import PAIR, book, change, deltas, running, snapshots
from tests.feeds.misbehaving import CLOSE, PONG


def two_books(socket):
    """Answer a subscription with the whole books of market 0xm."""
    socket.send_json([book("1"), book("2")])


class TestSubscribing:
    async def test_e11_the_first_frame_is_the_venues_and_real_books_load(
        self, venue, listener, make_channel
    ):
        venue.on_socket = two_books
        channel = make_channel()
        channel.change(PAIR)

        async with running(channel.run()):
            socket = await venue.socket(0)
            await listener.until(lambda heard: heard.frames)

        assert await socket.text(0) == {
            "type": "market",
            "assets_ids": ["1", "2"],
            "custom_feature_enabled": True,
        }
        assert [snapshot.token_id for snapshot in snapshots(listener)] == ["1", "2"]

    async def test_both_tokens_of_a_market_share_a_socket_of_bounded_size(
        self, venue, make_channel
    ):
        markets = {f"0x{n}": (f"{n}1", f"{n}2") for n in range(1, 8)}
        channel = make_channel(tokens_per_socket_max=5)
        channel.change(markets)

        async with running(channel.run()):
            asked = [await (await venue.socket(n)).text(0) for n in range(4)]

        tokens = [set(message["assets_ids"]) for message in asked]
        assert sorted(len(one) for one in tokens) == [2, 4, 4, 4]
        for pair in markets.values():
            assert sum(set(pair) <= one for one in tokens) == 1

    async def test_more_than_two_hundred_tokens_on_a_socket_are_refused(self, make_channel):
        with pytest.raises(ValueError, match="2 to 200"):
            make_channel(tokens_per_socket_max=201)

    async def test_a_market_added_later_is_subscribed_on_the_open_socket(
        self, venue, listener, make_channel
    ):
        venue.on_socket = two_books
        channel = make_channel()
        channel.change(PAIR)

        async with running(channel.run()):
            socket = await venue.socket(0)
            await listener.until(lambda heard: heard.frames)
            channel.change({"0xn": ("3", "4")})
            asked = await socket.text(1)

        assert asked == {
            "operation": "subscribe",
            "assets_ids": ["3", "4"],
            "custom_feature_enabled": True,
        }
        assert listener.ups()[-1].token_ids == ("3", "4")
        assert len(venue.sockets) == 1

    async def test_a_closed_market_is_unsubscribed_and_its_place_used_again(
        self, venue, listener, make_channel
    ):
        venue.on_socket = two_books
        channel = make_channel(tokens_per_socket_max=2)
        channel.change(PAIR)

        async with running(channel.run()):
            socket = await venue.socket(0)
            await listener.until(lambda heard: heard.frames)
            channel.change({"0xn": ("3", "4")}, removed=["0xm"])
            first, second = await socket.text(1), await socket.text(2)

        assert (first["operation"], first["assets_ids"]) == ("unsubscribe", ["1", "2"])
        assert (second["operation"], second["assets_ids"]) == ("subscribe", ["3", "4"])
        assert len(venue.sockets) == 1

    async def test_a_socket_without_markets_is_closed(self, venue, listener, make_channel):
        venue.on_socket = two_books
        channel = make_channel()
        channel.change(PAIR)

        async with running(channel.run()):
            socket = await venue.socket(0)
            await listener.until(lambda heard: heard.frames)
            channel.change({}, removed=["0xm"])
            async with asyncio.timeout(1):
                await socket.closed.wait()

        assert channel.slots() == ()
        assert channel.counts().received_bytes > 0  # what a closed socket brought stays counted

    async def test_a_market_added_while_disconnected_is_in_the_next_first_frame(
        self, venue, listener, make_channel
    ):
        channel = make_channel()
        channel.change(PAIR)
        await venue.stop_listening()

        async with running(channel.run()):
            await listener.until(lambda _: channel.counts().failures)
            channel.change({"0xn": ("3", "4")})
            await venue.listen_again()
            asked = await (await venue.socket(0)).text(0)

        assert asked["assets_ids"] == ["1", "2", "3", "4"]


class TestHandingOn:
    async def test_frames_are_handed_on_as_they_came_and_after_the_connection_was_announced(
        self, venue, listener, make_channel
    ):
        dump = ' [{"event_type":"book"}]'.strip()
        venue.on_socket = lambda socket: (socket.send(dump), socket.send_json(change("1")))
        channel = make_channel()
        channel.change(PAIR)

        async with running(channel.run()):
            await listener.until(lambda heard: len(heard.frames) == 2)

        assert listener.log == ["up", "frame", "frame"]
        assert listener.frames[0] == dump.encode()
        assert listener.connections == [1, 1]

    async def test_e12_updates_without_sequence_numbers_are_all_handed_on(
        self, venue, listener, make_channel
    ):
        def three_updates(socket):
            two_books(socket)
            for size in ("5", "6", "7"):
                socket.send_json(change("1", size=size))

        venue.on_socket = three_updates
        channel = make_channel()
        channel.change(PAIR)

        async with running(channel.run()):
            await listener.until(lambda heard: len(heard.frames) == 4)

        sizes = [change[3] for delta in deltas(listener) for change in delta.changes]
        assert sizes == [5_000_000, 6_000_000, 7_000_000]

    async def test_e13_a_removed_level_is_handed_on_as_a_removal(
        self, venue, listener, make_channel
    ):
        venue.on_socket = lambda socket: socket.send_json(change("1", size="0", best_bid="0.4"))
        channel = make_channel()
        channel.change(PAIR)

        async with running(channel.run()):
            await listener.until(lambda heard: heard.frames)

        ((token_id, is_ask, price, size, *_),) = deltas(listener)[0].changes
        assert (token_id, is_ask, price, size) == ("1", False, 410_000, 0)

    async def test_a_failing_listener_stops_the_channel_and_gets_no_more_frames(
        self, venue, listener, make_channel
    ):
        taken = []

        def fail(raw, connection):
            taken.append(raw)
            raise RuntimeError("our own bug")

        listener.on_frame = fail
        venue.on_socket = lambda socket: [socket.send_json(change("1")) for _ in range(5)]
        channel = make_channel()
        channel.change(PAIR)

        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.timeout(2):
                await channel.run()

        assert str(caught.value.exceptions[0]) == "our own bug"
        assert len(taken) == 1


class TestKeepAlive:
    async def test_the_text_ping_is_sent_again_and_again(self, venue, listener, make_channel):
        channel = make_channel(ping_every_ms=10)
        channel.change(PAIR)

        async with running(channel.run()):
            socket = await venue.socket(0)
            await listener.until(lambda _: socket.pings >= 3)

        assert len(venue.sockets) == 1

    async def test_a_protocol_ping_is_answered_and_is_no_text_pong(
        self, venue, listener, make_channel
    ):
        def only_protocol(socket):
            socket.pongs = False
            for _ in range(3):
                socket.send(b"x", opcode=9)
                socket.send(b"unasked", opcode=PONG)

        venue.on_socket = only_protocol
        channel = make_channel(ping_every_ms=20, pong_within_ms=100)
        channel.change(PAIR)

        async with running(channel.run()):
            socket = await venue.socket(0)
            await listener.until(lambda heard: heard.downs())

        assert (PONG, b"x") in socket.controls
        assert listener.downs()[0].reason == "no PONG for 0.1 s"
        assert listener.frames == []

    async def test_no_pong_in_time_reconnects(self, venue, listener, make_channel):
        venue.pongs = False
        venue.on_socket = two_books
        channel = make_channel(ping_every_ms=20, pong_within_ms=80)
        channel.change(PAIR)

        async with running(channel.run()):
            first = await venue.socket(0)
            await venue.socket(1)
            await listener.until(lambda _: channel.counts().reconnects)

        assert listener.log[:4] == ["up", "frame", "down", "up"]
        assert any(opcode == CLOSE for opcode, _ in first.controls)

    async def test_a_socket_that_answers_stays(self, venue, listener, make_channel):
        venue.on_socket = two_books
        channel = make_channel(ping_every_ms=10, pong_within_ms=150)
        channel.change(PAIR)

        async with running(channel.run()):
            await venue.socket(0)
            await asyncio.sleep(0.2)

        assert listener.downs() == []
