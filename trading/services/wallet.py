"""Checking the wallet and setting its approvals. The key stays in the signer, whoever asks."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, TypeVar

from asgiref.sync import async_to_sync
from django.db import transaction

from polyarb_site.audit.recorder import record
from polyarb_site.clock import Clock, SystemClock
from trading.models import Mandate, WalletCheck
from trading.services.changes import find_mandate
from trading.services.refusals import ServiceRefused
from trading.services.wallet_looking import config_in_force, look, phase_of
from trading.services.wallet_sending import (
    Sender,
    look_up_earlier,
    open_references,
    outcome_told,
    send_changes,
)
from trading.wallets.approvals import ApprovalChange, approval_changes
from trading.wallets.check import check_lines
from trading.wallets.check_line import all_ok
from trading.wallets.facts import NotSeen, WalletFacts, WalletWanted
from trading.wallets.messages import Kind, Outcome
from trading.wallets.ports import ProbeError

FUNDER_LENGTH_MAX = 42
LOOK_S_MAX = 45  # the jobs cluster ends what takes 60

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalPlan:
    """What would be changed, by whom it is held, and at which block it was seen.

    `block` is None where the venue settles on its own books.
    """

    account: str
    feed: str
    kind: Kind
    phase: int
    signer: str
    funder: str
    block: int | None
    changes: tuple[ApprovalChange, ...]


def check_wallet(
    account: str,
    *,
    by_name: str,
    at: datetime | None = None,
    clock: Clock | None = None,
) -> WalletCheck:
    """Look at the wallet of an account, judge it, and keep what was seen.

    Raises ServiceRefused when the account does not exist, when the local venue does not answer, and
    when all of it takes longer than a job may.
    """
    clock = clock or SystemClock()
    mandate = find_mandate(account)
    facts, wanted = async_to_sync(_look_in_time)(mandate, clock)
    lines = check_lines(facts, wanted)
    funder = "" if isinstance(facts.funder, NotSeen) else facts.funder
    return WalletCheck.objects.create(
        account=mandate.account,
        at=at or clock.now(),
        kind=wanted.kind,
        funder=funder[:FUNDER_LENGTH_MAX],
        phase=phase_of(mandate),
        feed=mandate.feed,
        ok=all_ok(lines),
        lines=[asdict(line) for line in lines],
        by_name=by_name,
    )


def plan_approvals(
    account: str,
    *,
    by_name: str,
    say: Callable[[str], None],
    revoke: bool = False,
    clock: Clock | None = None,
) -> ApprovalPlan:
    """Return what would give the wallet exactly the approvals that it needs, or with `revoke` none.

    What an earlier run sent is looked up first, and `say` hears what became of it. Raises
    ServiceRefused when the wallet or its approvals cannot be seen: an unknown approval is not taken
    for none.
    """
    clock = clock or SystemClock()
    mandate = find_mandate(account)
    facts, wanted = async_to_sync(look)(mandate, clock)
    sender = Sender(
        account=mandate.account,
        feed=mandate.feed,
        kind=wanted.kind,
        signer=_known(facts.signer).address,
        funder=_known(facts.funder),
        by_name=by_name,
    )
    if open_references(sender):
        try:
            async_to_sync(look_up_earlier)(sender, config_in_force(mandate), clock, say)
        except ProbeError as error:
            raise _not_seen(error.message) from error
        facts, wanted = async_to_sync(look)(mandate, clock)  # as it is after them
    changes = approval_changes(
        wanted.needed,
        _known(facts.approvals),
        never_approve=wanted.never_approve,
        revoke_all=revoke,
    )
    block = _known(facts.block)
    return ApprovalPlan(
        account=mandate.account,
        feed=mandate.feed,
        kind=wanted.kind,
        phase=phase_of(mandate),
        signer=sender.signer,
        funder=sender.funder,
        block=block if isinstance(block, int) else None,
        changes=changes,
    )


def carry_out_approvals(
    plan: ApprovalPlan,
    *,
    by_name: str,
    say: Callable[[str], None],
    clock: Clock | None = None,
) -> tuple[Outcome, ...]:
    """Make the changes of a plan, and stop at the first that is not confirmed.

    The plan is in the audit before anything is sent, so is the reference of each transaction, and
    what became of them after. `say` hears each reference before it is sent. Raises ServiceRefused
    as plan_approvals does.
    """
    clock = clock or SystemClock()
    mandate = find_mandate(plan.account)
    told: dict[str, Any] = {
        "funder": plan.funder,
        "feed": plan.feed,
        "changes": _told(plan.changes),
    }
    sender = Sender(
        account=plan.account,
        feed=plan.feed,
        kind=plan.kind,
        signer=plan.signer,
        funder=plan.funder,
        by_name=by_name,
    )
    _record("wallet.approve", sender, told, clock)
    try:
        outcomes = async_to_sync(send_changes)(
            sender, plan.changes, config_in_force(mandate), clock, say
        )
    except ProbeError as error:
        raise _not_seen(error.message) from error
    ends = [outcome_told(one) for one in outcomes]
    _record("wallet.approved", sender, {**told, "outcomes": ends}, clock)
    return outcomes


async def _look_in_time(mandate: Mandate, clock: Clock) -> tuple[WalletFacts, WalletWanted]:
    try:
        async with asyncio.timeout(LOOK_S_MAX):
            return await look(mandate, clock)
    except TimeoutError as error:
        raise ServiceRefused(
            "WALLET_CHECK_TOO_SLOW",
            f"venue, chain and signer did not all answer within {LOOK_S_MAX} seconds",
            "see which endpoint hangs under hosts in config/venues.yaml, and check again",
        ) from error


def _known(value: Value | NotSeen) -> Value:
    if isinstance(value, NotSeen):
        raise _not_seen(value.reason)
    return value


def _not_seen(reason: str) -> ServiceRefused:
    return ServiceRefused(
        "WALLET_NOT_SEEN",
        f"the wallet's approvals are not known: {reason}",
        "run manage.py wallet_check and do what its lines say",
    )


def _record(action: str, sender: Sender, told: dict[str, Any], clock: Clock) -> None:
    with transaction.atomic():
        record(
            action,
            actor=None,
            actor_name=sender.by_name,
            target=sender.target,
            after=told,
            at=clock.now(),
        )


def _told(changes: Sequence[ApprovalChange]) -> list[dict[str, str]]:
    return [
        {
            "asset": change.after.asset,
            "spender": f"{change.after.name} {change.after.spender}",
            "before_micro": str(change.before.micro),
            "after_micro": str(change.after.micro),
            "reason": change.reason,
        }
        for change in changes
    ]
