"""Where the deposit wallet of a key is, computed as polymarket-client 0.14.0 does.

The venue's factory makes it at an address that follows from the owner (CREATE2). Wallets of the
first months point to their code directly, newer ones to a beacon; both are a few bytes of machine
code around the factory's arguments.
"""

from dataclasses import dataclass

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from trading.wallets.abi import checksummed

_PLAIN_HEAD = 0x61003D3D8160233D3973
_PLAIN_TAIL = bytes.fromhex(
    "6009"
    "5155f3363d3d373d3d363d7f360894a13ba1a3210667c828492db98dca3e2076"
    "cc3735a920a3ca505d382bbc545af43d6000803e6038573d6000fd5b3d6000f3"
)
_BEACON_HEAD = 0x6100523D8160233D3973
_BEACON_TAIL = bytes.fromhex(
    "60195155f3363d3d373d3d363d602036600436635c60da"
    "1b60e01b36527fa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6c"
    "b3582b35133d50545afa5036515af43d6000803e604d573d6000fd5b3d6000f3"
)
_LENGTH_SHIFT = 56  # where the length of the arguments stands in the ten bytes of the head


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletFactory:
    """The factory, and what its wallets point to."""

    factory: str
    beacon: str
    implementation: str


def deposit_wallets(owner: str, made_by: WalletFactory) -> tuple[str, str]:
    """Return the addresses that the owner's deposit wallet may have: by beacon, and the older."""
    wallet_id = bytes.fromhex(owner[2:]).rjust(32, b"\0")
    arguments = encode(["address", "bytes32"], [made_by.factory, wallet_id])
    by_beacon = _code(_BEACON_HEAD, made_by.beacon, _BEACON_TAIL, arguments)
    older = _code(_PLAIN_HEAD, made_by.implementation, _PLAIN_TAIL, arguments)
    salt = keccak(arguments)
    return _create2(made_by.factory, salt, by_beacon), _create2(made_by.factory, salt, older)


def _code(head: int, target: str, tail: bytes, arguments: bytes) -> bytes:
    start = (head + (len(arguments) << _LENGTH_SHIFT)).to_bytes(10, "big")
    return start + bytes.fromhex(target[2:]) + tail + arguments


def _create2(factory: str, salt: bytes, code: bytes) -> str:
    made = keccak(b"\xff" + bytes.fromhex(factory[2:]) + salt + keccak(code))
    return checksummed(f"0x{made[12:].hex()}")
