"""What npm brings is pinned exactly, and the lock names no server."""

import json

import pytest

from tests.helpers.installation import ROOT

FOLDER = ROOT / "trading" / "simulator" / "evm"


@pytest.fixture
def lock():
    return json.loads((FOLDER / "package-lock.json").read_text())["packages"]


def test_the_lock_says_what_the_package_file_says(lock):
    wanted = json.loads((FOLDER / "package.json").read_text())

    for kind in ("dependencies", "optionalDependencies"):
        assert lock[""][kind] == wanted[kind], "run npm install in a copy, and take its lock"
        assert all(version[0].isdigit() for version in wanted[kind].values())


def test_every_package_has_a_hash_and_no_address(lock):
    packages = {name: package for name, package in lock.items() if name}

    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not [name for name, package in packages.items() if "resolved" in package], (
        "npm install --omit-lockfile-registry-resolved"
    )
