"""Reads from a recording that is played: they know no future."""

import asyncio

from tests.feeds.listening import running
from tests.feeds.recordings import EXCERPT, T0, books, condition, delta, tokens
from trading.adapters.wire import MarketDecoder
from trading.engine.events import BookDelta, BookSnapshot, FeedChanged

UP, DOWN = tokens(1)


class TestReads:
    async def ask(self, player, listener, frames_before, token_ids=(UP, DOWN)):
        """Play, stop after some frames, ask, and return what is answered."""
        async with running(player.run(listener)):
            await listener.until(lambda heard: len(heard.frames) == frames_before)
            player.request_snapshot(condition(1), tuple(token_ids))
            player.request_snapshot(condition(1), tuple(token_ids))  # asked already
            await listener.until(lambda heard: len(heard.of(BookSnapshot)) >= len(token_ids))
        return listener.of(BookSnapshot)

    async def test_a_read_shows_the_books_as_far_as_they_were_played(self, make_player, listener):
        frames = [*books(), delta(T0 + 10, size="5"), delta(T0 + 5_000, price="0.45")]

        up, down = await self.ask(make_player(frames, speed=1.0), listener, 3)

        assert up == BookSnapshot(
            condition(1),
            UP,
            T0 + 10,
            ((400_000, 10_000_000), (410_000, 5_000_000)),
            ((600_000, 10_000_000),),
            from_read=True,
        )
        assert (down.token_id, down.venue_ms, down.from_read) == (DOWN, T0, True)

    async def test_a_lagging_leg_lags_in_the_answer_too(self, make_player, listener):
        # One instant for both would confirm a gap that never was.
        frames = [*books(), delta(T0 + 900), delta(T0 + 9_000)]

        up, down = await self.ask(make_player(frames, speed=10.0), listener, 3)

        assert (up.venue_ms, down.venue_ms) == (T0 + 900, T0)

    async def test_e13_a_removed_level_is_gone_from_the_answer(self, make_player, listener):
        frames = [*books(), delta(T0 + 1, price="0.4", size="0"), delta(T0 + 9_000)]

        (up,) = await self.ask(make_player(frames, speed=10.0), listener, 3, [UP])

        assert up.bids == ()

    async def test_what_was_asked_twice_is_answered_once(self, make_player, listener):
        player = make_player([*books(), delta(T0 + 9_000)], speed=10.0)

        await self.ask(player, listener, 2)

        assert len(listener.of(BookSnapshot)) == 2
        status = player.status()
        assert (status.snapshots_requested, status.snapshots_answered) == (2, 2)

    async def test_answers_keep_their_distance(self, make_player, listener):
        player = make_player([*books(), delta(T0 + 9_000)], speed=1.0, snapshot_every_ms=60)
        loop = asyncio.get_running_loop()

        async with running(player.run(listener)):
            await listener.until(lambda heard: len(heard.frames) == 2)
            began_s = loop.time()
            for answered in (1, 2, 3):
                player.request_snapshot(condition(1), (UP,))
                await listener.until(lambda heard, n=answered: len(heard.of(BookSnapshot)) == n)

        assert loop.time() - began_s >= 0.12

    async def test_what_was_not_played_yet_is_not_answered(self, make_player, listener):
        player = make_player([books()[0], delta(T0 + 9_000)], speed=10.0)

        async with running(player.run(listener)):
            await listener.until(lambda heard: heard.frames)
            player.request_snapshot(condition(1), (DOWN, "unknown"))
            player.request_snapshot(condition(2), (UP,))
            await asyncio.sleep(0.02)

        assert listener.of(BookSnapshot) == []
        assert player.status().snapshots_requested == 0

    async def test_a_request_from_before_a_leap_is_not_answered_after_it(
        self, make_player, listener
    ):
        frames = [*books(), books(T0 + 9_000_000)[1], delta(T0 + 9_005_000, DOWN)]
        player = make_player(frames, leap_pause_ms=180, speed=1.0, snapshot_every_ms=360)

        async with running(player.run(listener)):
            await listener.until(lambda heard: len(heard.frames) == 2)
            player.request_snapshot(condition(1), (UP, DOWN))
            await listener.until(lambda heard: len(heard.of(BookSnapshot)) == 2)
            player.request_snapshot(condition(1), (UP, DOWN))  # has to wait, and the leap comes
            await listener.until(lambda heard: len(heard.of(BookSnapshot)) == 3)

        late = listener.of(BookSnapshot)[2]
        assert (late.token_id, late.venue_ms) == (DOWN, T0 + 9_000_000)

    async def test_changes_without_a_whole_book_before_them_are_no_book(
        self, make_player, listener
    ):
        frames = [books()[0], delta(T0 + 1, DOWN), delta(T0 + 9_000)]
        player = make_player(frames, speed=10.0)

        async with running(player.run(listener)):
            await listener.until(lambda heard: len(heard.frames) == 2)
            player.request_snapshot(condition(1), (UP, DOWN))
            await listener.until(lambda heard: heard.of(BookSnapshot))
            await asyncio.sleep(0.02)

        assert [event.token_id for event in listener.of(BookSnapshot)] == [UP]


class Witness:
    """Keeps books beside the player, and compares each answer with them."""

    def __init__(self, player, listener):
        self.player = player
        self.frames = self.checked = 0
        self._decoder = MarketDecoder()
        self._kept: dict[str, dict[bool, dict[int, int]]] = {}
        self._hear_frame, self._hear_event = listener.on_frame, listener.on_event
        listener.on_frame, listener.on_event = self.on_frame, self.on_event

    def on_frame(self, raw, connection):
        self._hear_frame(raw, connection)
        self.frames += 1
        for event in self._decoder.decode(raw):
            if isinstance(event, BookSnapshot):
                self._kept[event.token_id] = {False: dict(event.bids), True: dict(event.asks)}
            elif isinstance(event, BookDelta):
                self._change(event)
                if self.frames % 20 == 0:
                    token_ids = tuple({token_id: None for token_id, *_ in event.changes})
                    self.player.request_snapshot(event.condition_id, token_ids)

    def _change(self, delta):
        for token_id, is_ask, price, size, _, _ in delta.changes:
            side = self._kept[token_id][is_ask]
            if size:
                side[price] = size
            else:
                side.pop(price)

    def on_event(self, event):
        self._hear_event(event)
        if isinstance(event, FeedChanged) and not event.connected:
            self._kept.clear()
        if isinstance(event, BookSnapshot):
            expected = self._kept[event.token_id]
            assert expected == {False: dict(event.bids), True: dict(event.asks)}
            self.checked += 1


async def test_reads_of_the_bundled_recording_are_the_books_that_its_frames_make(
    make_player, listener
):
    player = make_player(EXCERPT, snapshot_every_ms=0)
    witness = Witness(player, listener)

    await player.run(listener)

    assert witness.frames == 901
    assert witness.checked > 60
    assert listener.log.count("down") == 16
    assert len(listener.records) == 11
