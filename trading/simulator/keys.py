"""The API keys of the local venue: made from address, nonce and a secret of the venue.

The same three give the same key, so that a client can ask for it again.
Source of the headers' signature: polymarket.md section 3 (L2).
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

KEYS_MAX = 10_000  # of all addresses together


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What a client needs to sign its requests. The secret is url-safe base64."""

    api_key: str
    address: str
    nonce: int
    secret: str = field(repr=False)
    passphrase: str = field(repr=False)

    def signs(self, signature: str, message: bytes) -> bool:
        """Say in constant time whether this key made a signature."""
        digest = hmac.digest(urlsafe_b64decode(self.secret), message, "sha256")
        return hmac.compare_digest(urlsafe_b64encode(digest), signature.encode())

    def opens(self, secret: str, passphrase: str) -> bool:
        """Say in constant time whether somebody knows this key."""
        knows_secret = hmac.compare_digest(self.secret.encode(), secret.encode())
        return self.has_passphrase(passphrase) and knows_secret

    def has_passphrase(self, passphrase: str) -> bool:
        """Say in constant time whether this is the passphrase of the key."""
        return hmac.compare_digest(self.passphrase.encode(), passphrase.encode())


class KeyRing:
    """All keys that were asked for."""

    def __init__(self, secret: bytes) -> None:
        """Raises ValueError for a secret that could be guessed."""
        if len(secret) < 16:
            raise ValueError("the secret of the venue needs 16 bytes or more")
        self._secret = secret
        self._keys: dict[str, ApiKey] = {}
        self._deleted: dict[str, ApiKey] = {}

    def rows(self) -> dict[str, tuple[str, int, bool]]:
        """Return all keys by their public part: address, nonce, and whether it still opens."""
        return {
            one.api_key: (one.address, one.nonce, one.api_key in self._keys)
            for one in (*self._keys.values(), *self._deleted.values())
        }

    def restore(self, rows: Mapping[str, Sequence[Any]]) -> None:
        """Know the keys of an earlier run again, which had the same secret."""
        for address, nonce, is_open in rows.values():
            key = self._made(address, nonce)
            (self._keys if is_open else self._deleted)[key.api_key] = key

    def find(self, api_key: str) -> ApiKey | None:
        """Return a key by its public part."""
        return self._keys.get(api_key)

    def of(self, address: str) -> list[str]:
        """Return the public parts of all keys of an address, oldest first."""
        return [key.api_key for key in self._keys.values() if key.address == address]

    def create(self, address: str, nonce: int) -> ApiKey | None:
        """Make a key, None when it exists, was deleted, or there are too many."""
        key = self._made(address, nonce)
        return None if key.api_key in self._keys else self._take(key)

    def derive(self, address: str, nonce: int) -> ApiKey | None:
        """Return a key again; a venue that started anew has forgotten it and makes the same."""
        key = self._made(address, nonce)
        return self._keys.get(key.api_key) or self._take(key)

    def delete(self, key: ApiKey) -> None:
        """Let a key open nothing any more; it cannot be made again."""
        self._deleted[key.api_key] = self._keys.pop(key.api_key)

    def _take(self, key: ApiKey) -> ApiKey | None:
        known = len(self._keys) + len(self._deleted)
        if key.api_key in self._deleted or known >= KEYS_MAX:
            return None
        self._keys[key.api_key] = key
        return key

    def _made(self, address: str, nonce: int) -> ApiKey:
        text = self._digest("key", address, nonce).hex()
        return ApiKey(
            api_key="-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:32])),
            address=address,
            nonce=nonce,
            secret=urlsafe_b64encode(self._digest("secret", address, nonce)).decode(),
            passphrase=self._digest("passphrase", address, nonce).hex(),
        )

    def _digest(self, part: str, address: str, nonce: int) -> bytes:
        return hmac.digest(self._secret, f"{part} {address} {nonce}".encode(), "sha256")
