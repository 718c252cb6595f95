"""Is the wallet ready? One line for each thing that must be so. What is not known is never ok."""

from typing import TypeVar

from trading.engine.units import text_from_micro
from trading.wallets.approvals import Approval, Asset, NeededApproval, is_unlimited
from trading.wallets.check_line import CheckLine, line_of
from trading.wallets.facts import (
    EndpointSeen,
    NothingToCheck,
    NotSeen,
    SignerSeen,
    WalletFacts,
    WalletWanted,
)
from trading.wallets.messages import Kind

WEI = 10**18
APPROVE = "Run manage.py wallet_approve: it shows what it would change and asks first."
Value = TypeVar("Value")
Other = TypeVar("Other")


def check_lines(facts: WalletFacts, wanted: WalletWanted) -> tuple[CheckLine, ...]:
    """Return all lines, in the order in which a person would set the wallet up."""
    endpoints = () if isinstance(facts.endpoints, NothingToCheck) else facts.endpoints
    lines = [
        _signer(facts),
        _terms(facts, wanted),
        _wallet(facts, wanted),
        *(_endpoint(one, wanted) for one in endpoints),
        _endpoints(facts, wanted),
        _chain(facts),
        _collateral(facts, wanted),
        _usdc(facts),
        *(_needed(one, facts, wanted) for one in wanted.needed),
        _others(facts, wanted),
        _venue_view(facts),
        _closed_only(facts),
        _region(facts),
    ]
    if wanted.kind is Kind.EOA:
        lines.append(_gas(facts, wanted))
    return (*lines, _clock(facts, wanted))


def _signer(facts: WalletFacts) -> CheckLine:
    return line_of(
        "signer",
        "Signer",
        facts.signer,
        is_ok=lambda seen: bool(seen.address),
        shown=lambda seen: seen.address,
        needed="an address",
        why="Nothing is signed by any other process: the key is only there.",
        next_step="Start the signer, and read its own words when it does not start.",
    )


def _terms(facts: WalletFacts, wanted: WalletWanted) -> CheckLine:
    """Judge whether the signer would sign for this chain, this exchange and this wallet."""
    return line_of(
        "signer_terms",
        "What the signer signs for",
        _all_seen(facts.signer, facts.funder),
        is_ok=lambda seen: not _apart(seen[0], seen[1], wanted),
        shown=lambda seen: _apart(seen[0], seen[1], wanted) or "this chain, exchange and wallet",
        needed=f"chain {wanted.chain_id}, the exchange {wanted.exchange}, and this wallet",
        why="A signature for another chain, exchange or wallet is worth nothing here.",
        next_step="Correct the signer's policy (config/signer.example.yaml) or the wallet's "
        "settings, and restart the signer.",
    )


def _apart(signer: SignerSeen, funder: str, wanted: WalletWanted) -> str:
    """Return in what the signer's terms are other ones than ours, empty when in nothing."""
    apart = []
    if signer.chain_id != wanted.chain_id:
        apart.append(f"chain {signer.chain_id}")
    if signer.exchange.lower() != wanted.exchange.lower():
        apart.append(f"the exchange {signer.exchange}")
    if signer.kind is not wanted.kind or signer.wallet.lower() != funder.lower():
        apart.append(f"the wallet {signer.wallet} ({signer.kind})")
    return ", ".join(apart)


def _wallet(facts: WalletFacts, wanted: WalletWanted) -> CheckLine:
    """Judge whether the funder is the signer's, and exists."""
    if wanted.kind is Kind.EOA:
        return line_of(
            "wallet",
            "Wallet",
            _all_seen(facts.signer, facts.funder),
            is_ok=lambda seen: seen[0].address.lower() == seen[1].lower(),
            shown=lambda seen: seen[1],
            needed="the signer's own address",
            why="A plain wallet signs and pays under one address.",
            next_step="Remove POLYARB_WALLET_FUNDER, or set it to the signer's address.",
        )
    return line_of(
        "wallet",
        "Deposit wallet",
        _deposit_wallet(facts),
        is_ok=lambda seen: not seen[1],
        shown=lambda seen: ", ".join(filter(None, seen)),
        needed="the deposit wallet of the signer's key, deployed",
        why="The venue takes orders of new accounts from such a wallet only.",
        next_step="Log in to the venue once with this key, so that it makes the wallet; "
        "then set POLYARB_WALLET_TYPE and POLYARB_WALLET_FUNDER to what it shows.",
    )


def _deposit_wallet(facts: WalletFacts) -> tuple[str, str] | NotSeen:
    """Return the wallet's address, and what is wrong with it."""
    if isinstance(facts.funder, NotSeen):
        return facts.funder
    if isinstance(facts.derived, NotSeen):
        return facts.derived
    if facts.funder.lower() not in {one.lower() for one in facts.derived}:
        return facts.funder, "which is not of the signer's key"
    if isinstance(facts.deployed, NotSeen):
        return facts.deployed
    return facts.funder, "" if facts.deployed else "not deployed"


def _all_seen(first: Value | NotSeen, second: Other | NotSeen) -> tuple[Value, Other] | NotSeen:
    if isinstance(first, NotSeen):
        return first
    return second if isinstance(second, NotSeen) else (first, second)


def _endpoint(one: EndpointSeen, wanted: WalletWanted) -> CheckLine:
    value: int | NotSeen = NotSeen(one.problem or "it was not asked")
    if one.chain_id is not None and (one.in_use or one.chain_id != wanted.chain_id):
        value = one.chain_id
    return line_of(
        f"rpc:{one.name}",
        f"RPC {one.name}",
        value,
        is_ok=lambda seen: seen == wanted.chain_id,
        shown=lambda seen: _how_it_does(one, seen),
        needed=f"chain {wanted.chain_id}, and an answer",
        why="A transaction for another chain would be lost, and its balances are not ours.",
        next_step="Correct or replace it under hosts.polygon_rpcs in config/venues.yaml.",
    )


def _how_it_does(one: EndpointSeen, chain_id: int) -> str:
    parts = [f"chain {chain_id}"]
    if one.block is not None:
        parts.append(f"block {one.block}")
    parts.append(f"{one.errors} of {one.requests} requests failed")
    if one.problem:
        parts.append(f"the last time: {one.problem}")
    return ", ".join(parts)


def _endpoints(facts: WalletFacts, wanted: WalletWanted) -> CheckLine:
    seen: int | NothingToCheck
    if isinstance(facts.endpoints, NothingToCheck):
        seen = facts.endpoints
    else:
        seen = sum(one.chain_id == wanted.chain_id and one.in_use for one in facts.endpoints)
    return line_of(
        "rpc_count",
        "RPC endpoints",
        seen,
        is_ok=lambda count: count >= wanted.endpoints_min,
        shown=lambda count: f"{count} of the right chain that answer{'s' * (count == 1)}",
        needed=f"at least {wanted.endpoints_min}",
        why="One alone can fail or lie, and nobody would contradict it.",
        next_step="Add one of another operator under hosts.polygon_rpcs in config/venues.yaml.",
    )


def _chain(facts: WalletFacts) -> CheckLine:
    return line_of(
        "chain",
        "Chain",
        facts.block,
        is_ok=lambda block: block > 0,
        shown=lambda block: f"block {block}",
        needed="a newest block on which the endpoints agree",
        why="All balances are read at one block; a chain that goes back or forks tells nothing.",
        next_step="See which endpoint lags or lies, and replace it in config/venues.yaml.",
    )


def _collateral(facts: WalletFacts, wanted: WalletWanted) -> CheckLine:
    most = wanted.balance_micro_max
    band = f"at least {_dollars(wanted.balance_micro_min)}"
    return line_of(
        "collateral",
        "Collateral",
        facts.pusd_micro,
        is_ok=lambda micro: micro >= wanted.balance_micro_min and (not most or micro <= most),
        shown=lambda micro: f"{text_from_micro(micro)} pUSD",
        needed=f"{band} and at most {_dollars(most)}" if most else band,
        why="Enough for the sets of this phase, and no more than this phase may lose.",
        next_step="Send pUSD to the wallet, or take out what is above.",
    )


def _usdc(facts: WalletFacts) -> CheckLine:
    return line_of(
        "usdc_e",
        "USDC.e",
        facts.usdc_e_micro,
        is_ok=lambda micro: micro == 0,
        shown=lambda micro: f"{text_from_micro(micro)} USDC.e",
        needed="none",
        why="The venue counts pUSD only: this money is there and cannot trade.",
        next_step="Wrap it into pUSD on the venue's site (deposit), one for one.",
    )


def _needed(one: NeededApproval, facts: WalletFacts, wanted: WalletWanted) -> CheckLine:
    approval = one.approval
    is_money = approval.asset is Asset.COLLATERAL
    least = min(wanted.allowance_micro_min, approval.micro) if is_money else 1
    needed = "all outcome tokens"
    if is_money:
        needed = f"{_dollars(approval.micro)} when new, {_dollars(least)} at least, never more"
        if wanted.more_is_harmless:
            needed = f"{_dollars(least)} at least; more is harmless with play money"
    return line_of(
        f"approval:{approval.name}:{approval.asset.lower()}",
        f"Approval of {approval.name.replace('_', ' ')} for {approval.asset.lower()}",
        _given(approval, facts),
        is_ok=lambda micro: least <= micro and (wanted.more_is_harmless or micro <= approval.micro),
        shown=lambda micro: _amount(approval, micro),
        needed=needed,
        why=one.why,
        next_step=APPROVE,
    )


def _others(facts: WalletFacts, wanted: WalletWanted) -> CheckLine:
    """Judge whether anything is approved that nothing needs."""
    value: tuple[Approval, ...] | NotSeen
    if isinstance(facts.approvals, NotSeen):
        value = facts.approvals
    else:
        known = {(one.approval.asset, one.approval.spender.lower()) for one in wanted.needed}
        value = tuple(
            one
            for one in facts.approvals
            if one.micro and (one.asset, one.spender.lower()) not in known
        )
    forbidden = {address.lower() for address in wanted.never_approve}
    return line_of(
        "approvals_other",
        "Other approvals",
        value,
        is_ok=lambda found: (
            not any(
                not wanted.more_is_harmless or one.spender.lower() in forbidden for one in found
            )
        ),
        shown=lambda found: "; ".join(_named(one, wanted) for one in found) or "none",
        needed="none that is forbidden" if wanted.more_is_harmless else "none",
        why="A contract that nothing needs could take the wallet's money all the same.",
        next_step=f"{APPROVE} Revocations come first.",
    )


def _venue_view(facts: WalletFacts) -> CheckLine:
    return line_of(
        "venue_balance",
        "Balance as the venue sees it",
        _all_seen(facts.venue_micro, facts.pusd_micro),
        is_ok=lambda both: both[0] == both[1],
        shown=lambda both: f"venue {text_from_micro(both[0])}, chain {text_from_micro(both[1])}",
        needed="the same as on the chain",
        why="The venue refuses orders by its own view, which can be old after a deposit or merge.",
        next_step="Have the venue read it again (GET /balance-allowance/update) and check again.",
    )


def _closed_only(facts: WalletFacts) -> CheckLine:
    return line_of(
        "closed_only",
        "Account",
        facts.closed_only,
        is_ok=lambda closed: not closed,
        shown=lambda closed: "may only close positions" if closed else "may trade",
        needed="may trade",
        why="An account in closed-only mode can sell, but buy nothing.",
        next_step="Ask the venue why; there is no way around it here.",
    )


def _region(facts: WalletFacts) -> CheckLine:
    return line_of(
        "region",
        "Region",
        facts.region,
        is_ok=lambda region: not region.blocked,
        shown=lambda region: (
            f"{region.country} {region.region}".strip()
            + (", blocked" if region.blocked else ", not blocked")
        ),
        needed="not blocked",
        why="The venue takes no orders from some regions, and says here which this one is.",
        next_step="Run the engine from where trading is allowed to you. It offers no bypass.",
    )


def _gas(facts: WalletFacts, wanted: WalletWanted) -> CheckLine:
    return line_of(
        "gas",
        "POL for gas",
        facts.gas_wei,
        is_ok=lambda wei: wei >= wanted.gas_wei_min,
        shown=lambda wei: f"{_pol(wei)} POL",
        needed=f"at least {_pol(wanted.gas_wei_min)} POL",
        why="A plain wallet pays for its merges and approvals itself.",
        next_step="Send POL to the wallet.",
    )


def _clock(facts: WalletFacts, wanted: WalletWanted) -> CheckLine:
    return line_of(
        "clock",
        "Clock",
        facts.skew_ms,
        is_ok=lambda skew: abs(skew) < wanted.skew_ms_max,
        shown=lambda skew: f"{skew} ms from the venue's",
        needed=f"less than {wanted.skew_ms_max} ms apart",
        why="Requests are signed with the time; the venue refuses what is too far from its own.",
        next_step="Synchronise this machine's clock (NTP).",
    )


def _given(approval: Approval, facts: WalletFacts) -> int | NotSeen:
    if isinstance(facts.approvals, NotSeen):
        return facts.approvals
    for one in facts.approvals:
        if one.asset is approval.asset and one.spender.lower() == approval.spender.lower():
            return one.micro
    return NotSeen("it was not read")


def _named(one: Approval, wanted: WalletWanted) -> str:
    forbidden = {address.lower() for address in wanted.never_approve}
    word = "forbidden " if one.spender.lower() in forbidden else ""
    return f"{word}{one.name} {one.spender}: {_amount(one, one.micro)}"


def _amount(approval: Approval, micro: int) -> str:
    if approval.asset is Asset.SHARES:
        return "all outcome tokens" if micro else "none"
    seen = Approval(asset=approval.asset, spender=approval.spender, name=approval.name, micro=micro)
    return "without limit" if is_unlimited(seen) else _dollars(micro)


def _dollars(micro: int) -> str:
    return f"${text_from_micro(micro)}"


def _pol(wei: int) -> str:
    """Return whole POL and six decimals, rounded down."""
    return text_from_micro(wei * 1_000_000 // WEI)
