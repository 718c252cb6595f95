"""Playing a recording: pace, leaps, ends of markets, and reads that know no future."""

import asyncio
import math
import time

import pytest

from tests.feeds.listening import dumps, running
from tests.feeds.recordings import T0, books, condition, delta, market, tokens
from trading.adapters.feed import Feed
from trading.adapters.player import parse_speed
from trading.adapters.recording import RecordingError
from trading.engine.codes import MarketState
from trading.engine.events import FeedChanged, MarketListed, MarketStatus


async def test_it_is_a_feed(make_player, listener):
    feed: Feed = make_player(books())

    assert (feed.name, feed.label) == ("recorded", "RECORDED")
    await feed.close()  # before it ran: nothing to end
    await feed.run(listener)
    assert listener.frames == []


def resolved(number):
    return MarketStatus(
        condition_id=condition(number),
        state=MarketState.RESOLVED,
        winning_token_id=tokens(number)[0],
    )


class TestPlaying:
    async def test_a_market_is_told_before_its_first_frame_and_once(self, make_player, listener):
        await make_player([*books(), delta(T0 + 1)]).run(listener)

        assert listener.log == ["up", "market", "MarketListed", "frame", "frame", "frame", "down"]
        assert listener.records[0].ends_at_ms == T0 + 900_000
        # The recorded end is in the past: an engine that knew it would trade nothing.
        assert listener.of(MarketListed)[0].spec.end_ms is None

    async def test_frames_are_handed_on_byte_for_byte(self, make_player, listener):
        frames = [dumps(one) + b"\n" for one in [*books(), delta(T0 + 1)]]

        await make_player(frames).run(listener)

        assert [raw + b"\n" for raw in listener.frames] == frames

    async def test_status_tells_how_far_it_is(self, make_player, listener):
        player = make_player([*books(), delta(T0 + 1) | {"event_type": "weather"}])
        assert player.status().connections == 0

        await player.run(listener)

        status = player.status()
        assert status.received_bytes == sum(len(raw) for raw in listener.frames)
        assert status.last_frame_monotonic_ns == 77
        assert (status.connections, status.connections_wanted) == (0, 1)
        assert (status.reconnects, status.reconnect_failures) == (0, 0)
        assert status.unknown_frames == 1

    async def test_a_market_ends_when_the_recording_passes_its_end(self, make_player, listener):
        frames = [*books(), delta(T0 + 29_999), delta(T0 + 30_000), delta(T0 + 30_001)]

        await make_player(frames, [market(endMs=T0 + 30_000)]).run(listener)

        assert listener.log[3:] == [
            "frame",
            "frame",
            "frame",
            "MarketStatus",
            *["frame"] * 2,
            "down",
        ]
        assert listener.of(MarketStatus) == [resolved(1)]

    async def test_a_market_whose_winner_is_not_known_is_closed(self, make_player, listener):
        frames = [*books(), delta(T0 + 30_001)]
        for payouts in ([0.5, 0.5], [1, 1], None):
            await make_player(frames, [market(endMs=T0 + 30_000, payouts=payouts)]).run(listener)

            told = listener.of(MarketStatus)[-1]
            assert told == MarketStatus(condition_id=condition(1), state=MarketState.CLOSED)

    async def test_a_frame_of_an_unknown_market_ends_playing(self, make_player, listener):
        player = make_player([*books(), *books(number=2)])

        with pytest.raises(RecordingError, match="which is no market of it"):
            await player.run(listener)

        assert listener.log[-1] == "down"

    async def test_a_torn_recording_plays_its_whole_frames_and_ends_with_the_line(
        self, make_player, listener
    ):
        player = make_player([*books(), b'{"market'])

        with pytest.raises(RecordingError, match="line 3 is torn") as caught:
            await player.run(listener)

        assert caught.value.permanent
        assert len(listener.frames) == 2
        assert listener.downs()[-1].reason == caught.value.message

    async def test_a_recording_without_markets_is_refused(self, make_player, listener, tmp_path):
        player = make_player(books())
        (tmp_path / "day.markets.json").unlink()

        with pytest.raises(RecordingError, match=r"day\.markets\.json"):
            await player.run(listener)

        assert listener.log == []


class TestPace:
    async def played_in_s(self, player, listener):
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        await player.run(listener)
        return loop.time() - began_s

    async def test_real_time_is_the_recordings_own(self, make_player, listener):
        frames = [*books(), delta(T0 + 60), delta(T0 + 120)]

        took_s = await self.played_in_s(make_player(frames, speed=1.0), listener)

        assert 0.115 <= took_s < 0.6

    async def test_a_factor_plays_faster(self, make_player, listener):
        frames = [*books(), delta(T0 + 4_000), delta(T0 + 8_000)]

        took_s = await self.played_in_s(make_player(frames, speed=100.0), listener)

        assert 0.075 <= took_s < 0.6

    async def test_top_speed_waits_for_nothing_and_still_lets_others_run(
        self, make_player, listener
    ):
        frames = [*books(), *(delta(T0 + n * 30_000) for n in range(1, 200))]
        turns = 0

        async def other():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        async with running(other()):
            took_s = await self.played_in_s(make_player(frames), listener)

        assert took_s < 1
        assert turns >= 200

    async def test_a_leap_is_shortened_and_a_long_silence_is_not(self, make_player, listener):
        frames = [*books(), delta(T0 + 50_000), *books(T0 + 3_600_000)]

        took_s = await self.played_in_s(make_player(frames, speed=1_000.0), listener)

        assert 0.054 <= took_s < 0.6  # 50 s of silence, then 5 s that are left of an hour

    async def test_after_a_listener_that_was_slow_the_pace_is_kept(self, make_player, listener):
        # The frames of the time that was lost do not come in one rush.
        on_frame = listener.on_frame

        def slow_at_first(raw, connection):
            if not listener.frames:
                time.sleep(0.15)
            on_frame(raw, connection)

        listener.on_frame = slow_at_first
        frames = [*books(), *(delta(T0 + n * 20) for n in range(1, 6))]
        player = make_player(frames, speed=1.0, late_ms_max=10)

        assert await self.played_in_s(player, listener) >= 0.22

    async def test_a_short_delay_is_caught_up(self, make_player, listener):
        on_frame = listener.on_frame

        def slow_at_first(raw, connection):
            if not listener.frames:
                time.sleep(0.15)
            on_frame(raw, connection)

        listener.on_frame = slow_at_first
        frames = [*books(), *(delta(T0 + n * 20) for n in range(1, 11))]

        assert await self.played_in_s(make_player(frames, speed=1.0), listener) < 0.3

    @pytest.mark.parametrize(
        ("text", "speed"), [("1", 1.0), ("2.5", 2.5), ("0.01", 0.01), ("max", math.inf)]
    )
    def test_a_speed_that_people_write(self, text, speed):
        assert parse_speed(text) == speed

    @pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "fast", "", "1e9", "10001", "٢"])
    def test_a_speed_that_makes_no_sense_is_refused(self, text):
        with pytest.raises(ValueError, match='write "max" or a factor'):
            parse_speed(text)


class TestLeaps:
    async def test_a_leap_in_time_drops_all_books(self, make_player, listener):
        frames = [*books(), delta(T0 + 60_000), *books(T0 + 120_001)]

        await make_player(frames).run(listener)

        assert listener.log[3:] == [
            "frame",
            "frame",
            "frame",
            "down",
            "up",
            "frame",
            "frame",
            "down",
        ]
        down, up = listener.of(FeedChanged)[1:3]
        assert (down.token_ids, up.token_ids) == ((), ())
        assert down.reason == up.reason == "the recording leaps by 60 s"
        assert listener.connections == [1, 1, 1, 2, 2]

    async def test_frames_that_are_out_of_order_by_a_little_are_no_leap(
        self, make_player, listener
    ):
        frames = [*books(), delta(T0 + 500), delta(T0 + 100), delta(T0 + 600)]

        await make_player(frames).run(listener)

        assert listener.log.count("up") == 1

    async def test_playing_again_begins_with_nothing_known(self, make_player, listener):
        player = make_player([*books(), delta(T0 + 1_000)], loop=True, leap_pause_ms=0)

        async with running(player.run(listener)):
            await listener.until(lambda heard: len(heard.frames) >= 6)

        again = ["down", "MarketStatus", "up", "MarketListed", "frame", "frame", "frame"]
        first = ["up", "market", "MarketListed", "frame", "frame", "frame"]
        assert listener.log[:13] == first + again
        assert listener.downs()[0].reason == "the recording begins again"
        assert len(listener.records) == 1

    async def test_a_market_that_ended_is_listed_again_when_playing_again(
        self, make_player, listener
    ):
        frames = [*books(), delta(T0 + 30_000)]
        player = make_player(frames, [market(endMs=T0 + 30_000)], loop=True, leap_pause_ms=0)

        async with running(player.run(listener)):
            await listener.until(lambda heard: len(heard.of(MarketListed)) == 3)

        states = [type(event).__name__ for event in listener.events]
        assert states.count("MarketStatus") in (2, 3)

    async def test_a_step_back_in_the_middle_ends_the_markets_of_the_later_hour(
        self, make_player, listener
    ):
        hour = 3_600_000
        frames = [*books(T0 + hour, number=2), *books(T0)]
        markets = [market(1), market(2, endMs=T0 + hour + 900_000)]

        await make_player(frames, markets).run(listener)

        assert listener.of(MarketStatus) == [resolved(2)]
        assert listener.log.index("MarketStatus") < listener.log.index("up", 1)


class TestClosing:
    async def test_close_ends_a_long_wait_at_once(self, make_player, listener):
        player = make_player([*books(), delta(T0 + 59_000)], speed=1.0, loop=True)
        task = asyncio.ensure_future(player.run(listener))
        await listener.until(lambda heard: len(heard.frames) == 2)

        async with asyncio.timeout(1):
            await player.close()
            await task

        assert listener.log[-1] == "down"
        assert player.status().connections == 0

    async def test_close_ends_endless_playing(self, make_player, listener):
        player = make_player(books(), loop=True, leap_pause_ms=0)
        task = asyncio.ensure_future(player.run(listener))
        await listener.until(lambda heard: len(heard.frames) >= 20)

        async with asyncio.timeout(1):
            await player.close()
            await task
