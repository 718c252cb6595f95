"""What every command of checks shares: what its services refuse, and how that is said."""

from checks.services.rollbacks import RollbackNotKept
from polyarb_site import commands
from polyarb_site.commands import FAILED, REFUSED, shell_name
from trading.services import HaltFailed, ServiceRefused

__all__ = ["FAILED", "REFUSED", "PortalCommand", "shell_name"]


class PortalCommand(commands.PortalCommand):
    """A command over the services of checks."""

    refusals: tuple[type[Exception], ...] = (ServiceRefused,)
    failures: tuple[type[Exception], ...] = (HaltFailed, RollbackNotKept)
