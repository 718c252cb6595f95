"""Keeps the processes of one machine running, and stops them in order.

A process that dies is started again after a pause that doubles up to half a minute. A process that
lives but no longer works is found by a probe and restarted too. The first request to stop ends them
one after the other, each within its grace; a second one shortens the grace; what does not end in
time is killed with everything that it started.
"""

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from polyarb_site.children import Child, Program
from polyarb_site.clock import Clock

NS_PER_S = 1_000_000_000
PAUSE_S_MAX = 30.0
STABLE_S = 60.0
TURN_S = 0.2
PROBE_EVERY_S = 10.0
PROBE_GRACE_S = 30.0  # after a start, before its probe counts

Say = Callable[[str, str], None]
Probe = Callable[[], bool]


@dataclass(slots=True)
class _Slot:
    """One program, the process that runs it now, and how its restarts went."""

    program: Program
    probe: Probe | None
    child: Child | None = None
    started_ns: int = 0
    start_at_ns: int = 0
    pause_s: float = 1.0
    probed_ns: int = 0


class Supervisor:
    """Runs programs until asked to stop. `say(name, text)` tells a person."""

    def __init__(self, *, log_dir: Path, say: Say, clock: Clock) -> None:
        self._log_dir = log_dir
        self._say = say
        self._clock = clock
        self._slots: list[_Slot] = []
        self._stop = threading.Event()
        self._requests = 0

    def add(self, program: Program, probe: Probe | None = None) -> None:
        """Add a program. `probe` says, from time to time, whether it still works."""
        self._slots.append(_Slot(program, probe))

    def request_stop(self, *_signal: object) -> None:
        """Ask for an orderly stop; a second time, for a hurried one. Safe in a signal handler."""
        self._requests += 1
        self._stop.set()

    def run(self, ready: Callable[[], None]) -> bool:
        """Start everything, call `ready`, watch until asked to stop, stop everything.

        Returns whether all of them ended by themselves. Must run in the main thread.
        """
        before = {
            number: signal.signal(number, self.request_stop)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        try:
            for slot in self._slots:
                if not self._stop.is_set():
                    self._start(slot)
            if not self._stop.is_set():
                ready()
            while not self._stop.wait(TURN_S):
                for slot in self._slots:
                    self._turn(slot)
        finally:
            orderly = self._stop_all()
            for number, handler in before.items():
                signal.signal(number, handler)
        return orderly

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for."""
        return self._stop.is_set()

    def pause(self, seconds: float) -> None:
        """Wait, or not at all once a stop was asked for."""
        self._stop.wait(seconds)

    def pids(self) -> dict[str, int]:
        """Return the process ids by name."""
        return {slot.program.name: slot.child.pid for slot in self._slots if slot.child}

    def _start(self, slot: _Slot) -> None:
        slot.child = Child(slot.program, self._log_dir, self._say)
        slot.started_ns = slot.probed_ns = self._clock.monotonic_ns()

    def _turn(self, slot: _Slot) -> None:
        now_ns = self._clock.monotonic_ns()
        if slot.child is None:
            if now_ns >= slot.start_at_ns:
                self._start(slot)
                self._say(slot.program.name, "started again")
            return
        status = slot.child.exit_status
        if status is not None:
            self._died(slot, status, now_ns)
        elif slot.probe is not None and self._probe_due(slot, now_ns):
            slot.probed_ns = now_ns
            if not slot.probe():
                self._say(slot.program.name, "does not answer; it is restarted")
                self._end(slot, slot.program.hurried_grace_s)
                slot.start_at_ns = now_ns

    def _probe_due(self, slot: _Slot, now_ns: int) -> bool:
        settled = now_ns - slot.started_ns >= PROBE_GRACE_S * NS_PER_S
        return settled and now_ns - slot.probed_ns >= PROBE_EVERY_S * NS_PER_S

    def _died(self, slot: _Slot, status: int, now_ns: int) -> None:
        if now_ns - slot.started_ns >= STABLE_S * NS_PER_S:
            slot.pause_s = 1.0
        self._say(
            slot.program.name, f"died (exit status {status}); starting again in {slot.pause_s:g} s"
        )
        self._end(slot, 0)
        slot.start_at_ns = now_ns + int(slot.pause_s * NS_PER_S)
        slot.pause_s = min(slot.pause_s * 2, PAUSE_S_MAX)

    def _end(self, slot: _Slot, grace_s: float) -> bool:
        """Stop one process within its grace; return whether it ended by itself."""
        child = slot.child
        slot.child = None
        if child is None:
            return True
        child.ask_to_stop()
        left_s = grace_s
        while left_s > 0 and not child.wait(min(TURN_S, left_s)):
            left_s -= TURN_S
            if self._requests > 1:
                left_s = min(left_s, slot.program.hurried_grace_s)
        orderly = child.exit_status is not None
        child.kill()  # also whatever it left behind
        child.close()
        return orderly

    def _stop_all(self) -> bool:
        """Stop in the order in which the programs were added, one after the other."""
        orderly = True
        for slot in self._slots:
            if slot.child is None:
                continue
            ended = self._end(slot, slot.program.grace_s)
            self._say(slot.program.name, "stopped" if ended else "did not stop in time; killed")
            orderly = orderly and ended
        return orderly
