"""`manage.py run_signer`: the process that holds the key, until SIGTERM. Needs no database.

This process reads the settings and the policy and then becomes another program, which has nothing
of Django in it and no key among its variables.
"""

import os
import secrets
import sys
import time
from argparse import ArgumentParser
from typing import Any, NoReturn

import httpx
import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from polyarb_site.yaml_files import ConfigError, read_yaml
from trading.config.venues import VenuesError, venue_settings
from trading.management.base import REFUSED
from trading.signer.environment import take_key
from trading.signer.faults import StartRefusedError
from trading.signer.key import SigningKey
from trading.signer.keystore import (
    create_keystore,
    create_password,
    open_keystore,
    read_password,
)
from trading.signer.launch import Launch, send_launch
from trading.signer.policy_file import PolicyFileError, policy_from
from trading.signer.terms import Policy

PROGRAM = "trading.signer"
DEPOSIT_WALLET = "3"  # its signature type
PLAY_SCRYPT_COST = 2**12  # nobody guesses at play money, and it has to be there within seconds
VENUE_TRIES = 120
VENUE_TURN_S = 0.5
VENUE_READ_S = 5.0


class Command(BaseCommand):
    """Reads the policy, hands over what a signer has to know, and turns into it."""

    help = "Run the signer: the only process with the key, behind its policy and a Unix socket."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--play",
            action="store_true",
            help="sign play money for the local venue, with a key that is made when it is missing",
        )

    def handle(self, *_args: Any, **options: Any) -> NoReturn:
        """Become the signer. Exits with 1 when something that it needs is missing or wrong."""
        key = take_key()
        if options["play"]:
            _become(_play_launch())
        launch = Launch(
            policy=_policy(),
            socket=str(settings.SIGNER_SOCKET),
            spend_file=str(settings.SIGNER_SPEND_FILE),
            keystore=str(settings.SIGNER_KEYSTORE),
            password_file=str(settings.SIGNER_PASSWORD_FILE),
            key=key,
        )
        _become(launch)


def _become(launch: Launch) -> NoReturn:
    descriptor = send_launch(launch)
    os.chdir(settings.BASE_DIR)  # where Python finds the program
    os.execv(sys.executable, [sys.executable, "-m", PROGRAM, str(descriptor)])  # noqa: S606


def _play_launch() -> Launch:
    """Return how to sign play money: a key of its own, never that of real money."""
    folder = settings.SIGNER_PLAY_DIR
    keystore, password_file = folder / "keystore.json", folder / "password"
    try:
        if keystore.exists():
            key = open_keystore(keystore, read_password(password_file))
        else:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            known = password_file.exists()
            password = read_password(password_file) if known else create_password(password_file)
            key = SigningKey(secrets.token_bytes(32))
            create_keystore(keystore, key, password, scrypt_cost=PLAY_SCRYPT_COST)
    except StartRefusedError as error:
        raise CommandError(str(error), returncode=REFUSED) from None
    known_venue = venue_settings(read_yaml(settings.CONFIG_DIR / "venues.yaml"))
    bounds = dict(read_yaml(settings.CONFIG_DIR / "signer.play.yaml"))
    bounds |= {"owner": key.address, "maker": _play_wallet(key.address)}
    return Launch(
        policy=policy_from(bounds, known_venue),
        socket=str(settings.SIGNER_PLAY_SOCKET),
        spend_file=str(folder / "spend.json"),
        keystore=str(keystore),
        password_file=str(password_file),
    )


def _play_wallet(owner: str) -> str:
    """Return the deposit wallet of an owner, as soon as the local venue can say it."""
    url = f"http://127.0.0.1:{settings.SIMULATOR_PORT}/simulator/wallets/{owner}"
    for _ in range(VENUE_TRIES):
        try:
            answer = httpx.get(url, timeout=VENUE_READ_S, trust_env=False)
            if answer.status_code == httpx.codes.OK:
                return msgspec.json.decode(answer.content, type=dict[str, str])[DEPOSIT_WALLET]
        except (httpx.HTTPError, msgspec.DecodeError, KeyError):
            pass  # it is starting
        time.sleep(VENUE_TURN_S)
    raise CommandError(
        f"the local venue does not say whose wallet is whose at {url}\n"
        "  start it first: manage.py simulate_exchange",
        returncode=REFUSED,
    )


def _policy() -> Policy:
    """Return the policy of the file. Raises CommandError, which names file, field and remedy."""
    file = settings.SIGNER_POLICY_FILE
    try:
        venue = venue_settings(read_yaml(settings.CONFIG_DIR / "venues.yaml"))
        return policy_from(read_yaml(file), venue)
    except PolicyFileError as error:
        raise CommandError(f"{file}: {error}", returncode=REFUSED) from None
    except (ConfigError, VenuesError) as error:
        raise CommandError(
            f"{error}\n  the signer's policy: start from config/signer.example.yaml",
            returncode=REFUSED,
        ) from None
