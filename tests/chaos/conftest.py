"""Installations to be broken."""

import os
import uuid

import pytest

from tests.helpers.installation import Installation


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """An installation that the others are copies of. Its engine shall run, on recorded data."""
    made = Installation(tmp_path_factory.mktemp("prepared"), f"chaos_{uuid.uuid4().hex[:12]}")
    made.manage("migrate", "-v0")
    made.manage("seed")
    made.manage("start_shadow", "--detach", "--speed", "200")
    yield made
    made.end()


@pytest.fixture
def broken(prepared, tmp_path):
    """An installation whose engine shall run, and of whose processes none is left behind."""
    name = f"chaos_{uuid.uuid4().hex[:12]}"
    made = Installation(tmp_path / "data", name, prepared)
    yield made
    left = made.processes()
    made.end()
    assert os.getpid() not in [process.pid for process in left]
