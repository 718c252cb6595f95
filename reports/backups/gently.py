"""Work that may take long, in a thread that lets everybody else go first."""

import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from reports.backups.faults import BackupFailed, Fault

T = TypeVar("T")
NICENESS = 10
LOOK_S = 0.5


def gently(work: Callable[[Callable[[], None]], T], *, should_stop: Callable[[], bool]) -> T:
    """Run `work(check)` in a new thread and return what it returns, or raise what it raises.

    Linux counts niceness by thread: the thread and the programs that it starts are nice, the
    process around it stays as it is. `check` raises BackupFailed when the work is to end, because
    `should_stop` says so or because the caller was interrupted.
    """
    interrupted = threading.Event()

    def check() -> None:
        if interrupted.is_set() or should_stop():
            raise BackupFailed(Fault.STOPPED, "this process was asked to end")

    def run() -> T:
        with contextlib.suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        return work(check)

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="backup") as pool:
        future = pool.submit(run)
        try:
            while not wait([future], LOOK_S).done:
                pass
        finally:
            interrupted.set()
        return future.result()
