"""Make, replace or take away the API token of an account."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from polyarb_site.commands import shell_name
from polyarb_site.rest import tokens


class Command(BaseCommand):
    """Prints a token once, alone on standard output; the database keeps only its hash."""

    help = "Print a new API token of an account. It is shown once and cannot be read again."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take an account and what to do with its token."""
        parser.add_argument("username", help="the account the token acts for")
        either = parser.add_mutually_exclusive_group()
        either.add_argument(
            "--rotate", action="store_true", help="replace the token: the old one stops working"
        )
        either.add_argument("--revoke", action="store_true", help="take the token away")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, or say why not."""
        del args
        user = self._account(options["username"])
        by_name = shell_name()
        if options["revoke"]:
            if not tokens.revoke(user, by_name=by_name):
                raise CommandError(f"{user} has no token; nothing was changed")
            self.stderr.write(f"{user}: the token works no longer")
            return
        made_at = tokens.since(user)
        if made_at is not None and not options["rotate"]:
            raise CommandError(
                f"{user} has a token since {made_at:%Y-%m-%d %H:%M} UTC, which cannot be shown "
                f"again; to replace it: manage.py api_token {user} --rotate"
            )
        self.stdout.write(tokens.issue(user, by_name=by_name))
        self.stderr.write(f"{user}: keep this token, it is not shown again")

    def _account(self, username: str) -> User:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"there is no account {username!r}; make it in the admin")
        if not user.is_active:
            raise CommandError(f"the account {username!r} is switched off; switch it on first")
        return user
