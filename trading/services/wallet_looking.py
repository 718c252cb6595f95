"""Looks at the wallet of an account where it lives, and says what its phase asks of it."""

from contextlib import AsyncExitStack

from polyarb_site.clock import Clock
from trading.config.schema import ParsedConfig
from trading.models import PLAY_FEED, Mandate
from trading.services.revisions import base_config, config_of
from trading.services.wallet_account import VenueAccount
from trading.services.wallet_place import WalletPlace, wallet_place
from trading.wallets.addresses import deposit_wallets
from trading.wallets.approvals import NeededApproval, needed_approvals
from trading.wallets.facts import BALANCES_MICRO, NotSeen, Region, WalletFacts, WalletWanted
from trading.wallets.ledgers import BooksLedger, ChainLedger, Ledger, seen
from trading.wallets.messages import Kind
from trading.wallets.observe import Eyes, observe
from trading.wallets.rpc import RpcPool
from trading.wallets.venue_reads import local_wallets, region, venue_skew_ms

GAS_OF_SETS = 500_000  # gas that a plain wallet should be able to pay at the highest price
WITNESSES = 2  # endpoints that have to agree before any real money is believed


async def look(mandate: Mandate, clock: Clock) -> tuple[WalletFacts, WalletWanted]:
    """Return what is seen of the wallet and what it should be like.

    Raises ServiceRefused when the local venue does not answer.
    """
    place = await wallet_place(mandate.feed, clock)
    async with AsyncExitStack() as stack:
        account = VenueAccount(place, clock)
        stack.push_async_callback(account.close)
        signer = await seen(account.signer())
        kind, funder = await account.wallet()
        derived: tuple[str, ...] | NotSeen
        if isinstance(signer, NotSeen):
            derived = signer
        elif place.rpc is None:
            derived = await seen(local_wallets(place.venue.hosts.clob, signer.address, clock))
        else:
            derived = deposit_wallets(signer.address, place.factory)
        facts = await observe(
            kind=kind,
            funder=funder,
            signer=signer,
            derived=derived,
            ledger=_ledger(place, account, clock, stack),
            eyes=_eyes(place, account, clock),
        )
    return facts, _wanted(mandate, kind, place)


def config_in_force(mandate: Mandate) -> ParsedConfig:
    """Return the profile of a mandate, the base configuration without one."""
    return config_of(mandate.profile) if mandate.profile else base_config()


def phase_of(mandate: Mandate) -> int:
    """Return the phase to judge by: play money is treated as the first live one at least."""
    return max(mandate.phase, 1) if mandate.feed == PLAY_FEED else mandate.phase


def _ledger(
    place: WalletPlace, account: VenueAccount, clock: Clock, stack: AsyncExitStack
) -> Ledger:
    if place.rpc is None:
        return BooksLedger(account.books, place.contracts)
    pool = RpcPool(place.rpc, clock)
    stack.push_async_callback(pool.close)
    return ChainLedger(pool, place.contracts)


def _eyes(place: WalletPlace, account: VenueAccount, clock: Clock) -> Eyes:
    async def here() -> Region:
        if place.play_money:
            return Region(blocked=False, country="this machine", region="")
        return await region(place.venue.hosts.geoblock, clock)

    return Eyes(
        venue_collateral_micro=account.collateral_micro,
        closed_only=account.closed_only,
        region=here,
        venue_skew_ms=lambda: venue_skew_ms(place.venue.hosts.clob, clock),
    )


def _wanted(mandate: Mandate, kind: Kind, place: WalletPlace) -> WalletWanted:
    config, phase = config_in_force(mandate), phase_of(mandate)
    balance_micro_min, balance_micro_max = BALANCES_MICRO[phase]
    return WalletWanted(
        kind=kind,
        chain_id=place.venue.chain_id,
        exchange=place.venue.contracts.exchange,
        endpoints_min=1 if place.play_money or not phase else WITNESSES,
        needed=_needed(phase, config, place),
        never_approve=place.contracts.never_approve,
        balance_micro_min=balance_micro_min,
        # The local venue gives everybody more play money than a phase may hold.
        balance_micro_max=0 if place.play_money else balance_micro_max,
        allowance_micro_min=config.number("TRADE_SIZE"),
        gas_wei_min=GAS_OF_SETS * config.number("MAX_GAS_PRICE"),
        more_is_harmless=place.play_money,
    )


def _needed(phase: int, config: ParsedConfig, place: WalletPlace) -> tuple[NeededApproval, ...]:
    return needed_approvals(
        phase=phase,
        standard=config.switch("ATOMIC_ARBITRAGE_ENABLED"),
        neg_risk=config.switch("NEGRISK_ARBITRAGE_ENABLED"),
        spenders=place.contracts.spenders,
    )
