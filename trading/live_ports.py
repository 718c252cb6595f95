"""Makes the world of real orders that a mandate's feed names: the venue's, or the local venue's.

Both are spoken to by the same code; where they are, and who signs for them, is all that differs.

Which wallet trades is the signer's to say; where its money lives is asked of the venue that
answers, at the moment of logging in.
"""

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import SystemRandom

from django.conf import settings
from django.db import connection

from polyarb_site.clock import Clock
from polyarb_site.yaml_files import read_yaml
from trading.adapters.channel_socket import LifeSettings, SocketSettings
from trading.adapters.clob_private import ClobPrivate
from trading.adapters.clob_user import UserChannel, UserSink
from trading.adapters.failures import CallFailed, FailureKind
from trading.adapters.http_reads import HttpSettings
from trading.adapters.live_parts import Expected, HandedOver, Makers
from trading.adapters.live_venue import LiveVenue
from trading.adapters.private_limits import PrivateSettings
from trading.config.venues import VenueSettings, venue_settings
from trading.feeds import NEAR_BACKOFF_MS_MAX
from trading.models import PLAY_FEED, REAL_FEED, Mandate, Profile
from trading.runtime.joining import LivePortsFactory
from trading.runtime.ports import LivePorts
from trading.services.refusals import ServiceRefused
from trading.services.revisions import config_of
from trading.services.wallet_place import WalletPlace, relayer_key, wallet_place
from trading.services.wallet_sending import gas_limits
from trading.signer.client import SignerClient
from trading.signer.terms import Policy
from trading.signing.headers import ApiCredentials
from trading.signing.orders import SALT_MAX, SignatureType
from trading.wallets.exit_port import Intents, WalletExits
from trading.wallets.holdings import ChainHoldings, VenueHoldings
from trading.wallets.key import SignerKey
from trading.wallets.merging import MergeContracts, Merger
from trading.wallets.ports import Wallet
from trading.wallets.relayer import DepositSettings, DepositWallet
from trading.wallets.relayer_api import RelayerApi, RelayerKey
from trading.wallets.rpc import RpcPool
from trading.wallets.transactions import EoaSettings, EoaWallet

POLL_EVERY_MS = 250  # the local relayer is on this machine
POST_READ_MS = 5_000  # an order that is not answered by then is looked up


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """Where the orders of a feed go. The hosts of `venue` are those of that feed."""

    feed: str
    venue: VenueSettings
    signer_socket: Path
    backoff_ms_max: int
    poll_every_ms: int  # of the relayer


def _ground(feed: str) -> _Ground:
    """Return where the orders of a feed go. Raises ValueError for a feed that takes none."""
    known = venue_settings(read_yaml(settings.CONFIG_DIR / "venues.yaml"))
    if feed == REAL_FEED:
        return _Ground(
            feed=feed,
            venue=known,
            signer_socket=settings.SIGNER_SOCKET,
            backoff_ms_max=known.feed.backoff_ms_max,
            poll_every_ms=known.chain.poll_every_ms,
        )
    if feed != PLAY_FEED:
        raise ValueError(f"no order can be sent on the feed {feed!r:.40}")
    address = f"127.0.0.1:{settings.SIMULATOR_PORT}"
    here = f"http://{address}"
    hosts = replace(known.hosts, clob=here, relayer=here, user_ws=f"ws://{address}/ws/user")
    return _Ground(
        feed=feed,
        venue=replace(known, hosts=hosts),
        signer_socket=settings.SIGNER_PLAY_SOCKET,  # play money never meets the real key
        backoff_ms_max=NEAR_BACKOFF_MS_MAX,
        poll_every_ms=POLL_EVERY_MS,
    )


def live_ports(clock: Clock) -> LivePortsFactory:
    """Return a function that makes the ports of an account on the venue of a feed."""

    def make(account: str, feed: str) -> LivePorts:
        ground = _ground(feed)
        hosts, contracts = ground.venue.hosts, ground.venue.contracts
        signer = SignerClient(ground.signer_socket)
        random = SystemRandom()

        def user(credentials: ApiCredentials, sink: UserSink) -> UserChannel:
            return UserChannel(
                LifeSettings(
                    socket=SocketSettings(url=hosts.user_ws),
                    backoff_ms_max=ground.backoff_ms_max,
                ),
                credentials=credentials,
                clock=clock,
                jitter=random.random,
                sink=sink,
            )

        def private(owner: str) -> ClobPrivate:
            http = HttpSettings(read_ms=POST_READ_MS, keepalive_ms=30_000)
            return ClobPrivate(hosts.clob, _limits(ground.venue, http), clock, address=owner)

        async def exits(
            policy: Policy,
            credentials: ApiCredentials,
            reads: ClobPrivate,
            handed_over: HandedOver,
        ) -> WalletExits:
            who = _Who(
                account=account,
                ground=ground,
                policy=policy,
                credentials=credentials,
                private=reads,
                signer=signer,
                clock=clock,
            )
            return await _exits(who, handed_over)

        return LiveVenue(
            signer=signer,
            expected=Expected(
                chain_id=ground.venue.chain_id,
                exchange=contracts.exchange,
                neg_risk_exchange=contracts.neg_risk_exchange,
            ),
            makers=Makers(private=private, user=user, exits=exits),
            salt=lambda: random.randrange(SALT_MAX + 1),
        )

    return make


def _limits(venue: VenueSettings, http: HttpSettings) -> PrivateSettings:
    """Return our share of what the venue allows in its window."""
    rates = venue.rates
    return PrivateSettings(
        http=http,
        window_ms=rates.window_ms,
        orders_per_window=rates.ours(rates.post_order),
        batches_per_window=rates.ours(rates.post_orders),
        cancel_all_per_window=rates.ours(rates.cancel_all),
        ledger_reads_per_window=rates.ours(rates.ledger_reads) // 2,  # orders, and trades
        balances_per_window=rates.ours(rates.balance_allowance),
        balance_updates_per_window=rates.ours(rates.balance_allowance_update),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Who:
    """Who merges, and what may be asked of signer and venue in their name."""

    account: str
    ground: _Ground
    policy: Policy
    credentials: ApiCredentials
    private: ClobPrivate
    signer: SignerClient
    clock: Clock


async def _exits(who: _Who, handed_over: HandedOver) -> WalletExits:
    """Return the way out of sets: through the chain where there is one, else the venue's books."""
    place = await _place(who)
    intents = Intents(handed_over)
    policy = who.policy
    holdings: ChainHoldings | VenueHoldings
    if place.rpc is None:
        holdings = VenueHoldings(who.private, signature_type=int(policy.signature_type))
    else:
        holdings = ChainHoldings(
            RpcPool(place.rpc, who.clock, find_again=partial(_chain_urls, who)),
            owner=policy.maker,
            collateral=policy.collateral,
            conditional_tokens=policy.conditional_tokens,
        )
    if policy.signature_type is SignatureType.EOA:
        profile = await asyncio.to_thread(_profile_of, who.account)
        wallet: Wallet = _plain_wallet(who, place, holdings, intents, profile)
    else:
        wallet = _deposit_wallet(who, intents)
    adapter, neg_risk_adapter = policy.set_targets
    if place.rpc is not None:
        neg_risk_adapter = place.contracts.spenders.neg_risk_collateral_adapter
    contracts = MergeContracts(
        pusd=policy.collateral,
        collateral_adapter=adapter,
        neg_risk_collateral_adapter=neg_risk_adapter,
    )
    merger = Merger(wallet, contracts)
    return WalletExits(wallet=wallet, merger=merger, intents=intents, holdings=holdings)


async def _place(who: _Who) -> WalletPlace:
    """Return where the money lives. Raises CallFailed."""
    try:
        return await wallet_place(who.ground.feed, who.clock)
    except ServiceRefused as refused:
        raise CallFailed("the wallet's place", FailureKind.NOT_SENT, refused.message) from refused


def _profile_of(account: str) -> Profile | None:
    """Return the profile that is applied. Called in a thread: the event loop never waits for it."""
    try:
        return Mandate.objects.select_related("profile").get(account=account).profile
    finally:
        connection.close()


async def _chain_urls(who: _Who) -> tuple[str, ...]:
    """Return where the chain is now: a local venue that starts anew has it somewhere else."""
    try:
        rpc = (await wallet_place(who.ground.feed, who.clock)).rpc
    except ServiceRefused:
        return ()
    return rpc.urls if rpc is not None else ()


def _plain_wallet(
    who: _Who,
    place: WalletPlace,
    holdings: ChainHoldings | VenueHoldings,
    intents: Intents,
    profile: Profile | None,
) -> Wallet:
    """Return the key's own address as a wallet; it sends transactions, so it needs a chain."""
    if not isinstance(holdings, ChainHoldings) or profile is None:
        text = "a plain wallet merges on a chain, and needs a profile for what gas may cost"
        raise CallFailed("the wallet", FailureKind.NOT_SENT, text)
    settings_of_it = EoaSettings(
        chain_id=who.policy.chain_id,
        address=who.policy.owner,
        gas=gas_limits(config_of(profile), place),
        receipt_within_ms=place.venue.chain.receipt_within_ms,
        poll_every_ms=place.venue.chain.poll_every_ms,
    )
    return EoaWallet(
        settings_of_it,
        reader=holdings.reader,
        signer=SignerKey(who.signer, chain_id=who.policy.chain_id),
        intents=intents,
        clock=who.clock,
    )


def _deposit_wallet(who: _Who, intents: Intents) -> Wallet:
    known = who.ground.venue
    api = RelayerApi(
        known.hosts.relayer,
        key=_relayer_key(who),
        submits_per_minute=known.rates.relayer_submits_per_minute,
        clock=who.clock,
    )
    deposit = DepositSettings(
        owner=who.policy.owner,
        wallet=who.policy.maker,
        factory=known.contracts.deposit_wallet_factory,
        poll_every_ms=who.ground.poll_every_ms,
    )

    async def venue_time() -> int | None:
        try:
            return await who.private.server_time_s()
        except CallFailed:
            return None

    return DepositWallet(
        deposit,
        venue_time=venue_time,
        api=api,
        signer=SignerKey(who.signer, chain_id=who.policy.chain_id),
        intents=intents,
        clock=who.clock,
    )


def _relayer_key(who: _Who) -> RelayerKey:
    """Return who asks the relayer. Raises CallFailed when nobody gave a key for it."""
    if who.ground.feed == PLAY_FEED:  # the local relayer knows whoever logged in
        return RelayerKey(key=who.credentials.api_key, address=who.policy.owner)
    try:
        key = relayer_key()
    except ServiceRefused as refused:
        text = f"{refused.message}; {refused.remedy}"
        raise CallFailed("the relayer's key", FailureKind.NOT_SENT, text) from refused
    if key is None:
        name = settings.RELAYER_KEY_FILE.name
        text = f"a deposit wallet merges through the relayer: put its key into {name}"
        raise CallFailed("the relayer's key", FailureKind.NOT_SENT, text)
    return key
