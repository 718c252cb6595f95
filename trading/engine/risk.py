"""Whether risk allows a set: the last word before an order. One code per cause, in a fixed order.

Each layer refuses on its own; none relies on another having asked. What the walk already bounds
(slippage, edge, the venue's minimum) is refused there.
"""

from dataclasses import dataclass

from trading.engine.breaker import Permit
from trading.engine.codes import Refusal, VenueMode
from trading.engine.limits import Limits
from trading.engine.outcome import Refused
from trading.engine.units import divide_up
from trading.engine.units import text_from_micro as text

MS_NS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskState:
    """What is true now, in micro dollars and nanoseconds of UTC."""

    halted: bool
    halt_code: str
    kill_switch: bool
    may_trade: bool
    access_problem: str  # of codes.ACCESS_PROBLEMS, empty when live orders can be trusted to work
    access_text: str
    venue_mode: VenueMode
    breaker: Permit
    attempt_in_market: bool
    cooldown_until_ns: int
    exposed_sets: int
    exposure_micro: int  # cost of everything held or pending
    day_realised_micro: int  # of this UTC day, negative for a loss
    worst_case_open_micro: int  # what is lost if every open leg resolves against us
    cash_micro: int | None  # spendable now; None: unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRequest:
    """The set that is asked for."""

    cost_micro: int  # all legs and fees
    gas_micro: int
    raised: bool  # raised to the venue's smallest set
    paper: bool
    delayed_market: bool
    worst_case_micro: int  # what the leg policy lets this set lose


def check_risk(
    request: SetRequest, state: RiskState, limits: Limits, now_ns: int
) -> Refused | None:
    """Return why this set may not be opened, or None when it may.

    The daily loss counts, within one UTC day, what was lost so far, the worst case of everything
    open and the worst case of this request. A profit made earlier in the day gives no room for a
    larger loss later: the limit bounds what a bad day may take, not what a good one may give back.
    """
    return (
        _check_permission(state)
        or _check_market(request, state, limits, now_ns)
        or _check_size(request, state, limits)
        or _check_losses(request, state, limits)
    )


def _check_permission(state: RiskState) -> Refused | None:
    if state.kill_switch:
        return Refused(Refusal.KILL_SWITCH, "the kill switch is on; it has to be taken off")
    if state.halted:
        return Refused(
            Refusal.HALTED, f"trading is halted ({state.halt_code}); a mandate has to resume it"
        )
    if not state.may_trade:
        return Refused(Refusal.NO_MANDATE, "the mandate does not allow trading")
    if state.access_problem:
        return Refused(Refusal(state.access_problem), state.access_text)
    if state.venue_mode is not VenueMode.OPEN:
        return Refused(
            Refusal.VENUE_MODE, f"the venue is {state.venue_mode}; {VenueMode.OPEN} is needed"
        )
    if state.breaker is Permit.REFUSE_OPEN:
        return Refused(Refusal.BREAKER_OPEN, "the circuit breaker is open after failed sets")
    if state.breaker is not Permit.ALLOW:
        return Refused(Refusal.BREAKER_PROBING, "the circuit breaker waits for its one probe")
    return None


def _check_market(
    request: SetRequest, state: RiskState, limits: Limits, now_ns: int
) -> Refused | None:
    if state.attempt_in_market:
        return Refused(Refusal.ATTEMPT_IN_PROGRESS, "a set of this market is still open")
    if now_ns < state.cooldown_until_ns:
        left_ms = divide_up(state.cooldown_until_ns - now_ns, MS_NS)
        return Refused(Refusal.COOLDOWN, f"{left_ms} ms are left of this market's cooldown")
    if state.exposed_sets > 0:
        return Refused(
            Refusal.LEG_EXPOSED, f"{state.exposed_sets} sets are held half-filled; 0 are allowed"
        )
    if request.delayed_market and not limits.delayed_markets:
        return Refused(Refusal.MARKET_DELAYED, "the venue delays matching in this market")
    return None


def _check_size(request: SetRequest, state: RiskState, limits: Limits) -> Refused | None:
    size_max_micro = _size_max_micro(request, limits)
    if request.raised and not request.paper:
        return Refused(
            Refusal.TRADE_SIZE_LIMIT,
            f"a live set is never raised to {text(request.cost_micro)} dollars; "
            f"at most {text(size_max_micro)} may be spent",
        )
    if not request.raised and request.cost_micro > size_max_micro:
        return Refused(
            Refusal.TRADE_SIZE_LIMIT,
            f"the set costs {text(request.cost_micro)} dollars; "
            f"at most {text(size_max_micro)} may be spent",
        )
    held_micro = state.exposure_micro + request.cost_micro
    if held_micro > limits.position_max_micro:
        return Refused(
            Refusal.POSITION_LIMIT,
            f"with this set {text(held_micro)} dollars would be held or pending; "
            f"at most {text(limits.position_max_micro)} may be",
        )
    return None


def _size_max_micro(request: SetRequest, limits: Limits) -> int:
    if request.paper or not limits.live_ceiling_micro:
        return limits.trade_size_micro
    return min(limits.trade_size_micro, limits.live_ceiling_micro)


def _check_losses(request: SetRequest, state: RiskState, limits: Limits) -> Refused | None:
    lost_micro = (
        max(0, -state.day_realised_micro) + state.worst_case_open_micro + request.worst_case_micro
    )
    if lost_micro > limits.daily_loss_max_micro:
        return Refused(
            Refusal.DAILY_LOSS_LIMIT,
            f"today's loss could reach {text(lost_micro)} dollars with this set; "
            f"at most {text(limits.daily_loss_max_micro)} may be lost",
        )
    if request.gas_micro > limits.gas_cost_max_micro:
        return Refused(
            Refusal.GAS_COST_LIMIT,
            f"gas would cost {text(request.gas_micro)} dollars; "
            f"at most {text(limits.gas_cost_max_micro)} may be spent on it",
        )
    if state.cash_micro is None:
        return Refused(Refusal.BALANCE_UNKNOWN, "the spendable balance is not known")
    needed_micro = request.cost_micro + request.gas_micro + limits.balance_min_micro
    if state.cash_micro < needed_micro:
        return Refused(
            Refusal.BALANCE_TOO_LOW,
            f"{text(state.cash_micro)} dollars are spendable; {text(needed_micro)} are needed "
            "for the set, its gas and what has to stay",
        )
    return None
