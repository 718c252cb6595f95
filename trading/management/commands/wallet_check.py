"""Check the wallet, line by line."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from polyarb_site.clock import SystemClock
from trading.management.base import FAILED, REFUSED, PortalCommand, shell_name
from trading.models import WalletCheck
from trading.services import ServiceRefused
from trading.services.wallet import check_wallet

MARKS = {"ok": "ok     ", "failed": "FAILED ", "unknown": "UNKNOWN"}


class Command(PortalCommand):
    """Ends with 0 when every line is ok, with 1 when not, with 2 when it could not be run."""

    help = "Check the wallet: signer, funder, RPC, balances, approvals, region, clock."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the account and the form."""
        parser.add_argument("--account", default=settings.ACCOUNT)
        parser.add_argument("--json", action="store_true", help="for programs, as /api/wallet")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, keep what was seen, and show it."""
        del args
        now = SystemClock().now()
        try:
            check = check_wallet(options["account"], by_name=shell_name(), at=now)
        except ServiceRefused as error:
            raise CommandError(f"{error.message}\n  {error.remedy}", returncode=FAILED) from error
        if options["json"]:
            self.stdout.write(json.dumps(_told(check), indent=2))
        else:
            self._show(check)
        if not check.ok:
            raise CommandError("the wallet is not ready", returncode=REFUSED)

    def _show(self, check: WalletCheck) -> None:
        funder = check.funder or "not known"
        self.stdout.write(f"wallet {funder} ({check.kind}), phase {check.phase}, {check.feed}")
        for line in check.lines:
            self.stdout.write(f"{MARKS[line['status']]} {line['title']}: {line['seen']}")
            if line["status"] != "ok":
                self.stdout.write(f"        needed: {line['needed']}. {line['why']}")
                self.stdout.write(f"        next:   {line['next_step']}")
        if check.ok:
            self.stdout.write("the wallet is ready")


def _told(check: WalletCheck) -> dict[str, Any]:
    return {
        "account": check.account,
        "at": check.at.isoformat(),
        "kind": check.kind,
        "funder": check.funder or None,
        "phase": check.phase,
        "feed": check.feed,
        "ok": check.ok,
        "lines": check.lines,
    }
