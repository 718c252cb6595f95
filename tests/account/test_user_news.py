"""Recorded messages of the user channel and what they must become; and what becomes of others."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.account.recorded import NO, YES, as_rest, page, recorded
from trading.adapters import account_wire as wire
from trading.adapters.account_fields import WireError
from trading.engine.codes import Side, TradeState
from trading.execution.messages import OrderChange, OrderNews, VenueTrade


def news(value):
    return wire.user_news(json.dumps(value).encode())


def only(value):
    (one,) = news(value)
    return one


class TestOrderNews:
    def test_a_placement_as_it_was_recorded(self):
        assert only(recorded("ws_user_order_placement")) == OrderNews(
            order_hash="0x0f76f4dc6eaf3332f4100f2e8a0b4a927351dd64646b7bb12f37df775c657a78",
            change=OrderChange.PLACEMENT,
            status="LIVE",
            token_id=YES,
            side=Side.BUY,
            price_micro=513_000,
            size_micro=5_000_000,
            matched_micro=0,
        )

    def test_a_cancellation_says_how_much_had_matched(self):
        told = only(recorded("ws_user_order_cancellation"))

        assert (told.change, told.status) == (OrderChange.CANCELLATION, "CANCELED")
        assert (told.side, told.matched_micro) == (Side.SELL, 5_000_000)

    def test_a_killed_fok_matched_nothing_and_its_status_is_kept_as_text(self):
        told = only(recorded("ws_user_order_fok_killed"))

        assert told.matched_micro == 0
        assert told.status.startswith("CANCELED_order couldn't be fully filled. FOK")

    def test_an_invalid_order_is_a_cancellation_with_its_own_status(self):
        told = only(recorded("ws_user_order_invalid_cancel"))

        assert (told.change, told.status) == (OrderChange.CANCELLATION, "INVALID")

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"type": "REPLACEMENT"}, "type"),
            ({"side": "HOLD"}, "side"),
            ({"price": "0"}, "price"),
            ({"price": "1"}, "price"),
            ({"price": 0.5}, "price"),
            ({"original_size": "-5"}, "original_size"),
            ({"original_size": "5e3"}, "original_size"),
            ({"original_size": "9" * 30}, "original_size"),
            ({"size_matched": None}, "size_matched"),
            ({"id": ""}, "id"),
            ({"id": "0x" + "1" * 99}, "id"),
            ({"asset_id": "1\n2"}, "asset_id"),
        ],
        ids=str,
    )
    def test_a_field_of_another_kind_is_named_and_nothing_is_guessed(self, change, field):
        told = only(recorded("ws_user_order_placement") | change)

        assert isinstance(told, WireError)
        assert told.field == field

    @pytest.mark.parametrize("field", ["id", "price", "side", "size_matched", "status", "type"])
    def test_a_missing_field_is_named(self, field):
        message = recorded("ws_user_order_placement")
        del message[field]

        told = only(message)

        assert isinstance(told, WireError)
        assert str(told) == f"{field}: is missing"


class TestTrades:
    def test_our_trade_as_taker(self):
        told = only(recorded("ws_user_trade_taker_matched"))

        assert isinstance(told, VenueTrade)
        assert (told.state, told.side) == (TradeState.MATCHED, Side.BUY)
        assert (told.size_micro, told.price_micro) == (5_000_000, 520_000)
        assert told.matched_s == 1_725_958_681
        (maker,) = told.makers
        assert (maker.size_micro, maker.price_micro) == (5_000_000, 520_000)

    def test_parts_on_both_tokens_keep_their_own_token_side_and_price(self):
        told = only(recorded("ws_user_trade_maker_mixed_outcomes"))

        assert told.state is TradeState.MINED
        minted, *sold = told.makers
        # Nothing was recorded of the sides: who minted bought too, the others sold what they had.
        assert (minted.token_id, minted.side, minted.price_micro) == (NO, Side.BUY, 482_000)
        assert {part.token_id for part in sold} == {YES}
        assert {part.side for part in sold} == {Side.SELL}
        assert sum(part.size_micro for part in told.makers) == told.size_micro

    def test_a_side_that_is_said_is_taken(self):
        told = only(recorded("ws_user_trade_maker_confirmed"))

        assert told.state is TradeState.CONFIRMED
        assert [part.side for part in told.makers] == [Side.BUY] * 3
        assert [part.price_micro for part in told.makers] == [400_000, 350_000, 300_000]

    def test_rest_and_channel_say_the_same(self):
        message = recorded("ws_user_trade_taker_matched")

        (row,) = wire.trade_page(as_rest(message)).rows

        assert row == only(message)

    @pytest.mark.parametrize(
        ("status", "state"),
        [
            ("MATCHED_NOT_BROADCASTED", TradeState.MATCHED),
            ("TRADE_STATUS_MATCHED_NOT_BROADCASTED", TradeState.MATCHED),
            ("TRADE_STATUS_RETRYING", TradeState.RETRYING),
            ("FAILED", TradeState.FAILED),
        ],
    )
    def test_the_words_of_settlement(self, status, state):
        assert only(recorded("ws_user_trade_taker_matched") | {"status": status}).state is state

    @pytest.mark.parametrize("status", ["", "matched", "CONFIRMED ", "TRADE_STATUS_", "DONE"])
    def test_any_other_word_is_no_state(self, status):
        told = only(recorded("ws_user_trade_taker_matched") | {"status": status})

        assert isinstance(told, WireError)
        assert told.field == "status"

    @pytest.mark.parametrize(
        "time", ["1725958681", 1_725_958_681, "1725958681999", 1_725_958_681_000], ids=repr
    )
    def test_times_in_seconds_and_milliseconds_are_the_same_second(self, time):
        trade = recorded("ws_user_trade_taker_matched")

        assert only(trade | {"match_time": time}).matched_s == 1_725_958_681

    def test_an_older_spelling_of_the_time_is_taken(self):
        trade = recorded("ws_user_trade_taker_matched")
        trade["matchtime"] = trade.pop("match_time")

        assert only(trade).matched_s == 1_725_958_681

    @pytest.mark.parametrize(
        "time", ["", "soon", "-1", 0, 99, "1e9", 10**15, "1" * 79, None], ids=repr
    )
    def test_a_time_that_is_none_is_named(self, time):
        told = only(recorded("ws_user_trade_taker_matched") | {"match_time": time})

        assert isinstance(told, WireError)
        assert told.field == "match_time"

    def test_an_error_deep_inside_names_row_and_part(self):
        good = recorded("ws_user_trade_taker_matched")
        maker = good["maker_orders"][0]
        rows = [good, good | {"maker_orders": [maker, maker | {"price": "two"}]}]

        with pytest.raises(WireError, match=r"^data\[1\]\.maker_orders\[1\]\.price: not a decimal"):
            wire.trade_page(page(rows))

        del maker["order_id"]
        with pytest.raises(WireError, match=r"data\[0\]\.maker_orders\[0\]\.order_id: is missing"):
            wire.trade_page(page([good]))


class TestFrames:
    def test_an_array_is_read_in_its_order_and_one_bad_message_spoils_no_other(self):
        placed, trade = recorded("ws_user_order_placement"), recorded("ws_user_trade_taker_matched")

        first, second, third = news([placed, placed | {"price": "x"}, trade])

        assert isinstance(first, OrderNews)
        assert isinstance(second, WireError)
        assert isinstance(third, VenueTrade)

    @pytest.mark.parametrize(
        ("raw", "said"),
        [
            (b"", "answer: is not JSON"),
            (b"{", "answer: is not JSON"),
            (b"\xff\xfe{}", "answer: is not JSON"),
            (b"[" * 100_000, "answer: is not JSON"),
            (b"7", "answer: Expected `object`, got `int`"),
            (b"{}", "event_type: '' is neither order nor trade"),
            (b'{"event_type":"weather"}', "event_type: 'weather' is neither order nor trade"),
        ],
        ids=lambda value: repr(value)[:30],
    )
    def test_what_is_no_message_is_its_own_error(self, raw, said):
        (told,) = wire.user_news(raw)

        assert isinstance(told, WireError)
        assert str(told) == said

    @given(st.binary(max_size=200))
    def test_no_frame_raises(self, raw):
        for one in wire.user_news(raw):
            assert isinstance(one, OrderNews | VenueTrade | WireError)
