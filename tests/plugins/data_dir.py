"""A pytest plugin that gives each test process a data directory of its own.

The settings make a key file where POLYARB_DATA_DIR points, and pytest-django loads them before the
first conftest. So this is a plugin, named in `addopts`: those are imported before anything else. A
developer's own data directory is never read or written by a test.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path


def _fresh_data_dir() -> Path:
    """Make the directory, let the settings find it, and remove it when this process ends."""
    # Short, because the paths of Unix sockets below it may hold 107 characters.
    directory = Path(tempfile.mkdtemp(prefix="pa-"))
    os.environ["POLYARB_DATA_DIR"] = str(directory)
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # a forked child leaves its parent's directory alone
            shutil.rmtree(directory, ignore_errors=True)

    atexit.register(remove)
    return directory


DATA_DIR = _fresh_data_dir()
