"""Every layer of risk: what it lets pass at its bound, and what it refuses just beyond."""

from dataclasses import replace

import pytest

from trading.engine.breaker import Permit
from trading.engine.codes import ACCESS_PROBLEMS, Refusal, VenueMode
from trading.engine.limits import Limits
from trading.engine.outcome import Refused
from trading.engine.risk import RiskState, SetRequest, check_risk
from trading.engine.units import MICRO

NOW_NS = 1_000_000_000_000

LIMITS = Limits(
    trade_size_micro=5 * MICRO,
    position_max_micro=20 * MICRO,
    daily_loss_max_micro=3 * MICRO,
    gas_cost_max_micro=500_000,
    balance_min_micro=MICRO,
    live_ceiling_micro=6 * MICRO,
)
STATE = RiskState(
    halted=False,
    halt_code="",
    kill_switch=False,
    may_trade=True,
    access_problem="",
    access_text="",
    venue_mode=VenueMode.OPEN,
    breaker=Permit.ALLOW,
    attempt_in_market=False,
    cooldown_until_ns=0,
    exposed_sets=0,
    exposure_micro=0,
    day_realised_micro=0,
    worst_case_open_micro=0,
    cash_micro=100 * MICRO,
)
REQUEST = SetRequest(
    cost_micro=4_900_000,
    gas_micro=20_000,
    raised=False,
    paper=False,
    delayed_market=False,
    worst_case_micro=500_000,
)


def ask(*, request=None, state=None, limits=None, now_ns=NOW_NS):
    return check_risk(
        replace(REQUEST, **(request or {})),
        replace(STATE, **(state or {})),
        replace(LIMITS, **(limits or {})),
        now_ns,
    )


def test_a_set_within_every_bound_is_allowed():
    assert ask() is None


# Code, what is at the bound and passes, what is one step beyond and is refused.
TWINS = [
    (Refusal.KILL_SWITCH, {}, {"state": {"kill_switch": True}}),
    (
        Refusal.HALTED,
        {"state": {"halted": False, "halt_code": "WS_DISCONNECTED"}},
        {"state": {"halted": True, "halt_code": "WS_DISCONNECTED"}},
    ),
    (Refusal.NO_MANDATE, {}, {"state": {"may_trade": False}}),
    *(
        (problem, {}, {"state": {"access_problem": str(problem), "access_text": "seen"}})
        for problem in sorted(ACCESS_PROBLEMS)
    ),
    *(
        (Refusal.VENUE_MODE, {}, {"state": {"venue_mode": mode}})
        for mode in VenueMode
        if mode is not VenueMode.OPEN
    ),
    (Refusal.BREAKER_OPEN, {}, {"state": {"breaker": Permit.REFUSE_OPEN}}),
    (Refusal.BREAKER_PROBING, {}, {"state": {"breaker": Permit.REFUSE_PROBING}}),
    (Refusal.ATTEMPT_IN_PROGRESS, {}, {"state": {"attempt_in_market": True}}),
    (
        Refusal.COOLDOWN,
        {"state": {"cooldown_until_ns": NOW_NS}},
        {"state": {"cooldown_until_ns": NOW_NS + 1}},
    ),
    (Refusal.LEG_EXPOSED, {"state": {"exposed_sets": 0}}, {"state": {"exposed_sets": 1}}),
    (
        Refusal.MARKET_DELAYED,
        {"request": {"delayed_market": True}, "limits": {"delayed_markets": True}},
        {"request": {"delayed_market": True}},
    ),
    (
        Refusal.TRADE_SIZE_LIMIT,
        {"request": {"cost_micro": 5 * MICRO}},
        {"request": {"cost_micro": 5 * MICRO + 1}},
    ),
    (
        Refusal.TRADE_SIZE_LIMIT,
        {"request": {"cost_micro": 5 * MICRO, "raised": True, "paper": True}},
        {"request": {"cost_micro": 5 * MICRO, "raised": True, "paper": False}},
    ),
    (
        Refusal.TRADE_SIZE_LIMIT,
        {"request": {"cost_micro": 6 * MICRO}, "limits": {"trade_size_micro": 9 * MICRO}},
        {"request": {"cost_micro": 6 * MICRO + 1}, "limits": {"trade_size_micro": 9 * MICRO}},
    ),
    (
        Refusal.POSITION_LIMIT,
        {"state": {"exposure_micro": 15_100_000}},
        {"state": {"exposure_micro": 15_100_001}},
    ),
    (
        Refusal.DAILY_LOSS_LIMIT,
        {"state": {"day_realised_micro": -2_000_000, "worst_case_open_micro": 500_000}},
        {"state": {"day_realised_micro": -2_000_001, "worst_case_open_micro": 500_000}},
    ),
    (
        Refusal.DAILY_LOSS_LIMIT,
        {"state": {"worst_case_open_micro": 2_500_000}},
        {"state": {"worst_case_open_micro": 2_500_001}},
    ),
    (
        Refusal.DAILY_LOSS_LIMIT,
        {"request": {"worst_case_micro": 3_000_000}},
        {"request": {"worst_case_micro": 3_000_001}},
    ),
    (
        Refusal.GAS_COST_LIMIT,
        {"request": {"gas_micro": 500_000}},
        {"request": {"gas_micro": 500_001}},
    ),
    (Refusal.BALANCE_UNKNOWN, {}, {"state": {"cash_micro": None}}),
    (
        Refusal.BALANCE_TOO_LOW,
        {"state": {"cash_micro": 4_900_000 + 20_000 + MICRO}},
        {"state": {"cash_micro": 4_900_000 + 20_000 + MICRO - 1}},
    ),
]


@pytest.mark.parametrize(
    ("code", "allowed", "beyond"), TWINS, ids=[f"{n}-{twin[0]}" for n, twin in enumerate(TWINS)]
)
class TestEachLayer:
    def test_what_is_at_the_bound_is_allowed(self, code, allowed, beyond):
        assert ask(**allowed) is None

    def test_what_is_beyond_is_refused_with_its_own_code(self, code, allowed, beyond):
        refused = ask(**beyond)

        assert isinstance(refused, Refused)
        assert refused.code is code
        assert refused.reason


class TestOrder:
    """The layers are asked in one order, so that one cause always gives one code."""

    ORDER = (
        ("kill_switch", True, Refusal.KILL_SWITCH),
        ("halted", True, Refusal.HALTED),
        ("may_trade", False, Refusal.NO_MANDATE),
        ("venue_mode", VenueMode.CANCEL_ONLY, Refusal.VENUE_MODE),
        ("breaker", Permit.REFUSE_OPEN, Refusal.BREAKER_OPEN),
        ("attempt_in_market", True, Refusal.ATTEMPT_IN_PROGRESS),
        ("cooldown_until_ns", NOW_NS + 1, Refusal.COOLDOWN),
        ("exposed_sets", 1, Refusal.LEG_EXPOSED),
    )

    @pytest.mark.parametrize("first", range(len(ORDER)))
    def test_of_all_that_is_wrong_the_first_is_named(self, first):
        wrong = {name: value for name, value, _ in self.ORDER[first:]}
        request = {"delayed_market": True, "cost_micro": 99 * MICRO, "gas_micro": 9 * MICRO}

        refused = ask(request=request, state={**wrong, "cash_micro": None})

        assert refused is not None
        assert refused.code is self.ORDER[first][2]

    def test_then_market_size_position_loss_gas_and_balance(self):
        state = {"exposure_micro": 99 * MICRO, "day_realised_micro": -9 * MICRO, "cash_micro": None}
        request = {"delayed_market": True, "cost_micro": 99 * MICRO, "gas_micro": 9 * MICRO}
        codes = []
        for name, harmless in (
            ("delayed_market", False),
            ("cost_micro", 1),
            ("exposure_micro", 0),
            ("day_realised_micro", 0),
            ("gas_micro", 0),
            ("cash_micro", 100 * MICRO),
        ):
            refused = ask(request=request, state=state)
            assert refused is not None
            codes.append(refused.code)
            (request if name in request else state)[name] = harmless

        assert codes == [
            Refusal.MARKET_DELAYED,
            Refusal.TRADE_SIZE_LIMIT,
            Refusal.POSITION_LIMIT,
            Refusal.DAILY_LOSS_LIMIT,
            Refusal.GAS_COST_LIMIT,
            Refusal.BALANCE_UNKNOWN,
        ]
        assert ask(request=request, state=state) is None


class TestOneAttempt:
    def test_the_same_gap_fires_once_and_not_every_second(self):
        # E9: upstream fired anew for as long as the book showed the gap.
        fired, open_until_ns, cooldown_until_ns = 0, 0, 0
        for second in range(10):
            now_ns = NOW_NS + second * 1_000_000_000
            state = {
                "attempt_in_market": now_ns < open_until_ns,
                "cooldown_until_ns": cooldown_until_ns,
            }
            if ask(state=state, now_ns=now_ns) is None:
                fired += 1
                open_until_ns = now_ns + 5_000_000_000
                cooldown_until_ns = open_until_ns + 60_000_000_000

        assert fired == 1


class TestTradeSize:
    def test_a_raised_paper_set_may_cost_more(self):
        assert ask(request={"cost_micro": 9 * MICRO, "raised": True, "paper": True}) is None

    def test_a_paper_set_that_was_not_raised_may_not(self):
        refused = ask(request={"cost_micro": 9 * MICRO, "paper": True})

        assert refused is not None
        assert refused.code is Refusal.TRADE_SIZE_LIMIT

    def test_a_raised_paper_set_still_counts_against_the_position(self):
        refused = ask(
            request={"cost_micro": 9 * MICRO, "raised": True, "paper": True},
            state={"exposure_micro": 12 * MICRO},
        )

        assert refused is not None
        assert refused.code is Refusal.POSITION_LIMIT

    def test_the_ceiling_binds_live_only(self):
        wide = {"trade_size_micro": 9 * MICRO}

        assert ask(request={"cost_micro": 9 * MICRO, "paper": True}, limits=wide) is None
        assert ask(request={"cost_micro": 9 * MICRO}, limits=wide) is not None

    def test_no_ceiling_binds_nobody(self):
        wide = {"trade_size_micro": 9 * MICRO, "live_ceiling_micro": 0}

        assert ask(request={"cost_micro": 9 * MICRO}, limits=wide) is None


class TestPosition:
    def test_twenty_trades_of_two_dollars_do_not_all_pass_a_cap_of_twenty(self):
        # E27: upstream looked at one trade at a time.
        passed = 0
        exposure_micro = 0
        for _ in range(20):
            refused = ask(
                request={"cost_micro": 2 * MICRO}, state={"exposure_micro": exposure_micro}
            )
            if refused is None:
                passed += 1
                exposure_micro += 2 * MICRO

        assert passed == 10
        assert exposure_micro == 20 * MICRO


class TestDailyLoss:
    def test_a_profit_of_the_day_gives_no_room_for_a_larger_loss(self):
        refused = ask(
            request={"worst_case_micro": 3_000_001}, state={"day_realised_micro": 50 * MICRO}
        )

        assert refused is not None
        assert refused.code is Refusal.DAILY_LOSS_LIMIT

    def test_losses_of_all_three_kinds_add_up(self):
        state = {"day_realised_micro": -1_200_000, "worst_case_open_micro": 1_200_000}

        assert ask(request={"worst_case_micro": 600_000}, state=state) is None
        refused = ask(request={"worst_case_micro": 600_001}, state=state)
        assert refused is not None
        assert "3.000001" in refused.reason
        assert "at most 3 may" in refused.reason

    def test_forgotten_limits_allow_nothing(self):
        assert check_risk(REQUEST, STATE, Limits(), NOW_NS) is not None
