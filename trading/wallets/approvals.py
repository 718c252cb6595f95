"""Which approvals a wallet needs, and what to call so that it has these and no others.

Only for the strategies that are enabled, only for what they do, and only as much as the phase
allows: a spender that turns bad takes at most its allowance. Allowances are in millionths of a
dollar. Splitting is not done, so that no adapter may take collateral.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from trading.engine.units import MICRO

# By phase: nothing in shadow, then 20, 50 and 200 dollars. They are used up by buying and are
# renewed by the command, never by the engine.
ALLOWANCES_MICRO: Mapping[int, int] = MappingProxyType(
    {0: 0, 1: 20 * MICRO, 2: 50 * MICRO, 3: 200 * MICRO}
)


class Asset(StrEnum):
    """What an approval is about."""

    COLLATERAL = "COLLATERAL"  # an amount of pUSD
    SHARES = "SHARES"  # all outcome tokens, or none: the standard knows no amounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A spender may take so much of an asset. Of SHARES, `micro` is 1 for all and 0 for none."""

    asset: Asset
    spender: str
    name: str  # of the spender, as config/venues.yaml has it
    micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededApproval:
    """An approval that the strategies need, and what for."""

    approval: Approval
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spenders:
    """The contracts that may ever be approved; empty where the venue has none."""

    exchange: str
    collateral_adapter: str
    neg_risk_exchange: str = ""
    neg_risk_collateral_adapter: str = ""


class ChangeReason(StrEnum):
    """Why an approval is to be changed."""

    MISSING = "MISSING"
    TOO_LITTLE = "TOO_LITTLE"
    TOO_MUCH = "TOO_MUCH"
    NOT_NEEDED = "NOT_NEEDED"
    FORBIDDEN = "FORBIDDEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalChange:
    """One approval to be set to `after`; 0 revokes."""

    before: Approval
    after: Approval
    reason: ChangeReason


class UnknownPhaseError(ValueError):
    """There is no allowance for such a phase."""


def needed_approvals(
    *, phase: int, standard: bool, neg_risk: bool, spenders: Spenders
) -> tuple[NeededApproval, ...]:
    """Return what the enabled strategies need in a phase. Raises UnknownPhaseError.

    Buying takes collateral through the exchange; selling a leg back takes shares through it;
    merging and redeeming take shares through the collateral adapter. A phase with no allowance
    needs nothing at all.
    """
    if phase not in ALLOWANCES_MICRO:
        raise UnknownPhaseError(f"phase: {phase} has no allowance; it is one of 0 to 3")
    amount_micro = ALLOWANCES_MICRO[phase]
    if not amount_micro:
        return ()
    needed: list[NeededApproval] = []
    if standard:
        needed += _of_markets(spenders.exchange, spenders.collateral_adapter, amount_micro, "")
    if neg_risk and spenders.neg_risk_exchange and spenders.neg_risk_collateral_adapter:
        needed += _of_markets(
            spenders.neg_risk_exchange,
            spenders.neg_risk_collateral_adapter,
            amount_micro,
            "neg_risk_",
        )
    return tuple(needed)


def approval_changes(
    needed: Sequence[NeededApproval],
    seen: Sequence[Approval],
    *,
    never_approve: Sequence[str],
    revoke_all: bool = False,
) -> tuple[ApprovalChange, ...]:
    """Return what to change, revocations first: then nothing is open to more than before.

    `seen` holds each approval that was looked at, those that are zero included. With `revoke_all`
    everything that was seen is taken back. Raises ValueError when a needed one was not looked at
    or is forbidden: an unknown allowance is not zero.
    """
    forbidden = {address.lower() for address in never_approve}
    wanted = {_key(one.approval): one.approval for one in needed}
    for approval in wanted.values():
        if approval.spender.lower() in forbidden:
            raise ValueError(f"{approval.name}: is under never_approve in config/venues.yaml")
    looked_at = {_key(one) for one in seen}
    for key, approval in wanted.items():
        if key not in looked_at:
            raise ValueError(f"{approval.name}: its {approval.asset.lower()} was not looked at")
    changes: list[ApprovalChange] = []
    for before in seen:
        target = None if revoke_all else wanted.get(_key(before))
        reason = _reason(before, target, forbidden)
        if reason is not None:
            after = target or _none(before)
            changes.append(ApprovalChange(before=before, after=after, reason=reason))
    return tuple(sorted(changes, key=lambda change: change.after.micro > change.before.micro))


def is_unlimited(approval: Approval) -> bool:
    """Say whether an allowance is far above what any phase allows: in effect without a limit."""
    most_micro = max(ALLOWANCES_MICRO.values())
    return approval.asset is Asset.COLLATERAL and approval.micro > 1_000 * most_micro


def _of_markets(
    exchange: str, adapter: str, amount_micro: int, prefix: str
) -> list[NeededApproval]:
    return [
        NeededApproval(
            approval=Approval(
                asset=Asset.COLLATERAL,
                spender=exchange,
                name=f"{prefix}exchange",
                micro=amount_micro,
            ),
            why="The exchange takes the collateral of what is bought.",
        ),
        NeededApproval(
            approval=Approval(
                asset=Asset.SHARES, spender=exchange, name=f"{prefix}exchange", micro=1
            ),
            why="The exchange takes the shares of a leg that is sold back.",
        ),
        NeededApproval(
            approval=Approval(
                asset=Asset.SHARES, spender=adapter, name=f"{prefix}collateral_adapter", micro=1
            ),
            why="The adapter takes the shares of a set that is merged or redeemed.",
        ),
    ]


def _reason(before: Approval, target: Approval | None, forbidden: set[str]) -> ChangeReason | None:
    if target is None:
        if not before.micro:
            return None
        is_forbidden = before.spender.lower() in forbidden
        return ChangeReason.FORBIDDEN if is_forbidden else ChangeReason.NOT_NEEDED
    if before.micro == target.micro:
        return None
    if not before.micro:
        return ChangeReason.MISSING
    return ChangeReason.TOO_LITTLE if before.micro < target.micro else ChangeReason.TOO_MUCH


def _none(approval: Approval) -> Approval:
    return Approval(asset=approval.asset, spender=approval.spender, name=approval.name, micro=0)


def _key(approval: Approval) -> tuple[Asset, str]:
    return approval.asset, approval.spender.lower()
