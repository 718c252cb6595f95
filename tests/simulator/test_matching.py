"""How orders meet: one mirrored book, price before time, and whole amounts only."""

import pytest

from tests.simulator.builders import CONDITION, NO, YES, Client, collateral_of, make_exchange
from trading.engine.codes import TradeState
from trading.engine.units import MICRO
from trading.simulator.answers import FAK_KILLED, FOK_KILLED
from trading.simulator.codes import COLLATERAL, MatchKind
from trading.simulator.events import BookChanged, OrderChanged, TickChanged, TradeChanged


@pytest.fixture
def client():
    return Client(make_exchange())


def trades(client):
    return [e for e in client.exchange.take_events() if isinstance(e, TradeChanged)]


class TestTheThreeWaysToMeet:
    @pytest.mark.parametrize(
        ("resting", "taking", "kind"),
        [
            (("SELL", YES, 40), ("BUY", YES, 40), MatchKind.COMPLEMENTARY),
            (("SELL", NO, 40), ("BUY", NO, 45), MatchKind.COMPLEMENTARY),
            (("BUY", NO, 60), ("BUY", YES, 40), MatchKind.MINT),
            (("BUY", YES, 40), ("BUY", NO, 61), MatchKind.MINT),
            (("SELL", NO, 60), ("SELL", YES, 40), MatchKind.MERGE),
            (("SELL", YES, 40), ("SELL", NO, 59), MatchKind.MERGE),
        ],
    )
    def test_they_match_at_the_resting_price(self, client, resting, taking, kind):
        client.place("ann", *resting, 10)

        answer = client.place("ben", *taking, 10)

        (trade,) = trades(client)
        (fill,) = trade.fills
        assert (answer.status, fill.kind, trade.state) == ("matched", kind, TradeState.MATCHED)
        assert fill.maker_price_micro == resting[2] * 10_000
        same_token = resting[1] == taking[1]
        expected = fill.maker_price_micro if same_token else MICRO - fill.maker_price_micro
        assert fill.taker_price_micro == expected  # the surplus is the taker's

    @pytest.mark.parametrize(
        ("resting", "taking"),
        [
            (("SELL", YES, 41), ("BUY", YES, 40)),
            (("BUY", NO, 59), ("BUY", YES, 40)),
            (("SELL", NO, 61), ("SELL", YES, 40)),
            (("BUY", NO, 39), ("SELL", NO, 40)),
        ],
    )
    def test_they_rest_when_their_prices_do_not_reach(self, client, resting, taking):
        client.place("ann", *resting, 10)

        answer = client.place("ben", *taking, 10)

        assert answer.status == "live"
        assert trades(client) == []


class TestPriority:
    def test_the_best_price_comes_first_whichever_token_it_is_for(self, client):
        client.place("ann", "SELL", YES, 42, 10)
        client.place("cat", "BUY", NO, 59, 10)  # an ask for YES at 0.41

        client.place("ben", "BUY", YES, 45, 15)

        (trade,) = trades(client)
        assert [(f.maker_account_id, f.size_micro) for f in trade.fills] == [
            ("cat", 10 * MICRO),
            ("ann", 5 * MICRO),
        ]

    def test_the_older_order_comes_first_at_one_price(self, client):
        client.place("ann", "SELL", YES, 42, 10)
        client.place("cat", "BUY", NO, 58, 10)

        client.place("ben", "BUY", YES, 42, 10)

        (trade,) = trades(client)
        assert [fill.maker_account_id for fill in trade.fills] == ["ann"]


class TestOrderTypes:
    def test_what_a_gtc_does_not_get_rests(self, client):
        client.place("ann", "SELL", YES, 40, 6)

        answer = client.place("ben", "BUY", YES, 40, 10)

        assert answer.status == "live"
        assert (answer.making_micro, answer.taking_micro) == (2_400_000, 6 * MICRO)
        assert client.exchange.levels(YES) == ((False, 400_000, 4 * MICRO),)
        assert client.exchange.levels(NO) == ((True, 600_000, 4 * MICRO),)

    def test_a_fok_that_is_not_filled_in_full_changes_nothing(self, client):
        client.place("ann", "SELL", YES, 40, 6)
        before = client.exchange.levels(YES)

        answer = client.place("ben", "BUY", YES, 40, 10, "FOK")

        assert (answer.http, answer.text) == (400, FOK_KILLED)
        assert client.exchange.levels(YES) == before
        killed = client.exchange.take_events()[-1]
        assert killed.status == f"CANCELED_{FOK_KILLED}"

    def test_a_fok_over_several_levels_is_filled(self, client):
        client.place("ann", "SELL", YES, 40, 6)
        client.place("ann", "SELL", YES, 41, 6)

        answer = client.place("ben", "BUY", YES, 41, 10, "FOK")  # 4.10 dollars

        assert answer.status == "matched"
        assert 4_100_000 - 41 < answer.making_micro <= 4_100_000  # less than one step is left

    def test_a_fak_takes_what_is_there(self, client):
        client.place("ann", "SELL", YES, 40, 6)

        answer = client.place("ben", "BUY", YES, 40, 10, "FAK")

        assert (answer.status, answer.taking_micro) == ("matched", 6 * MICRO)
        assert client.exchange.levels(YES) == ()

    def test_a_fak_that_meets_nothing_is_killed(self, client):
        answer = client.place("ben", "BUY", YES, 40, 10, "FAK")

        assert (answer.http, answer.text) == (400, FAK_KILLED)

    def test_a_market_buy_spends_its_dollars_at_a_better_price(self, client):
        client.place("ann", "SELL", YES, 40, 20)

        answer = client.place("ben", "BUY", YES, 50, 10, "FOK")  # 5 dollars

        assert answer.making_micro == 5 * MICRO
        assert answer.taking_micro == 12_500_000

    def test_a_market_buy_leaves_less_than_one_step_unspent(self, client):
        client.place("ann", "SELL", YES, 61, 20)

        answer = client.place(
            "ben", "BUY", YES, 62, 0, "FOK", maker_micro=5 * MICRO, taker_micro=8_064_500
        )

        assert answer.taking_micro == 8_196_700
        assert answer.making_micro == 8_196_700 * 61 // 100

    def test_a_gtd_expires_a_minute_early(self, client):
        client.place("ann", "BUY", YES, 40, 10, "GTD", expiration_s=client.now_ms // 1_000 + 100)

        client.wait(41_000)

        last = [e for e in client.exchange.take_events() if isinstance(e, OrderChanged)][-1]
        assert last.status == "CANCELED_EXPIRED_ORDER"
        assert client.exchange.open_orders("ann") == []


class TestWhatIsPublished:
    def test_both_tokens_change_at_one_instant(self, client):
        client.place("ann", "BUY", YES, 40, 10)

        (change,) = [e for e in client.exchange.take_events() if isinstance(e, BookChanged)]
        yes, no = change.tokens
        assert (yes.best_bid_micro, yes.best_ask_micro) == (400_000, MICRO)
        assert (no.best_bid_micro, no.best_ask_micro) == (0, 600_000)
        assert yes.levels == ((False, 400_000, 10 * MICRO),)
        assert no.levels == ((True, 600_000, 10 * MICRO),)

    def test_the_tick_gets_finer_after_a_trade_near_one(self, client):
        client.place("ann", "SELL", YES, 97, 10)
        client.place("ben", "BUY", YES, 97, 10)

        ticks = [e for e in client.exchange.take_events() if isinstance(e, TickChanged)]
        assert [(t.token_id, t.new_tick_micro) for t in ticks] == [(YES, 1_000), (NO, 1_000)]
        assert client.place("ann", "SELL", YES, "0.975", 10).status == "live"

    def test_the_tick_change_cuts_what_is_off_the_new_step(self, client):
        client.place("cat", "BUY", YES, 95, 10)
        client.place("ann", "SELL", YES, 96, 10)
        client.place(
            "ben", "BUY", YES, 97, 0, "FAK", maker_micro=1_000_000, taker_micro=1_030_900
        )  # leaves 8.9584 shares at 0.96
        client.place("ann", "SELL", YES, 97, 10)
        client.place("ben", "BUY", YES, 97, 16)

        (rest,) = client.exchange.open_orders("ann")
        assert rest.left_micro == 2_958_000  # of 2.9584
        assert client.exchange.chain.accounts["ann"].active[YES] == rest.left_micro
        assert client.exchange.tick_micro(YES) == 1_000


class TestHeldMatching:
    def hold(self, client):
        client.exchange.hold(CONDITION, ["ann", "cat"], client.now_ms, 1_000)
        client.place("ann", "SELL", YES, 40, 10)
        return client.place("cat", "SELL", NO, 50, 10)

    def test_a_crossed_book_stays_and_can_be_taken_from(self, client):
        assert self.hold(client).status == "live"

        yes = client.place("ben", "BUY", YES, 40, 10)
        no = client.place("ben", "BUY", NO, 50, 10)

        assert (yes.status, no.status) == ("matched", "matched")
        assert (yes.making_micro, no.making_micro) == (4 * MICRO, 5 * MICRO)

    def test_the_end_of_the_hold_matches_the_rest(self, client):
        self.hold(client)
        total = collateral_of(client.exchange)

        client.wait(1_000)

        (trade, *_) = trades(client)
        assert (trade.taker_account_id, trade.fills[0].maker_account_id) == ("cat", "ann")
        assert not client.exchange.is_held(CONDITION)
        client.wait(10_000)
        assert collateral_of(client.exchange) == total
        assert client.exchange.levels(YES) == ()

    def test_what_the_end_of_a_hold_leaves_keeps_its_place_in_time(self, client):
        client.exchange.hold(CONDITION, ["ann", "cat"], client.now_ms, 1_000)
        client.place("ann", "SELL", YES, 40, 10)
        older = client.place("cat", "BUY", YES, 40, 20)
        client.place("cat", "BUY", YES, 40, 10)
        client.wait(1_000)
        client.exchange.take_events()

        client.place("ben", "SELL", YES, 40, 10)

        (trade,) = trades(client)
        assert [fill.maker_order_id for fill in trade.fills] == [older.order_id]

    def test_a_hold_in_a_hold_lasts_until_the_later_end(self, client):
        self.hold(client)  # until 1,000 ms
        client.exchange.hold(CONDITION, ["ben"], client.now_ms, 2_000)
        client.exchange.hold(CONDITION, ["ben"], client.now_ms, 10)

        client.wait(1_500)
        assert client.exchange.is_held(CONDITION)
        client.wait(500)
        assert not client.exchange.is_held(CONDITION)

    def test_an_order_that_cannot_pay_its_fee_by_then_is_cancelled(self, client):
        exchange = client.exchange
        exchange.open_account("dan")
        exchange.chain.deposit("dan", 6 * MICRO)
        exchange.refresh_view("dan", COLLATERAL)
        exchange.hold(CONDITION, ["ann", "dan"], client.now_ms, 1_000)
        client.place("ann", "SELL", YES, 50, 10)
        client.place("dan", "BUY", YES, 60, 10)  # all it has, nothing left for a fee

        client.wait(1_000)

        statuses = [e.status for e in exchange.take_events() if isinstance(e, OrderChanged)]
        assert statuses[-1] == "CANCELED_NOT_ENOUGH_BALANCE"
        assert exchange.chain.accounts["dan"].active[COLLATERAL] == 0
