"""The market channel on a venue that misbehaves: frames. One promise a test."""

import asyncio
import random
import struct

import pytest

from tests.feeds.listening import BOOKS, book, change, dumps, first_then_well, snapshots
from tests.feeds.misbehaving import BINARY, CLOSE, frame_header
from trading.engine.events import BookSuspect


class TestOddFrames:
    async def test_the_first_books_may_come_as_an_array_or_as_objects(self, listener, served):
        def mixed(socket):
            socket.send_json([book("1")])
            socket.send_json(book("2"))

        await served(mixed, lambda _: len(listener.frames) == 2)

        assert [snapshot.token_id for snapshot in snapshots(listener)] == ["1", "2"]

    async def test_plain_texts_are_counted_and_not_handed_on(self, listener, served):
        def chatter(socket):
            for text in ("NO NEW ASSETS", "", "PONG ", "null", "INVALID OPERATION"):
                socket.send(text)
            socket.send(BOOKS)

        channel = await served(chatter, lambda _: listener.frames)

        assert listener.frames == [BOOKS]
        assert channel.counts().non_json_frames == 5
        assert listener.downs() == []

    async def test_unknown_event_types_are_handed_on_untouched(self, listener, served):
        raw = b'{"event_type":"weather","market":"0xm"}'
        await served(lambda socket: socket.send(raw), lambda _: listener.frames)

        assert listener.frames == [raw]
        assert listener.decoded() == []

    async def test_duplicate_and_reordered_frames_are_handed_on_as_they_came(
        self, listener, served
    ):
        # Which of them is true can only be seen from the book, and that is the engine's.
        early, late = dumps(change("1", ms=1_790_000_000_001)), dumps(change("1"))

        def disorder(socket):
            for raw in (late, early, early):
                socket.send(raw)

        await served(disorder, lambda _: len(listener.frames) == 3)

        assert listener.frames == [late, early, early]

    async def test_invalid_utf8_makes_books_suspect_and_keeps_the_connection(
        self, listener, served
    ):
        def broken(socket):
            socket.send(b'{"event_type":"book","market":"0x\xff\xfe","asset_id":"1"}')
            socket.send(BOOKS)

        await served(broken, lambda _: len(listener.frames) == 2)

        assert isinstance(listener.decoded()[0], BookSuspect)
        assert listener.downs() == []

    async def test_a_fragmented_message_is_put_together(self, listener, served):
        def fragments(socket):
            socket.send(BOOKS[:10], fin=False)
            socket.send(b"ping", opcode=9)  # control frames may come between
            socket.send(BOOKS[10:50], opcode=0, fin=False)
            socket.send(BOOKS[50:], opcode=0)

        await served(fragments, lambda _: listener.frames)

        assert listener.frames == [BOOKS]


class TestFramesThatEndTheConnection:
    async def test_a_binary_frame_reconnects(self, listener, served):
        bad = first_then_well(lambda socket: socket.send(b"\x00\x01", opcode=BINARY))
        channel = await served(bad, lambda _: listener.frames)

        assert listener.log == ["up", "down", "up", "frame"]
        assert listener.downs()[0].reason == "a binary frame"
        assert channel.counts().unknown_frames == 1

    async def test_an_oversize_frame_reconnects_before_it_is_taken_in(self, listener, served):
        def huge(socket):
            socket.send_raw(frame_header(2_000_000) + b"[" * 100)  # the rest never comes

        channel = await served(
            first_then_well(huge), lambda _: listener.frames, message_bytes_max=1_000_000
        )

        assert listener.frames == [BOOKS]
        assert "exceeding max allowed size" in listener.downs()[0].reason
        assert channel.counts().unknown_frames == 1

    async def test_an_oversize_message_in_small_fragments_reconnects_too(self, listener, served):
        def endless(socket):
            socket.send(b"[" + b" " * 500, fin=False)
            for _ in range(10):
                socket.send(b" " * 500, opcode=0, fin=False)

        channel = await served(
            first_then_well(endless), lambda _: listener.frames, message_bytes_max=2_000
        )

        assert listener.frames == [BOOKS]
        assert listener.downs()[0].reason == "a message above the limit"
        assert channel.counts().unknown_frames == 1

    async def test_what_comes_after_the_end_is_not_handed_on(self, listener, served):
        def talks_on(socket):
            socket.send(b"\x00", opcode=BINARY)
            socket.send_json(change("1"))

        await served(first_then_well(talks_on), lambda _: listener.frames)

        assert listener.frames == [BOOKS]

    @pytest.mark.parametrize(
        "payload",
        [
            pytest.param(struct.pack("!H", 1000), id="normal"),
            pytest.param(struct.pack("!H", 1012) + b"restart", id="service restart"),
            pytest.param(struct.pack("!H", 4999) + b"own", id="private code"),
            pytest.param(b"", id="without a code"),
            pytest.param(b"\x03", id="half a code"),
            pytest.param(struct.pack("!H", 999), id="forbidden code"),
            pytest.param(struct.pack("!H", 1011) + b"\xff\xfe", id="reason that is no text"),
        ],
    )
    async def test_every_close_code_reconnects(self, listener, served, payload):
        def close(socket):
            socket.send(payload, opcode=CLOSE)

        await served(first_then_well(close), lambda _: listener.frames)

        assert listener.log == ["up", "down", "up", "frame"]
        assert listener.downs()[0].reason

    async def test_a_connection_cut_inside_a_frame_reconnects_and_hands_on_no_half_frame(
        self, listener, served
    ):
        def cut(socket):
            socket.send_raw(frame_header(len(BOOKS)) + BOOKS[:40])
            asyncio.get_running_loop().call_later(0.02, socket.drop)

        await served(first_then_well(cut), lambda _: listener.frames)

        assert listener.frames == [BOOKS]

    @pytest.mark.parametrize("seed", range(6))
    async def test_bytes_that_are_no_frames_reconnect(self, listener, served, seed):
        def babble(socket):
            socket.send_raw(random.Random(seed).randbytes(400))
            socket.drop()

        await served(first_then_well(babble), lambda _: BOOKS in listener.frames)

        assert listener.log[-2:] == ["up", "frame"]

    async def test_a_reserved_opcode_reconnects(self, listener, served):
        bad = first_then_well(lambda socket: socket.send(b"x", opcode=3))
        await served(bad, lambda _: listener.frames)

        assert listener.log == ["up", "down", "up", "frame"]
