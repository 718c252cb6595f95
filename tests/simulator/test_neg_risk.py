"""A neg-risk event on the local venue: how it is listed, whose orders it takes, how it moves."""

from dataclasses import replace

import msgspec
import pytest

from tests.feeds.listening import MachineClock
from tests.simulator.builders import NOON_MS
from tests.simulator.official import ANN_KEY, SPENDERS, VENUE, ClobClient, serving
from trading.adapters.clob_rest import ClobReader, RestSettings
from trading.adapters.discovery import Discoverer, DiscoverySettings
from trading.adapters.gamma import GammaReader, GammaSettings
from trading.engine.units import MICRO
from trading.simulator import answers
from trading.simulator.accounts import Chain
from trading.simulator.local_venue import LocalVenue
from trading.simulator.markets import LOCAL_FLOW, Programme

from py_clob_client_v2.clob_types import OrderArgsV2, PartialCreateOrderOptions  # isort: skip
from py_clob_client_v2.exceptions import PolyApiException  # isort: skip

OUTCOMES = 3
encode = msgspec.json.Encoder(decimal_format="number").encode


def open_venue(seed=1, outcomes=OUTCOMES, flow=LOCAL_FLOW, **changes):
    programme = Programme(flow=flow, neg_risk_outcomes=outcomes)
    values = {"seed": seed, "markets": 1, "now_ms": NOON_MS, "spenders": SPENDERS}
    return LocalVenue(**values | changes, programme=programme)


def outcomes_of(venue):
    return [market for market in venue.markets.values() if market.listing.neg_risk]


@pytest.fixture(scope="module")
def running():
    with serving(programme=Programme(neg_risk_outcomes=OUTCOMES)) as (address, venue):
        yield address, venue


@pytest.fixture
def ann(running):
    client = ClobClient(running[0], VENUE.chain_id, key=ANN_KEY)
    client.set_api_creds(client.create_or_derive_api_key())
    client.cancel_all()
    return client


def signed(client, token_id, **options):
    args = OrderArgsV2(token_id=token_id, price=0.01, size=100, side="BUY")
    return client.create_order(args, PartialCreateOrderOptions(tick_size="0.01", **options))


class TestTheListing:
    async def test_discovery_reads_the_event_whole(self, running):
        """With the product's own readers, over a real socket."""
        clock = MachineClock()
        gamma = GammaReader(GammaSettings(base_url=running[0]), clock)
        clob = ClobReader(RestSettings(base_url=running[0]), clock)
        found = await Discoverer(DiscoverySettings(), gamma, clob, source="simulator").round({})
        await gamma.close()
        await clob.close()

        specs = [record.spec for record in found.listed]
        members = [spec for spec in specs if spec.neg_risk_event_id]
        assert found.refused == 0
        assert len(specs) == 2 + OUTCOMES
        assert len(members) == OUTCOMES
        assert len({spec.neg_risk_event_id for spec in members}) == 1
        assert {spec.neg_risk_legs for spec in members} == {OUTCOMES}
        assert not any(spec.neg_risk_augmented for spec in members)

    def test_every_answer_says_which_kind_of_market_it_is(self):
        venue = open_venue()
        for condition_id, market in venue.markets.items():
            is_member = market.listing.neg_risk
            token_id = market.listing.token_ids[1]
            assert venue.book(token_id)["neg_risk"] is is_member
            assert venue.token_parameters(token_id)["neg-risk"] == {"neg_risk": is_member}
            assert venue.market_record(condition_id)["neg_risk"] is is_member
            assert venue.parameters(condition_id).get("nr", False) is is_member
        assert [one["negRisk"] for one in venue.listings()] == [False] + [True] * OUTCOMES

    def test_an_event_that_does_not_exist_is_not_made_up(self):
        assert open_venue().event("nothing") is None

    @pytest.mark.parametrize("outcomes", [1, 2, 11, -1])
    def test_a_number_of_outcomes_without_sense_is_refused_by_name(self, outcomes):
        with pytest.raises(ValueError, match=r"neg-risk outcomes is .*, set it to 0 or 3 to 10"):
            open_venue(outcomes=outcomes)

    def test_on_a_chain_there_is_none(self):
        class SomeChain(Chain):
            def described(self):
                return {"chain_id": 137}

        with pytest.raises(ValueError, match="own books only: add --no-chain"):
            open_venue(chain=SomeChain())


class TestOrders:
    @pytest.mark.slow
    def test_the_official_client_trades_with_the_neg_risk_exchange(self, ann, running):
        token_id = outcomes_of(running[1])[0].listing.token_ids[0]
        assert ann.get_neg_risk(token_id) is True

        answer = ann.post_order(signed(ann, token_id), "GTC")

        assert (answer["success"], answer["status"]) == (True, "live")

    @pytest.mark.slow
    @pytest.mark.parametrize("is_member", [True, False])
    def test_an_order_signed_for_the_other_exchange_is_refused(self, ann, running, is_member):
        token_id = next(
            market.listing.token_ids[0]
            for market in running[1].markets.values()
            if market.listing.neg_risk is is_member
        )

        with pytest.raises(PolyApiException, match=answers.BAD_SIGNATURE):
            ann.post_order(signed(ann, token_id, neg_risk=not is_member), "GTC")

        assert ann.get_open_orders() == []

    def test_it_is_the_neg_risk_exchange_that_needs_the_allowance(self):
        venue = open_venue()
        assert [market.listing.spender for market in venue.markets.values()] == [
            SPENDERS[0],
            *[SPENDERS[1]] * OUTCOMES,
        ]


class TestTheFlow:
    @pytest.mark.slow
    @pytest.mark.parametrize("outcomes", [3, 10])
    def test_prices_sum_to_one_and_now_and_then_one_no_of_each_is_cheap(self, outcomes):
        # Each value wanders so far that only what makes up for it keeps the sum.
        lively = replace(LOCAL_FLOW, drift_micro_max=15_000)
        venue = open_venue(seed=4, outcomes=outcomes, flow=lively)
        members = outcomes_of(venue)
        now_ms, gaps, calm = NOON_MS, [], []
        while now_ms < NOON_MS + 40_000:
            now_ms = max(venue.next_ms(now_ms), now_ms + 1)
            venue.advance(now_ms)
            pairs = [market.listing.token_ids for market in members]
            nos = [venue.best_micro(no)[1] for _, no in pairs]
            fees = sum(
                market.listing.fee_micro(price, MICRO)
                for market, price in zip(members, nos, strict=True)
            )
            edge = (outcomes - 1) * MICRO - sum(nos) - fees
            (gaps if members[0].flow.lift_micro else calm).append(edge)
            if not members[0].flow.lift_micro:
                middles = sum(sum(venue.best_micro(yes)) // 2 for yes, _ in pairs)
                assert abs(middles - MICRO) < outcomes * 40_000
            for yes, no in pairs:
                assert venue.best_micro(yes)[1] + venue.best_micro(no)[1] > MICRO

        assert max(calm) < 0
        assert sum(edge > 0 for edge in gaps) > len(gaps) * 9 // 10 > 0
        assert 0.01 < len(gaps) / (len(gaps) + len(calm)) < 0.5

    def test_a_resolved_outcome_ends_the_flow_of_all(self):
        venue = open_venue()
        (first, second, _) = outcomes_of(venue)
        venue.resolve(first.listing.token_ids[0], NOON_MS + 10)
        before = venue.exchange.levels(second.listing.token_ids[0])

        venue.advance(NOON_MS + 5_000)

        assert venue.exchange.levels(second.listing.token_ids[0]) == before

    def test_after_a_kill_in_a_gap_the_values_sum_to_one_again(self):
        venue, after = open_venue(seed=4), open_venue(seed=5)
        now_ms = NOON_MS
        members = outcomes_of(venue)
        while not members[0].flow.lift_micro:
            now_ms = max(venue.next_ms(now_ms), now_ms + 1)
            venue.advance(now_ms)
        fair = [one.flow.fair(one.listing.condition_id) for one in members]
        assert abs(sum(fair) - MICRO) < OUTCOMES  # rounded when they were made

        for one, value in zip(outcomes_of(after), fair, strict=True):
            one.flow.resume(one.listing.condition_id, value)
            assert one.flow.fair(one.listing.condition_id) == value
