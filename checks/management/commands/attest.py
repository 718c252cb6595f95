"""State what no machine can see."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from checks.management.base import REFUSED, PortalCommand, shell_name
from checks.models import Attestation
from checks.selectors.attestations import newest_attestation
from checks.services.attestations import DAYS_MAX, attest, revoke


class Command(PortalCommand):
    """States something for an account for a number of days, or takes it back."""

    help = "State what no machine can see, such as that the wallet is used for nothing else."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the kind, the note and for how long."""
        parser.add_argument("kind", choices=Attestation.Kind.values)
        parser.add_argument("--note", required=True, help="what was looked at, or why not any more")
        parser.add_argument("--days", type=int, help=f"1 to {DAYS_MAX}; each kind has its own")
        parser.add_argument("--revoke", action="store_true", help="take it back")
        parser.add_argument("--account", default=settings.ACCOUNT)

    def handle(self, *args: Any, **options: Any) -> None:
        """State it, or take it back, with the shell's account as the person."""
        del args
        account, kind = options["account"], options["kind"]
        if options["revoke"]:
            self._revoke(account, kind, options["note"])
            return
        row = attest(
            account,
            kind,
            note=options["note"],
            days=options["days"],
            by=None,
            by_name=shell_name(),
        )
        self.stdout.write(f"{row}, until {row.expires_at:%Y-%m-%d %H:%M} UTC")

    def _revoke(self, account: str, kind: str, note: str) -> None:
        row = newest_attestation(account, kind)
        if row is None:
            raise CommandError("nobody has stated that", returncode=REFUSED)
        revoke(row, by=None, by_name=shell_name(), reason=note)
        self.stdout.write(f"{row.get_kind_display()}: taken back")
