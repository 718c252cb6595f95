"""Recording a feed: what was taken is read back, and a crash leaves a good beginning or nothing."""

import json

import pytest

from tests.feeds.listening import book, dumps
from tests.feeds.recordings import DEFAULTS, T0, books, condition, delta, tokens
from trading.adapters.feed import MarketRecord
from trading.adapters.recorder import Recorder
from trading.adapters.recording import (
    RecordingError,
    RecordingLimits,
    began_ms,
    load_markets,
    markets_path,
    read_frames,
)
from trading.adapters.replay import replay
from trading.engine.events import BookSuspect, FeedChanged
from trading.engine.limits import Limits
from trading.engine.market import FeeSchedule, MarketSpec

NAME = "live.frames.jsonl.zst"
PARTS = ["live.partial.frames.jsonl.zst", "live.partial.markets.json"]


def record(number=1, **changes):
    values = {
        "condition_id": condition(number),
        "token_ids": tuple(tokens(number)),
        "tick_micro": 1_000,
        "min_order_size_micro": 5_000_000,
        "fee": FeeSchedule(rate_micro=20_000, exponent=2, taker_only=False),
        "protocol": "v2",
        "neg_risk_event_id": "0xevent",
        "neg_risk_legs": 3,
        "seconds_delay": 3,
        "taker_delay_ms": 250,
        **changes,
    }
    return MarketRecord(
        spec=MarketSpec(**values),
        slug=f"market-{number}",
        question="Up or down?",
        yes_outcome="Up",
        no_outcome="Down",
        source="simulator",
        ends_at_ms=T0 + 900_000,
    )


@pytest.fixture
def recorder(tmp_path):
    one = Recorder(tmp_path / NAME, now_ms=lambda: T0 + 5)
    one.open()
    one.on_market(record())
    yield one
    one.abandon()


def take(recorder, *frames):
    for frame in frames:
        recorder.on_frame(frame if isinstance(frame, bytes) else dumps(frame), 1)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


class TestRoundTrip:
    def test_frames_come_back_in_order_and_byte_for_byte(self, recorder, tmp_path):
        frames = [dumps(one) for one in [*books(), delta(T0 + 1), delta(T0 + 2)]]
        take(recorder, *frames[:2])
        recorder.write(recorder.take())
        take(recorder, *frames[2:])

        assert recorder.finish()
        assert [raw for raw, _ in read_frames(tmp_path / NAME)] == frames
        assert names(tmp_path) == [NAME, "live.markets.json"]

    def test_a_frame_over_several_lines_becomes_one(self, recorder, tmp_path):
        take(recorder, json.dumps(delta(T0), indent=2).encode().replace(b"\n", b"\r\n"))
        recorder.finish()

        ((raw, stamp_ms),) = read_frames(tmp_path / NAME)
        assert (json.loads(raw), stamp_ms) == (delta(T0), T0)

    def test_markets_come_back_with_everything_that_the_engine_trades_by(self, recorder, tmp_path):
        recorder.on_market(record(2, fee=None, neg_risk_event_id="", neg_risk_legs=0))
        recorder.on_market(record(1, tick_micro=10_000))  # told again: the first one counts
        take(recorder, *books())
        recorder.finish()

        beside = markets_path(tmp_path / NAME)
        first, second = load_markets(beside, DEFAULTS)

        assert first.spec == record().spec
        assert second.spec.fee is None  # not what the reader takes where nothing is said
        assert (first.ends_at_ms, first.slug) == (T0 + 900_000, "market-1")
        assert began_ms(beside) == T0 + 5

    def test_a_market_that_comes_later_is_there_before_its_frames(self, recorder, tmp_path):
        take(recorder, *books())
        recorder.write(recorder.take())
        recorder.on_market(record(2))
        take(recorder, *books(number=2))
        recorder.write(recorder.take())

        kept = load_markets(tmp_path / PARTS[1], DEFAULTS)
        assert [one.spec.condition_id for one in kept] == [condition(1), condition(2)]


class TestTime:
    """A live recording is one stretch of time, whatever stamps the first books have."""

    def test_an_old_book_of_a_quiet_market_is_no_leap(self, recorder, tmp_path):
        recorder.on_market(record(2))
        old = [book(token, condition(2), ms=T0 - 7_200_000) for token in tokens(2)]
        take(recorder, *books(T0), *old, delta(T0 + 10))
        recorder.finish()
        beside = markets_path(tmp_path / NAME)

        def replayed(began):
            frames = (raw for raw, _ in read_frames(tmp_path / NAME))
            markets = load_markets(beside, DEFAULTS)
            return replay(frames, markets, limits=Limits(), began_ms=began)

        whole, leaping = replayed(began_ms(beside)), replayed(None)
        assert (whole.first_venue_ms, whole.last_venue_ms) == (T0 + 5, T0 + 10)
        assert whole.result_hash == replayed(began_ms(beside)).result_hash
        assert whole.result_hash != leaping.result_hash

    async def test_the_player_does_not_leap_either(self, recorder, tmp_path, listener):
        from tests.feeds.listening import HandClock
        from trading.adapters.player import Player, PlaySettings

        recorder.on_market(record(2))
        old = [book(token, condition(2), ms=T0 - 7_200_000) for token in tokens(2)]
        take(recorder, *books(T0), *old, delta(T0 + 10))
        recorder.finish()
        play = PlaySettings(
            frames=tmp_path / NAME, defaults=DEFAULTS, speed=float("inf"), loop=False
        )

        await Player(play, clock=HandClock(77)).run(listener)

        assert len(listener.frames) == 5
        assert [one.connected for one in listener.of(FeedChanged)] == [True, False]


class TestWhatIsLeftOut:
    @pytest.mark.parametrize(
        ("raw", "why"),
        [
            (b"PONG", "no frame"),
            (b"[]", "no frame"),
            (b'{"event_type":"book","market":"0x1"}', "no frame"),
            (b'{"timestamp":"soon"}', "no frame"),
            (dumps(book("5", condition(9), ms=T0)), "unknown market"),
            (dumps([*books(), book("5", condition(9), ms=T0)]), "unknown market"),
            (dumps(delta(T0))[:-1] + b',"x":"' + b"y" * 2_000 + b'"}', "too long"),
        ],
    )
    def test_is_what_no_reader_could_take_back(self, tmp_path, raw, why):
        one = Recorder(
            tmp_path / NAME, now_ms=lambda: T0, limits=RecordingLimits(line_bytes_max=1_000)
        )
        one.open()
        one.on_market(record())
        take(one, raw, delta(T0))
        one.finish()

        assert (one.frames, dict(one.left_out)) == (1, {why: 1})
        assert len(list(read_frames(tmp_path / NAME))) == 1

    def test_lost_connections_are_counted(self, recorder):
        recorder.on_event(FeedChanged(connected=True, token_ids=(), reason="x"))
        recorder.on_event(FeedChanged(connected=False, token_ids=(), reason="x"))
        recorder.on_event(BookSuspect(token_ids=(), reason="x"))

        assert recorder.disconnects == 1


class TestACrash:
    def test_at_any_byte_leaves_every_block_before_it(self, recorder, tmp_path):
        sizes, frames = [], []
        for number in range(5):
            frames.append(dumps(delta(T0 + number)))
            take(recorder, frames[-1])
            recorder.write(recorder.take())
            sizes.append(recorder.written_bytes)
        recorder.abandon()
        partial = tmp_path / PARTS[0]
        assert names(tmp_path) == PARTS
        whole = partial.read_bytes()

        for length in range(1, len(whole)):
            partial.write_bytes(whole[:length])
            read, torn = [], False
            try:
                read.extend(raw for raw, _ in read_frames(partial))
            except RecordingError as error:
                torn = error.torn
            complete = sum(size <= length for size in sizes)
            assert read[:complete] == frames[:complete]
            assert len(read) <= complete + 1  # a line may be whole although its checksum is not
            assert torn is (length not in sizes)

    def test_before_the_first_block_leaves_nothing_that_passes_for_a_recording(
        self, recorder, tmp_path
    ):
        take(recorder, *books())
        recorder.abandon()

        assert names(tmp_path) == [PARTS[0]]
        with pytest.raises(RecordingError, match="holds no frames"):
            list(read_frames(tmp_path / PARTS[0]))

    def test_nothing_recorded_leaves_nothing(self, recorder, tmp_path):
        assert not recorder.finish()
        assert names(tmp_path) == []


class TestRefused:
    def test_an_existing_recording_is_never_written_over(self, recorder, tmp_path):
        take(recorder, *books())
        recorder.finish()

        with pytest.raises(RecordingError, match="choose another name"):
            Recorder(tmp_path / NAME, now_ms=lambda: T0).open()

    def test_an_unfinished_one_is_not_either(self, recorder, tmp_path):
        with pytest.raises(RecordingError, match="rename it to keep it, or remove it"):
            Recorder(tmp_path / NAME, now_ms=lambda: T0).open()

    def test_a_name_that_no_reader_takes(self, tmp_path):
        with pytest.raises(RecordingError, match=r"ends in \.frames\.jsonl\.zst"):
            Recorder(tmp_path / "live.zst", now_ms=lambda: T0)

    def test_a_disk_that_is_too_slow_ends_it(self, recorder, monkeypatch):
        monkeypatch.setattr("trading.adapters.recorder.BUFFER_BYTES_MAX", 1_000)

        with pytest.raises(RecordingError, match="the disk is too slow"):
            take(recorder, *[delta(T0)] * 20)

    def test_a_file_of_the_largest_size_is_finished_as_it_is(self, recorder, tmp_path):
        take(recorder, *books())
        recorder.write(recorder.take())
        recorder._limits = RecordingLimits(file_bytes_max=recorder.written_bytes + 10)
        take(recorder, *books())

        with pytest.raises(RecordingError, match="would be larger"):
            recorder.write(recorder.take())
        assert recorder.finish()
        assert len(list(read_frames(tmp_path / NAME))) == 2
