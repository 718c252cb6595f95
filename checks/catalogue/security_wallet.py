"""The key and the wallet: seen through signer, chain and venue, judged by the phase asked about.

All of them but the first are lines of one look, which the run makes once.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from checks.catalogue.base import (
    Category,
    Check,
    Priority,
    Scene,
    Seen,
    failed,
    passed,
    unknown,
    when_live,
)
from checks.selectors.targets import target_of
from trading.services.refusals import ServiceRefused
from trading.services.wallet_judging import judge_wallet, prove_signer

LOOK_S_MAX = 6.0
TIME_MS = 6_500
SHOWN = ("title", "seen", "needed", "why", "status")
Line = Mapping[str, Any]


def key_signs(scene: Scene) -> Seen:
    """Have the signer sign something worthless, and recover whose key did."""
    target = target_of(scene.account, phase=scene.phase, venue=scene.venue)
    try:
        address = prove_signer(target.would, clock=scene.clock)
    except ServiceRefused as refused:
        return failed(refused.message, remedy=refused.remedy)
    return passed(f"the signer signed with the key of {address}", address=address)


def wallet_lines(scene: Scene) -> list[dict[str, Any]] | str:
    """Return the lines of the wallet as this phase needs it, or why there are none."""

    def looked() -> list[dict[str, Any]] | str:
        target = target_of(scene.account, phase=scene.phase, venue=scene.venue)
        try:
            return judge_wallet(target.would, clock=scene.clock, seconds=LOOK_S_MAX)
        except ServiceRefused as refused:
            return str(refused)

    return scene.shared.once("wallet", looked)


def judged(lines: Sequence[Line], *, of: str) -> Seen:
    """Return one answer for some lines: the worst of them says why. No line is no answer."""
    if not lines:
        return unknown(f"the look at the wallet said nothing of {of}")
    shown = [{name: line[name] for name in SHOWN} for line in lines]
    for status, answer in (("failed", failed), ("unknown", unknown)):
        for line in lines:
            if line["status"] == status:
                return answer(
                    f"{line['title']}: {line['seen']}; needed: {line['needed']}",
                    remedy=line["next_step"],
                    lines=shown,
                )
    if any(line["status"] != "ok" for line in lines):
        return unknown("a line of the wallet has a status that is not known", lines=shown)
    said = "; ".join(f"{line['title']}: {line['seen']}" for line in lines[:3])
    return passed(said, lines=shown)


def lines_of(*ids: str, of: str) -> Callable[[Scene], Seen]:
    """Return the check over the lines of these ids; one that ends with : is a beginning."""

    def look(scene: Scene) -> Seen:
        lines = wallet_lines(scene)
        if isinstance(lines, str):
            return unknown(lines)
        chosen = [line for line in lines if _is_one(line["id"], ids)]
        there = {one for one in ids if any(_is_one(line["id"], (one,)) for line in chosen)}
        missing = sorted(set(ids) - there)
        if missing:
            return unknown(f"the look at the wallet said nothing of {', '.join(missing)}")
        return judged(chosen, of=of)

    return look


def _is_one(line_id: str, ids: Sequence[str]) -> bool:
    return any(line_id == one or (one.endswith(":") and line_id.startswith(one)) for one in ids)


CHECKS: tuple[Check, ...] = (
    Check(
        id="security.key_signs",
        category=Category.SECURITY,
        title="The key is present and signs",
        needed="a signature of the key that the signer names",
        remedy="Start the signer: manage.py run_signer; it says itself what it lacks.",
        runbook="wallet-and-allowances",
        priorities=when_live(Priority.P0),
        look=key_signs,
        time_ms_max=TIME_MS,
    ),
    Check(
        id="security.key_matches_wallet",
        category=Category.SECURITY,
        title="The key is the wallet's, and signs for this chain and exchange",
        needed="the signer's key owns the wallet, on the venue's chain and exchange",
        remedy="Correct the signer's policy or POLYARB_WALLET_FUNDER: manage.py wallet_check.",
        runbook="wallet-and-allowances",
        priorities=when_live(Priority.P0),
        look=lines_of("signer_terms", "wallet", of="key and wallet"),
        time_ms_max=TIME_MS,
    ),
    Check(
        id="security.allowances",
        category=Category.SECURITY,
        title="Allowances are those of the phase, and never without limit",
        needed="at most $20 in phase 1, $50 in phase 2, $200 in phase 3; none that nothing needs",
        remedy="Run manage.py wallet_approve: it shows what it would change and asks first.",
        runbook="wallet-and-allowances",
        priorities=when_live(Priority.P0),
        look=lines_of("approval:", "approvals_other", of="allowances"),
        time_ms_max=TIME_MS,
    ),
    Check(
        id="security.wallet_balance",
        category=Category.SECURITY,
        title="The wallet holds what the phase may hold",
        needed="$10-20 in phase 1, $50-100 in phase 2, $200-500 in phase 3",
        remedy="Send pUSD to the wallet, or take out what is above.",
        runbook="rule-low_balance",
        priorities=when_live(Priority.P1),
        look=lines_of("collateral", of="collateral"),
        time_ms_max=TIME_MS,
    ),
    Check(
        id="security.account_may_trade",
        category=Category.SECURITY,
        title="The account is not closed-only",
        needed="the venue says that the account may trade",
        remedy="Ask the venue why it may only close positions; there is no way around it here.",
        runbook="wallet-and-allowances",
        priorities=when_live(Priority.P0),
        look=lines_of("closed_only", of="closed-only mode"),
        time_ms_max=TIME_MS,
    ),
    Check(
        id="security.region",
        category=Category.SECURITY,
        title="The region is not blocked",
        needed="the venue takes orders from where this machine is",
        remedy="Run the engine from where trading is allowed to you. The portal has no bypass.",
        runbook="wallet-and-allowances",
        priorities=when_live(Priority.P0),
        look=lines_of("region", of="the region"),
        time_ms_max=TIME_MS,
    ),
)
