"""A match is a promise: when the chain moves, when the venue notices, and what a failure undoes."""

from random import Random

import pytest

from tests.simulator.builders import (
    CONDITION,
    DOOMED,
    NO,
    PROMPT,
    YES,
    Client,
    balances_of,
    collateral_of,
    make_exchange,
    shares_of,
)
from trading.engine.codes import TradeState
from trading.engine.units import MICRO
from trading.simulator.accounts import RevertedError
from trading.simulator.codes import COLLATERAL
from trading.simulator.events import TradeChanged
from trading.simulator.settlement import (
    SettlementSettings,
    Trade,
    draw_timetable,
)


def states(client):
    return [e.state for e in client.exchange.take_events() if isinstance(e, TradeChanged)]


class TestAGoodTrade:
    def test_it_is_matched_then_mined_then_confirmed(self):
        client = Client(make_exchange())
        client.place("ann", "SELL", YES, 50, 10)
        client.place("ben", "BUY", YES, 50, 10)
        ben = client.exchange.chain.accounts["ben"]

        assert states(client) == [TradeState.MATCHED]
        assert ben.matched == {COLLATERAL: 5_125_000}  # 5 dollars and 0.125 in fees
        assert ben.chain[YES] == 1_000 * MICRO
        client.wait(100)
        assert states(client) == [TradeState.MINED]
        assert ben.chain[YES] == 1_010 * MICRO
        assert ben.view[YES] == 1_000 * MICRO  # the venue has not looked yet
        client.wait(50)
        assert ben.view[YES] == 1_010 * MICRO
        assert ben.matched[COLLATERAL] == 5_125_000  # and still counts the trade
        client.wait(50)
        assert states(client) == [TradeState.CONFIRMED]
        assert balances_of(client.exchange, "ben") == {
            "chain": {COLLATERAL: 8_994_875_000, YES: 1_010 * MICRO, NO: 1_000 * MICRO},
            "view": {COLLATERAL: 8_994_875_000, YES: 1_010 * MICRO, NO: 1_000 * MICRO},
            "active": {},
            "matched": {},
        }

    def test_the_seller_pays_the_fee_out_of_the_proceeds_when_it_takes(self):
        client = Client(make_exchange())
        client.place("ann", "BUY", YES, 60, 100)
        client.place("ben", "SELL", YES, 60, 100)
        client.wait(1_000)

        chain = client.exchange.chain
        assert chain.accounts["ben"].chain[COLLATERAL] == 9_058_800_000  # 60.00 - 1.20
        assert chain.accounts["ann"].chain[COLLATERAL] == 8_940_000_000
        assert chain.fees_micro == 1_200_000

    def test_a_mint_makes_sets_and_a_merge_burns_them(self):
        client = Client(make_exchange())
        sets = client.exchange.chain.sets_micro
        client.place("ann", "BUY", YES, 40, 10)
        client.place("ben", "BUY", NO, 60, 10)
        client.wait(1_000)
        assert sets[CONDITION] == 3_010 * MICRO == shares_of(client.exchange, NO)

        client.place("ann", "SELL", YES, 40, 30)
        client.place("ben", "SELL", NO, 60, 30)
        client.wait(1_000)
        assert sets[CONDITION] == 2_980 * MICRO == shares_of(client.exchange, YES)


class TestAFailedTrade:
    def test_it_gives_everything_back_and_moves_nothing(self):
        client = Client(make_exchange(settlement=DOOMED))
        before = {name: balances_of(client.exchange, name) for name in ("ann", "ben")}
        client.place("ann", "BUY", NO, 50, 10)
        client.place("ben", "BUY", YES, 50, 10)
        assert balances_of(client.exchange, "ben")["matched"] == {COLLATERAL: 5_125_000}

        client.wait(60_000)

        assert states(client) == [TradeState.MATCHED, TradeState.RETRYING, TradeState.FAILED]
        assert {name: balances_of(client.exchange, name) for name in before} == before
        assert client.exchange.chain.fees_micro == 0

    def test_a_trade_that_cannot_be_paid_any_more_fails(self):
        client = Client(make_exchange())
        client.place("ann", "SELL", YES, 50, 10)
        client.exchange.split("ann", YES, -1_000 * MICRO)  # the venue has not seen the merge

        client.place("ben", "BUY", YES, 50, 10)
        client.wait(1_000)

        assert states(client) == [TradeState.MATCHED, TradeState.RETRYING, TradeState.FAILED]
        assert balances_of(client.exchange, "ann")["matched"] == {}
        assert client.exchange.chain.accounts["ann"].chain[YES] == 0

    def test_a_retried_trade_can_still_be_mined(self):
        settings = SettlementSettings(retrying_micro=MICRO, failed_micro=0)
        client = Client(make_exchange(settlement=settings))
        client.place("ann", "SELL", YES, 50, 10)
        client.place("ben", "BUY", YES, 50, 10)
        client.wait(60_000)

        assert states(client) == [
            TradeState.MATCHED,
            TradeState.RETRYING,
            TradeState.MINED,
            TradeState.CONFIRMED,
        ]


class TestRules:
    def test_the_shares_of_the_settings_are_kept(self):
        settings = SettlementSettings(retrying_micro=200_000, failed_micro=500_000)
        random = Random(5)
        tables = [draw_timetable(settings, random, 0) for _ in range(4_000)]

        failed = sum(table[-1][1] is TradeState.FAILED for table in tables)
        assert 300 < failed < 500

    @pytest.mark.parametrize(
        "wrong",
        [
            {"mined_ms_min": 5, "mined_ms_max": 4},
            {"retrying_micro": MICRO + 1},
            {"view_lag_ms": 10, "release_lag_ms": 9},
        ],
    )
    def test_senseless_settings_are_refused(self, wrong):
        with pytest.raises(ValueError, match=r"not a span|a share is"):
            SettlementSettings(**wrong)

    def test_an_illegal_move_raises_and_changes_nothing(self):
        client = Client(make_exchange(settlement=PROMPT))
        client.place("ann", "SELL", YES, 50, 10)
        client.place("ben", "BUY", YES, 50, 10)
        (event,) = [e for e in client.exchange.take_events() if isinstance(e, TradeChanged)]
        trade = Trade(event)

        with pytest.raises(ValueError, match="cannot go from MATCHED to CONFIRMED"):
            trade.move(TradeState.CONFIRMED, client.now_ms, "")

        assert trade.event is event

    def test_a_merge_of_more_than_there_is_reverts(self):
        exchange = make_exchange()
        total = collateral_of(exchange)

        with pytest.raises(RevertedError, match="ann has too little"):
            exchange.split("ann", YES, -1_001 * MICRO)

        assert collateral_of(exchange) == total
        assert exchange.chain.accounts["ann"].chain[NO] == 1_000 * MICRO

    def test_the_venue_says_when_something_is_due(self):
        client = Client(make_exchange())
        assert client.exchange.next_ms() is None
        client.place("ann", "SELL", YES, 50, 10)
        client.place("ben", "BUY", YES, 50, 10)

        assert client.exchange.next_ms() == client.now_ms + 100

    def test_time_does_not_run_backwards(self):
        exchange = make_exchange()

        with pytest.raises(ValueError, match="time runs backwards"):
            exchange.advance(0)

    def test_names_are_given_once(self):
        exchange = make_exchange()

        with pytest.raises(ValueError, match="exists already"):
            exchange.open_account("ann")
        with pytest.raises(ValueError, match="is listed already"):
            exchange.list_market(next(iter(exchange._desk.books.values())).listing)
        with pytest.raises(ValueError, match="must be positive"):
            exchange.chain.deposit("ann", 0)


def test_by_default_no_trade_fails_by_chance():
    random = Random(7)
    tables = [draw_timetable(SettlementSettings(), random, 0) for _ in range(20_000)]

    assert {table[-1][1] for table in tables} == {TradeState.CONFIRMED}
    assert any(table[0][1] is TradeState.RETRYING for table in tables)
