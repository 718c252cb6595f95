"""What every command of the portal shares: who is asking, how it says no, and with which status.

0: done. 1: refused, nothing was changed. 2: it failed. The reason and the remedy go to stderr.
"""

import os
import pwd
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError

from trading.services import HaltFailed, ServiceRefused

REFUSED, FAILED = 1, 2
TRY_AGAIN = "the database does not answer; try again, or halt by file: manage.py emergency_stop"


class PortalCommand(BaseCommand):
    """A command that answers refusals and outside trouble in a sentence instead of a traceback."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command and translate what it raises into its exit status."""
        try:
            return super().execute(*args, **options)
        except ServiceRefused as error:
            raise CommandError(f"{error.message}\n  {error.remedy}", returncode=REFUSED) from error
        except HaltFailed as error:
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
