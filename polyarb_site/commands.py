"""What every command of the portal shares: who is asking, how it says no, and with which status.

0: done. 1: refused, nothing was changed. 2: it failed. The reason and the remedy go to stderr.
"""

import os
import pwd
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError

REFUSED, FAILED = 1, 2
TRY_AGAIN = "the database does not answer; try again, or halt by file: manage.py emergency_stop"


class PortalCommand(BaseCommand):
    """A command that answers refusals and outside trouble in a sentence instead of a traceback.

    The services live in apps above this module, so a command names what they raise: `refusals` have
    message and remedy, `failures` say it all themselves.
    """

    # Django's own load every page and every address, which takes longer than most commands. They
    # are for `manage.py check`, `migrate` and so for `up`.
    requires_system_checks: Any = ()
    refusals: tuple[type[Exception], ...] = ()
    failures: tuple[type[Exception], ...] = ()

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command and translate what it raises into its exit status."""
        try:
            return super().execute(*args, **options)
        except self.refusals as error:
            raise CommandError(_refusal(error), returncode=REFUSED) from error
        except self.failures as error:
            raise CommandError(str(error), returncode=FAILED) from error
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(f"{TRY_AGAIN}\n  {error}", returncode=FAILED) from error


def shell_name() -> str:
    """Return who runs this command, as the audit keeps it.

    From the process and not from the environment, where anybody can be anybody.
    """
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number without a name
        name = str(os.getuid())
    return f"shell:{name}"


def _refusal(error: Exception) -> str:
    """Return message and remedy, with each further problem on a line of its own."""
    parts: Any = error
    problems = [one for one in getattr(error, "problems", ()) if one not in parts.message]
    return "\n".join([parts.message, *problems, f"  {parts.remedy}"])
