"""Tell the books of a deposit or withdrawal."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from polyarb_site.clock import SystemClock
from trading.engine.units import text_from_micro
from trading.management.base import PortalCommand, shell_name
from trading.models import Money
from trading.services import record_capital
from trading.services.capital import amount_of


class Command(PortalCommand):
    """Records a movement of capital; the engine books it."""

    help = (
        "Tell the books that money came into the wallet, or with a minus that it left: "
        "record_capital 25, record_capital -12.50. It moves no money; record a transfer when the "
        "chain has it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how much and why, which both have to be said."""
        parser.add_argument("amount", metavar="AMOUNT", help="signed dollars, such as -12.50")
        parser.add_argument("--account", default=settings.ACCOUNT)
        parser.add_argument("--reason", required=True)
        parser.add_argument(
            "--reference", default="", help="told again with the same one, it counts once"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Record it, and say that nothing was moved."""
        del args
        row = record_capital(
            options["account"],
            amount_micro=amount_of(options["amount"]),
            reference=options["reference"],
            by=None,
            by_name=shell_name(),
            reason=options["reason"],
            at=SystemClock().now(),
        )
        what = "deposit" if row.amount_micro > 0 else "withdrawal"
        amount = text_from_micro(abs(row.amount_micro))
        self.stdout.write(
            f"a {what} of {amount} dollars ({Money(row.money).label}) is recorded as "
            f"{row.reference}\n"
            "no money was moved; a running engine books it at once, else the next one does"
        )
