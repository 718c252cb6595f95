"""What explains a difference and what does not: the rules one by one."""

from dataclasses import replace

import pytest

from tests.reconciling.world import FEE, SINCE_S, World
from trading.engine.codes import Side, TradeState
from trading.engine.fees import fee_charged
from trading.engine.units import MICRO
from trading.reconciling.compare import compare
from trading.reconciling.explaining import EFFECTS_MAX, Effect, explain
from trading.reconciling.trades import CLOCK_MARGIN_S
from trading.reconciling.verdicts import Code, Verdict
from trading.reconciling.views import CASH, EXACT, Dust, Unread

FIVE = 5 * MICRO


@pytest.fixture
def world():
    return World()


def codes(result):
    return [one.code for one in result.differences]


class TestInFlight:
    @pytest.mark.parametrize("state", [TradeState.MATCHED, TradeState.RETRYING, TradeState.MINED])
    @pytest.mark.parametrize("mined", [True, False])
    def test_a_trade_on_its_way_may_be_on_the_chain_or_not(self, world, state, mined):
        world.trade(Side.BUY, "yes-a", [(480_000, FIVE)], state=state, mined=mined)

        result = world.compare()

        assert result.verdict is Verdict.MATCH
        assert result.in_flight == (() if mined else ("trade t1",))

    def test_a_confirmed_trade_has_to_be_on_the_chain(self, world):
        empty = world.chain()
        world.trade(Side.BUY, "yes-a", [(480_000, FIVE)])

        result = world.compare(chain=empty, venue=world.venue(cash_micro=empty.pusd_micro))

        assert set(codes(result)) == {Code.CASH_DIFFERS, Code.SHARES_DIFFER, Code.VENUE_VIEW_STALE}

    def test_it_explains_its_own_dollars_and_not_one_more(self, world):
        world.trade(Side.BUY, "yes-a", [(480_000, FIVE)], state=TradeState.MATCHED, mined=False)
        world.cash_micro -= 1

        result = world.compare()

        assert codes(result) == [Code.CASH_DIFFERS]
        assert result.differences[0].difference_micro == -1

    def test_it_does_not_explain_a_part_of_itself(self, world):
        world.trade(Side.BUY, "yes-a", [(480_000, FIVE)], state=TradeState.MATCHED, mined=False)
        world.held["yes-a"] = 2 * MICRO

        assert codes(world.compare()) == [Code.SHARES_DIFFER]

    def test_dollars_and_shares_move_together_or_not_at_all(self, world):
        world.trade(Side.BUY, "yes-a", [(480_000, FIVE)], state=TradeState.MATCHED, mined=False)
        world.held["yes-a"] = FIVE  # the shares came, and the dollars never left

        assert codes(world.compare()) == [Code.CASH_DIFFERS]

    def test_some_of_many_are_found(self, world):
        for number in range(12):
            world.trade(
                Side.BUY,
                ("yes-a", "no-a", "yes-b", "no-b")[number % 4],
                [(10_000 * (7 + number), FIVE + number)],
                state=TradeState.MATCHED,
                mined=number % 3 == 0,
            )

        result = world.compare()

        assert result.verdict is Verdict.MATCH
        assert len(result.in_flight) == 8

    def test_a_failed_trade_explains_nothing(self, world):
        world.trade(Side.BUY, "yes-a", [(480_000, FIVE)], state=TradeState.FAILED)
        world.held["yes-a"] = FIVE

        assert codes(world.compare()) == [Code.SHARES_DIFFER]

    def test_more_than_can_be_tried_is_unknown_and_no_match(self, world):
        for _ in range(EFFECTS_MAX + 1):
            world.trade(Side.BUY, "yes-a", [(10_000, MICRO)], state=TradeState.MATCHED, mined=True)
        world.cash_micro -= 1

        result = world.compare()

        assert codes(result) == [Code.TOO_MUCH_IN_FLIGHT]
        assert result.verdict is Verdict.INCOMPLETE


class TestExits:
    @pytest.mark.parametrize("mined", [True, False])
    def test_a_merge_that_was_asked_for_may_have_happened(self, world, mined):
        pair(world)
        world.merge(("yes-a", "no-a"), FIVE, booked=False, mined=mined)

        result = world.compare()

        assert result.verdict is Verdict.MATCH
        assert result.in_flight == (("merge 3",) if mined else ())

    def test_it_explains_its_own_size_alone(self, world):
        pair(world)
        world.merge(("yes-a", "no-a"), FIVE, booked=False, mined=True)
        world.held["no-a"] += 1

        assert codes(world.compare()) == [Code.SHARES_DIFFER]

    @pytest.mark.parametrize("mined", [True, False])
    @pytest.mark.parametrize("won", [True, False])
    def test_a_redemption_is_booked_before_the_chain_pays(self, world, won, mined):
        pair(world)
        world.redeem("yes-a", won=won, mined=mined)

        assert world.compare().verdict is Verdict.MATCH

    def test_gas_is_paid_in_the_chains_own_coin(self, world):
        pair(world)
        world.merge(("yes-a", "no-a"), FIVE, gas_micro=12_345)

        assert world.compare().verdict is Verdict.MATCH
        assert codes(world.compare(ledger=world.ledger(gas_micro=0))) == [Code.CASH_DIFFERS]


def pair(world):
    world.trade(Side.BUY, "yes-a", [(480_000, FIVE)])
    world.trade(Side.BUY, "no-a", [(500_000, FIVE)])


class TestDust:
    @pytest.mark.parametrize("sign", [1, -1])
    def test_is_put_up_with_to_the_last_micro_and_not_above(self, world, sign):
        world.cash_micro += sign * 9_999
        assert world.compare(dust=Dust()).verdict is Verdict.MATCH

        world.cash_micro += sign
        result = world.compare(dust=Dust())

        assert codes(result) == [Code.CASH_DIFFERS]
        assert result.differences[0].difference_micro == sign * 10_000

    def test_is_per_token(self, world):
        world.held = {"yes-a": 9_999, "no-a": 9_999}
        assert world.compare(dust=Dust()).verdict is Verdict.MATCH

        world.held["no-a"] = 10_000
        result = world.compare(dust=Dust())

        assert [(one.code, one.subject) for one in result.differences] == [
            (Code.SHARES_DIFFER, "no-a")
        ]


class TestTrades:
    def test_the_takers_dollars_are_the_sum_of_its_makers(self, world):
        # 4 at 0.47 with a mirrored maker, 6 at 0.49: one price stands for both.
        fills = [(470_000, 4 * MICRO), (490_000, 6 * MICRO)]
        world.trade(Side.BUY, "yes-a", fills)
        one = world.trades["t1"]
        fee_micro = sum(fee_charged(FEE, price, size) for price, size in fills)
        right = replace(one, price_micro=482_000, fee_micro=fee_micro)
        wrong = replace(one, price_micro=483_000, fee_micro=fee_micro)

        told = compare(world.ledger(trades=(right,)), world.venue(), Unread(reason="-"), EXACT)
        lied = compare(world.ledger(trades=(wrong,)), world.venue(), Unread(reason="-"), EXACT)

        assert codes(told) == [Code.NOT_READ]
        assert codes(lied) == [Code.NOT_READ, Code.TRADE_DIFFERS]

    def test_of_before_our_time_need_not_be_told_of(self, world):
        world.trade(Side.BUY, "yes-a", [(480_000, FIVE)])
        early = replace(world.trades["t1"], at_s=SINCE_S + CLOCK_MARGIN_S - 1)
        late = replace(early, at_s=SINCE_S + CLOCK_MARGIN_S)
        silent = world.venue(trades=())

        assert codes(world.compare(ledger=world.ledger(trades=(early,)), venue=silent)) == []
        assert codes(world.compare(ledger=world.ledger(trades=(late,)), venue=silent)) == [
            Code.TRADE_NOT_AT_VENUE
        ]

    def test_of_before_that_the_venue_tells_of_all_the_same_is_nobodys_business(self, world):
        before = world.chain(), world.ledger()
        world.trade(Side.BUY, "yes-a", [(480_000, FIVE)])
        early = replace(world.venue_trades["t1"], matched_s=SINCE_S - 1)
        late = replace(early, matched_s=SINCE_S)

        for there, expected in ((early, []), (late, [Code.TRADE_NOT_IN_LEDGER])):
            venue = world.venue(trades=(there,), cash_micro=before[0].pusd_micro, shares={})
            result = world.compare(chain=before[0], ledger=before[1], venue=venue)
            assert codes(result) == expected

    def test_of_two_makers_that_the_ledger_lacks_explains_its_dollars_however_they_round(
        self, world
    ):
        before = world.ledger()
        world.trade(Side.BUY, "yes-a", [(470_000, 4_000_001), (470_000, 6_000_001)])
        world.cash_micro -= 2  # the venue rounded each fill against us

        assert codes(world.compare(ledger=before)) == [Code.TRADE_NOT_IN_LEDGER]

    def test_that_the_ledger_lacks_explains_that_its_order_is_gone(self, world):
        order_hash = world.rest(Side.SELL, "yes-a", 480_000, FIVE)
        del world.venue_orders[order_hash]
        world.number -= 1  # the trade is of this order
        before = world.ledger()
        world.trade(Side.BUY, "yes-a", [(480_000, FIVE)])

        assert codes(world.compare(ledger=before)) == [Code.TRADE_NOT_HEARD_OF]

    def test_that_the_ledger_lacks_explains_that_more_of_its_order_is_matched(self, world):
        order_hash = world.rest(Side.SELL, "yes-a", 480_000, 2 * FIVE)
        there = replace(world.venue_orders[order_hash], matched_micro=FIVE)
        world.number -= 1
        before = world.ledger()
        world.trade(Side.BUY, "yes-a", [(480_000, FIVE)])

        result = world.compare(ledger=before, venue=world.venue(orders=(there,)))

        assert codes(result) == [Code.TRADE_NOT_HEARD_OF]

    @pytest.mark.parametrize("state", [TradeState.MATCHED, TradeState.RETRYING, TradeState.MINED])
    def test_a_settlement_that_moves_on_is_no_difference(self, world, state):
        world.trade(Side.BUY, "yes-a", [(480_000, FIVE)], state=TradeState.MATCHED)
        there = replace(world.venue_trades["t1"], state=state)

        assert world.compare(venue=world.venue(trades=(there,))).verdict is Verdict.MATCH

    def test_an_unknown_fee_is_left_to_the_dollars(self, world):
        world.trade(Side.BUY, "yes-a", [(480_000, FIVE)])
        one = replace(world.trades["t1"], fee_micro=0)

        result = world.compare(ledger=world.ledger(trades=(one,), fees={}))

        assert result.verdict is Verdict.MATCH

    def test_the_texts_say_what_each_side_has(self, world):
        world.trade(Side.BUY, "yes-a", [(480_000, FIVE)])
        result = world.compare(ledger=world.ledger(trades=()))

        one = result.differences[0]
        assert one.venue == "BUY 5 at 0.48"
        assert "knows none of its orders: BUY 5 of yes-a at 0.48, CONFIRMED" in one.text
        assert one.remedy


class TestNotRead:
    @pytest.mark.parametrize("part", ["orders", "trades", "cash_micro", "shares"])
    def test_is_never_agreement(self, world, part):
        venue = world.venue(**{part: Unread(reason="HTTP 503")})
        result = world.compare(venue=venue)

        assert result.verdict is Verdict.INCOMPLETE
        assert "HTTP 503" in result.differences[0].text

    def test_a_fact_outweighs_what_is_not_known(self, world):
        world.held["yes-a"] = 1
        result = world.compare(venue=world.venue(orders=Unread(reason="HTTP 503")))

        assert codes(result) == [Code.NOT_READ, Code.SHARES_DIFFER]
        assert result.verdict is Verdict.MISMATCH

    def test_without_the_fills_balances_are_not_judged(self, world):
        world.held["yes-a"] = 1
        result = world.compare(venue=world.venue(trades=Unread(reason="HTTP 503")))

        assert result.verdict is Verdict.INCOMPLETE

    def test_a_token_that_the_chain_leaves_out_is_named(self, world):
        world.trade(Side.BUY, "yes-a", [(480_000, FIVE)])
        result = world.compare(chain=world.chain(shares={"no-a": 0}))

        assert codes(result) == [Code.NOT_READ]
        assert "yes-a" in result.differences[0].subject

    def test_nothing_at_all_is_told_once(self, world):
        gone = Unread(reason="no route")
        venue = world.venue(orders=gone, trades=gone, cash_micro=gone, shares=gone)

        assert codes(world.compare(venue=venue, chain=gone)) == [Code.NOTHING_READ]
        assert codes(compare(world.ledger(), venue, None, EXACT)) == [Code.NOTHING_READ]


class TestWithoutAChain:
    def test_the_venues_own_books_decide(self, world):
        world.trade(Side.BUY, "yes-a", [(480_000, FIVE)])
        assert compare(world.ledger(), world.venue(), None, EXACT).verdict is Verdict.MATCH

        world.cash_micro -= 1
        result = compare(world.ledger(), world.venue(), None, EXACT)

        assert codes(result) == [Code.CASH_DIFFERS]
        assert result.differences[0].text.startswith("the venue has ")
        assert result.block_number is None

    @pytest.mark.parametrize("part", ["cash_micro", "shares"])
    def test_what_they_do_not_say_is_told_once(self, world, part):
        world.trade(Side.BUY, "yes-a", [(480_000, FIVE)])
        venue = world.venue(**{part: Unread(reason="HTTP 503")})

        assert codes(compare(world.ledger(), venue, None, EXACT)) == [Code.NOT_READ]


class TestLines:
    def test_show_all_three_with_what_is_on_its_way(self, world):
        world.trade(Side.BUY, "yes-a", [(480_000, FIVE)], state=TradeState.MATCHED, mined=False)
        fee_micro = world.trades["t1"].fee_micro
        paid_micro = 2_400_000 + fee_micro

        cash, yes = world.compare().assets

        assert (cash.asset, cash.ledger_micro) == (CASH, 1_000 * MICRO - paid_micro)
        assert (cash.in_flight_micro, cash.chain_micro) == (paid_micro, 1_000 * MICRO)
        assert (yes.asset, yes.ledger_micro, yes.in_flight_micro) == ("yes-a", FIVE, -FIVE)
        assert (yes.venue_micro, yes.chain_micro, yes.difference_micro) == (0, 0, 0)


def test_the_nearest_choice_is_told_where_none_fits():
    effects = [
        Effect(name="a", moves=((CASH, -FIVE), ("yes-a", MICRO))),
        Effect(name="b", moves=((CASH, -MICRO), ("yes-b", MICRO))),
    ]

    found = explain({CASH: -FIVE + 3, "yes-a": MICRO}, effects, EXACT)

    assert [one.name for one in found.chosen] == ["a"]
    assert found.left == {CASH: 3}
