"""The key itself. It signs digests and tells its address; nothing else ever leaves it."""

import re
from typing import NoReturn

import coincurve
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

_KEY = re.compile(r"(0x)?[0-9a-fA-F]{64}", re.ASCII)
_PLAIN_V = 27  # wallets write 27 or 28 for the 0 or 1 of the curve


class KeyRefusedError(ValueError):
    """A text or bytes that are no private key. The message never repeats them."""


class SigningKey:
    """A secp256k1 key. It is neither shown nor copied nor pickled."""

    __slots__ = ("_private", "address")

    def __init__(self, secret: bytes) -> None:
        """Take the 32 bytes; raises KeyRefusedError for what is no key."""
        try:
            self._private = coincurve.PrivateKey(secret)
        except ValueError:
            raise KeyRefusedError("the key is out of the curve's range; take another") from None
        public: bytes = self._private.public_key.format(compressed=False)
        self.address = str(to_checksum_address(bytes(keccak(public[1:]))[12:]))

    @classmethod
    def from_text(cls, text: str) -> "SigningKey":
        """Read 64 hex digits, with or without 0x; raises KeyRefusedError."""
        stripped = text.strip()
        if not _KEY.fullmatch(stripped):
            raise KeyRefusedError("a private key has 64 hex digits; this text is something else")
        return cls(bytes.fromhex(stripped.removeprefix("0x")))

    def sign(self, digest: bytes) -> bytes:
        """Return r, s and v (27 or 28) over 32 bytes; s is in the lower half of the curve."""
        made: bytes = self._private.sign_recoverable(digest, hasher=None)
        return made[:64] + bytes((made[64] + _PLAIN_V,))

    def secret(self) -> bytes:
        """Return the 32 bytes, for the keystore that encrypts them and for nobody else."""
        return bytes(self._private.secret)

    def __repr__(self) -> str:
        """Name the key by its address."""
        return f"SigningKey({self.address})"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied."""
        raise TypeError("a signing key stays in the process that opened it")
