"""Starts the signer: reads what it is told through a pipe, opens the key, serves until told to end.

A pipe, because arguments and variables of a process can be read by others for as long as it lives.
"""

import logging
import os
import sys
from pathlib import Path

import msgspec
import uvloop

from polyarb_site.clock import Clock
from trading.signer.desk import SignerDesk
from trading.signer.faults import StartRefusedError
from trading.signer.hardening import harden
from trading.signer.key import KeyRefusedError, SigningKey
from trading.signer.keystore import open_keystore, read_password
from trading.signer.server import SignerServer, serve_until_told
from trading.signer.spending import SpendFile
from trading.signer.terms import Policy

LAUNCH_BYTES_MAX = 48 * 1024  # fits into a pipe at once
REFUSED, FAILED = 1, 2


class Launch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a signer has to know. `key` is a key in hex; empty: the keystore's."""

    policy: Policy
    socket: str
    spend_file: str
    keystore: str
    password_file: str
    key: str = ""

    def __repr__(self) -> str:
        """Say nothing of the key."""
        return f"Launch({self.policy.owner})"


def send_launch(launch: Launch) -> int:
    """Put a launch into a pipe and return the end that the signer has to inherit.

    Raises ValueError when it is too long to be put there at once.
    """
    content = msgspec.json.encode(launch)
    if len(content) > LAUNCH_BYTES_MAX:
        raise ValueError("the policy is too long; shorten its lists")
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as stream:
        stream.write(content)
    os.set_inheritable(reading, True)
    return reading


def receive_launch(descriptor: int) -> Launch:
    """Read a launch from a pipe. Raises StartRefusedError."""
    try:
        with os.fdopen(descriptor, "rb") as stream:
            return msgspec.json.decode(stream.read(LAUNCH_BYTES_MAX + 1), type=Launch)
    except (OSError, msgspec.DecodeError):
        raise StartRefusedError("nothing told the signer how; use manage.py run_signer") from None


def run(descriptor: int, clock: Clock) -> int:
    """Run a signer; return its exit status: 0 ended as told, 1 refused, 2 failed."""
    harden()
    logging.basicConfig(format="{asctime} {levelname} {name} {message}", style="{", level="INFO")
    try:
        launch = receive_launch(descriptor)
        desk = SignerDesk(
            key=_key(launch),
            policy=launch.policy,
            spend_file=SpendFile(
                Path(launch.spend_file), day_buy_micro_max=launch.policy.day_buy_micro_max
            ),
            now_ns=clock.now_ns,
        )
        server = SignerServer(desk, Path(launch.socket), uid=os.geteuid())
        uvloop.run(serve_until_told(server, ready=lambda: _ready(launch, desk)))
        desk.close()
    except StartRefusedError as error:
        sys.stderr.write(f"Error: {error}\n")
        return REFUSED
    except OSError as error:
        sys.stderr.write(f"Error: the signer failed: {error.strerror} ({error.filename})\n")
        return FAILED
    return 0


def _key(launch: Launch) -> SigningKey:
    if not launch.key:
        return open_keystore(Path(launch.keystore), read_password(Path(launch.password_file)))
    try:
        return SigningKey.from_text(launch.key)
    except KeyRefusedError as error:
        raise StartRefusedError(f"POLYARB_SIGNER_KEY: {error}") from None


def _ready(launch: Launch, desk: SignerDesk) -> None:
    policy = launch.policy
    money = "play money" if policy.play_money else f"phase {policy.phase}"
    sys.stdout.write(f"signer of {desk.address} for {policy.maker}, {money}, on {launch.socket}\n")
    sys.stdout.flush()
