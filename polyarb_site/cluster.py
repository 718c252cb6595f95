"""A django-q cluster that stops in order and leaves nothing behind, whoever is killed.

Theory of operation. A cluster is a parent, its sentinel, and the sentinel's workers. django-q's own
parent stops in its signal handler, where it can wait for a lock that it holds itself; waits without
a limit for running tasks, which are never told; and leaves all running when it is killed. So:

- The signal handler only writes a byte into a pipe. The parent's loop does the rest.
- A byte of shared memory, made before the first fork, tells running tasks to end (`STOP`). No lock
  is behind it: one that a killed process held would block everybody else for ever.
- Each forked child asks the kernel for SIGTERM when its parent dies. The parent adopts what its
  sentinel leaves behind, so that it can be found and killed.
- Stopping has a limit; then the whole tree is killed. A sentinel that dies ends the cluster with an
  exit status of its own, so that whoever supervises it starts it anew.

This touches django_q.cluster.Cluster inside: the exact version is pinned, and tests/chaos tries it.
"""

import contextlib
import ctypes
import logging
import mmap
import multiprocessing
import os
import select
import signal
import threading
import uuid
from multiprocessing.context import ForkProcess
from types import FrameType

import psutil
from django_q.cluster import Cluster, Sentinel

from polyarb_site.clock import Clock

logger = logging.getLogger(__name__)

EXIT_SENTINEL_DIED = 70
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
TURN_S = 0.5
HURRY_S = 2.0
NOTHING_LEFT_S = 3.0  # for what the sentinel left behind to end by itself

_libc = ctypes.CDLL(None, use_errno=True)


class StopFlag:
    """Set once and seen by every process that was forked after it was made."""

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)

    def set(self) -> None:
        """Ask everybody to end."""
        self._byte[0] = 1

    def is_set(self) -> bool:
        """Return whether everybody shall end."""
        return self._byte[0] == 1


STOP = StopFlag()
_forking_pid = os.getpid()


class PortalCluster(Cluster):
    """One cluster, run by `run` in the main thread of its process."""

    def __init__(self, *, grace_s: float, clock: Clock) -> None:
        self._grace_s = grace_s
        self._clock = clock
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._woken, False)
        self._fork = multiprocessing.get_context("fork")
        self._stop_sentinel = self._fork.Event()
        super().__init__()  # installs sig_handler

    def sig_handler(self, signum: int, frame: FrameType | None) -> None:
        """Wake the loop, and nothing else."""
        del signum, frame
        with contextlib.suppress(BlockingIOError):  # full: it will wake up anyway
            os.write(self._wake, b"!")

    def run(self) -> int:
        """Run until told to stop; return the exit status."""
        parent_pid = os.getppid()
        _tie_children_to_their_parents()
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        sentinel = self._start_sentinel()
        told = False
        while sentinel.is_alive() and not told:
            told = self._wait(TURN_S, sentinel)
            if os.getppid() != parent_pid:
                logger.warning("whoever started this cluster is gone: stopping")
                told = True
        if sentinel.is_alive():
            self._stop_in_order(sentinel)
            return 0
        STOP.set()
        self._kill_rest(NOTHING_LEFT_S)
        if told or self._wait(0, sentinel):
            return 0  # the signal was for all of us, and the sentinel was faster
        logger.critical("the sentinel died with exit status %s", sentinel.exitcode)
        return EXIT_SENTINEL_DIED

    def _start_sentinel(self) -> ForkProcess:
        """Start what Cluster.start would, without waiting for it: a signal may come meanwhile."""
        started = self._fork.Event()
        sentinel = self._fork.Process(
            target=Sentinel,
            name=f"Process-{uuid.uuid4().hex}",
            args=(self._stop_sentinel, started, self.cluster_id, self.broker, self.timeout),
        )
        sentinel.start()
        return sentinel

    def _wait(self, seconds: float, sentinel: ForkProcess) -> bool:
        """Wait for a signal or the sentinel's end; return whether a signal came."""
        ready, _, _ = select.select([self._woken, sentinel.sentinel], [], [], seconds)
        if sentinel.sentinel in ready:
            sentinel.join(seconds)  # its files are closed a moment before it has ended
        if self._woken not in ready:
            return False
        with contextlib.suppress(BlockingIOError):
            os.read(self._woken, 64)
        return True

    def _stop_in_order(self, sentinel: ForkProcess) -> None:
        """Tell tasks and sentinel to end, and kill what does not."""
        STOP.set()
        # Setting the event takes a lock, which a killed process may hold for ever: not from here.
        threading.Thread(target=self._stop_sentinel.set, daemon=True).start()
        deadline_ns = self._in(self._grace_s)
        while sentinel.is_alive() and (left_s := self._left_s(deadline_ns)) > 0:
            if self._wait(min(TURN_S, left_s), sentinel):
                deadline_ns = min(deadline_ns, self._in(HURRY_S))  # told again
        if sentinel.is_alive():
            logger.warning("not everything ended in time: it is killed")
            self._kill_rest(0)
        else:
            self._kill_rest(NOTHING_LEFT_S)
        sentinel.join(1)

    def _in(self, seconds: float) -> int:
        return self._clock.monotonic_ns() + round(seconds * 1e9)

    def _left_s(self, deadline_ns: int) -> float:
        return (deadline_ns - self._clock.monotonic_ns()) / 1e9

    def _kill_rest(self, patience_s: float) -> None:
        """Give our descendants a moment to end, then kill them."""
        me = psutil.Process()
        rest = me.children(recursive=True)
        for one in rest:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.terminate()
        _, rest = psutil.wait_procs(rest, timeout=patience_s)
        for one in (*rest, *me.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(rest, timeout=1)


def _tie_children_to_their_parents() -> None:
    """Let every process that is forked from here on end with its parent, however that ends."""
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)


def _before_fork() -> None:
    global _forking_pid  # noqa: PLW0603 - the child has to know whose child it should be
    _forking_pid = os.getpid()


def _after_fork() -> None:
    # The parent's handler would wake the parent, and the child would live on.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != _forking_pid:  # it died before the line above
        os._exit(0)
