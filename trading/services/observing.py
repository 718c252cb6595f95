"""What an observer of the engine hears and may ask for, and who it is.

See trading.runtime.parts.Observer.
"""

from trading.engine.commands import RaiseAlert
from trading.engine.events import HaltRequested
from trading.lease import this_process

__all__ = ["HaltRequested", "RaiseAlert", "this_process"]
