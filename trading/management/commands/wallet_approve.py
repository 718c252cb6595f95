"""Give the wallet exactly the approvals that it needs, or take all back."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from trading.engine.units import text_from_micro
from trading.management.base import FAILED, REFUSED, PortalCommand, shell_name
from trading.services.wallet import ApprovalPlan, carry_out_approvals, plan_approvals
from trading.wallets.approvals import Approval, Asset, is_unlimited
from trading.wallets.messages import Confirmed, Outcome, Refused, Reverted


class Command(PortalCommand):
    """Shows what it would change and asks. The signer signs, behind its own policy."""

    help = "Set the wallet's approvals to exactly what this phase needs; --revoke: to none."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the account, the direction, and whether to ask."""
        parser.add_argument("--account", default=settings.ACCOUNT)
        parser.add_argument("--revoke", action="store_true", help="take every approval back")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        """Plan, ask, carry out."""
        del args
        plan = plan_approvals(
            options["account"],
            revoke=options["revoke"],
            by_name=shell_name(),
            say=self.stdout.write,
        )
        where = "on the venue's own books" if plan.block is None else f"at block {plan.block}"
        self.stdout.write(f"wallet {plan.funder} ({plan.kind}) {where}, {plan.feed}")
        if not plan.changes:
            self.stdout.write("nothing has to be changed")
            return
        for change in plan.changes:
            before, after = amount(change.before), amount(change.after)
            self.stdout.write(
                f"  {change.after.asset.lower()} for {change.after.name} {change.after.spender}: "
                f"{before} -> {after} ({change.reason.lower().replace('_', ' ')})"
            )
        if not options["yes"] and not self._agreed(plan):
            raise CommandError("nothing was changed", returncode=REFUSED)
        outcomes = carry_out_approvals(plan, by_name=shell_name(), say=self.stdout.write)
        for outcome in outcomes:
            self.stdout.write(told(outcome))
        if not all(isinstance(one, Confirmed) for one in outcomes):
            raise CommandError(
                "not all was changed\n  run manage.py wallet_check to see what is in force now",
                returncode=FAILED,
            )
        self.stdout.write("changed; run manage.py wallet_check")

    def _agreed(self, plan: ApprovalPlan) -> bool:
        if not sys.stdin.isatty():
            raise CommandError(
                "nobody is there to be asked\n  say --yes to change this", returncode=REFUSED
            )
        answer = input(f"Change {len(plan.changes)} approval(s)? Type yes: ")
        return answer.strip() == "yes"


def amount(approval: Approval) -> str:
    """Return an approval as people read it."""
    if approval.asset is Asset.SHARES:
        return "all" if approval.micro else "none"
    if is_unlimited(approval):
        return "WITHOUT LIMIT"
    return f"${text_from_micro(approval.micro)}"


def told(outcome: Outcome) -> str:
    """Return what became of a transaction in one line."""
    if isinstance(outcome, Confirmed):
        cost = text_from_micro(outcome.gas_micro)
        return f"confirmed {outcome.transaction_hash} (gas ${cost})"
    if isinstance(outcome, Refused):
        return f"not sent: {outcome.code}: {outcome.text}"
    if isinstance(outcome, Reverted):
        return f"reverted {outcome.reference}: {outcome.reason}"
    return f"not known {outcome.reference}: {outcome.reason}"
