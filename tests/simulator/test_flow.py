"""Flow from a seed: what is published agrees with itself, and both traps are really there."""

from hashlib import sha256
from random import Random

import pytest

from tests.simulator.builders import CONDITION, NO, YES, collateral_of, make_listing, shares_of
from tests.simulator.watching import World
from trading.engine.codes import TradeState
from trading.engine.units import MICRO
from trading.simulator.codes import OrderChange
from trading.simulator.events import OrderChanged, TradeChanged
from trading.simulator.flow import Flow, FlowSettings

CALM = {"crossing_micro": 0, "lag_micro": 0}


def watch(seed, frames, **changes):
    """Run a world until so many frames were read."""
    world = World(seed, **changes)
    while world.watcher.frames < frames:
        world.step()
    return world


@pytest.mark.slow
class TestTheEngineReadsIt:
    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_the_book_agrees_after_every_one_of_four_thousand_frames(self, seed):
        """The watcher asserts it frame by frame."""
        world = watch(seed, 4_000, crossing_micro=20_000, lag_micro=20_000)

        kinds = {"book", "price_change", "last_trade_price"}
        assert kinds <= set(world.watcher.decoder.counts)

    @pytest.mark.parametrize("tick_micro", [5_000, 2_500, 1_000, 100])
    def test_it_agrees_at_every_finer_tick(self, tick_micro):
        watch(9, 1_000, listing=make_listing(tick_micro=tick_micro))

    def test_it_agrees_when_the_tick_changes(self):
        world = watch(
            4, 1_500, fair_micro=955_000, fair_micro_max=985_000, taker_micro=300_000, **CALM
        )

        assert world.watcher.ticks[:2] == [(YES, 1_000), (NO, 1_000)]
        assert world.exchange.tick_micro(YES) == 1_000

    @pytest.mark.slow
    @pytest.mark.parametrize("seed", range(10, 20))
    def test_it_agrees_over_ten_thousand_frames(self, seed):
        watch(seed, 10_000, crossing_micro=30_000, lag_micro=30_000)


class TestTheMarket:
    def test_makers_quote_about_ten_levels_of_both_tokens(self):
        world = watch(5, 1_000, **CALM)

        for token_id in (YES, NO):
            levels = world.exchange.levels(token_id)
            assert len([1 for is_ask, _, _ in levels if is_ask]) >= 8
            assert len([1 for is_ask, _, _ in levels if not is_ask]) >= 8

    def test_every_kind_of_match_happens_and_money_is_conserved(self):
        world = watch(6, 3_000)
        trades = [e for e in world.events if isinstance(e, TradeChanged)]

        assert len({fill.kind for trade in trades for fill in trade.fills}) == 3
        assert {TradeState.MATCHED, TradeState.MINED, TradeState.CONFIRMED} <= {
            trade.state for trade in trades
        }
        chain = world.exchange.chain
        assert collateral_of(world.exchange) == chain.deposited_micro
        assert shares_of(world.exchange, YES) == chain.sets_micro[CONDITION]
        assert chain.fees_micro > 0

    def test_the_fair_value_drifts_within_its_bounds(self):
        world = World(7, fair_micro_min=490_000, fair_micro_max=510_000, **CALM)
        seen = set()
        for _ in range(500):
            world.step()
            seen.add(world.flow.fair_micro)

        assert len(seen) > 50
        assert 490_000 <= min(seen) < max(seen) <= 510_000

    def test_accounts_that_run_dry_are_funded_again(self):
        world = watch(8, 500, capital_micro=2_000 * MICRO, **CALM)
        accounts = len(world.exchange.chain.accounts)

        assert world.exchange.chain.deposited_micro > accounts * 2_000 * MICRO
        assert any(
            e.change is OrderChange.PLACEMENT for e in world.events if isinstance(e, OrderChanged)
        )

    def test_two_markets_of_one_exchange_have_a_flow_each(self):
        world = World(15, **CALM)
        other = make_listing(condition_id="0xc1", token_ids=("2001", "2002"))
        world.exchange.list_market(other)
        flow = Flow(
            exchange=world.exchange,
            listing=other,
            random=Random(16),
            settings=FlowSettings(**CALM),
            lag=world.publisher.lag,
            now_ms=world.flow.next_ms,
        )
        for _ in range(50):
            first = min((flow, world.flow), key=lambda one: one.next_ms)
            first.step()

        assert world.exchange.levels("2001")
        assert world.exchange.levels(YES)

    def test_the_same_seed_makes_the_same_frames(self):
        digests = [
            sha256("\n".join(watch(seed, 500).texts).encode()).hexdigest() for seed in (3, 3, 4)
        ]

        assert digests[0] == digests[1] != digests[2]


class TestSettings:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"taker_micro": 999_000},
            {"lag_micro": -1},
            {"step_ms_min": 0},
            {"fair_micro_min": 900_000},
        ],
    )
    def test_senseless_ones_are_refused(self, wrong):
        with pytest.raises(ValueError, match=r"do not fit|not a range"):
            FlowSettings(**wrong)


@pytest.mark.slow
class TestTheTraps:
    def test_a_true_crossing_is_worth_its_fees_and_lasts(self):
        world = World(11, crossing_micro=30_000, lag_micro=0)
        begins, seen_ms, start_ms = 0, 0, 0
        for _ in range(3_000):
            was_held = world.exchange.is_held(CONDITION)
            world.step()
            held = world.exchange.is_held(CONDITION)
            if held and not was_held:
                begins += 1
                edge = MICRO - world.watcher.asks_micro() - world.fees_micro()
                assert edge >= 5_000
                assert world.true_asks_micro() == world.watcher.asks_micro()
                start_ms = world.now_ms
            if held:
                seen_ms = max(seen_ms, world.now_ms - start_ms)
            else:
                assert world.true_asks_micro() > MICRO

        assert begins >= 5
        assert 1_400 <= seen_ms <= 1_500

    def test_a_lagged_leg_is_a_crossing_in_what_is_published_only(self):
        world = World(12, crossing_micro=0, lag_micro=20_000)
        apparent_ms = []
        for _ in range(3_000):
            world.step()
            assert world.true_asks_micro() > MICRO
            if world.watcher.asks_micro() + world.fees_micro() < MICRO:
                apparent_ms.append(world.now_ms)
                yes, no = (world.watcher.books[token_id] for token_id in (YES, NO))
                assert yes.venue_ms != no.venue_ms  # and the instants tell

        assert len(apparent_ms) > 50

    def test_after_a_lagged_leg_the_fair_value_may_go_back(self):
        settings = {"crossing_micro": 0, "lag_micro": 20_000, "drift_micro_max": 0}
        world = World(12, **settings, lag_returns=True)
        away, apparent = set(), 0
        for _ in range(3_000):
            world.step()
            assert world.flow.fair(CONDITION) == 500_000  # what a venue keeps over a restart
            away.add(world.flow.fair_micro)
            assert world.true_asks_micro() > MICRO
            apparent += world.watcher.asks_micro() + world.fees_micro() < MICRO

        assert away == {500_000, 410_000}
        assert apparent > 50

    def test_a_fair_value_that_stays_away_is_the_fair_value(self):
        world = World(12, crossing_micro=0, lag_micro=20_000, drift_micro_max=0)
        while world.flow.fair_micro == 500_000:
            world.step()
        assert world.flow.fair(CONDITION) == world.flow.fair_micro == 410_000

    def test_without_traps_no_published_book_is_ever_crossed(self):
        world = World(13, **CALM)
        for _ in range(1_000):
            world.step()
            assert world.watcher.asks_micro() > MICRO

    def test_a_jump_that_finds_no_room_is_left_out(self):
        world = World(
            14,
            fair_micro_min=460_000,
            fair_micro_max=540_000,
            crossing_micro=0,
            lag_micro=500_000,
        )
        for _ in range(200):
            world.step()
            assert world.watcher.asks_micro() > MICRO
