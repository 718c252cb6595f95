"""An order as it is signed: who, what, and two exact amounts.

Amounts come from trading.engine.amounts, the one place that knows the venue's decimals. An order
says exactly what was planned or it is not made: a rounded size would leave the legs of a set
unequal. Source: polymarket.md sections 3 and 4.
"""

from dataclasses import dataclass
from enum import IntEnum

from trading.engine.amounts import (
    Amounts,
    is_on_tick,
    limit_amounts,
    market_buy_amounts,
    market_sell_amounts,
)
from trading.engine.codes import Side
from trading.engine.units import MICRO, divide_down

SALT_MAX = 2**53 - 1  # the salt travels as a JSON number


class SignatureType(IntEnum):
    """Which kind of wallet an order is for; the number is part of what is signed."""

    EOA = 0
    POLY_PROXY = 1
    POLY_GNOSIS_SAFE = 2
    POLY_1271 = 3  # deposit wallet


class InexactOrderError(ValueError):
    """The plan has no exact order. Plan sizes on the size grid of the prices, prices on the tick.

    This exception should not be caught: whoever planned has a fault.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """Whose money it is and who signs, in checksummed addresses.

    A deposit wallet is its own maker and signer; its owner, an address of its own, makes the
    signature.
    """

    maker: str
    signer: str
    signature_type: SignatureType


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningDomain:
    """For which contracts signatures count. `version` is that of the exchanges' EIP-712 domain."""

    chain_id: int
    exchange: str
    neg_risk_exchange: str
    version: str = "2"

    def exchange_of(self, *, neg_risk: bool) -> str:
        """Return the contract that verifies an order."""
        return self.neg_risk_exchange if neg_risk else self.exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsignedOrder:
    """Everything that is signed. Metadata and builder are zero.

    A BUY gives `maker_micro` dollars for `taker_micro` shares, a SELL gives shares for dollars.
    """

    salt: int
    maker: str
    signer: str
    token_id: str
    maker_micro: int
    taker_micro: int
    side: Side
    signature_type: SignatureType
    timestamp_ms: int
    neg_risk: bool


def unsigned_order(
    *,
    token_id: str,
    side: Side,
    limit_micro: int,
    size_micro: int,
    tick_micro: int,
    market: bool,
    wallet: Wallet,
    salt: int,
    timestamp_ms: int,
    neg_risk: bool,
) -> UnsignedOrder:
    """Return the order for exactly `size_micro` shares at no worse than `limit_micro`.

    `market` says that it is of the market family (FOK, FAK), for which the venue wants a BUY in
    whole cents. The salt has to be new for each order and to fit into a JSON number (SALT_MAX).
    Raises InexactOrderError when the amounts cannot say that, ValueError on an unknown tick.
    """
    if not 0 <= salt <= SALT_MAX:
        raise InexactOrderError(f"the salt is not from 0 to {SALT_MAX}")
    if not is_on_tick(limit_micro, tick_micro):
        raise InexactOrderError(f"the limit {limit_micro} is not on the tick {tick_micro}")
    amounts = _amounts(side, limit_micro, size_micro, tick_micro, market=market)
    shares = amounts.taker_micro if side is Side.BUY else amounts.maker_micro
    if shares != size_micro:
        raise InexactOrderError(f"{size_micro} shares at {limit_micro} would become {shares}")
    return UnsignedOrder(
        salt=salt,
        maker=wallet.maker,
        signer=wallet.signer,
        token_id=token_id,
        maker_micro=amounts.maker_micro,
        taker_micro=amounts.taker_micro,
        side=side,
        signature_type=wallet.signature_type,
        timestamp_ms=timestamp_ms,
        neg_risk=neg_risk,
    )


def _amounts(
    side: Side, limit_micro: int, size_micro: int, tick_micro: int, *, market: bool
) -> Amounts:
    if not market:
        return limit_amounts(side, limit_micro, size_micro, tick_micro)
    if side is Side.BUY:
        dollars_micro = divide_down(limit_micro * size_micro, MICRO)
        return market_buy_amounts(limit_micro, dollars_micro, tick_micro)
    return market_sell_amounts(limit_micro, size_micro, tick_micro)
