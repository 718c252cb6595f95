"""Looks at a wallet from all sides. Whatever cannot be seen becomes NotSeen with its reason."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from trading.wallets.facts import NotSeen, Region, SignerSeen, WalletFacts
from trading.wallets.ledgers import Ledger, seen
from trading.wallets.messages import Kind

# A trade that settles between two looks is no difference: both are taken anew so often.
LOOKS_MAX = 4
LOOK_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Eyes:
    """What to ask. Each raises ProbeError when it does not know."""

    venue_collateral_micro: Callable[[], Awaitable[int]]
    closed_only: Callable[[], Awaitable[bool]]
    region: Callable[[], Awaitable[Region]]
    venue_skew_ms: Callable[[], Awaitable[int]]


async def observe(
    *,
    kind: Kind,
    funder: str,
    signer: SignerSeen | NotSeen,
    derived: tuple[str, ...] | NotSeen,
    ledger: Ledger,
    eyes: Eyes,
    look_again_s: float = LOOK_AGAIN_S,
) -> WalletFacts:
    """Return what is seen. An empty funder is the wallet that follows from the signer's key.

    The skew is taken before anything else could load this machine.
    """
    skew_ms = await seen(eyes.venue_skew_ms())
    owner: str | NotSeen = funder
    if not funder:
        if isinstance(signer, NotSeen):
            owner = signer
        elif kind is Kind.EOA:
            owner = signer.address
        else:
            owner = derived if isinstance(derived, NotSeen) else derived[0]
    found = await ledger.look(owner)
    venue_micro = await seen(eyes.venue_collateral_micro())
    pusd_micro = found.pusd_micro
    for _ in range(LOOKS_MAX - 1):
        known = isinstance(venue_micro, int) and isinstance(pusd_micro, int)
        if not known or venue_micro == pusd_micro:
            break
        await asyncio.sleep(look_again_s)
        pusd_micro = await ledger.pusd_micro(owner)
        venue_micro = await seen(eyes.venue_collateral_micro())
    return WalletFacts(
        signer=signer,
        funder=owner,
        derived=derived,
        deployed=found.deployed,
        endpoints=ledger.endpoints(),
        block=found.block,
        pusd_micro=pusd_micro,
        usdc_e_micro=found.usdc_e_micro,
        approvals=found.approvals,
        venue_micro=venue_micro,
        closed_only=await seen(eyes.closed_only()),
        region=await seen(eyes.region()),
        gas_wei=found.gas_wei,
        skew_ms=skew_ms,
    )
