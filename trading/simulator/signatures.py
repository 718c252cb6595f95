"""Who signed what: the wallet's signature over a login or an order.

Sources: polymarket.md sections 3 and 4, and the vectors of the official client. An address of its
own signs plainly; for a deposit wallet its owner signs the order nested in the wallet's own domain
(ERC-7739), and the wire carries what the wallet needs to put that together again. A wrong signature
is an answer (None or False), never an exception, and no text here carries a signature. The parts
are put together here instead of with eth_account: loading that raises Python's recursion limit so
far that a deeply nested body would end the whole process.
"""

import re
from collections.abc import Mapping
from typing import Any

from eth_abi.abi import encode
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from trading.simulator.batches import Batch
from trading.simulator.codes import DEPOSIT_WALLET, EOA

AUTH_TEXT = "This message attests that I control the given wallet"
SIDES = {"BUY": 0, "SELL": 1}
SIGNATURE_TYPES = {EOA: "EOA", 1: "POLY_PROXY", 2: "POLY_GNOSIS_SAFE", DEPOSIT_WALLET: "POLY_1271"}

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}")  # r, s and v
_SIGNATURE_CHARS = 132
_PLAIN_V = 27  # wallets write 27 or 28 for the 0 or 1 of the curve
_DOMAIN = {"name": "string", "version": "string", "chainId": "uint256"}
_AUTH = {"address": "address", "timestamp": "string", "nonce": "uint256", "message": "string"}
_ORDER = {
    "salt": "uint256",
    "maker": "address",
    "signer": "address",
    "tokenId": "uint256",
    "makerAmount": "uint256",
    "takerAmount": "uint256",
    "side": "uint8",
    "signatureType": "uint8",
    "timestamp": "uint256",
    "metadata": "bytes32",
    "builder": "bytes32",
}
_WALLET = {"name": "string", "version": "string", "chainId": "uint256"} | {
    "verifyingContract": "address",
    "salt": "bytes32",
}

_CALL = "Call(address target,uint256 value,bytes data)"
_BATCH = "Batch(address wallet,uint256 nonce,uint256 deadline,Call[] calls)"


def read_address(text: str) -> str | None:
    """Return an address in its checksummed form, None for what is no address."""
    return str(to_checksum_address(text)) if _ADDRESS.fullmatch(text) else None


def login_is_signed(
    *, chain_id: int, address: str, timestamp: str, nonce: int, signature: str
) -> bool:
    """Say whether the owner of a checksummed address signed this login (EIP-712 ClobAuth)."""
    domain = {"name": "ClobAuthDomain", "version": "1", "chainId": chain_id}
    values = {"address": address, "timestamp": timestamp, "nonce": nonce, "message": AUTH_TEXT}
    digest = _digest(_struct("EIP712Domain", _DOMAIN, domain), _struct("ClobAuth", _AUTH, values))
    return _signer(digest, signature) == address


class SignedOrder:
    """One order as the wallet saw it (EIP-712 Order of the exchanges with domain version 2)."""

    __slots__ = ("_chain_id", "_contents", "_digest", "_domain", "order_id")

    def __init__(self, *, chain_id: int, exchange: str, fields: Mapping[str, Any]) -> None:
        """Take the fields as the wire has them: amounts as digits, side as BUY or SELL."""
        values = {name: fields[name] for name in _ORDER}
        for name in ("tokenId", "makerAmount", "takerAmount", "timestamp"):
            values[name] = int(values[name])
        for name in ("metadata", "builder"):
            values[name] = bytes.fromhex(values[name][2:])
        values["side"] = SIDES[values["side"]]
        domain = {
            "name": "Polymarket CTF Exchange",
            "version": "2",
            "chainId": chain_id,
            "verifyingContract": exchange,
        }
        shape = _DOMAIN | {"verifyingContract": "address"}
        self._chain_id = chain_id
        self._domain = _struct("EIP712Domain", shape, domain)
        self._contents = _struct("Order", _ORDER, values)
        self._digest = _digest(self._domain, self._contents)
        self.order_id = f"0x{self._digest.hex()}"

    def is_signed_by(self, address: str, signature: str) -> bool:
        """Say whether the owner of a checksummed address signed this order."""
        return _signer(self._digest, signature) == address

    def is_signed_for(self, wallet: str, owner: str, signature: str) -> bool:
        """Say whether the owner of a deposit wallet signed this order for it; both checksummed."""
        kind = _kind("Order", _ORDER)
        told = self._domain + self._contents + kind.encode() + len(kind).to_bytes(2, "big")
        if signature[_SIGNATURE_CHARS:].lower() != told.hex():
            return False
        values = {
            "contents": self._contents,
            "name": "DepositWallet",
            "version": "1",
            "chainId": self._chain_id,
            "verifyingContract": wallet,
            "salt": bytes(32),
        }
        nested = _struct("TypedDataSign", {"contents": "Order"} | _WALLET, values, more=kind)
        return _signer(_digest(self._domain, nested), signature[:_SIGNATURE_CHARS]) == owner


def batch_is_signed(*, chain_id: int, owner: str, batch: Batch, signature: str) -> bool:
    """Say whether the owner, checksummed, signed a batch of a deposit wallet (EIP-712 Batch)."""
    domain = {
        "name": "DepositWallet",
        "version": "1",
        "chainId": chain_id,
        "verifyingContract": batch.wallet,
    }
    shape = _DOMAIN | {"verifyingContract": "address"}
    separator = _struct("EIP712Domain", shape, domain)
    return _signer(_digest(separator, _batch_hash(batch)), signature) == owner


def _batch_hash(batch: Batch) -> bytes:
    call_kind, batch_kind = keccak(text=_CALL), keccak(text=_BATCH + _CALL)
    calls = b"".join(
        keccak(
            encode(
                ("bytes32", "address", "uint256", "bytes32"),
                (call_kind, one.target, one.value_wei, keccak(one.data)),
            )
        )
        for one in batch.calls
    )
    return keccak(
        encode(
            ("bytes32", "address", "uint256", "uint256", "bytes32"),
            (batch_kind, batch.wallet, batch.nonce, batch.deadline_s, keccak(calls)),
        )
    )


def deposit_wallet(owner: str) -> str:
    """Return the deposit wallet of a checksummed address, on a venue without a chain of its own.

    Where there is a chain its factory says which address it is.
    """
    return str(to_checksum_address(keccak(text=f"deposit wallet of {owner}")[-20:]))


def _digest(domain: bytes, message: bytes) -> bytes:
    return keccak(b"\x19\x01" + domain + message)


def _kind(name: str, shape: Mapping[str, str]) -> str:
    """Return a struct as EIP-712 writes its type."""
    fields = ",".join(f"{kind} {field}" for field, kind in shape.items())
    return f"{name}({fields})"


def _struct(
    name: str, shape: Mapping[str, str], values: Mapping[str, Any], *, more: str = ""
) -> bytes:
    """Return the EIP-712 hash of a struct; an order in it is given by its hash and type `more`."""
    kinds, parts = ["bytes32"], [keccak(text=_kind(name, shape) + more)]
    for field, kind in shape.items():
        is_text = kind == "string"
        kinds.append("bytes32" if is_text or kind == "Order" else kind)
        parts.append(keccak(text=values[field]) if is_text else values[field])
    return keccak(encode(kinds, parts))


def _signer(digest: bytes, signature: str) -> str | None:
    """Return the checksummed address that signed, None when nobody can have."""
    if not _SIGNATURE.fullmatch(signature):
        return None
    raw = bytes.fromhex(signature[2:])
    recovery = raw[64] - _PLAIN_V if raw[64] >= _PLAIN_V else raw[64]
    try:
        made = Signature(raw[:64] + bytes([recovery]))
        public = made.recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError):
        return None
    return str(public.to_checksum_address())
