"""The market channel when connections are lost, replaced, or come without data."""

import asyncio
import json
import logging

import pytest

from tests.feeds.listening import BOOKS, PAIR, book, change, dumps, first_then_well, running
from trading.adapters.channel_socket import SocketSettings
from trading.adapters.clob_slot import Backoff, SlotSettings


class NotedBackoff(Backoff):
    """Writes its pauses down."""

    def __init__(self, settings, pauses):
        super().__init__(settings, lambda: 1.0)
        self.pauses = pauses

    def pause_s(self):
        self.pauses.append(super().pause_s())
        return self.pauses[-1]


class TestReconnecting:
    async def test_e10_a_lost_connection_is_told_at_once_and_reconnecting_never_ends(
        self, venue, listener, make_channel
    ):
        venue.on_socket = lambda socket: socket.send(BOOKS)
        channel = make_channel(jitter=lambda: 1.0, backoff_ms=2, backoff_ms_max=4)
        channel.change(PAIR)

        async with running(channel.run()):
            socket = await venue.socket(0)
            await listener.until(lambda heard: heard.frames)
            await venue.stop_listening()
            socket.drop()
            await listener.until(lambda heard: heard.downs())
            await listener.until(lambda _: channel.counts().failures >= 5)
            assert len(listener.ups()) == 1
            await venue.listen_again()
            await listener.until(lambda heard: len(heard.frames) == 2)

        assert listener.log == ["up", "frame", "down", "up", "frame"]
        assert channel.counts().reconnects == 1

    async def test_e14_a_gap_drops_the_books_counts_and_starts_from_whole_books(
        self, listener, served
    ):
        def gap(socket):
            socket.send(BOOKS)
            socket.send_json(change("1"))
            socket.drop()

        channel = await served(first_then_well(gap), lambda chan: chan.counts().reconnects)

        assert listener.log[-3:] == ["down", "up", "frame"]
        assert listener.downs()[0].token_ids == ()  # the only socket: nothing is connected now
        assert listener.frames[-1] == BOOKS
        assert channel.counts().reconnects == 1

    async def test_only_the_tokens_of_the_lost_socket_go_down_while_others_live(
        self, venue, listener, make_channel
    ):
        channel = make_channel(tokens_per_socket_max=2)
        channel.change({"0xm": ("1", "2"), "0xn": ("3", "4")})

        async with running(channel.run()):
            sockets = [await venue.socket(0), await venue.socket(1)]
            (first,) = [s for s in sockets if json.loads(s.texts[0])["assets_ids"] == ["1", "2"]]
            await listener.until(lambda heard: len(heard.ups()) == 2)
            first.drop()
            await listener.until(lambda heard: heard.downs())

        assert listener.downs()[0].token_ids == ("1", "2")

    @pytest.mark.parametrize(
        ("misbehave", "problem"),
        [
            ({"handshake_status": 429}, "HTTP 429"),
            ({"handshake_status": 503}, "HTTP 503"),
            ({"handshake_status": 301}, "HTTP 301"),
            ({"handshake_drops": True}, "dropped in the handshake"),
            ({"handshake_hangs": True}, "took too long"),
        ],
    )
    async def test_a_failed_handshake_counts_as_failure_and_is_tried_again(
        self, venue, listener, make_channel, misbehave, problem
    ):
        for name, value in misbehave.items():
            setattr(venue, name, value)
        venue.on_socket = lambda socket: socket.send(BOOKS)
        channel = make_channel(handshake_ms=60)
        channel.change(PAIR)

        async with running(channel.run()):
            await listener.until(lambda _: channel.counts().failures)
            assert problem in channel.counts().last_problem
            assert listener.log == []
            venue.handshake_status, venue.handshake_drops, venue.handshake_hangs = 101, False, False
            await listener.until(lambda heard: heard.frames)

        assert listener.log == ["up", "frame"]

    async def test_a_venue_that_accepts_and_hangs_up_counts_as_failures(self, listener, served):
        # A handshake alone is no success: it would hide a venue that is down behind its proxy.
        channel = await served(
            lambda socket: socket.drop(), lambda channel: channel.counts().failures >= 3
        )

        assert channel.counts().reconnects == 0

    async def test_stopping_in_the_middle_of_a_handshake_leaves_nothing_open(
        self, venue, listener, make_channel
    ):
        venue.handshake_hangs = True
        channel = make_channel(handshake_ms=80)
        channel.change(PAIR)

        async with running(channel.run()):
            await listener.until(lambda _: venue.handshakes)

        await asyncio.sleep(0.12)  # the handshake's own time-out closes it
        assert channel.slots()[0].socket is None

    async def test_a_handshake_that_succeeds_after_stopping_is_closed(
        self, venue, listener, make_channel
    ):
        venue.handshake_delay_s = 0.05
        channel = make_channel()
        channel.change(PAIR)

        async with running(channel.run()):
            await listener.until(lambda _: venue.handshakes)

        await listener.until(lambda _: venue.sockets and venue.sockets[0].closed.is_set())

    async def test_a_market_added_in_the_middle_of_a_handshake_is_subscribed_after_it(
        self, venue, listener, make_channel
    ):
        venue.handshake_delay_s = 0.05
        channel = make_channel()
        channel.change(PAIR)

        async with running(channel.run()):
            await listener.until(lambda _: venue.handshakes)
            channel.change({"0xn": ("3", "4")}, removed=["0xm"])
            socket = await venue.socket(0)
            removed, added = await socket.text(1), await socket.text(2)

        assert sorted(removed["assets_ids"]) == ["1", "2"]
        assert (added["operation"], added["assets_ids"]) == ("subscribe", ["3", "4"])

    def test_pauses_double_up_to_the_cap_and_are_a_random_share_of_it(self):
        settings = SlotSettings(
            socket=SocketSettings(url="ws://127.0.0.1"), backoff_ms=500, backoff_ms_max=30_000
        )
        longest = Backoff(settings, lambda: 1.0)
        half = Backoff(settings, lambda: 0.5)

        assert [longest.pause_s() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
        assert [half.pause_s() for _ in range(3)] == [0.25, 0.5, 1]
        longest.reset()
        assert longest.pause_s() == 0.5

    async def test_only_a_connection_that_held_resets_the_pauses(
        self, venue, listener, make_channel
    ):
        venue.on_socket = lambda socket: socket.send(BOOKS)
        channel = make_channel(jitter=lambda: 1.0, backoff_ms=1, stable_after_ms=60)
        channel.change(PAIR)
        pauses: list[float] = []

        async with running(channel.run()):
            slot = channel.slots()[0]
            slot.backoff = NotedBackoff(slot.settings, pauses)
            for index, held_s in enumerate((0, 0, 0.1)):
                socket = await venue.socket(index)
                await listener.until(lambda heard, n=index: len(heard.frames) == n + 1)
                await asyncio.sleep(held_s)
                socket.drop()
            await listener.until(lambda heard: len(heard.frames) == 4)

        assert pauses == [0.001, 0.002, 0.001]


class TestMissingBooks:
    async def test_tokens_without_a_first_book_are_named_once(self, venue, listener, make_channel):
        missing: list[tuple[str, ...]] = []
        venue.on_socket = lambda socket: socket.send_json([book("1")])
        channel = make_channel(first_books_within_ms=40, on_books_missing=missing.append)
        channel.change(PAIR)

        async with running(channel.run()):
            await listener.until(lambda _: missing)
            await asyncio.sleep(0.1)

        assert missing == [("2",)]

    async def test_tokens_whose_books_came_are_not_named(self, venue, listener, make_channel):
        missing: list[tuple[str, ...]] = []
        venue.on_socket = lambda socket: (
            socket.send_json(book("2")),
            socket.send_json([book("1")]),
        )
        channel = make_channel(first_books_within_ms=40, on_books_missing=missing.append)
        channel.change(PAIR)

        async with running(channel.run()):
            await listener.until(lambda heard: len(heard.frames) == 2)
            await asyncio.sleep(0.1)

        assert missing == []

    @pytest.mark.parametrize(
        "frame",
        [
            pytest.param(change("1"), id="a change"),
            pytest.param(book("1") | {"event_type": "book_preview"}, id="another type"),
            pytest.param(b'{"bids": [], "asset_id": 1}', id="another shape"),
        ],
    )
    async def test_other_frames_are_no_first_book(self, venue, listener, make_channel, frame):
        missing: list[tuple[str, ...]] = []
        raw = frame if isinstance(frame, bytes) else dumps(frame)
        venue.on_socket = lambda socket: socket.send(raw)
        channel = make_channel(first_books_within_ms=40, on_books_missing=missing.append)
        channel.change(PAIR)

        async with running(channel.run()):
            await listener.until(lambda _: missing)

        assert missing == [("1", "2")]


class TestPlannedReconnect:
    async def test_the_new_socket_is_filled_before_the_old_one_goes(
        self, venue, listener, make_channel
    ):
        venue.on_socket = lambda socket: None
        channel = make_channel(replace_every_ms=60)
        channel.change(PAIR)

        async with running(channel.run()):
            old = await venue.socket(0)
            old.send(BOOKS)
            new = await venue.socket(1)
            old.send_json(change("1", size="6"))  # still serves
            await listener.until(lambda heard: len(heard.frames) == 2)
            new.send(BOOKS)
            new.send_json(change("1", size="7"))
            await listener.until(lambda heard: len(heard.frames) == 4)
            async with asyncio.timeout(1):
                await old.closed.wait()

        assert listener.log[:7] == ["up", "frame", "frame", "down", "up", "frame", "frame"]
        assert listener.connections[:4] == [1, 1, 2, 2]
        assert {event.reason for event in (*listener.downs(), *listener.ups()[1:])} == {
            "planned reconnect"
        }

    async def test_a_new_socket_that_cannot_be_made_leaves_the_old_one_serving(
        self, venue, listener, make_channel
    ):
        venue.on_socket = lambda socket: socket.send(BOOKS)
        channel = make_channel(replace_every_ms=40, backoff_ms_max=20)
        channel.change(PAIR)

        async with running(channel.run()):
            old = await venue.socket(0)
            venue.handshake_status = 503
            await listener.until(lambda _: channel.counts().failures >= 2)
            old.send_json(change("1"))
            await listener.until(lambda heard: len(heard.frames) == 2)

        assert listener.downs() == []

    async def test_an_old_socket_lost_meanwhile_hands_over_to_the_new_one(
        self, venue, listener, make_channel
    ):
        venue.on_socket = lambda socket: None
        channel = make_channel(replace_every_ms=40)
        channel.change(PAIR)

        async with running(channel.run()):
            old = await venue.socket(0)
            old.send(BOOKS)
            new = await venue.socket(1)
            old.drop()
            await listener.until(lambda heard: heard.downs())
            new.send(BOOKS)
            await listener.until(lambda heard: len(heard.frames) == 2)

        assert listener.log[:5] == ["up", "frame", "down", "up", "frame"]
        assert len(venue.sockets) == 2

    async def test_a_new_socket_takes_over_without_its_books_after_a_while(
        self, venue, listener, make_channel
    ):
        missing: list[tuple[str, ...]] = []
        venue.on_socket = lambda socket: socket.send(BOOKS) if len(venue.sockets) == 1 else None
        channel = make_channel(
            replace_every_ms=30, first_books_within_ms=50, on_books_missing=missing.append
        )
        channel.change(PAIR)

        async with running(channel.run()):
            await listener.until(lambda _: missing)

        assert listener.log[:4] == ["up", "frame", "down", "up"]
        assert missing[0] == ("1", "2")

    async def test_what_the_new_socket_may_hold_is_bounded(self, venue, listener, make_channel):
        def flood(socket):
            if len(venue.sockets) == 1:
                socket.send(BOOKS)
            else:
                for _ in range(20):
                    socket.send_json(change("1"))

        venue.on_socket = flood
        channel = make_channel(replace_every_ms=40, held_bytes_max=1_000)
        channel.change(PAIR)

        async with running(channel.run()):
            await listener.until(lambda heard: len(heard.frames) >= 21)

        assert listener.downs()[0].reason == "planned reconnect"


def test_the_library_tells_of_no_connection_and_of_no_frame():
    """Its lines came out between those of a command that a person had called."""
    assert logging.getLogger("picows.client.7").getEffectiveLevel() == logging.WARNING
