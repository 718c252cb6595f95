"""What is said about transactions: what to do, and what became of it.

Amounts of tokens and of money are in millionths, gas and its price in gas units and wei. Hashes,
addresses and call data are texts that begin with 0x.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Kind(StrEnum):
    """How an account holds its money (polymarket.md section 3)."""

    DEPOSIT = "DEPOSIT"  # signature type 3: a contract that the owner's key commands
    EOA = "EOA"  # signature type 0: the key's own address


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a contract."""

    target: str
    data: str
    value_wei: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionFields:
    """A transaction of type 2 (EIP-1559) as the signer gets it."""

    chain_id: int
    nonce: int
    call: Call
    gas_limit: int
    fee_wei_max: int  # for each unit of gas, base fee and tip together
    tip_wei_max: int


class RefusalCode(StrEnum):
    """Why nothing was sent. Whatever has one of these surely had no effect."""

    GAS_PRICE_TOO_HIGH = "GAS_PRICE_TOO_HIGH"
    GAS_COST_TOO_HIGH = "GAS_COST_TOO_HIGH"
    GAS_MONEY_MISSING = "GAS_MONEY_MISSING"
    NO_CALLS = "NO_CALLS"
    TOO_MANY_CALLS = "TOO_MANY_CALLS"
    WOULD_REVERT = "WOULD_REVERT"
    WALLET_BUSY = "WALLET_BUSY"
    SIGNER_REFUSED = "SIGNER_REFUSED"
    CHAIN_UNREADABLE = "CHAIN_UNREADABLE"
    NO_ADAPTER = "NO_ADAPTER"
    RELAYER_UNREADABLE = "RELAYER_UNREADABLE"
    RELAYER_REFUSED = "RELAYER_REFUSED"
    CLOCK_OFF = "CLOCK_OFF"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Nothing was sent, for this reason."""

    code: RefusalCode
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """It is on the chain and did what it was meant to. `gas_micro` is what it cost us, in dollars.

    `transaction_hash` is empty and `block` 0 when the relayer did not name them.
    """

    reference: str
    transaction_hash: str
    block: int
    gas_used: int
    gas_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverted:
    """It surely had no effect and never will; `gas_micro` is gone all the same."""

    reference: str
    reason: str
    gas_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """It may have happened or may happen yet. Look it up by its reference; never send it again.

    `number_used` says that the wallet has gone on past its number: it cannot happen any more, and
    most likely it has. `may_be_lost` says that its number waits and nobody is known to have it.
    """

    reference: str
    reason: str
    number_used: bool = False
    may_be_lost: bool = False


Outcome: TypeAlias = Confirmed | Reverted | Unknown | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeWish:
    """Turn `size_micro` shares of each outcome of a condition back into collateral."""

    set_id: str
    condition_id: str
    size_micro: int
    neg_risk: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RedeemWish:
    """Turn everything held of a resolved condition into collateral."""

    set_id: str
    condition_id: str
    neg_risk: bool


Wish: TypeAlias = MergeWish | RedeemWish


@dataclass(frozen=True, slots=True, kw_only=True)
class WishOutcome:
    """What became of one wish. `gas_micro` is its share of what the transaction cost us."""

    set_id: str
    outcome: Outcome
    gas_micro: int
    reference: str  # empty when nothing was sent
