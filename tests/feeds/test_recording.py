"""Reading recordings: whole ones, damaged ones, hostile ones."""

import gzip
import json
import zlib

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings, strategies

from tests.feeds.listening import book, change
from tests.feeds.recordings import DEFAULTS, T0, condition, market, tokens, write
from trading.adapters.feed import MarketRecord
from trading.adapters.recording import (
    RecordingError,
    RecordingLimits,
    load_markets,
    markets_path,
    read_frames,
)
from trading.engine.market import FeeSchedule, MarketSpec

NAMES = ["day.frames.jsonl.zst", "day.frames.jsonl.gz"]


def frame(number, ms=T0):
    return change("1", ms=ms) | {"number": number}


def problem(frames, **limits):
    """Read until it fails; return how many frames came before, and the message."""
    came = 0
    reading = read_frames(frames, RecordingLimits(**limits) if limits else None)
    try:
        for _ in reading:
            came += 1
    except RecordingError as error:
        return came, error.message
    raise AssertionError("it was read to its end")


class TestFrames:
    @pytest.mark.parametrize("name", NAMES)
    def test_lines_come_back_byte_for_byte_with_their_time(self, tmp_path, name):
        lines = [
            json.dumps(frame(n, T0 + n), separators=(", ", ":")).encode() for n in range(2_000)
        ]
        path = write(tmp_path, [line + b"\n" for line in lines], name=name)

        read = list(read_frames(path))

        assert [raw for raw, _ in read] == lines
        assert [ms for _, ms in read] == [T0 + n for n in range(2_000)]

    def test_an_array_of_messages_counts_by_its_latest(self, tmp_path):
        path = write(tmp_path, [[frame(1, T0 + 5), frame(2, T0 + 3)]])

        assert [ms for _, ms in read_frames(path)] == [T0 + 5]

    @pytest.mark.parametrize("name", NAMES)
    def test_packed_files_joined_end_to_end_are_one_recording(self, tmp_path, name):
        path = write(tmp_path, [frame(1)], name=name)
        path.write_bytes(path.read_bytes() * 3)

        assert len(list(read_frames(path))) == 3

    @pytest.mark.parametrize("name", NAMES)
    def test_a_file_cut_off_gives_out_its_whole_lines_and_names_the_torn_one(self, tmp_path, name):
        path = write(tmp_path, [frame(n, T0 + n * 977) for n in range(5_000)], name=name)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) * 2 // 3])

        came, message = problem(path)

        assert 0 < came < 5_000
        assert f"line {came + 1} is torn" in message

    def test_a_file_cut_off_at_the_end_of_a_line_is_torn_too(self, tmp_path):
        path = write(tmp_path, [frame(1)], name=NAMES[1])
        packer = zlib.compressobj(wbits=31)
        line = json.dumps(frame(1)).encode() + b"\n"
        path.write_bytes(packer.compress(line * 2) + packer.flush(zlib.Z_SYNC_FLUSH))

        assert problem(path) == (2, f"{path.name}: line 3 is torn: the packed data ends too early")

    @pytest.mark.parametrize("name", NAMES)
    def test_a_flipped_bit_is_found(self, tmp_path, name):
        path = write(tmp_path, [frame(n, T0 + n * 977) for n in range(5_000)], name=name)
        damaged = bytearray(path.read_bytes())
        damaged[len(damaged) // 2] ^= 0x40
        path.write_bytes(damaged)

        _, message = problem(path)

        assert path.name in message
        assert "line " in message

    @pytest.mark.parametrize("name", NAMES)
    @given(data=strategies.data())
    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def test_no_damage_brings_anything_but_frames_or_a_named_error(self, tmp_path, name, data):
        path = write(tmp_path, [frame(n, T0 + n * 977) for n in range(50)], name=name)
        bytes_ = bytearray(path.read_bytes())
        place = data.draw(strategies.integers(0, len(bytes_) - 1))
        bytes_[place : data.draw(strategies.integers(place, len(bytes_)))] = data.draw(
            strategies.binary(max_size=30)
        )
        path.write_bytes(bytes_)

        try:
            for raw, ms in read_frames(path):
                assert json.loads(raw)["timestamp"] == str(ms)
        except RecordingError as error:
            found = error.message
        else:
            found = path.name
        assert found.startswith(path.name)

    def test_a_last_line_without_its_end_is_torn(self, tmp_path):
        path = write(tmp_path, [frame(1), json.dumps(frame(2)).encode()])

        assert problem(path) == (1, f"{path.name}: line 2 is torn: the file ends inside it")

    @pytest.mark.parametrize(
        ("line", "named"),
        [
            (b"\n", "line 2 is no frame"),
            (b'{"timestamp": "1790000000000"\n', "line 2 is no frame"),
            (b"NO NEW ASSETS\n", "line 2 is no frame"),
            (b'{"market": "0x"}\n', "line 2 is no frame"),
            (b'{"timestamp": 1790000000000}\n', "line 2 is no frame"),
            (b'{"timestamp": "17900000"}\n', "line 2: timestamp"),
            (b'{"timestamp": "soon"}\n', "line 2: timestamp"),
            (b"[]\n", "line 2: timestamp"),
            (b"[" * 5_000 + b"\n", "line 2 is no frame"),
        ],
    )
    def test_a_line_that_is_no_frame_is_named(self, tmp_path, line, named):
        came, message = problem(write(tmp_path, [frame(1), line, frame(3)]))

        assert came == 1
        assert named in message

    @pytest.mark.parametrize("end", [b'"}\n', b""])
    def test_a_line_above_the_limit_is_refused_before_it_is_whole(self, tmp_path, end):
        path = write(tmp_path, [frame(1), b'{"x": "' + b"y" * 30_000_000 + end])

        came, message = problem(path, line_bytes_max=100_000)

        assert (came, message) == (1, f"{path.name}: line 2 is longer than 100000 bytes")

    def test_more_frames_than_allowed_are_refused(self, tmp_path):
        path = write(tmp_path, [frame(n) for n in range(5)])

        assert problem(path, frames_max=4) == (4, f"{path.name}: more than 4 frames")

    def test_a_file_above_the_limit_is_refused_unread(self, tmp_path):
        path = write(tmp_path, [frame(n) for n in range(5)])

        assert problem(path, file_bytes_max=20) == (0, f"{path.name}: larger than 20 bytes")

    @pytest.mark.parametrize("content", [b"", zstandard.compress(b"")])
    def test_an_empty_recording_is_refused(self, tmp_path, content):
        path = write(tmp_path, [])
        path.write_bytes(content)

        assert problem(path) == (0, f"{path.name}: holds no frames")

    def test_a_missing_file_is_named(self, tmp_path):
        _, message = problem(tmp_path / "gone.frames.jsonl.gz")

        assert "gone.frames.jsonl.gz: cannot be read" in message

    def test_another_name_is_no_recording(self, tmp_path):
        assert "no recording" in problem(tmp_path / "frames.csv")[1]
        assert markets_path(tmp_path / "a.b.frames.jsonl.gz") == tmp_path / "a.b.markets.json"


class TestMarkets:
    def load(self, tmp_path, *markets):
        return load_markets(markets_path(write(tmp_path, [], list(markets))), DEFAULTS)

    def test_a_market_without_parameters_gets_the_defaults(self, tmp_path):
        assert self.load(tmp_path, market()) == [
            MarketRecord(
                spec=MarketSpec(
                    condition_id=condition(1),
                    token_ids=(tokens(1)[0], tokens(1)[1]),
                    tick_micro=10_000,
                    min_order_size_micro=5_000_000,
                    fee=FeeSchedule(rate_micro=70_000, exponent=1),
                    end_ms=None,
                ),
                slug="market-1",
                question="Up or down?",
                yes_outcome="Up",
                no_outcome="Down",
                source="recorded",
                ends_at_ms=T0 + 900_000,
                winning_token_id=tokens(1)[0],
            )
        ]

    def test_a_market_with_parameters_keeps_them(self, tmp_path):
        own = {
            "feeSchedule": {"rate": "0.05", "exponent": "1", "takerOnly": True},
            "orderPriceMinTickSize": "0.001",
            "orderMinSize": "15",
            "takerDelayMs": 150,
        }
        (record,) = self.load(tmp_path, market(**own))

        assert record.spec.fee == FeeSchedule(rate_micro=50_000, exponent=1)
        assert (record.spec.tick_micro, record.spec.min_order_size_micro) == (1_000, 15_000_000)
        assert record.spec.taker_delay_ms == 150

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"conditionId": "0x1"}, "[0].conditionId"),
            ({"clobTokenIds": ["1", "1"]}, "[0].clobTokenIds"),
            ({"clobTokenIds": ["1", "x"]}, "[0].clobTokenIds"),
            ({"clobTokenIds": ["1"]}, "$[0].clobTokenIds"),
            ({"outcomes": ["Up"]}, "$[0].outcomes"),
            ({"endMs": "soon"}, "$[0].endMs"),
            ({"orderPriceMinTickSize": "0.03"}, "[0].orderPriceMinTickSize"),
            ({"orderMinSize": "-1"}, "[0].orderMinSize"),
            ({"takerDelayMs": -1}, "[0].takerDelayMs"),
            ({"feeSchedule": {"rate": "2", "exponent": "1", "takerOnly": True}}, "[0].feeSchedule"),
            ({"feeSchedule": {"rate": "0.1"}}, "$[0].feeSchedule"),
        ],
    )
    def test_a_faulty_market_is_refused_by_field(self, tmp_path, changes, named):
        with pytest.raises(RecordingError) as caught:
            self.load(tmp_path, market(**changes))

        assert named in caught.value.message

    def test_tokens_in_two_markets_are_refused(self, tmp_path):
        with pytest.raises(RecordingError, match="a token stands in two markets"):
            self.load(tmp_path, market(1), market(2, clobTokenIds=tokens(1)))

    def test_no_markets_are_refused(self, tmp_path):
        path = write(tmp_path, [])
        markets_path(path).write_text("[]")

        with pytest.raises(RecordingError, match="0 markets"):
            load_markets(markets_path(path), DEFAULTS)

    @pytest.mark.parametrize("text", ["", "{", "<html>", '{"a": 1}', "[1]"])
    def test_a_file_that_is_no_list_of_markets_is_named(self, tmp_path, text):
        path = write(tmp_path, [])
        markets_path(path).write_text(text)

        with pytest.raises(RecordingError, match=r"day\.markets\.json: "):
            load_markets(markets_path(path), DEFAULTS)

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(RecordingError, match=r"day\.markets\.json: cannot be read"):
            load_markets(tmp_path / "day.markets.json", DEFAULTS)


def test_the_helpers_write_what_is_really_recorded(tmp_path):
    path = write(tmp_path, [book("1"), frame(2)], name=NAMES[1])

    assert gzip.decompress(path.read_bytes()).count(b"\n") == 2
