"""Recorded frames of the market channel and the engine events that they must become."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.adapters.wire import FRAME_BYTES_MAX, KEPT_FRAMES_MAX, MarketDecoder
from trading.engine.codes import MarketState
from trading.engine.events import (
    BookDelta,
    BookSnapshot,
    BookSuspect,
    MarketStatus,
    TickSizeChanged,
)
from trading.engine.units import MICRO

HERE = Path(__file__).parent


def recorded(name: str) -> bytes:
    return (HERE / f"ws_market_{name}.json").read_bytes()


def change(**fields: object) -> dict[str, object]:
    return {
        "asset_id": "1", "price": "0.5", "size": "200", "side": "BUY", "hash": "x",
        "best_bid": "0.5", "best_ask": "1",
    } | fields  # fmt: skip


def frame(*changes: dict[str, object], **fields: object) -> bytes:
    message = {
        "market": "0xm", "price_changes": list(changes), "timestamp": "1757908892351",
        "event_type": "price_change",
    } | fields  # fmt: skip
    return json.dumps(message).encode()


class TestRecordedFrames:
    def test_a_price_change_becomes_levels_with_the_best_prices_after_it(self):
        (event,) = MarketDecoder().decode(recorded("price_change"))

        assert isinstance(event, BookDelta)
        assert event.venue_ms == 1729084877448
        assert all(token_id.startswith("5211431950") for token_id, *_ in event.changes)
        assert {change[4:] for change in event.changes} == {(600_000, 700_000)}
        assert tuple(change[1:4] for change in event.changes) == (
            (False, 600_000, 3_300_000_000),
            (False, 500_000, 3_400_000_000),
            (False, 700_000, 3_400_000_000),
        )

    def test_a_book_becomes_a_snapshot_with_all_levels(self):
        raw = recorded("book")
        message = json.loads(raw)
        message = message[0] if isinstance(message, list) else message

        (event, *_) = MarketDecoder().decode(raw)

        assert isinstance(event, BookSnapshot)
        assert event.token_id == message["asset_id"]
        assert len(event.bids) == len(message["bids"])
        assert len(event.asks) == len(message["asks"])
        assert all(0 < price < MICRO and size > 0 for price, size in event.bids + event.asks)

    def test_the_initial_dump_is_an_array(self):
        one = recorded("book")
        if json.loads(one).__class__ is list:
            one = json.dumps(json.loads(one)[0]).encode()

        events = MarketDecoder().decode(b"[" + one + b"," + one + b"]")

        assert [type(event) for event in events] == [BookSnapshot, BookSnapshot]

    def test_a_tick_size_change_names_the_new_tick(self):
        (event,) = MarketDecoder().decode(recorded("tick_size_change"))

        assert isinstance(event, TickSizeChanged)
        assert event.tick_micro == int(
            float(json.loads(recorded("tick_size_change"))["new_tick_size"]) * MICRO
        )

    def test_a_resolution_names_the_winner(self):
        (event,) = MarketDecoder().decode(recorded("market_resolved"))

        assert isinstance(event, MarketStatus)
        assert event.state is MarketState.RESOLVED
        assert event.winning_token_id.startswith("76043073")

    @pytest.mark.parametrize("name", ["last_trade_price", "best_bid_ask", "new_market"])
    def test_known_types_without_use_are_counted_and_give_nothing(self, name):
        decoder = MarketDecoder()

        assert decoder.decode(recorded(name)) == []
        assert decoder.counts[name] == 1


class TestPrices:
    def test_an_empty_ask_side_is_one_whether_sent_as_one_or_zero(self):
        for sent in ("1", "0"):
            (event,) = MarketDecoder().decode(frame(change(best_ask=sent)))
            assert event.changes[0][5] == MICRO

    def test_best_prices_that_were_not_sent_are_unknown_not_zero(self):
        (event,) = MarketDecoder().decode(frame(change(best_ask="", best_bid="")))
        assert event.changes[0][4:] == (-1, -1)

    def test_a_decimal_may_lack_its_leading_zero(self):
        (event,) = MarketDecoder().decode(frame(change(price=".48")))
        assert event.changes[0][1:4] == (False, 480_000, 200_000_000)

    def test_a_removal_has_size_zero(self):
        (event,) = MarketDecoder().decode(frame(change(size="0")))
        assert event.changes[0][1:4] == (False, 500_000, 0)


class TestHostileFrames:
    """What cannot be read makes the books of its market suspect: an update was lost (E11, E13)."""

    @pytest.mark.parametrize(
        "fields",
        [
            {"price": "NaN"}, {"price": "1e-1"}, {"price": "0"}, {"price": "1"}, {"price": "1.5"},
            {"price": "-0.5"}, {"price": "0.1234567"}, {"price": "٠.٥"}, {"price": "0_5"},
            {"price": " 0.5"}, {"price": ""}, {"size": "-1"}, {"size": "inf"}, {"size": "1e9"},
            {"size": "9" * 30}, {"side": "HOLD"}, {"best_bid": "2"}, {"best_ask": "x"},
            {"price": 0.5}, {"size": None},
        ],
    )  # fmt: skip
    def test_a_bad_field_makes_the_market_suspect(self, fields):
        decoder = MarketDecoder()

        (event,) = decoder.decode(frame(change(**fields)))

        assert isinstance(event, BookSuspect)
        assert event.condition_id == "0xm"
        assert sum(n for name, n in decoder.counts.items() if name.startswith("malformed:")) == 1

    @pytest.mark.parametrize("timestamp", ["", "now", "1757908892", "-1757908892351", "９" * 13])
    def test_a_bad_timestamp_makes_the_market_suspect(self, timestamp):
        (event,) = MarketDecoder().decode(frame(change(), timestamp=timestamp))
        assert isinstance(event, BookSuspect)

    @pytest.mark.parametrize("raw", [b"{", b"[{]", b'{"market": 5}', b"[1]", b"{" * 100_000])
    def test_broken_json_makes_every_book_suspect(self, raw):
        (event,) = MarketDecoder().decode(raw)
        assert isinstance(event, BookSuspect)
        assert event.condition_id == ""

    @pytest.mark.parametrize("raw", [b"PONG", b"NO NEW ASSETS", b"", b"\xff\xfe", "PONG"])
    def test_texts_that_are_not_json_are_counted_and_harmless(self, raw):
        decoder = MarketDecoder()
        assert decoder.decode(raw) == []
        assert decoder.counts["non_json"] == 1

    def test_unknown_types_are_counted_and_kept(self):
        decoder = MarketDecoder()
        for number in range(400):
            assert decoder.decode(b'{"event_type":"new_%d"}' % number) == []

        assert decoder.counts["unknown:new_0"] == 1
        assert decoder.counts["unknown:*"] > 100  # names are bounded
        assert len(decoder.kept) == KEPT_FRAMES_MAX

    def test_an_oversize_frame_is_not_parsed(self):
        (event,) = MarketDecoder().decode(b"{" + b" " * FRAME_BYTES_MAX)
        assert isinstance(event, BookSuspect)

    def test_one_bad_object_in_an_array_leaves_the_others(self):
        good, bad = frame(change()), frame(change(size="x"), market="0xbad")

        events = MarketDecoder().decode(b"[" + good + b"," + bad + b"]")

        assert [type(event) for event in events] == [BookDelta, BookSuspect]

    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=200) | st.text(max_size=200))
    def test_nothing_makes_it_raise(self, raw):
        assert isinstance(MarketDecoder().decode(raw), list)

    @settings(max_examples=300, deadline=None)
    @given(
        position=st.integers(min_value=0, max_value=10_000),
        byte=st.integers(min_value=0, max_value=255),
    )
    def test_a_flipped_byte_never_raises_and_never_invents_a_price(self, position, byte):
        raw = bytearray(recorded("price_change"))
        raw[position % len(raw)] = byte

        for event in MarketDecoder().decode(bytes(raw)):
            if isinstance(event, BookDelta):
                for _, _, price, size, _, _ in event.changes:
                    assert 0 < price < MICRO
                    assert size >= 0
