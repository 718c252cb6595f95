"""The approvals that a wallet has given, read at one block, and the calls that change them."""

from dataclasses import dataclass

from trading.config.venues import Contracts
from trading.wallets import abi
from trading.wallets.approvals import Approval, ApprovalChange, Asset, Spenders
from trading.wallets.merging import MergeContracts
from trading.wallets.messages import Call
from trading.wallets.reads import ChainReader

# Contracts of the venue that may hold an old or a too wide approval, beside those we need.
WATCHED = (
    *("exchange", "neg_risk_exchange", "exchange_v3", "collateral_adapter"),
    *("neg_risk_collateral_adapter", "neg_risk_adapter", "collateral_onramp"),
    *("collateral_offramp", "router", "auto_redeem_operator", "binary_module"),
    *("neg_risk_module", "combinatorial_module"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletContracts:
    """The contracts that a wallet deals with. `watched` are (name, address) of all spenders."""

    pusd: str
    usdc_e: str  # empty where there is none to wrap
    conditional_tokens: str
    spenders: Spenders
    deposit_wallet_factory: str
    watched: tuple[tuple[str, str], ...]
    never_approve: tuple[str, ...]

    @property
    def merging(self) -> MergeContracts:
        """Return what a Merger needs of them."""
        return MergeContracts(
            pusd=self.pusd,
            collateral_adapter=self.spenders.collateral_adapter,
            neg_risk_collateral_adapter=self.spenders.neg_risk_collateral_adapter,
        )


def wallet_contracts(contracts: Contracts, never_approve: tuple[str, ...]) -> WalletContracts:
    """Return them as config/venues.yaml names them."""
    watched = tuple((name, str(getattr(contracts, name))) for name in WATCHED)
    return WalletContracts(
        pusd=contracts.pusd,
        usdc_e=contracts.usdc_e,
        conditional_tokens=contracts.conditional_tokens,
        spenders=Spenders(
            exchange=contracts.exchange,
            collateral_adapter=contracts.collateral_adapter,
            neg_risk_exchange=contracts.neg_risk_exchange,
            neg_risk_collateral_adapter=contracts.neg_risk_collateral_adapter,
        ),
        deposit_wallet_factory=contracts.deposit_wallet_factory,
        watched=watched + tuple(("never_approve", address) for address in never_approve),
        never_approve=never_approve,
    )


async def read_approvals(
    reader: ChainReader, contracts: WalletContracts, owner: str, block: int
) -> tuple[Approval, ...]:
    """Return what every watched contract may take of an owner, zeros included. Raises RpcError."""
    pusd, shares = contracts.pusd, contracts.conditional_tokens
    found: list[Approval] = []
    for name, spender in contracts.watched:
        allowance = await reader.allowance(pusd, owner, spender, block)
        operator = await reader.operator(shares, owner, spender, block)
        for asset, micro in (
            (Asset.COLLATERAL, allowance.micro),
            (Asset.SHARES, int(operator.approved)),
        ):
            found.append(Approval(asset=asset, spender=spender, name=name, micro=micro))
    return tuple(found)


def change_call(change: ApprovalChange, contracts: WalletContracts) -> Call:
    """Return the call that makes a change."""
    after = change.after
    if after.asset is Asset.SHARES:
        return abi.set_approval_for_all(
            contracts.conditional_tokens, after.spender, approved=bool(after.micro)
        )
    return abi.approve(contracts.pusd, after.spender, after.micro)
