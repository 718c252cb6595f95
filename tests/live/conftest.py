"""A signer for all tests of a process, a venue for each, and an account that trades there."""

import shutil
import tempfile
from itertools import count
from pathlib import Path

import pytest

from tests.conftest import make_profile
from tests.live.rig import KEY, Rig, address_of, rules
from tests.live.venue import OpenVenue
from tests.signer.running import Signer
from trading.models import Mandate
from trading.simulator.signatures import deposit_wallet

_numbers = count(1)


@pytest.fixture(scope="session")
def signers():
    """Make signers with short paths, and end them."""
    made = []

    def start(key, wallet, signature_type=3):
        directory = Path(tempfile.mkdtemp(prefix="pal-"))
        terms = rules(wallet, address_of(key), signature_type=signature_type)
        made.append(Signer(directory, terms, key.removeprefix("0x")).start())
        return made[-1]

    yield start
    for one in made:
        if one.process.poll() is None:
            one.stop()
        shutil.rmtree(one.directory)


@pytest.fixture(scope="session")
def signer(signers):
    """The signer that tests share which leave it alone."""
    return signers(KEY, deposit_wallet(address_of(KEY)))


@pytest.fixture
def place(settings, tmp_path):
    """Directories of this test alone."""
    settings.RUN_DIR = tmp_path / "run"
    settings.JOURNAL_DIR = tmp_path / "journal"
    settings.KILL_FILE = tmp_path / "KILL"
    return tmp_path


@pytest.fixture
def account_wanted(place, mandate):
    """The account's engine shall trade with play money."""
    profile = make_profile(
        "simulated_atomic_v1", COOLDOWN_MS=100, RESYNC_EVERY_MS=500, LEG_LOSS_MAX="0.50"
    )
    Mandate.objects.update(desired="RUN", mode="LIVE", feed="simulator", profile=profile)
    return mandate


@pytest.fixture
def make_venue(place, settings):
    """Make venues; each becomes the local venue of the settings."""
    made = []

    def make(**changes):
        folder = place / f"venue-{len(made)}"
        made.append(OpenVenue(folder, **changes))
        settings.SIMULATOR_PORT = made[-1].port
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def rig(make_venue, signer, account_wanted, settings):
    """A venue on its own books, and a deposit wallet."""
    settings.SIGNER_PLAY_SOCKET = signer.socket
    owner = address_of(KEY)
    return Rig(make_venue(), signer, owner=owner, wallet=deposit_wallet(owner))
