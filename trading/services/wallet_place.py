"""Where a wallet lives: the real chain and venue, or those of the local venue."""

import json
import stat
from dataclasses import dataclass, fields, replace

from django.conf import settings

from polyarb_site.clock import Clock
from polyarb_site.yaml_files import read_yaml
from trading.config.venues import VenueSettings, venue_settings
from trading.models import PLAY_FEED
from trading.services.refusals import ServiceRefused
from trading.wallets.addresses import WalletFactory
from trading.wallets.allowances import WalletContracts, wallet_contracts
from trading.wallets.ports import ProbeError
from trading.wallets.relayer_api import RelayerKey
from trading.wallets.rpc_node import RpcSettings
from trading.wallets.venue_reads import LocalChainPlace, local_chain

POLL_HERE_MS = 200  # how often the chain or the relayer of this machine is asked


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletPlace:
    """A venue with its contracts, and the chain that it trades on.

    `rpc` is None for a local venue that settles on its own books.
    """

    venue: VenueSettings
    contracts: WalletContracts
    factory: WalletFactory
    rpc: RpcSettings | None
    play_money: bool


async def wallet_place(feed: str, clock: Clock) -> WalletPlace:
    """Return the place of a feed: every feed but the local venue's means the real chain.

    Raises ServiceRefused when the local venue does not answer.
    """
    venue = venue_settings(read_yaml(settings.CONFIG_DIR / "venues.yaml"))
    if feed != PLAY_FEED:
        return _place(venue, play_money=False)
    address = f"http://127.0.0.1:{settings.SIMULATOR_PORT}"
    try:
        found = await local_chain(address, clock)
    except ProbeError as error:
        raise ServiceRefused(
            "NO_LOCAL_VENUE",
            f"the local venue does not say where its chain is ({error.message})",
            "start it: make run FEED=simulator, or manage.py simulate_exchange",
        ) from error
    if found is None:
        hosts = replace(venue.hosts, clob=address, relayer=address)
        chain = replace(venue.chain, poll_every_ms=POLL_HERE_MS)
        local = replace(venue, hosts=hosts, chain=chain)
        return replace(_place(local, play_money=True, offered={}), rpc=None)
    return _place(_local(venue, address, found), play_money=True, offered=dict(found.contracts))


def relayer_key() -> RelayerKey | None:
    """Return the key of the relayer's API, None when there is no file with it.

    Raises ServiceRefused when others may read the file or it is not {"key": .., "address": ..}.
    """
    path = settings.RELAYER_KEY_FILE
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    if stat.S_IMODE(mode) & 0o077:
        raise ServiceRefused(
            "RELAYER_KEY_OPEN", f"{path.name} can be read by others", f"run: chmod 600 {path}"
        )
    try:
        told = json.loads(text)
        return RelayerKey(key=str(told["key"]), address=str(told["address"]))
    except (ValueError, KeyError, TypeError):
        # Nothing of the file is repeated: it holds the key.
        raise ServiceRefused(
            "RELAYER_KEY_MALFORMED",
            f"{path.name} is not a relayer key",
            'write {"key": "...", "address": "0x..."} into it',
        ) from None


def _local(venue: VenueSettings, address: str, found: LocalChainPlace) -> VenueSettings:
    """Return the venue's description with the hosts and contracts of the local one."""
    known = {one.name for one in fields(venue.contracts)}
    named = {name: value for name, value in found.contracts if name in known}
    hosts = replace(venue.hosts, clob=address, relayer=address, polygon_rpcs=(found.rpc_url,))
    return replace(
        venue,
        chain_id=found.chain_id,
        hosts=hosts,
        contracts=replace(venue.contracts, **named),
        # A block is made for each transaction only: nothing would follow it.
        chain=replace(venue.chain, confirmations=1, poll_every_ms=POLL_HERE_MS),
    )


def _place(
    venue: VenueSettings, *, play_money: bool, offered: dict[str, str] | None = None
) -> WalletPlace:
    contracts = wallet_contracts(venue.contracts, venue.never_approve)
    if offered is not None and "neg_risk_collateral_adapter" not in offered:
        spenders = replace(contracts.spenders, neg_risk_collateral_adapter="")
        contracts = replace(contracts, spenders=spenders)
    chain = venue.chain
    return WalletPlace(
        venue=venue,
        contracts=contracts,
        factory=WalletFactory(
            factory=venue.contracts.deposit_wallet_factory,
            beacon=venue.contracts.deposit_wallet_beacon,
            implementation=venue.contracts.deposit_wallet_implementation,
        ),
        rpc=RpcSettings(
            chain_id=venue.chain_id,
            urls=venue.hosts.polygon_rpcs,
            request_ms=chain.request_ms,
            backoff_ms=chain.backoff_ms,
            backoff_ms_max=chain.backoff_ms_max,
            blocks_back_max=chain.blocks_back_max,
            requests_per_second=chain.requests_per_second,
        ),
        play_money=play_money,
    )
