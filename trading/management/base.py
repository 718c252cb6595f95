"""What every command of trading shares: what its services refuse, and how that is said."""

from polyarb_site import commands
from polyarb_site.commands import FAILED, REFUSED, shell_name
from trading.services import HaltFailed, ServiceRefused

__all__ = ["FAILED", "REFUSED", "PortalCommand", "shell_name"]


class PortalCommand(commands.PortalCommand):
    """A command over the services of trading."""

    refusals = (ServiceRefused,)
    failures = (HaltFailed,)
