"""The real local venue in a process of its own, and a door in front of it that can be broken."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import httpx
import pytest
from eth_account import Account

from tests.helpers.evm import VENUE, ask
from tests.helpers.installation import ROOT, wait_for
from tests.signer.builders import plain_policy, policy
from tests.signer.running import Signer
from trading.models import Mandate
from trading.simulator.evm.abi import call_data

_numbers = count(1)
PASSED_ON = ("content-type", "poly_", "relayer_")


class VenueProcess:
    """`manage.py simulate_exchange` on a port of its own."""

    def __init__(self, directory, *options):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        command = ["manage.py", "simulate_exchange", f"--port={self.port}", "--markets=1"]
        self._process = subprocess.Popen(
            [sys.executable, *command, "--no-approved", "--drills", *options],
            cwd=ROOT,
            env={**os.environ, "POLYARB_DATA_DIR": str(directory)},
            stdout=subprocess.DEVNULL,
        )
        wait_for(self._answers, 60, "the venue's first answer")

    def _answers(self):
        assert self._process.poll() is None, "the venue did not start"
        try:
            return httpx.get(f"{self.address}/ok", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    @property
    def rpc_url(self):
        """Where its chain is."""
        info = httpx.get(f"{self.address}/simulator/info", trust_env=False).json()
        return info["chain"]["rpc"]

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(20)


class Between:
    """A server on loopback that passes everything on, but answers these paths itself."""

    def __init__(self, target):
        self.answers = {}  # path -> JSON value, or a function of the real answer's value
        self.asked = []
        between = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self._pass_on()

            def do_POST(self):
                self._pass_on()

            def _pass_on(self):
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length)
                between.asked.append(f"{self.command} {self.path}")
                status, said = between.answer(self.command, self.path, self.headers, body)
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_):
                pass

        self.target = target
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def answer(self, method, path, headers, body):
        known = {k: v for k, v in headers.items() if k.lower().startswith(PASSED_ON)}
        instead = self.answers.get(path.partition("?")[0])
        if instead is not None and not callable(instead):
            return 200, json.dumps(instead).encode()
        url = f"{self.target}{path}"
        told = httpx.request(method, url, headers=known, content=body, trust_env=False)
        if instead is None:
            return told.status_code, told.content
        return 200, json.dumps(instead(told.json())).encode()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Trader:
    """A key that nobody else uses, its wallet at a venue, and the signer that holds it."""

    def __init__(self, venue, directory, *, kind="DEPOSIT"):
        self.venue = venue
        self.kind = kind
        self.key = f"0x{next(_numbers) + os.getpid() + 2**220:064x}"
        self.owner = Account.from_key(self.key).address
        wallets = httpx.get(f"{venue.address}/simulator/wallets/{self.owner}", trust_env=False)
        self.wallet = wallets.json()["3"] if kind == "DEPOSIT" else self.owner
        self.directory = directory
        self.signer = None
        self.start_signer()

    def start_signer(self, **changes):
        """Start the signer, or another one in its place."""
        if self.signer is not None:
            self.signer.stop()
        if self.kind == "DEPOSIT":
            rules = policy(owner=self.owner, maker=self.wallet, **changes)
        else:
            rules = plain_policy(owner=self.owner, maker=self.owner, **changes)
        self.signer = Signer(self.directory, rules, key=self.key).start()

    def send(self, to, signature, *values):
        """Send a transaction of the key's own address past everything of ours."""
        rpc = self.venue.rpc_url
        transaction = {
            "from": self.owner,
            "to": to,
            "data": call_data(signature, *values),
            "value": 0,
            "nonce": int(ask(rpc, "eth_getTransactionCount", self.owner, "latest"), 16),
            "gas": 1_000_000,
            "maxFeePerGas": 10**11,
            "maxPriorityFeePerGas": 10**9,
            "chainId": VENUE.chain_id,
        }
        raw = Account.sign_transaction(transaction, self.key).raw_transaction
        return ask(rpc, "eth_sendRawTransactionSync", f"0x{raw.hex()}")


@pytest.fixture(scope="session")
def on_chain(tmp_path_factory):
    venue = VenueProcess(tmp_path_factory.mktemp("chain"), "--chain")
    yield venue
    venue.stop()


@pytest.fixture(scope="session")
def on_books(tmp_path_factory):
    venue = VenueProcess(tmp_path_factory.mktemp("books"), "--no-chain")
    yield venue
    venue.stop()


@pytest.fixture
def as_started(tmp_path):
    """A venue as `make run` starts it where there is no npm."""
    venue = VenueProcess(tmp_path, "--no-chain", "--approved")
    yield venue
    venue.stop()


@pytest.fixture
def enter(mandate, settings, short_dir):
    """Return a function that gives the account a wallet at a venue: (trader, door)."""
    doors = []

    def begin(venue, kind="DEPOSIT"):
        door = Between(venue.address)
        doors.append(door)
        settings.SIMULATOR_PORT = door.port
        trader = Trader(venue, short_dir, kind=kind)
        settings.SIGNER_PLAY_SOCKET = trader.signer.socket
        Mandate.objects.update(feed="simulator")
        return trader, door

    yield begin
    for door in doors:
        door.close()
