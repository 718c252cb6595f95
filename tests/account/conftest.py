import pytest

from polyarb_site.clock import SystemClock
from tests.account.secrets import PLANTED, hides
from tests.account.trader import Trader
from tests.feeds.misbehaving import Venue
from trading.adapters.clob_private import ClobPrivate
from trading.adapters.http_reads import HttpSettings
from trading.adapters.private_limits import PrivateSettings
from trading.signing.headers import ApiCredentials

ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
CREDENTIALS = ApiCredentials(
    api_key=PLANTED["key"], secret=PLANTED["secret"], passphrase=PLANTED["passphrase"]
)


@pytest.fixture
async def venue():
    async with Venue() as venue:
        yield venue


@pytest.fixture
def credentials():
    return CREDENTIALS


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog):
    """Whatever happens in a test of this folder, no log line of any level holds a secret."""
    caplog.set_level(1)
    yield
    records = caplog.get_records("setup") + caplog.get_records("call")
    assert hides("\n".join(record.getMessage() for record in records))


@pytest.fixture
async def make_private():
    """Return a maker of clients with short times; each is closed at the end."""
    made = []

    def make(url, *, read_ms=500, total_ms=1_000, credentials=CREDENTIALS, **more):
        http = {
            name: more.pop(name) for name in list(more) if name in HttpSettings.__dataclass_fields__
        }
        settings = PrivateSettings(
            http=HttpSettings(read_ms=read_ms, total_ms=total_ms, **http), **more
        )
        client = ClobPrivate(url, settings, SystemClock(), address=ADDRESS, credentials=credentials)
        made.append(client)
        return client

    yield make
    for client in made:
        await client.close()


@pytest.fixture
def private(venue, make_private):
    return make_private(venue.http_url)


@pytest.fixture
async def make_trader(running):
    """Return a maker of traders on the running local venue; each is closed at the end."""
    made = []

    def make(key):
        made.append(Trader(running[0], key))
        return made[-1]

    yield make
    for trader in made:
        await trader.client.close()
