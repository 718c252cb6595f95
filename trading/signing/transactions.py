"""Transactions that a plain wallet sends by itself (EIP-1559), as bytes.

Layout: 0x02 and the RLP list of chain id, nonce, priority fee, fee, gas limit, target, value, data
and an empty access list; behind them, once signed, parity, r and s.
"""

from dataclasses import dataclass
from typing import TypeAlias

from eth_hash.auto import keccak

from trading.signing.calls import Transaction
from trading.signing.digests import Sign, address_bytes

TYPE_BYTE = b"\x02"

_SHORT_MAX = 55  # bytes that one length byte can announce
_TEXT, _LIST = 0x80, 0xC0

_Item: TypeAlias = "int | bytes | list[_Item]"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTransaction:
    """What a node takes, and under which hash it will be found."""

    raw: bytes
    transaction_hash: str


def transaction_digest(transaction: Transaction) -> bytes:
    """Return what is signed; raises ValueError for what is no address."""
    return bytes(keccak(TYPE_BYTE + _rlp(_fields(transaction))))


def signed_transaction(transaction: Transaction, sign: Sign) -> SignedTransaction:
    """Return the transaction with its signature; raises ValueError for what is no address."""
    made = sign(transaction_digest(transaction))
    r, s = int.from_bytes(made[:32], "big"), int.from_bytes(made[32:64], "big")
    raw = TYPE_BYTE + _rlp([*_fields(transaction), made[64] - 27, r, s])
    return SignedTransaction(raw=raw, transaction_hash=f"0x{bytes(keccak(raw)).hex()}")


def _fields(transaction: Transaction) -> list[_Item]:
    call = transaction.call
    return [
        transaction.chain_id,
        transaction.nonce,
        transaction.max_priority_fee_per_gas_wei,
        transaction.max_fee_per_gas_wei,
        transaction.gas_limit,
        address_bytes(call.target),
        call.value_wei,
        call.data,
        [],
    ]


def _rlp(item: _Item) -> bytes:
    """Return an item in the chain's own encoding; a number is its shortest bytes, 0 is none."""
    if isinstance(item, list):
        content = b"".join(_rlp(one) for one in item)
        return _length(len(content), _LIST) + content
    raw = item if isinstance(item, bytes) else item.to_bytes((item.bit_length() + 7) // 8, "big")
    if len(raw) == 1 and raw[0] < _TEXT:
        return raw
    return _length(len(raw), _TEXT) + raw


def _length(count: int, kind: int) -> bytes:
    if count <= _SHORT_MAX:
        return bytes((kind + count,))
    size = count.to_bytes((count.bit_length() + 7) // 8, "big")
    return bytes((kind + _SHORT_MAX + len(size),)) + size
