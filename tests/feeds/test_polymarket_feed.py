"""The live feed on a venue on loopback: control reads, silence, and its end."""

import asyncio

from tests.feeds.listening import Listener, book, change, running
from tests.feeds.listings import PATH, condition
from tests.feeds.misbehaving import Answer, as_json
from tests.feeds.world import T0, from_reads
from trading.adapters.feed import Feed, FeedSink
from trading.engine.events import BookSuspect


async def test_it_is_a_feed(make_feed, listener):
    feed: Feed = make_feed()
    sink: FeedSink = listener

    assert (feed.name, feed.label) == ("polymarket", "SHADOW")
    assert isinstance(sink, Listener)
    assert feed.status().connections == 0
    await feed.close()  # before it ran: nothing to end


class TestReads:
    async def test_a_request_is_answered_once_by_both_books(self, world, listener, make_feed):
        world.list(1)
        feed = make_feed()

        async with running(feed.run(listener)):
            await listener.until(lambda heard: heard.frames)
            for _ in range(3):
                feed.request_snapshot(condition(1), world.tokens(1))
            await listener.until(lambda heard: len(from_reads(heard)) == 2)

        assert [event.token_id for event in from_reads(listener)] == [*world.tokens(1)]
        assert len(world.venue.asked("/books")) == 1
        status = feed.status()
        assert (status.snapshots_requested, status.snapshots_answered) == (2, 2)

    async def test_a_token_is_not_read_more_often_than_allowed(self, world, listener, make_feed):
        world.list(1)
        feed = make_feed(snapshot_every_ms=80)
        loop = asyncio.get_running_loop()

        async with running(feed.run(listener)):
            await listener.until(lambda heard: heard.frames)
            began_s = loop.time()
            feed.request_snapshot(condition(1), world.tokens(1))
            await listener.until(lambda heard: len(from_reads(heard)) == 2)
            feed.request_snapshot(condition(1), world.tokens(1))
            await listener.until(lambda heard: len(from_reads(heard)) == 4)

        assert loop.time() - began_s >= 0.08

    async def test_requests_for_what_is_not_watched_are_ignored(self, world, listener, make_feed):
        world.list(1)
        feed = make_feed()

        async with running(feed.run(listener)):
            await listener.until(lambda heard: heard.frames)
            feed.request_snapshot(condition(9), world.tokens(1))
            feed.request_snapshot(condition(1), ("unknown",))
            await asyncio.sleep(0.05)

        assert feed.status().snapshots_requested == 0
        assert world.venue.asked("/books") == []

    async def test_a_failed_read_is_counted_and_the_feed_goes_on(self, world, listener, make_feed):
        world.list(1)
        feed = make_feed()

        async with running(feed.run(listener)):
            await listener.until(lambda heard: heard.frames)
            world.http_books = False
            feed.request_snapshot(condition(1), world.tokens(1))
            await listener.until(lambda _: feed.status().read_failures)
            world.http_books = True
            feed.request_snapshot(condition(1), world.tokens(1))
            await listener.until(lambda heard: len(from_reads(heard)) == 2)

        assert "HTTP 503: not now" in feed.status().last_problem

    async def test_a_book_of_another_market_than_it_says_is_not_handed_on(
        self, world, listener, make_feed
    ):
        world.list(1)
        first, second = world.tokens(1)
        world.venue.answers["/books"] = lambda request: as_json(
            [book(first, condition(2)), book(second, condition(1))]
        )
        feed = make_feed()

        async with running(feed.run(listener)):
            await listener.until(lambda heard: heard.frames)
            feed.request_snapshot(condition(1), world.tokens(1))
            await listener.until(from_reads)

        assert [event.token_id for event in from_reads(listener)] == [second]

    async def test_a_missing_first_book_is_read_instead(self, world, listener, make_feed):
        world.list(1)
        world.streams = False
        feed = make_feed(slot={"first_books_within_ms": 40})

        async with running(feed.run(listener)):
            await listener.until(lambda heard: len(from_reads(heard)) == 2)

        assert listener.frames == []

    async def test_all_watched_books_are_read_in_turn_both_tokens_together(
        self, world, listener, make_feed
    ):
        for number in (1, 2, 3):
            world.list(number)
        feed = make_feed(control_every_ms=15, control_tokens=4)

        async with running(feed.run(listener)):
            await listener.until(lambda heard: len(from_reads(heard)) >= 12)

        asked = [
            [one["token_id"] for one in request.json] for request in world.venue.asked("/books")
        ]
        pairs = [[*world.tokens(number)] for number in (1, 2, 3)]
        assert asked[:3] == [pairs[0] + pairs[1], pairs[2] + pairs[0], pairs[1] + pairs[2]]


class TestSilence:
    async def test_a_socket_that_pongs_and_brings_no_data_is_found_and_replaced(
        self, venue, world, listener, make_feed
    ):
        world.list(1)
        feed = make_feed(control_every_ms=15, silent_after_ms=60, slot={"ping_every_ms": 10})

        async with running(feed.run(listener)):
            await listener.until(lambda heard: heard.frames)
            world.book_ms = T0 + 5_000  # HTTP knows of a change that the stream never brings
            await venue.socket(1)
            await listener.until(lambda heard: len(heard.ups()) == 2)

        assert listener.of(BookSuspect)[0].token_ids == world.tokens(1)
        assert listener.log.index("BookSuspect") < listener.log.index("down")
        assert "no book data" in listener.downs()[0].reason
        assert venue.sockets[0].pings > 0

    async def test_a_living_stream_is_left_alone(self, venue, world, listener, make_feed):
        world.list(1)
        feed = make_feed(control_every_ms=10, silent_after_ms=40)

        async with running(feed.run(listener)):
            socket = await venue.socket(0)
            for step in range(1, 16):
                world.book_ms = T0 + step * 2_000
                socket.send_json(change(world.tokens(1)[0], condition(1), ms=world.book_ms))
                await asyncio.sleep(0.01)

        assert listener.of(BookSuspect) == []
        assert len(venue.sockets) == 1

    async def test_announcements_of_new_markets_do_not_hide_a_frozen_socket(
        self, venue, world, listener, make_feed
    ):
        world.list(1)
        feed = make_feed(control_every_ms=15, silent_after_ms=60)

        async with running(feed.run(listener)):
            await listener.until(lambda heard: heard.frames)
            world.book_ms = T0 + 5_000
            while not listener.of(BookSuspect):
                news = {"event_type": "new_market", "timestamp": str(T0 + 60_000), "market": "0x"}
                venue.sockets[0].send_json(news)
                await asyncio.sleep(0.01)

        assert len(listener.frames) >= 2


class TestClosing:
    async def test_close_ends_run_and_leaves_nothing_open(self, venue, world, listener, make_feed):
        world.list(1)
        feed = make_feed()
        task = asyncio.ensure_future(feed.run(listener))
        socket = await venue.socket(0)
        await listener.until(lambda heard: heard.frames)

        await feed.close()
        async with asyncio.timeout(1):
            await task
            await socket.closed.wait()

        assert feed.status().connections == 0

    async def test_close_ends_a_discovery_that_hangs(self, venue, listener, make_feed):
        venue.answers[PATH] = lambda request: Answer(delay_s=5)
        feed = make_feed()
        task = asyncio.ensure_future(feed.run(listener))
        await listener.until(lambda _: venue.requests)

        async with asyncio.timeout(1):
            await feed.close()
            await task

    async def test_status_tells_how_it_is_doing(self, venue, world, listener, make_feed):
        world.list(1)
        feed = make_feed()

        async with running(feed.run(listener)):
            socket = await venue.socket(0)
            socket.send("NO NEW ASSETS")
            await listener.until(lambda _: feed.status().non_json_frames)
            await listener.until(lambda heard: heard.frames)
            status = feed.status()

        assert (status.connections, status.connections_wanted) == (1, 1)
        assert status.last_frame_monotonic_ns is not None
        assert status.received_bytes > len(listener.frames[0])
        assert (status.reconnects, status.reconnect_failures) == (0, 0)
