"""`manage.py create_keystore`: make or import the signer's key. The key itself is never shown."""

import getpass
import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from trading.management.base import FAILED, REFUSED
from trading.signer.faults import StartRefusedError
from trading.signer.key import KeyRefusedError, SigningKey
from trading.signer.keystore import create_keystore, create_password, read_password
from trading.signer.private_files import read_private


class Command(BaseCommand):
    """Encrypts one key into the data directory. A key that is there is never written over."""

    help = "Make the signer's key, or import one, into an encrypted file. Needs no database."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options. There is none that takes a key: arguments are seen by others."""
        source = parser.add_mutually_exclusive_group()
        source.add_argument("--import-key", action="store_true", help="ask for the key, hidden")
        source.add_argument("--from-file", type=Path, help="a file of mode 600 with the key in hex")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make both files that are missing. Exits with 1 when refused, 2 when it failed."""
        keystore, password_file = settings.SIGNER_KEYSTORE, settings.SIGNER_PASSWORD_FILE
        if keystore.exists():
            raise CommandError(
                f"there is a key in {keystore}\n"
                "  move it away first; without a copy its wallet is lost",
                returncode=REFUSED,
            )
        try:
            key = _key(asked=options["import_key"], file=options["from_file"])
            known = password_file.exists()
            password = read_password(password_file) if known else create_password(password_file)
            create_keystore(keystore, key, password)
        except (StartRefusedError, KeyRefusedError) as error:
            raise CommandError(str(error), returncode=REFUSED) from None
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}", returncode=FAILED) from None
        self.stdout.write(f"address    {key.address}")
        self.stdout.write(f"keystore   {keystore}")
        self.stdout.write(f"password   {password_file}{'' if known else ' (new)'}")
        self.stdout.write(
            "keep a copy of both in two different places: together they are the money"
        )


def _key(*, asked: bool, file: Path | None) -> SigningKey:
    if asked:
        return SigningKey.from_text(getpass.getpass("private key (hidden): "))
    if file is None:
        return SigningKey(secrets.token_bytes(32))
    try:
        content = read_private(file)
    except FileNotFoundError:
        raise KeyRefusedError(f"{file} is missing; name the file that holds the key") from None
    return SigningKey.from_text(content.decode("ascii", "replace"))
