"""On what terms the signer signs: the bounds that it was started with, and every way to say no."""

import re
from dataclasses import dataclass, fields
from enum import StrEnum

from trading.signing.orders import SignatureType

BATCH_MAX = 15  # orders in one request to the venue
PHASE_MAX = 3
NUMBER_MAX = 2**63 - 1
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


class Code(StrEnum):
    """Why something was not signed. One code per cause."""

    # The request itself.
    MALFORMED = "MALFORMED"
    UNKNOWN_REQUEST = "UNKNOWN_REQUEST"
    TOO_LARGE = "TOO_LARGE"
    # For whom, and where it would count.
    CHAIN_MISMATCH = "CHAIN_MISMATCH"
    EXCHANGE_UNKNOWN = "EXCHANGE_UNKNOWN"
    WALLET_MISMATCH = "WALLET_MISMATCH"
    WRONG_WALLET_KIND = "WRONG_WALLET_KIND"
    LOGIN_TIME_OFF = "LOGIN_TIME_OFF"
    # Orders.
    PHASE_SIGNS_NO_ORDERS = "PHASE_SIGNS_NO_ORDERS"
    BATCH_EMPTY = "BATCH_EMPTY"
    BATCH_TOO_LONG = "BATCH_TOO_LONG"
    ORDER_MALFORMED = "ORDER_MALFORMED"
    PRICE_OUT_OF_RANGE = "PRICE_OUT_OF_RANGE"
    BUY_TOO_LARGE = "BUY_TOO_LARGE"
    SALE_TOO_LARGE = "SALE_TOO_LARGE"
    DAY_SPENT = "DAY_SPENT"
    SPEND_NOT_RECORDED = "SPEND_NOT_RECORDED"
    # Calls of contracts.
    TARGET_UNKNOWN = "TARGET_UNKNOWN"
    METHOD_UNKNOWN = "METHOD_UNKNOWN"
    ARGUMENTS_MALFORMED = "ARGUMENTS_MALFORMED"
    CARRIES_VALUE = "CARRIES_VALUE"
    COLLATERAL_UNKNOWN = "COLLATERAL_UNKNOWN"
    SPENDER_UNKNOWN = "SPENDER_UNKNOWN"
    SPENDER_NEVER = "SPENDER_NEVER"
    APPROVAL_UNLIMITED = "APPROVAL_UNLIMITED"
    APPROVAL_TOO_LARGE = "APPROVAL_TOO_LARGE"
    SPLIT_TOO_LARGE = "SPLIT_TOO_LARGE"
    # What a transaction costs, and how long a batch may wait.
    GAS_LIMIT_TOO_HIGH = "GAS_LIMIT_TOO_HIGH"
    GAS_PRICE_TOO_HIGH = "GAS_PRICE_TOO_HIGH"
    DEADLINE_OFF = "DEADLINE_OFF"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Nothing was signed and nothing counted; the reason is for people."""

    code: Code
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySpend:
    """Dollars of the BUY orders that were signed on one UTC day, counted in days since 1970."""

    day: int
    spent_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What may be signed. It is given at the start and never changes in a running signer.

    `owner` is the address of the key, so that bounds made for play money cannot meet the key of
    real money. Raises ValueError, beginning with the field, for bounds that bind nothing.
    """

    chain_id: int
    owner: str
    maker: str
    signature_type: SignatureType
    # Contracts. `set_targets` split, merge and redeem; only `spenders` may be given an allowance.
    exchange: str
    neg_risk_exchange: str
    collateral: str
    conditional_tokens: str
    set_targets: tuple[str, ...]
    spenders: tuple[str, ...]
    never_approve: tuple[str, ...]
    # Orders. Phase 0 signs none, unless all of it is play money.
    phase: int
    play_money: bool
    orders_per_batch_max: int
    order_buy_micro_max: int  # dollars of one BUY
    order_sale_micro_max: int  # shares of one SELL
    day_buy_micro_max: int  # dollars of all BUY orders signed on one UTC day
    # Calls.
    calls_per_batch_max: int
    approval_micro_max: int
    split_micro_max: int
    gas_limit_max: int
    fee_per_gas_wei_max: int
    deadline_s_max: int

    def __post_init__(self) -> None:
        """Refuse what no signer can work with."""
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, bool | SignatureType):
                continue
            if isinstance(value, int):
                lowest = 0 if one.name == "phase" else 1
                if not lowest <= value <= NUMBER_MAX:
                    raise ValueError(f"{one.name}: {value} is not from {lowest} to {NUMBER_MAX}")
            for address in (value,) if isinstance(value, str) else _texts(value):
                if not _ADDRESS.fullmatch(address):
                    raise ValueError(f"{one.name}: {address!r:.60} is not 20 bytes in hex")
        if self.orders_per_batch_max > BATCH_MAX:
            raise ValueError(f"orders_per_batch_max: the venue takes {BATCH_MAX} at most")
        if self.phase > PHASE_MAX:
            raise ValueError(f"phase: there is none above {PHASE_MAX}")
        if {one.lower() for one in self.spenders} & {one.lower() for one in self.never_approve}:
            raise ValueError("spenders: one of them stands in never_approve")
        if self.signature_type is SignatureType.EOA and not same(self.maker, self.owner):
            raise ValueError("maker: a plain wallet is its own maker; give the owner's address")

    @property
    def order_signer(self) -> str:
        """The address that stands in orders as signer: a deposit wallet is its own."""
        deposit_wallet = self.signature_type is SignatureType.POLY_1271
        return self.maker if deposit_wallet else self.owner

    @property
    def signs_orders(self) -> bool:
        """Say whether this phase trades."""
        return self.phase > 0 or self.play_money


def same(one: str, other: str) -> bool:
    """Say whether two texts are the same address; capitals are a checksum and nothing else."""
    return one.lower() == other.lower()


def among(address: str, many: tuple[str, ...]) -> bool:
    """Say whether an address is one of several."""
    return any(same(address, one) for one in many)


def _texts(value: object) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()
