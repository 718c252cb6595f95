"""Make what a new installation needs, and nothing that is there already."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from alerts.services import import_rules
from polyarb_site.accounts import AccountExistsError, first_admin
from polyarb_site.clock import SystemClock
from polyarb_site.commands import REFUSED, PortalCommand, shell_name
from polyarb_site.roles import seed_roles
from trading.services import ServiceRefused, ensure_mandate, import_profiles

BY_NAME = "seed"
RULES_FILE = "alerts.production.yaml"


class Command(PortalCommand):
    """Makes roles, account, profiles, alert rules, and the first admin without a superuser."""

    help = "Make roles, account, profiles, alert rules and, once, the first admin. Can be repeated."
    refusals = (ServiceRefused,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the account and the first admin's name."""
        parser.add_argument("--account", default=settings.ACCOUNT)
        parser.add_argument("--admin", default="admin", help="name of the first admin")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make what is missing."""
        del args
        now = SystemClock().now()
        by_name = f"{BY_NAME} ({shell_name()})"
        for role in seed_roles():
            self.stdout.write(f"role {role}: made")
        ensure_mandate(options["account"], by_name=by_name, at=now)
        report = import_profiles(settings.CONFIG_DIR, by=None, by_name=by_name, at=now)
        for profile in report.created:
            self.stdout.write(f"profile {profile}: imported")
        rules = import_rules(settings.CONFIG_DIR / RULES_FILE, by_name=by_name, at=now)
        for rule in rules.created:
            self.stdout.write(f"alert rule {rule}: imported")
        password = self._first_admin(options["admin"], by_name=by_name, at=now)
        if password is not None:
            self.stdout.write(f"first admin: {options['admin']}")
            self.stdout.write(f"one-time password, shown this once: {password}")
        self.stdout.write("seeded")

    def _first_admin(self, name: str, *, by_name: str, at: datetime) -> str | None:
        try:
            return first_admin(name, by_name=by_name, at=at)
        except AccountExistsError as error:
            raise CommandError(
                f"there is no superuser, and {name!r} is another account\n"
                "  choose another name: manage.py seed --admin NAME",
                returncode=REFUSED,
            ) from error
