"""The key at rest: an encrypted file (Web3 Secret Storage, version 3, scrypt) and its password.

Both files are mode 600, else they are refused. The format is the common one, so that a keystore of
another wallet program can be put here and this one taken elsewhere.
"""

import json
import secrets
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from trading.signer.faults import StartRefusedError
from trading.signer.key import KeyRefusedError, SigningKey
from trading.signer.private_files import create_private, read_private
from trading.signer.terms import same

SCRYPT_COST = 2**18  # a second and 256 MiB for each guess at the password
PASSWORD_LENGTH_MIN = 12
VERSION = 3


def create_password(path: Path) -> bytes:
    """Make a password that nobody has to remember. Raises FileExistsError."""
    password = secrets.token_urlsafe(32).encode()
    create_private(path, password + b"\n")
    return password


def read_password(path: Path) -> bytes:
    """Return the password in a private file, without the end of its line.

    Raises StartRefusedError when it is missing, too short, or open to others.
    """
    try:
        password = read_private(path).rstrip(b"\r\n")
    except FileNotFoundError:
        raise StartRefusedError(
            f"{path} is missing; put the keystore's password there, mode 600"
        ) from None
    if len(password) < PASSWORD_LENGTH_MIN:
        raise StartRefusedError(
            f"{path} holds less than {PASSWORD_LENGTH_MIN} characters; take a longer password"
        )
    return password


def create_keystore(
    path: Path, key: SigningKey, password: bytes, *, scrypt_cost: int = SCRYPT_COST
) -> None:
    """Encrypt a key into a new file. Raises FileExistsError: a key is never written over."""
    made = _eth_keyfile().create_keyfile_json(
        key.secret(), password, version=VERSION, kdf="scrypt", iterations=scrypt_cost
    )
    create_private(path, json.dumps(made, indent=1).encode() + b"\n")


def open_keystore(path: Path, password: bytes) -> SigningKey:
    """Return the key of a keystore. Raises StartRefusedError, which repeats neither of the two."""
    try:
        content = read_private(path)
    except FileNotFoundError:
        raise StartRefusedError(
            f"{path} is missing; make a key with manage.py create_keystore"
        ) from None
    stored = _decode(content, path)
    try:
        secret = _eth_keyfile().decode_keyfile_json(stored, password)
        key = SigningKey(bytes(secret))
    except KeyRefusedError as error:
        raise StartRefusedError(f"{path}: {error}") from None
    except (ValueError, KeyError, TypeError):
        # From the library, whose texts may quote the file.
        raise StartRefusedError(
            f"{path} does not open with this password, or is damaged; check the password file"
        ) from None
    address = f"0x{str(stored['address']).removeprefix('0x')}" if "address" in stored else ""
    if address and not same(address, key.address):
        raise StartRefusedError(f"{path} names another address than its key has; it is damaged")
    return key


def _decode(content: bytes, path: Path) -> dict[str, Any]:
    try:
        stored = json.loads(content)
    except (ValueError, RecursionError):
        stored = None
    if not isinstance(stored, dict) or stored.get("version") != VERSION:
        raise StartRefusedError(f"{path} is no keystore of version {VERSION}; make one anew")
    return stored


def _eth_keyfile() -> ModuleType:
    """Load the library late, and undo what it does to the whole process.

    One of its parts raises Python's recursion limit so far that a nested text could end us.
    """
    limit = sys.getrecursionlimit()
    try:
        import eth_keyfile  # noqa: PLC0415 - see above
    finally:
        sys.setrecursionlimit(limit)
    return eth_keyfile
