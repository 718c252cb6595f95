"""What keeps the key's memory to its own process, as far as one process can see to that itself."""

import ctypes
import os
import resource

PR_SET_DUMPABLE = 4


def harden() -> None:
    """Close new files to others, write no core dumps, let no other process of ours look inside.

    The last also closes /proc/PID/environ and /proc/PID/mem to everybody but root.
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
