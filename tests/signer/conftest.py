"""A short directory for sockets and the signers in it, and the clock of a signer that runs now."""

import shutil
import tempfile
import time
from pathlib import Path

import pytest

from tests.signer.running import Signer


@pytest.fixture
def short_dir():
    directory = Path(tempfile.mkdtemp(prefix="pas-"))
    yield directory
    # Signers elsewhere go on: other tests of this process share one for the whole run.
    for one in [one for one in Signer.started if one.directory.is_relative_to(directory)]:
        Signer.started.remove(one)
        one.kill()
    shutil.rmtree(directory)


@pytest.fixture
def now_s():
    return int(time.time())
