"""A relayer that answers what the test says, and a deposit wallet that asks it."""

import dataclasses

import pytest

from tests.feeds.misbehaving import Answer, Venue, as_json
from tests.helpers.clocks import FixedClock
from tests.wallets.chain import ADDRESS, Intents, KeySigner
from trading.adapters.http_reads import HttpSettings
from trading.wallets.messages import Call
from trading.wallets.relayer import DepositSettings, DepositWallet
from trading.wallets.relayer_api import RelayerApi, RelayerKey

WALLET, FACTORY = "0x" + "77" * 20, "0x" + "88" * 20
CALL = Call(target="0x" + "11" * 20, data="0x1234")
HASH = "0x" + "ab" * 32
PARAMS, SUBMIT, STATE = "/v1/account/transactions/params", "/submit", "/v1/account/transactions/t-1"
DEADLINE_S = 1_790_856_600  # noon of the clock and 600 seconds
SENT = f"batch:12:{DEADLINE_S}:1:"
SENT_TWO = f"batch:12:{DEADLINE_S}:2:"
BUSY = "wallet busy: 1 active action"
UNCLEAR = {
    "an error of the server": Answer(b"oops", status=502),
    "no answer in time": Answer(b"{}", delay_s=0.5),
    "an answer that is no JSON": Answer(b"<html>"),
    "an answer without an id": as_json({"state": "STATE_NEW"}),
    "half an answer": Answer(b'{"transactionID": "t-1"}', torn=4),
}


class Relayer:
    """Answers in the order of `submits`, the last for ever; so for `states`."""

    def __init__(self, server: Venue) -> None:
        self.server = server
        self.nonce = "12"
        self.submits = [as_json({"transactionID": "t-1", "state": "STATE_NEW"})]
        self.states = [self.state("STATE_NEW"), self.state("STATE_CONFIRMED", HASH)]
        server.answers[PARAMS] = lambda _: as_json({"address": ADDRESS, "nonce": self.nonce})
        server.answers[SUBMIT] = lambda _: self._next(self.submits)
        server.answers[STATE] = lambda _: self._next(self.states)

    @staticmethod
    def state(name, transaction_hash=None, problem=""):
        return as_json(
            {
                "transaction_id": "t-1",
                "state": name,
                "transaction_hash": transaction_hash,
                "error_msg": problem,
            }
        )

    @property
    def submitted(self):
        return [request.json for request in self.server.asked(SUBMIT)]

    @staticmethod
    def _next(answers):
        return answers.pop(0) if len(answers) > 1 else answers[0]


def refusal(text, status=400, **more):
    return as_json({"error": text}, status=status, **more)


@pytest.fixture
async def relayer():
    async with Venue() as server:
        yield Relayer(server)


@pytest.fixture
async def api(relayer, clock):
    api = RelayerApi(
        relayer.server.http_url,
        key=RelayerKey(key="secret-key", address=ADDRESS),
        submits_per_minute=100,
        clock=clock,
        http=HttpSettings(total_ms=200),
    )
    yield api
    await api.close()


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def signer():
    return KeySigner()


@pytest.fixture
def intents():
    return Intents()


@pytest.fixture
def make_wallet(api, signer, intents, clock):
    def make(venue_time=None, **changes):
        settings = DepositSettings(
            owner=ADDRESS,
            wallet=WALLET,
            factory=FACTORY,
            poll_every_ms=1,
            polls_max=5,
            tries_max=3,
            calls_max=3,
        )
        return DepositWallet(
            dataclasses.replace(settings, **changes),
            api=api,
            signer=signer,
            intents=intents,
            clock=clock,
            venue_time=venue_time,
        )

    return make


@pytest.fixture
def wallet(make_wallet):
    return make_wallet()
