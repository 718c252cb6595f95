"""Answers of REST about our account: what they become, and what is none."""

import json

import pytest

from tests.account.recorded import ORDER_ROW, page, recorded
from trading.adapters import account_wire as wire
from trading.adapters.account_fields import WireError
from trading.adapters.failures import refusal
from trading.engine.codes import Side
from trading.execution.messages import CancelResult
from trading.signing.headers import ApiCredentials


class TestPostAnswers:
    def test_a_matched_order_as_it_was_recorded(self):
        body = recorded("http_post_order_responses")["matched_fak_v1_era_2026-01-17"]

        (leg,) = wire.placed_legs(json.dumps(body).encode())

        assert (leg.success, leg.error, leg.status) == (True, "", "matched")
        assert (leg.making_micro, leg.taking_micro) == (4_999_999, 8_196_720)
        assert leg.trade_ids == ()

    def test_a_leg_can_fail_inside_a_success(self):
        samples = recorded("http_post_order_responses")
        good = samples["matched_fak_v1_era_2026-01-17"] | {"tradeIDs": ["t-1"]}
        body = [good, samples["batch_leg_in_post_only_mode_documented"]]

        first, second = wire.placed_legs(json.dumps(body).encode())

        assert first.trade_ids == ("t-1",)
        assert (second.success, second.order_hash, second.status) == (True, "", "")
        assert second.error.startswith("post-only mode: ")
        assert second.making_micro == second.taking_micro == 0

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"status": "filled"}, "[1].status: 'filled' is not one that the venue uses"),
            ({"status": "LIVE"}, "[1].status: 'LIVE' is not one that the venue uses"),
            ({"makingAmount": "1,5"}, "[1].makingAmount: not a decimal number: '1,5'"),
            ({"tradeIDs": [""]}, "[1].tradeIDs: '' is not an id of 1 to 100 characters"),
            ({"success": "true"}, "[1].success: Expected `bool`, got `str`"),
        ],
        ids=str,
    )
    def test_an_answer_of_another_kind_is_named(self, change, said):
        good = recorded("http_post_order_responses")["matched_fak_v1_era_2026-01-17"]

        with pytest.raises(WireError) as caught:
            wire.placed_legs(json.dumps([good, good | change]).encode())
        assert str(caught.value) == said

    @pytest.mark.parametrize("field", ["success", "errorMsg", "orderID", "status"])
    def test_half_an_answer_is_none(self, field):
        body = recorded("http_post_order_responses")["matched_fak_v1_era_2026-01-17"]
        del body[field]

        with pytest.raises(WireError, match=f"^{field}: is missing$"):
            wire.placed_legs(json.dumps(body).encode())


class TestOrders:
    def test_an_open_order(self):
        order = wire.open_order(json.dumps(ORDER_ROW).encode())

        assert order is not None
        assert (order.order_hash, order.status, order.side) == ("0xff35", "LIVE", Side.BUY)
        assert (order.price_micro, order.size_micro) == (480_000, 5_000_000)
        assert (order.matched_micro, order.trade_ids) == (1_500_000, ("t-1",))

    def test_the_bare_status_is_the_same_status(self):
        bare = json.dumps(ORDER_ROW | {"status": "LIVE", "associate_trades": None}).encode()

        order = wire.open_order(bare)

        assert order is not None
        assert order.status == "LIVE"

    @pytest.mark.parametrize("body", [b"", b"null", b' ""\n'])
    def test_the_venue_has_no_such_order(self, body):
        assert wire.open_order(body) is None

    @pytest.mark.parametrize("body", [b"{}", b"[]", b"0", b'"gone"', b"<html>"])
    def test_anything_else_is_not_taken_for_absence(self, body):
        with pytest.raises(WireError):
            wire.open_order(body)

    def test_a_large_size_is_read_as_shares_whatever_it_looks_like(self):
        order = wire.open_order(json.dumps(ORDER_ROW | {"original_size": "5000000"}).encode())

        assert order is not None
        assert order.size_micro == 5_000_000_000_000

    def test_a_page(self):
        rows = [ORDER_ROW, ORDER_ROW | {"id": "0x2"}]
        found = wire.order_page(page(rows, "MTAw"))

        assert [order.order_hash for order in found.rows] == ["0xff35", "0x2"]
        assert found.next_cursor == "MTAw"

    @pytest.mark.parametrize("cursor", [None, "", 7, "a b"])
    def test_a_page_without_a_cursor_is_no_page(self, cursor):
        for read in (wire.order_page, wire.trade_page):
            with pytest.raises(WireError, match=r"^next_cursor: "):
                read(page([], cursor))
            with pytest.raises(WireError, match=r"^next_cursor: is missing$"):
                read(b'{"data": []}')


class TestCancels:
    def test_what_went_and_what_stays(self):
        body = b'{"canceled": ["0x1"], "not_canceled": {"0x2": "matched"}}'

        assert wire.cancel_result(body) == CancelResult(
            cancelled=("0x1",), not_cancelled=(("0x2", "matched"),)
        )
        assert wire.cancel_result(b'{"canceled": null, "not_canceled": null}').cancelled == ()

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            (b"{}", "canceled"),
            (b'{"canceled": ["0x1"]}', "not_canceled"),
            (b'{"canceled": ["0x1"], "not_canceled": {"0x1": "?"}}', "not_canceled"),
            (b'{"canceled": [1], "not_canceled": {}}', "canceled[0]"),
        ],
    )
    def test_half_an_answer_is_none(self, body, field):
        with pytest.raises(WireError) as caught:
            wire.cancel_result(body)
        assert caught.value.field == field


class TestSmallAnswers:
    def test_a_balance_and_what_each_spender_may_take(self):
        top = str(2**256 - 1)
        body = json.dumps({"balance": "388390000", "allowances": {"0xE1": top, "0xe2": "0"}})

        found = wire.balance(body.encode())

        assert found.balance_micro == 388_390_000
        assert found.allowances == (("0xE1", 2**256 - 1), ("0xe2", 0))

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"balance": "1.5", "allowances": {}}, "balance"),
            ({"balance": 5, "allowances": {}}, "balance"),
            ({"balance": "-5", "allowances": {}}, "balance"),
            ({"balance": "5", "allowances": {"0xE1": str(2**256)}}, "allowances.0xE1"),
            ({"balance": "5", "allowance": "5"}, "allowances"),
        ],
        ids=str,
    )
    def test_a_balance_of_another_kind_is_named(self, body, field):
        with pytest.raises(WireError) as caught:
            wire.balance(json.dumps(body).encode())
        assert caught.value.field == field

    def test_heartbeat_closed_only_and_time(self):
        assert wire.heartbeat_id(b'{"heartbeat_id": "abc"}') == "abc"
        assert wire.closed_only(b'{"closed_only": true}') is True
        assert wire.server_time_s(b"1795350000") == 1_795_350_000

    @pytest.mark.parametrize(
        ("read", "body"),
        [
            (wire.heartbeat_id, b'{"heartbeat_id": ""}'),
            (wire.closed_only, b'{"closed_only": "false"}'),
            (wire.closed_only, b"{}"),
            (wire.server_time_s, b"1795350000000"),
            (wire.server_time_s, b'"1795350000"'),
        ],
    )
    def test_and_what_is_none(self, read, body):
        with pytest.raises(WireError):
            read(body)

    def test_an_api_key_is_read_and_never_shown(self):
        made = wire.credentials(b'{"apiKey": "k-1", "secret": "c2VjcmV0", "passphrase": "p-1"}')

        assert made == ApiCredentials(api_key="k-1", secret="c2VjcmV0", passphrase="p-1")
        assert not {"k-1", "c2VjcmV0", "p-1"} & set(repr(made).replace("'", " ").split())
        with pytest.raises(WireError) as caught:
            wire.credentials(b'{"apiKey": "k-1", "secret": "two words", "passphrase": "p-1"}')
        assert str(caught.value) == "secret: is not a short text without spaces"


class TestRefusals:
    @pytest.mark.parametrize("sample", recorded("http_errors_live"), ids=lambda one: one["seen"])
    def test_the_venues_words_are_kept(self, sample):
        said = refusal(json.dumps(sample["body"]).encode())

        assert said is not None
        assert said.text == sample["body"]["error"]

    def test_a_mode_says_its_code_and_how_long_it_lasts(self):
        said = refusal(json.dumps(recorded("http_errors_live")[-1]["body"]).encode())

        assert said is not None
        assert (said.code, said.retry_after_ms) == ("post_only_mode", 79_000)

    def test_a_heartbeat_says_which_id_it_expects(self):
        said = refusal(b'{"error_msg": "Invalid Heartbeat ID", "heartbeat_id": ""}')

        other = refusal(b'{"errorMsg": "no"}')

        assert said is not None
        assert (said.text, said.heartbeat_id) == ("Invalid Heartbeat ID", "")
        assert other is not None
        assert other.heartbeat_id is None

    @pytest.mark.parametrize("wait", [None, True, -5, "79", 1.5, 10**9], ids=repr)
    def test_a_wait_without_sense_is_none_and_a_long_one_is_bounded(self, wait):
        body = json.dumps({"error": "no", "retry_after_seconds": wait}).encode()

        said = refusal(body)

        assert said is not None
        assert said.retry_after_ms == (300_000 if wait == 10**9 else 0)

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"error": 7}', b"\xff"])
    def test_what_is_not_the_venues_form_says_nothing(self, body):
        assert refusal(body) is None
