"""Every refusal has its own code; permission and limits in the whole engine."""

import pytest

from tests.engine.builders import NO, YES, delta, limits, m, snapshot, spec
from tests.engine.rig import Rig
from trading.engine.codes import Mode, VenueMode
from trading.engine.commands import CancelAll, PlaceOrders
from trading.engine.core import Engine
from trading.engine.events import (
    AccessChanged,
    HaltRequested,
    MandateChanged,
    MarketListed,
    VenueModeChanged,
)
from trading.engine.facts import (
    OpportunitySeen,
    SetOpened,
    TradeRecorded,
)


class TestRefusals:
    @pytest.mark.parametrize(
        ("bounds", "market", "code"),
        [
            ({"pair_enabled": False}, {}, "STRATEGY_DISABLED"),
            ({"min_profit_ratio_micro": 60_000}, {}, "BELOW_MIN_PROFIT"),
            ({"trade_size_micro": m("1")}, {}, "BELOW_VENUE_MINIMUM"),
            ({"position_max_micro": m("5")}, {}, "POSITION_LIMIT"),
            ({"daily_loss_max_micro": m("0.5")}, {}, "DAILY_LOSS_LIMIT"),
            ({"gas_per_set_micro": m("0.2"), "gas_cost_max_micro": m("0.1")}, {}, "GAS_COST_LIMIT"),
            ({}, {"fee": None}, "UNKNOWN_FEE"),
            ({}, {"protocol": "v2"}, "UNKNOWN_PROTOCOL"),
            ({}, {"tick_micro": 20_000}, "UNKNOWN_TICK"),
            ({}, {"accepting_orders": False}, "MARKET_CLOSED"),
            ({}, {"seconds_delay": 3}, "MARKET_DELAYED"),
            ({}, {"taker_delay_ms": 150}, "MARKET_DELAYED"),
            ({}, {"end_ms": 1_790_000_004_000}, "MARKET_ENDING"),
        ],
    )  # fmt: skip
    def test_each_cause_has_its_own_code_and_its_allowed_twin(self, bounds, market, code):
        refused, allowed = Rig(limits(**bounds), spec(**market)), Rig()
        for rig in (refused, allowed):
            rig.books()
            rig.cross()

        assert refused.last.refusal == code
        assert refused.last.reason
        assert refused.facts(SetOpened) == []
        assert len(allowed.facts(SetOpened)) == 1

    def test_a_delayed_market_may_be_traded_when_the_profile_says_so(self):
        rig = Rig(limits(delayed_markets=True), spec(taker_delay_ms=150))
        rig.books()
        rig.cross()
        rig.wait(300)
        assert rig.states()[-1] == "INTENT"  # 250 ms of latency and 150 ms of the venue's own
        rig.wait(200)
        assert rig.states()[-1] == "SETTLING"

    def test_the_position_limit_counts_every_open_set(self):
        """PolyArb-X looked at one trade at a time: 20 x $2 passed a $20 cap (E27)."""
        rig = Rig(limits(position_max_micro=m("15")))
        rig.tell(MarketListed(spec=spec("0xb", token_ids=("3", "4"))))
        rig.books()
        rig.cross()
        rig.tell(snapshot("3", bids=("0.46x40",), asks=("0.48x50",), condition_id="0xb"))
        rig.tell(snapshot("4", bids=("0.5x40",), asks=("0.54x50",), condition_id="0xb"))
        rig.tell(
            delta(("3", "0.53", "0.48", ("bid 0.53x40",)), ("4", "0.5", "0.47", ("ask 0.47x40",)),
                  at_ms=1, condition_id="0xb")
        )  # fmt: skip
        assert len(rig.facts(SetOpened)) == 1
        assert "POSITION_LIMIT" in [o.refusal for o in rig.facts(OpportunitySeen)]

    def test_paper_is_raised_to_the_smallest_set_and_says_so(self):
        rig = Rig(limits(trade_size_micro=m("1"), raise_to_minimum=True))
        rig.books()
        rig.cross()
        assert rig.last.raised
        assert rig.facts(SetOpened)[0].size_micro == m("5")
        assert rig.facts(SetOpened)[0].raised

    def test_live_is_never_raised(self):
        engine = Engine(session_key="live", mode=Mode.LIVE)
        bounds = limits(trade_size_micro=m("1"), raise_to_minimum=True)
        engine.handle(MandateChanged(revision=1, may_trade=True, limits=bounds), 1)
        engine.handle(MarketListed(spec=spec()), 1)
        engine.handle(snapshot(YES, bids=("0.46x100",), asks=("0.48x50",)), 1)
        engine.handle(snapshot(NO, bids=("0.52x50",), asks=("0.54x100",)), 1)
        message = delta(
            (YES, "0.53", "0.48", ("bid 0.53x40",)), (NO, "0.52", "0.47", ("ask 0.47x40",)), at_ms=1
        )
        commands = engine.handle(message, 2)
        assert not any(isinstance(command, PlaceOrders) for command in commands)
        (record,) = (c.fact for c in commands if hasattr(c, "fact"))
        assert record.refusal == "BELOW_VENUE_MINIMUM"

    def test_live_without_a_known_balance_is_refused(self):
        engine = Engine(session_key="live", mode=Mode.LIVE)
        engine.handle(MandateChanged(revision=1, may_trade=True, limits=limits()), 1)
        engine.handle(MarketListed(spec=spec()), 1)
        engine.handle(snapshot(YES, bids=("0.46x100",), asks=("0.48x50",)), 1)
        engine.handle(snapshot(NO, bids=("0.52x50",), asks=("0.54x100",)), 1)
        message = delta(
            (YES, "0.53", "0.48", ("bid 0.53x40",)), (NO, "0.52", "0.47", ("ask 0.47x40",)), at_ms=1
        )
        engine.handle(AccessChanged(problem="", text="reconciled"), 1)
        (record,) = (c.fact for c in engine.handle(message, 2) if hasattr(c, "fact"))
        assert record.refusal == "BALANCE_UNKNOWN"


class TestPermission:
    def test_without_a_mandate_nothing_is_traded(self):
        rig = Rig()
        rig.tell(MandateChanged(revision=2, may_trade=False, limits=limits()))
        rig.books()
        rig.cross()
        assert rig.last.refusal == "NO_MANDATE"

    def test_a_mandate_that_is_older_changes_nothing(self):
        rig = Rig()
        rig.tell(MandateChanged(revision=5, may_trade=False, limits=limits()))
        rig.tell(MandateChanged(revision=4, may_trade=True, limits=limits()))
        assert not rig.engine.may_trade

    def test_a_halt_holds_in_the_same_call_and_cancels_what_was_under_way(self):
        rig = Rig()
        rig.books()
        rig.cross()
        heard = rig.tell(HaltRequested(code="OPERATOR", reason="test"))
        assert any(isinstance(command, CancelAll) for command in heard)
        rig.wait(10_000)
        assert rig.states()[-1] == "ABANDONED"
        assert rig.facts(TradeRecorded) == []
        rig.cross(at_ms=20, size="41")
        assert rig.last.refusal == "HALTED"

    def test_the_kill_switch_has_its_own_code(self):
        rig = Rig()
        rig.books()
        rig.tell(HaltRequested(code="KILL_SWITCH", reason="file"))
        rig.cross()
        assert rig.last.refusal == "KILL_SWITCH"

    def test_only_a_mandate_ends_a_halt(self):
        rig = Rig()
        rig.books()
        rig.tell(HaltRequested(code="OPERATOR", reason="test"))
        rig.wait(3_600_000 // 60)
        rig.cross()
        assert rig.last.refusal == "HALTED"
        rig.tell(MandateChanged(revision=2, may_trade=True, limits=limits(), reason="resumed"))
        rig.cross(at_ms=20, size="41")
        assert len(rig.facts(SetOpened)) == 1

    @pytest.mark.parametrize("mode", [mode for mode in VenueMode if mode is not VenueMode.OPEN])
    def test_the_venue_must_be_open(self, mode):
        rig = Rig()
        rig.books()
        rig.tell(VenueModeChanged(mode=mode))
        rig.cross()
        assert rig.last.refusal == "VENUE_MODE"
        rig.tell(VenueModeChanged(mode=VenueMode.OPEN))
        rig.cross(at_ms=20, size="41")
        assert len(rig.facts(SetOpened)) == 1


class TestDailyLoss:
    def test_sets_under_way_count_with_what_the_leg_policy_may_lose(self):
        rig = Rig(limits(daily_loss_max_micro=m("1.5"), leg_loss_max_micro=m("1")))
        rig.books()
        rig.cross()
        assert rig.engine.sets.worst_case_micro == m("1")
        rig.wait(10_000)
        assert rig.engine.sets.worst_case_micro == 0
