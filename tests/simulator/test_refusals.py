"""What the venue refuses, in the venue's own words, and that a refusal changes nothing."""

from dataclasses import replace

import pytest

from tests.simulator.builders import (
    CONDITION,
    NO,
    NOON_MS,
    UNLIMITED,
    YES,
    Client,
    balances_of,
    make_exchange,
)
from trading.engine.units import MICRO
from trading.simulator import answers
from trading.simulator.codes import COLLATERAL, OrderStatus, VenueMode
from trading.simulator.events import DelayEnded, OrderChanged
from trading.simulator.gates import STANDARD

UNPAID = "not enough balance / allowance: the balance is not enough -> balance: "


@pytest.fixture
def client():
    return Client(make_exchange())


class TestWordsOfRefusal:
    @pytest.mark.parametrize(
        ("order", "more", "text"),
        [
            (
                ("BUY", YES, "0.405", 10),
                {},
                "order 0x0001 is invalid. Price (0.405) breaks minimum tick size rule: 0.01",
            ),
            (
                ("BUY", YES, 40, "4.99"),
                {},
                "order 0x0001 is invalid. Size (4.99) lower than the minimum: 5",
            ),
            (("BUY", YES, 40, 10, "GTD"), {}, "invalid expiration"),
            (("BUY", YES, 40, 10, "GTD"), {"expiration_s": NOON_MS // 1_000}, "invalid expiration"),
            (("BUY", YES, 40, 10), {"expiration_s": NOON_MS}, "invalid expiration"),
            (("BUY", YES, 40, 10), {"maker_micro": 0}, "Invalid order payload"),
            (("BUY", YES, 40, 10, "FAK"), {"post_only": True}, answers.POST_ONLY_TYPE),
            (
                ("BUY", YES, 40, 0, "FAK"),
                {"maker_micro": 1_005_000, "taker_micro": 2_512_500},
                (
                    "invalid amounts, the market buy orders maker amount supports a max accuracy "
                    "of 2 decimals, taker amount a max of 4 decimals"
                ),
            ),
            (
                ("SELL", YES, 22, "19.69"),
                {"taker_micro": 4_330_000},
                (
                    "invalid amounts, the taker amount for a $0.22 order of size 19.69 should be "
                    "'4.3318' but the value submited is '4.33'. Please check if you are using the "
                    "latest version of the 'clob-client' library"
                ),
            ),
            (
                ("BUY", YES, 99, 20_000),
                {},
                f"{UNPAID}9000000000, order amount (inc. fees): 19800000000",
            ),
            (
                ("SELL", NO, 99, 1_001),
                {},
                f"{UNPAID}1000000000, order amount (inc. fees): 1001000000",
            ),
        ],
    )
    def test_an_order_against_a_rule(self, client, order, more, text):
        before = balances_of(client.exchange, "ann")

        answer = client.place("ann", *order, **more)

        assert (answer.http, answer.text) == (400, text)
        assert balances_of(client.exchange, "ann") == before
        assert client.exchange.take_events() == []

    def test_an_unknown_token(self, client):
        answer = client.place("ann", "BUY", "7", 40, 10)

        assert (answer.http, answer.text) == (404, answers.NO_BOOK)

    def test_the_same_order_twice(self, client):
        order = client.order("ann", "BUY", YES, 40, 10)
        client.exchange.place(order, NOON_MS)

        answer = client.exchange.place(order, NOON_MS)

        assert answer.text == "order 0x0001 is invalid. Duplicated."

    def test_a_post_only_order_that_crosses(self, client):
        client.place("ann", "SELL", YES, 40, 10)

        assert client.place("ben", "BUY", NO, 59, 10, post_only=True).status == "live"
        answer = client.place("ben", "SELL", NO, 59, 10, post_only=True)
        assert answer.text == "invalid post-only order: order crosses book"

    def test_a_marketable_buy_below_a_dollar(self, client):
        client.place("ann", "SELL", YES, 10, 10)

        answer = client.place("ben", "BUY", YES, 10, 7)

        assert answer.text == "invalid amount for a marketable BUY order ($0.7), min size: $1"
        assert client.place("ben", "BUY", YES, 9, 7).status == "live"  # it only rests

    def test_a_limit_order_with_too_fine_a_size(self, client):
        answer = client.place("ann", "BUY", YES, 50, "5.001")

        assert "the maker amount for a $0.5 order of size 5 should be '2.5'" in answer.text

    def test_a_market_buy_must_pay_the_fees_of_what_it_really_gets(self, client):
        exchange = client.exchange
        client.place("ann", "SELL", YES, 50, 20)
        exchange.open_account("dan")
        exchange.chain.deposit("dan", 5_100_000)
        exchange.refresh_view("dan", COLLATERAL)
        amounts = {"maker_micro": 5 * MICRO, "taker_micro": 5_555_500}

        refused = client.place("dan", "BUY", YES, 90, 0, "FOK", **amounts)  # 0.125 in fees
        exchange.chain.deposit("dan", 25_000)
        exchange.refresh_view("dan", COLLATERAL)
        taken = client.place("dan", "BUY", YES, 90, 0, "FOK", **amounts)

        assert refused.text == f"{UNPAID}5100000, order amount (inc. fees): 5125000"
        assert taken.taking_micro == 10 * MICRO

    def test_the_oldest_order_ids_of_an_account_are_forgotten(self):
        client = Client(make_exchange(tier=replace(UNLIMITED, ids_max=2)))
        client.place("ben", "BUY", YES, 40, 10)
        made = [client.order("ann", "BUY", YES, 40, 10) for _ in range(3)]
        for order in made:
            client.exchange.place(order, client.now_ms)
        client.exchange.cancel_all("ann", client.now_ms)

        assert client.exchange.place(made[2], client.now_ms).text.endswith("Duplicated.")
        assert client.exchange.place(made[0], client.now_ms).status == "live"

    def test_what_open_orders_and_trades_have_claimed_is_named(self, client):
        client.place("ann", "SELL", YES, 50, 100)
        client.place("ben", "BUY", YES, 50, 100)  # 50 dollars and 1.25 in fees
        client.place("ben", "BUY", YES, 40, 20_000)

        answer = client.place("ben", "BUY", YES, 40, 5_000)

        assert answer.text == (
            f"{UNPAID}9000000000, sum of active orders: 8000000000, "
            "sum of matched orders: 51250000, order amount (inc. fees): 2000000000"
        )


class TestBatches:
    def test_a_failed_leg_carries_its_error_and_the_others_stand(self, client):
        good = client.order("ann", "BUY", YES, 40, 10)
        bad = client.order("ann", "BUY", YES, 40, 1)

        first, second = client.exchange.place_batch("ann", [good, bad], NOON_MS)

        assert (first.status, first.error) == ("live", "")
        assert (second.order_id, second.status) == ("", "")
        assert "lower than the minimum: 5" in second.error

    def test_a_leg_of_somebody_else_is_refused(self, client):
        order = client.order("ben", "BUY", YES, 40, 10)

        (leg,) = client.exchange.place_batch("ann", [order], NOON_MS)

        assert leg.error == "the order owner has to be the owner of the API KEY"
        assert client.exchange.open_orders("ben") == []

    def test_a_batch_of_sixteen_is_refused(self, client):
        orders = [client.order("ann", "BUY", YES, 40, 10) for _ in range(16)]

        answer = client.exchange.place_batch("ann", orders, NOON_MS)

        assert answer.text == "Too many orders in payload: 16, max allowed: 15"


class TestCancelling:
    def test_a_cancel_frees_exactly_what_was_reserved(self, client):
        before = balances_of(client.exchange, "ann")
        client.place("ann", "BUY", YES, 40, "10.01")
        reserved = balances_of(client.exchange, "ann")["active"]

        answer = client.exchange.cancel("ann", ["0x0001", "0x0099"], client.now_ms)

        assert reserved == {COLLATERAL: 4_004_000}
        assert answer.canceled == ("0x0001",)
        assert answer.not_canceled == (("0x0099", answers.NOT_FOUND),)
        assert balances_of(client.exchange, "ann") == before

    def test_nobody_cancels_the_order_of_another(self, client):
        client.place("ann", "BUY", YES, 40, 10)

        assert client.exchange.cancel("ben", ["0x0001"], client.now_ms).canceled == ()
        assert len(client.exchange.open_orders("ann")) == 1

    def test_all_of_one_token_or_of_a_market_or_of_the_account(self, client):
        for token in (YES, NO, NO, YES):
            client.place("ann", "BUY", token, 40, 10)
        cancel_all = client.exchange.cancel_all

        assert cancel_all("ann", client.now_ms, token_id=NO).canceled == ("0x0002", "0x0003")
        assert cancel_all("ann", client.now_ms, condition_id="0xother").canceled == ()
        assert cancel_all("ann", client.now_ms, condition_id=CONDITION).canceled == (
            "0x0001",
            "0x0004",
        )
        assert cancel_all("ann", client.now_ms).canceled == ()

    def test_more_than_a_thousand_ids_are_refused(self, client):
        answer = client.exchange.cancel("ann", map(str, range(1_001)), NOON_MS)

        assert answer.text == "Too many orders in payload: 1001, max allowed: 1000"


class TestModes:
    @pytest.mark.parametrize(
        ("mode", "http", "cancels"),
        [
            (VenueMode.RESTARTING, 425, False),
            (VenueMode.DISABLED, 503, False),
            (VenueMode.CANCEL_ONLY, 503, True),
        ],
    )
    def test_a_mode_refuses_orders(self, client, mode, http, cancels):
        client.place("ann", "BUY", YES, 40, 10)
        client.exchange.set_mode(mode, client.now_ms)

        assert client.place("ann", "BUY", YES, 40, 10).http == http
        batch = [client.order("ann", "BUY", YES, 40, 10)]
        assert client.exchange.place_batch("ann", batch, client.now_ms).http == http
        answer = client.exchange.cancel("ann", ["0x0001"], client.now_ms)
        assert (getattr(answer, "http", None) is None) == cancels
        all_answer = client.exchange.cancel_all("ann", client.now_ms)
        assert (getattr(all_answer, "http", None) is None) == cancels

    def test_after_a_restart_only_post_only_orders_are_taken_for_two_minutes(self, client):
        client.exchange.set_mode(VenueMode.RESTARTING, client.now_ms, 90_000)
        client.wait(90_000)

        refusal = client.place("ann", "BUY", YES, 40, 10)
        assert (refusal.http, refusal.code, refusal.retry_after_s) == (503, "post_only_mode", 120)
        assert client.place("ann", "BUY", YES, 40, 10, post_only=True).status == "live"
        (leg,) = client.exchange.place_batch(
            "ann", [client.order("ann", "BUY", YES, 40, 10)], client.now_ms
        )
        assert leg.error == answers.POST_ONLY_MODE

        client.wait(120_000)
        assert client.place("ann", "BUY", YES, 40, 10).status == "live"

    def test_a_mode_that_was_changed_meanwhile_does_not_end(self, client):
        client.exchange.set_mode(VenueMode.CANCEL_ONLY, client.now_ms, 1_000)
        client.exchange.set_mode(VenueMode.DISABLED, client.now_ms)
        client.wait(2_000)

        assert client.exchange.gate.mode is VenueMode.DISABLED


class TestDelays:
    def exchange(self, **changes):
        return Client(make_exchange(delay_ms=3_000, **changes))

    def ended(self, client):
        return [e.answer for e in client.exchange.take_events() if isinstance(e, DelayEnded)]

    def test_a_marketable_order_is_matched_after_the_delay(self):
        client = self.exchange()
        client.place("ann", "SELL", YES, 40, 10)

        answer = client.place("ben", "BUY", YES, 40, 10)

        assert (answer.status, answer.waits) == ("delayed", False)
        refused = client.exchange.cancel("ben", [answer.order_id], client.now_ms)
        assert refused.not_canceled == ((answer.order_id, answers.DELAYED),)
        assert balances_of(client.exchange, "ben")["active"] == {COLLATERAL: 4_120_000}
        client.wait(3_000)
        assert [a.status for a in self.ended(client)] == ["matched"]

    def test_it_rests_when_what_it_wanted_is_gone(self):
        client = self.exchange(delay_answer_waits=True)
        client.place("ann", "SELL", YES, 40, 10)
        assert client.place("ben", "BUY", YES, 40, 10).waits
        client.exchange.cancel("ann", ["0x0001"], client.now_ms)

        client.wait(3_000)

        assert [a.status for a in self.ended(client)] == ["unmatched"]
        assert balances_of(client.exchange, "ben")["active"] == {COLLATERAL: 4 * MICRO}

    def test_a_fok_that_lost_its_match_is_killed(self):
        client = self.exchange()
        client.place("ann", "SELL", YES, 40, 10)
        client.place("ben", "BUY", YES, 40, 10, "FOK")
        client.exchange.cancel("ann", ["0x0001"], client.now_ms)

        client.wait(3_000)

        assert [a.text for a in self.ended(client)] == [answers.FOK_KILLED]
        assert "active" not in [k for k, v in balances_of(client.exchange, "ben").items() if v]

    def test_an_order_that_expires_in_its_delay_is_cancelled_after_it(self):
        client = self.exchange()
        client.place("ann", "SELL", YES, 40, 10)
        client.place("ben", "BUY", YES, 40, 20, "GTD", expiration_s=client.now_ms // 1_000 + 62)

        client.wait(6_000)

        changes = [e for e in client.exchange.take_events() if isinstance(e, OrderChanged)]
        assert changes[-1].status == OrderStatus.CANCELED_EXPIRED_ORDER
        assert client.exchange.open_orders("ben") == []


class TestLimits:
    def test_the_burst_is_taken_at_once_and_comes_back_evenly(self):
        client = Client(make_exchange(tier=STANDARD))
        orders = [client.order("ann", "BUY", YES, 40, 10) for _ in range(66)]
        for start in range(0, 60, 15):
            client.exchange.place_batch("ann", orders[start : start + 15], NOON_MS)

        refusal = client.exchange.place(orders[60], NOON_MS)

        assert (refusal.http, refusal.text) == (429, "Too Many Requests")
        assert refusal.retry_after_s == 1
        assert client.exchange.place(orders[60], NOON_MS + 24).http == 429
        assert client.exchange.place(orders[60], NOON_MS + 25).status == "live"

    def test_a_cost_above_the_burst_never_passes(self):
        client = Client(make_exchange(tier=STANDARD))

        answer = client.exchange.cancel("ann", map(str, range(121)), NOON_MS + 10**6)

        assert answer.http == 429

    def test_cancel_all_costs_what_it_cancels(self):
        client = Client(make_exchange(tier=STANDARD))
        orders = [client.order("ann", "BUY", YES, 40, 10) for _ in range(15)]
        for order in orders:
            client.exchange.place(order, NOON_MS)

        client.exchange.cancel_all("ann", NOON_MS)

        assert client.exchange.cancel("ann", map(str, range(105)), NOON_MS).http == 429
        assert client.exchange.cancel("ann", map(str, range(104)), NOON_MS).canceled == ()


class TestHeartbeats:
    def test_without_the_next_one_every_order_is_cancelled(self, client):
        first = client.exchange.heartbeat("ann", "", client.now_ms)
        client.place("ann", "BUY", YES, 40, 10)
        client.place("ben", "BUY", YES, 40, 10)
        client.wait(9_000)
        second = client.exchange.heartbeat("ann", first.heartbeat_id, client.now_ms)

        client.wait(10_000)
        assert second.accepted
        client.wait(5_000)

        assert client.exchange.open_orders("ann") == []
        assert len(client.exchange.open_orders("ben")) == 1  # never armed

    def test_it_stays_armed_after_it_fired(self, client):
        client.exchange.heartbeat("ann", "", client.now_ms)
        client.wait(15_000)
        client.place("ann", "BUY", YES, 40, 10)

        client.wait(15_000)

        assert client.exchange.open_orders("ann") == []

    def test_a_wrong_id_is_answered_with_the_expected_one(self, client):
        first = client.exchange.heartbeat("ann", "", client.now_ms)

        again = client.exchange.heartbeat("ann", "", client.now_ms)

        assert (again.accepted, again.heartbeat_id) == (False, first.heartbeat_id)
