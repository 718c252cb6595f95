"""Sends approvals from the wallet of an account, each written down before it leaves.

The reference of every transaction is in the audit before the transaction is anywhere else. Whoever
dies in between leaves it there, and the next `wallet_approve` looks it up before it plans anew.
"""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.db import transaction

from polyarb_site.audit.models import AuditEvent
from polyarb_site.audit.recorder import record
from polyarb_site.clock import Clock
from trading.config.schema import ParsedConfig
from trading.services.wallet_account import VenueAccount
from trading.services.wallet_place import WalletPlace, wallet_place
from trading.wallets.allowances import change_call
from trading.wallets.approvals import ApprovalChange
from trading.wallets.gas import GasLimits
from trading.wallets.key import SignerKey
from trading.wallets.messages import Call, Confirmed, Kind, Outcome, Unknown
from trading.wallets.patience import execute_patiently
from trading.wallets.ports import ProbeError, Wallet
from trading.wallets.reads import ChainReader
from trading.wallets.relayer import DepositSettings, DepositWallet
from trading.wallets.relayer_api import RelayerApi
from trading.wallets.rpc import RpcPool
from trading.wallets.transactions import EoaSettings, EoaWallet

CALLS_MAX = 3  # in one batch, below what any policy of the signer allows
SENDING, ENDED = "wallet.approval_sending", "wallet.approval_ended"
RECORDS_MAX = 200  # of an account that are looked through, the newest

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Whose transactions are sent: the wallet, its owner's key, and in whose name."""

    account: str
    feed: str
    kind: Kind
    signer: str
    funder: str
    by_name: str

    @property
    def target(self) -> str:
        """Return how the audit names the wallet."""
        return f"wallet:{self.account}"


async def send_changes(
    sender: Sender, changes: Sequence[ApprovalChange], config: ParsedConfig, clock: Clock, say: Say
) -> tuple[Outcome, ...]:
    """Make the changes in order and stop at the first that is not confirmed.

    Raises ServiceRefused when the local venue does not answer, ProbeError when it or the signer
    lets nobody in.
    """
    place = await wallet_place(sender.feed, clock)
    outcomes: list[Outcome] = []
    async with AsyncExitStack() as stack:
        account = VenueAccount(place, clock)
        stack.push_async_callback(account.close)
        if place.rpc is None and sender.kind is Kind.EOA:
            return await _on_the_books(sender, changes, account, clock, say)
        written = _Written(sender, clock, say)
        scene = _Scene(place=place, config=config, account=account, clock=clock, stack=stack)
        wallet = await _wallet(sender, scene, written)
        calls = [change_call(change, place.contracts) for change in changes]
        for start in range(0, len(calls), wallet.calls_max):
            part = calls[start : start + wallet.calls_max]
            outcome = await execute_patiently(wallet, part)
            await written.ended(outcome)
            outcomes.append(outcome)
            if not isinstance(outcome, Confirmed):
                break
        await _look_again(account, say)
    return tuple(outcomes)


async def look_up_earlier(sender: Sender, config: ParsedConfig, clock: Clock, say: Say) -> None:
    """Find out what became of what an earlier run sent, and write down what has ended.

    One whose number (nonce) is still free may happen as long as somebody has it. Whatever is sent
    next takes the same number, so at most one of the two does, and both only set what is allowed.
    Raises as send_changes does.
    """
    place = await wallet_place(sender.feed, clock)
    async with AsyncExitStack() as stack:
        account = VenueAccount(place, clock)
        stack.push_async_callback(account.close)
        written = _Written(sender, clock, say)
        scene = _Scene(place=place, config=config, account=account, clock=clock, stack=stack)
        wallet = await _wallet(sender, scene, written)
        for reference in await sync_to_async(open_references)(sender):
            outcome = await wallet.look_up(reference)
            if isinstance(outcome, Unknown):
                say(f"an earlier run was about to send {reference}: {outcome.reason}")
            else:
                say(f"an earlier run sent {reference}: {type(outcome).__name__.lower()}")
            await written.ended(outcome)


def open_references(sender: Sender) -> list[str]:
    """Return what was sent from this wallet and of which no end was written down, oldest first."""
    rows = AuditEvent.objects.filter(target=sender.target, action__in=(SENDING, ENDED))
    newest = list(rows.order_by("-sequence").values_list("action", "after")[:RECORDS_MAX])
    waiting: dict[str, None] = {}
    for action, told in reversed(newest):
        if told["funder"] != sender.funder or told["feed"] != sender.feed:
            continue
        for reference in told["reference_hashes"]:
            if action == SENDING:
                waiting[reference] = None
            else:
                waiting.pop(reference, None)
    return list(waiting)


def outcome_told(outcome: Outcome) -> dict[str, str]:
    """Return an outcome as the audit keeps it: a reference is public, although it looks secret."""
    told = {name: str(value) for name, value in asdict(outcome).items() if value != ""}
    if "reference" in told:
        told["reference_hash"] = told.pop("reference")
    return {"outcome": type(outcome).__name__, **told}


def gas_limits(config: ParsedConfig, place: WalletPlace) -> GasLimits:
    """Return the caps of a profile on what a transaction may pay."""
    return GasLimits(
        price_wei_max=config.number("MAX_GAS_PRICE"),
        cost_micro_max=config.number("MAX_GAS_COST"),
        multiplier_micro=config.number("GAS_LIMIT_MULTIPLIER"),
        pol_price_micro=place.venue.chain.pol_price_micro,
        one_price=config.word("GAS_PRICE_MODE") == "legacy",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """What a wallet is made from."""

    place: WalletPlace
    config: ParsedConfig
    account: VenueAccount
    clock: Clock
    stack: AsyncExitStack


class _Written:
    """Writes each reference into the audit before it leaves, and its end after (IntentLog)."""

    def __init__(self, sender: Sender, clock: Clock, say: Say) -> None:
        self._sender = sender
        self._clock = clock
        self._say = say
        self._open: list[str] = []  # under way now; a replacement has a reference of its own

    async def about_to_send(self, reference: str, calls: Sequence[Call]) -> None:
        """Return once the reference is in the database."""
        await sync_to_async(self._record)(SENDING, [reference], {"calls": str(len(calls))})
        self._open.append(reference)
        self._say(f"sending {len(calls)} change{'s'[: len(calls) > 1]} as {reference}")

    async def ended(self, outcome: Outcome) -> None:
        """Write down the end of everything that was sent for it; what is unknown has none."""
        references, self._open = self._open, []
        if isinstance(outcome, Unknown) and not outcome.number_used:
            return
        known = outcome_told(outcome)
        reference = known.get("reference_hash", "")
        if reference and reference not in references:
            references.append(reference)
        if references:
            await sync_to_async(self._record)(ENDED, references, known)

    def _record(self, action: str, references: list[str], more: dict[str, Any]) -> None:
        sender = self._sender
        told = {"kind": str(sender.kind), "funder": sender.funder, "feed": sender.feed}
        with transaction.atomic():
            record(
                action,
                actor=None,
                actor_name=sender.by_name,
                target=sender.target,
                after={**told, "reference_hashes": references, **more},
                at=self._clock.now(),
            )


async def _wallet(sender: Sender, scene: _Scene, written: _Written) -> Wallet:
    place, clock, stack = scene.place, scene.clock, scene.stack
    key = SignerKey(scene.account.client, chain_id=place.venue.chain_id)
    chain, rates = place.venue.chain, place.venue.rates
    if sender.kind is Kind.EOA and place.rpc is not None:
        pool = RpcPool(place.rpc, clock)
        stack.push_async_callback(pool.close)
        eoa = EoaSettings(
            chain_id=place.venue.chain_id,
            address=sender.funder,
            gas=gas_limits(scene.config, place),
            receipt_within_ms=chain.receipt_within_ms,
            poll_every_ms=chain.poll_every_ms,
            confirmations=chain.confirmations,
        )
        return EoaWallet(eoa, reader=ChainReader(pool), signer=key, intents=written, clock=clock)
    api = RelayerApi(
        place.venue.hosts.relayer,
        key=await scene.account.relayer_key(),
        submits_per_minute=rates.ours(rates.relayer_submits_per_minute),
        clock=clock,
    )
    stack.push_async_callback(api.close)
    deposit = DepositSettings(
        owner=sender.signer,
        wallet=sender.funder,
        factory=place.contracts.deposit_wallet_factory,
        poll_every_ms=chain.poll_every_ms,
        calls_max=CALLS_MAX,
    )
    return DepositWallet(deposit, api=api, signer=key, intents=written, clock=clock)


async def _on_the_books(
    sender: Sender,
    changes: Sequence[ApprovalChange],
    account: VenueAccount,
    clock: Clock,
    say: Say,
) -> tuple[Outcome, ...]:
    """Tell the local venue what a plain wallet allows: on its own books nothing is sent."""
    books = await account.own_books()
    written = _Written(sender, clock, say)
    outcomes: list[Outcome] = []
    for change in changes:
        after = change.after
        reference = f"books:{after.asset}:{after.spender}:{after.micro}"
        await books.approve(after)
        outcome = Confirmed(
            reference=reference, transaction_hash="", block=0, gas_used=0, gas_micro=0
        )
        await written.ended(outcome)
        outcomes.append(outcome)
    await _look_again(account, say)
    return tuple(outcomes)


async def _look_again(account: VenueAccount, say: Say) -> None:
    """Have the venue see the new approvals; that it does not is no failure of theirs."""
    try:
        await account.let_it_look_again()
    except ProbeError as error:
        say(f"the venue may not see it yet: {error.message}")
