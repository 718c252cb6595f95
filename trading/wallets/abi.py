"""The contracts' functions that we call: their names, arguments and answers (sections 1 and 9).

Selectors are computed from the signatures, so that a signature cannot differ from its selector.
"""

from functools import cache

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from trading.wallets.messages import Call
from trading.wallets.rpc_node import RpcError

ROOT_COLLECTION = b"\0" * 32
PARTITION = (1, 2)  # the first outcome, and the second
MAX_UINT256 = (1 << 256) - 1
_ERROR_SELECTOR = "0x08c379a0"  # Error(string), how a contract says why it reverted


def call(target: str, signature: str, *values: object) -> Call:
    """Return a call of a function such as "approve(address,uint256)". Raises ValueError on values
    that do not fit."""
    kinds = signature[signature.index("(") + 1 : -1]
    arguments = encode(kinds.split(",") if kinds else [], values)
    return Call(target=target, data=f"0x{(_selector(signature) + arguments).hex()}")


def approve(token: str, spender: str, amount_micro: int) -> Call:
    """Let `spender` take that much of an ERC-20 token of ours."""
    return call(token, "approve(address,uint256)", spender, amount_micro)


def set_approval_for_all(token: str, operator: str, *, approved: bool) -> Call:
    """Let `operator` move all outcome tokens of ours, or no longer."""
    return call(token, "setApprovalForAll(address,bool)", operator, approved)


def merge_positions(adapter: str, collateral: str, condition_id: str, size_micro: int) -> Call:
    """Turn equal numbers of both outcomes into collateral, through a collateral adapter."""
    return call(
        adapter,
        "mergePositions(address,bytes32,bytes32,uint256[],uint256)",
        *(collateral, ROOT_COLLECTION, bytes32(condition_id), PARTITION, size_micro),
    )


def redeem_positions(adapter: str, collateral: str, condition_id: str) -> Call:
    """Turn everything held of a resolved condition into collateral, through an adapter."""
    return call(
        adapter,
        "redeemPositions(address,bytes32,bytes32,uint256[])",
        *(collateral, ROOT_COLLECTION, bytes32(condition_id), PARTITION),
    )


def bytes32(text: str) -> bytes:
    """Return 32 bytes from hex with its 0x. Raises ValueError."""
    raw = bytes.fromhex(text[2:]) if text[:2] == "0x" else b""
    if len(raw) != 32:
        raise ValueError(f"{text!r:.80} is not 32 bytes in hex")
    return raw


def read_answer(value: object, kind: str, what: str) -> object:
    """Return the one value of type `kind` that a call answered. Raises RpcError."""
    try:
        if not isinstance(value, str) or value[:2] != "0x":
            raise ValueError("no hex")
        (result,) = decode([kind], bytes.fromhex(value[2:]))
    except (ValueError, DecodingError) as error:
        # No code at an address answers every call with nothing at all.
        raise RpcError(f"{what}: {value!r:.80} is no {kind}", permanent=False) from error
    return result


def revert_reason(data: str) -> str:
    """Return the words of a revert, or its data in hex when it has no words."""
    if data.startswith(_ERROR_SELECTOR):
        try:
            (text,) = decode(["string"], bytes.fromhex(data[len(_ERROR_SELECTOR) :]))
        except (ValueError, DecodingError):
            return data[:80]
        return str(text)[:200]
    return data[:80]


def checksummed(address: str) -> str:
    """Return an address in its checksummed form."""
    return str(to_checksum_address(address))


@cache
def _selector(signature: str) -> bytes:
    return bytes(keccak(text=signature)[:4])
