"""Encryption at rest: the addresses of channels are kept under a key that is in no database."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class KeyProblem(Exception):  # noqa: N818 - said to a person
    """The key cannot be used, or another one was used. Says what to do."""


class SecretBox:
    """Encrypts with the first key of a file and reads with any of them.

    To change the key, write a new one as the first line; the old lines go when each channel was
    saved once more.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def close(self, address: Mapping[str, Any]) -> str:
        """Return the address encrypted. Raises KeyProblem."""
        return self._cipher().encrypt(json.dumps(address).encode()).decode()

    def open(self, text: str) -> dict[str, Any]:
        """Return the address that was encrypted. Raises KeyProblem."""
        try:
            address = json.loads(self._cipher().decrypt(text.encode()))
        except InvalidToken:
            # The cause would carry what was encrypted along, and there is nothing to learn from it.
            raise KeyProblem(
                "the address was encrypted with another key; type it in again, or bring back "
                "the key file"
            ) from None
        if not isinstance(address, dict):
            raise KeyProblem("what was encrypted is no address; type it in again")
        return address

    def _cipher(self) -> MultiFernet:
        try:
            lines = _key_lines(self._file)
            return MultiFernet([Fernet(line) for line in lines])
        except OSError as error:
            raise KeyProblem(
                f"the key file of the channels cannot be read ({error.strerror})"
            ) from None
        except ValueError:
            raise KeyProblem(
                "the key file of the channels is damaged; bring it back from a copy, or remove it "
                "and type all addresses in again"
            ) from None


def _key_lines(file: Path) -> list[str]:
    """Return the keys, made once in a file that only the owner reads.

    Two processes that start together agree: whoever creates the file first wins.
    """
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(Fernet.generate_key().decode())
        try:
            os.link(draft, file)  # fails when somebody else was first; never shows a torn file
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    lines = [line.strip() for line in file.read_text().splitlines() if line.strip()]
    if not lines:
        raise ValueError("empty")
    return lines
