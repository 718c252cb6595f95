"""What a transaction may pay for gas, by the limits of the profile.

Prices are in wei for each unit of gas, money in millionths of a dollar. A transaction offers twice
the base fee, so that it is still taken when the fee rises, but never more than the limits.
"""

from dataclasses import dataclass

from trading.engine.units import MICRO, divide_down, divide_up
from trading.wallets.messages import RefusalCode, Refused

WEI = 10**18
# A node takes a replacement only when both prices are a tenth higher; an eighth is surely enough.
RAISE_NUMERATOR, RAISE_DENOMINATOR = 9, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class GasLimits:
    """Caps of the profile, and what a whole POL is assumed to cost."""

    price_wei_max: int  # MAX_GAS_PRICE
    cost_micro_max: int  # MAX_GAS_COST
    multiplier_micro: int  # GAS_LIMIT_MULTIPLIER, in millionths
    pol_price_micro: int  # dollars for one POL, rather too many than too few
    one_price: bool = False  # GAS_PRICE_MODE legacy: offer the price of now and no more


@dataclass(frozen=True, slots=True, kw_only=True)
class GasOffer:
    """What a transaction offers. `cost_micro_max` is what it costs in the worst case."""

    gas_limit: int
    fee_wei_max: int
    tip_wei_max: int
    cost_micro_max: int


def decide_gas(
    *, gas_estimate: int, base_fee_wei: int, tip_wei: int, limits: GasLimits
) -> GasOffer | Refused:
    """Return what to offer, or why the gas is too dear."""
    return _offer(
        gas_limit=divide_up(gas_estimate * limits.multiplier_micro, MICRO),
        least_wei=base_fee_wei + tip_wei,
        wanted_wei=base_fee_wei + tip_wei if limits.one_price else 2 * base_fee_wei + tip_wei,
        tip_wei=base_fee_wei + tip_wei if limits.one_price else tip_wei,
        limits=limits,
    )


def decide_raise(
    before: GasOffer, *, base_fee_wei: int, tip_wei: int, limits: GasLimits
) -> GasOffer | Refused:
    """Return what to offer in place of an offer that nobody took, or why that is too dear."""
    raised_wei = divide_up(before.fee_wei_max * RAISE_NUMERATOR, RAISE_DENOMINATOR)
    raised_tip_wei = divide_up(before.tip_wei_max * RAISE_NUMERATOR, RAISE_DENOMINATOR)
    tip_wei = max(raised_tip_wei, tip_wei)
    least_wei = max(raised_wei, base_fee_wei + tip_wei)
    return _offer(
        gas_limit=before.gas_limit,
        least_wei=least_wei,
        wanted_wei=max(least_wei, 2 * base_fee_wei + tip_wei),
        tip_wei=tip_wei,
        limits=limits,
    )


def cost_micro(*, gas_used: int, price_wei: int, pol_price_micro: int) -> int:
    """Return what gas cost in dollars, rounded up: we paid it."""
    return divide_up(gas_used * price_wei * pol_price_micro, WEI)


def _offer(
    *, gas_limit: int, least_wei: int, wanted_wei: int, tip_wei: int, limits: GasLimits
) -> GasOffer | Refused:
    if least_wei > limits.price_wei_max:
        return Refused(
            code=RefusalCode.GAS_PRICE_TOO_HIGH,
            text=f"gas costs {least_wei} wei a unit; MAX_GAS_PRICE allows {limits.price_wei_max}",
        )
    least_micro = cost_micro(
        gas_used=gas_limit, price_wei=least_wei, pol_price_micro=limits.pol_price_micro
    )
    if least_micro > limits.cost_micro_max:
        return Refused(
            code=RefusalCode.GAS_COST_TOO_HIGH,
            text=f"gas would cost {least_micro} millionths of a dollar; "
            f"MAX_GAS_COST allows {limits.cost_micro_max}",
        )
    # What the cost allows for each unit, so that a rising fee stays within it too.
    affordable_wei = divide_down(
        limits.cost_micro_max * WEI, max(gas_limit * limits.pol_price_micro, 1)
    )
    fee_wei = min(wanted_wei, limits.price_wei_max, max(affordable_wei, least_wei))
    return GasOffer(
        gas_limit=gas_limit,
        fee_wei_max=fee_wei,
        tip_wei_max=min(tip_wei, fee_wei),
        cost_micro_max=cost_micro(
            gas_used=gas_limit, price_wei=fee_wei, pol_price_micro=limits.pol_price_micro
        ),
    )
