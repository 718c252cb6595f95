"""Calls of contracts as data, and their answers as values, from signatures as Solidity has them."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_abi.grammar import TupleType, parse
from eth_utils.crypto import keccak


@lru_cache(maxsize=256)
def _shape(signature: str) -> tuple[bytes, tuple[str, ...]]:
    """Return selector and argument types of a signature like transfer(address,uint256)."""
    selector, given = keccak(text=signature)[:4], signature[signature.index("(") :]
    if given == "()":
        return selector, ()
    arguments = parse(given)
    if not isinstance(arguments, TupleType):
        raise ValueError(f"not a signature: {signature}")  # our own mistake
    return selector, tuple(one.to_type_str() for one in arguments.components)


def call_data(signature: str, *values: Any) -> str:
    """Return the data of a call as hex digits with 0x; bytes32 are given as bytes."""
    selector, types = _shape(signature)
    return f"0x{(selector + encode(types, values)).hex()}"


def arguments(signature: str, data: bytes) -> tuple[Any, ...] | None:
    """Return the arguments of a call of this function, None when it is none."""
    wanted, types = _shape(signature)
    if data[:4] != wanted:
        return None
    try:
        return decode(types, data[4:])
    except DecodingError:
        return None


def values_of(types: Sequence[str], answer: str) -> tuple[Any, ...]:
    """Return the values of an answer; raises DecodingError when it has another shape."""
    return decode(types, bytes.fromhex(answer.removeprefix("0x")))
