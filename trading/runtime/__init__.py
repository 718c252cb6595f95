"""The runtime joins the engine to the world: clock, feed, mandate, journal, ledger and lease."""

from trading.runtime.contending import StopFlag
from trading.runtime.ending import Ending
from trading.runtime.parts import Observer
from trading.runtime.shift import ShiftResult, run_shift
from trading.runtime.times import ShiftTimes

__all__ = ["Ending", "Observer", "ShiftResult", "ShiftTimes", "StopFlag", "run_shift"]
