"""What was seen of a wallet, what of it could not be seen, and what there is not to be seen.

Amounts are in millionths, gas money in wei, times in milliseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from trading.engine.units import MICRO
from trading.wallets.approvals import Approval, NeededApproval
from trading.wallets.messages import Kind


@dataclass(frozen=True, slots=True)
class NotSeen:
    """Something that is not known, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class NothingToCheck:
    """Something that this place does not have, so that nothing about it can be wrong."""

    reason: str


OWN_BOOKS = NothingToCheck("the venue settles on its own books: nothing to check")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerSeen:
    """Whose key the signer holds, and for which chain, exchange and wallet it signs."""

    address: str
    chain_id: int
    exchange: str
    kind: Kind
    wallet: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSeen:
    """One RPC endpoint: the chain that it named, None when it named none.

    `problem` is its last one, and `in_use` whether it answers all the same.
    """

    name: str
    chain_id: int | None
    problem: str
    in_use: bool = True
    block: int | None = None
    requests: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """What the venue says of where we are."""

    blocked: bool
    country: str
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletFacts:
    """Everything that a check looks at."""

    signer: SignerSeen | NotSeen
    funder: str | NotSeen
    derived: tuple[str, ...] | NotSeen  # where the venue makes the signer's deposit wallet
    deployed: bool | NotSeen
    endpoints: tuple[EndpointSeen, ...] | NothingToCheck
    block: int | NotSeen | NothingToCheck
    pusd_micro: int | NotSeen  # of the chain, or of the books that the venue settles on
    usdc_e_micro: int | NotSeen | NothingToCheck
    approvals: tuple[Approval, ...] | NotSeen
    venue_micro: int | NotSeen  # collateral by the venue's own view
    closed_only: bool | NotSeen
    region: Region | NotSeen
    gas_wei: int | NotSeen | NothingToCheck
    skew_ms: int | NotSeen  # the venue's clock less ours


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletWanted:
    """What the phase and the enabled strategies ask of a wallet."""

    kind: Kind
    chain_id: int
    exchange: str
    endpoints_min: int
    needed: tuple[NeededApproval, ...]
    never_approve: tuple[str, ...]
    balance_micro_min: int
    balance_micro_max: int  # 0: no upper bound
    allowance_micro_min: int  # what one set may take: less is used up
    gas_wei_min: int  # of an EOA
    # The local venue gives every wallet approvals of play money without limit; nobody can lose it.
    more_is_harmless: bool = False
    skew_ms_max: int = 2_000


# Collateral that a wallet of a phase should hold: enough to trade, no more than it may lose.
BALANCES_MICRO: Mapping[int, tuple[int, int]] = MappingProxyType(
    {
        0: (0, 0),
        1: (10 * MICRO, 20 * MICRO),
        2: (50 * MICRO, 100 * MICRO),
        3: (200 * MICRO, 500 * MICRO),
    }
)
