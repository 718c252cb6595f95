"""One market out of two sources: where they agree, and what happens where they do not."""

import pytest

from tests.feeds.listings import CRYPTO, FREE, parsed
from trading.adapters.clob_rest import ClobMarket
from trading.adapters.market_records import market_record


class TestJoining:
    """Gamma and the CLOB speak about the same market, and do not always agree."""

    def joined(self, clob=None, **listing):
        listed = parsed(**listing)
        first, second = zip(listed.token_ids, listed.outcomes, strict=True)
        parameters = {
            "condition_id": listed.condition_id,
            "outcomes": (first, second),
            "tick_micro": 1_000,
            "min_order_size_micro": 5_000_000,
            "fee": CRYPTO,
            "protocol": "v1",
            "neg_risk": False,
            "accepting_orders": True,
            "taker_delay": False,
            "seconds_delay": 0,
        }
        market = ClobMarket(**(parameters | (clob or {})))
        return market_record(
            listed, market, taker_delay_ms=250, neg_risk_legs=4, source="polymarket"
        )

    def test_parameters_are_the_clobs_and_words_are_gammas(self):
        record = self.joined()

        assert (record.spec.tick_micro, record.spec.min_order_size_micro) == (1_000, 5_000_000)
        assert (record.slug, record.yes_outcome, record.no_outcome) == ("market-1", "Yes", "No")
        assert record.spec.end_ms == record.ends_at_ms == 1_790_856_000_000
        assert record.source == "polymarket"

    @pytest.mark.parametrize(
        ("gamma", "clob_fee", "expected"),
        [
            pytest.param({}, CRYPTO, CRYPTO, id="both say the same"),
            pytest.param({}, None, CRYPTO, id="only Gamma says it"),
            pytest.param({"feeSchedule": None}, CRYPTO, CRYPTO, id="only the CLOB says it"),
            pytest.param({"feesEnabled": False}, None, FREE, id="no fee in either"),
            pytest.param(
                {"feesEnabled": None, "feeSchedule": None}, None, FREE, id="a complete record"
            ),
            pytest.param({"feeSchedule": None}, None, None, id="a fee that nobody tells"),
            pytest.param({"feesEnabled": False}, CRYPTO, None, id="a fee that Gamma denies"),
            pytest.param(
                {"feeSchedule": {"rate": 0.05, "exponent": 1, "takerOnly": True}},
                CRYPTO,
                None,
                id="two rates",
            ),
        ],
    )
    def test_a_fee_is_known_only_where_nothing_speaks_against_it(self, gamma, clob_fee, expected):
        assert self.joined({"fee": clob_fee}, **gamma).spec.fee == expected

    @pytest.mark.parametrize(
        ("listed", "clob", "expected"),
        [
            ("v1", "v1", "v1"),
            ("v1", "", "v1"),
            ("v1", "v2", "unknown"),
            ("v2", "v2", "v2"),
            (None, "v1", "unknown"),
        ],
    )
    def test_the_protocol_is_gammas_unless_the_clob_contradicts(self, listed, clob, expected):
        assert self.joined({"protocol": clob}, version=listed).spec.protocol == expected

    def test_a_held_market_gets_the_configured_delay(self):
        assert self.joined({"taker_delay": True}).spec.taker_delay_ms == 250
        assert self.joined().spec.taker_delay_ms == 0

    def test_the_longer_delay_counts(self):
        assert self.joined({"seconds_delay": 1}, secondsDelay=3).spec.seconds_delay == 3
        assert self.joined({"seconds_delay": 4}, secondsDelay=3).spec.seconds_delay == 4

    def test_either_source_can_say_that_no_orders_are_accepted(self):
        assert not self.joined({"accepting_orders": False}).spec.accepting_orders
        assert self.joined({"accepting_orders": None}).spec.accepting_orders

    @pytest.mark.parametrize(
        ("clob", "named"),
        [
            ({"neg_risk": True}, "nr: True"),
            ({"outcomes": (("5", "Yes"), ("6", "No"))}, "t: tokens and outcomes"),
        ],
    )
    def test_sources_that_mean_different_markets_are_refused(self, clob, named):
        with pytest.raises(ValueError, match=named):
            self.joined(clob)

    def test_swapped_outcomes_are_refused(self):
        first, second = parsed().token_ids

        with pytest.raises(ValueError, match="t: tokens and outcomes"):
            self.joined({"outcomes": ((first, "No"), (second, "Yes"))})

    def test_tokens_in_another_order_are_the_same_market(self):
        first, second = parsed().token_ids

        record = self.joined({"outcomes": ((second, "No"), (first, "Yes"))})

        assert record.spec.token_ids == (first, second)
