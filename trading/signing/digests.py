"""The 32 bytes that a key signs, and the signatures around them.

Written out by hand, because the general encoders take a hundred times longer; types and domains
are hashed once. Sources: polymarket.md sections 3 and 4, EIP-712, ERC-7739, and the official
clients: py-clob-client-v2 1.2.1 (order_utils/exchange_order_builder_v2.py) for orders and logins,
polymarket-client 0.14.0 (actions/relayer/signing/deposit_wallet.py) for batches of a deposit
wallet. Nothing here imports eth_account: loading it raises Python's recursion limit so far that a
nested text can end the process.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeAlias

from eth_hash.auto import keccak

from trading.engine.codes import Side
from trading.signing.calls import Call
from trading.signing.orders import SignatureType, SigningDomain, UnsignedOrder

ORDER_TYPE = (
    "Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,"
    "uint256 takerAmount,uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,"
    "bytes32 builder)"
)
AUTH_TEXT = "This message attests that I control the given wallet"
WALLET_NAME = "DepositWallet"

_DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_LOGIN_DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId)"
_LOGIN_TYPE = "ClobAuth(address address,string timestamp,uint256 nonce,string message)"
_NESTED_TYPE = (
    "TypedDataSign(Order contents,string name,string version,uint256 chainId,"
    f"address verifyingContract,bytes32 salt){ORDER_TYPE}"
)
_CALL_TYPE = "Call(address target,uint256 value,bytes data)"
_BATCH_TYPE = f"Batch(address wallet,uint256 nonce,uint256 deadline,Call[] calls){_CALL_TYPE}"


def _hash(text: str) -> bytes:
    return bytes(keccak(text.encode("ascii")))


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


@lru_cache(maxsize=256)
def _address_word(address: str) -> bytes:
    return bytes(12) + address_bytes(address)


def address_bytes(address: str) -> bytes:
    """Return the 20 bytes of an address; raises ValueError for anything else."""
    raw = bytes.fromhex(address.removeprefix("0x"))
    if len(raw) != 20:
        raise ValueError("an address has 20 bytes")
    return raw


ORDER_TYPE_HASH = _hash(ORDER_TYPE)
_ORDER_TYPE_RAW = ORDER_TYPE.encode("ascii")
_ORDER_TYPE_TAIL = _ORDER_TYPE_RAW + len(_ORDER_TYPE_RAW).to_bytes(2, "big")
_EXCHANGE_NAME_HASH = _hash("Polymarket CTF Exchange")
_DOMAIN_TYPE_HASH = _hash(_DOMAIN_TYPE)
_LOGIN_DOMAIN_HEAD = _hash(_LOGIN_DOMAIN_TYPE) + _hash("ClobAuthDomain") + _hash("1")
_LOGIN_TYPE_HASH = _hash(_LOGIN_TYPE)
_AUTH_TEXT_HASH = _hash(AUTH_TEXT)
_NESTED_TYPE_HASH = _hash(_NESTED_TYPE)
_WALLET_HEAD = _hash(WALLET_NAME) + _hash("1")
_BATCH_TYPE_HASH = _hash(_BATCH_TYPE)
_CALL_TYPE_HASH = _hash(_CALL_TYPE)
_ZERO_WORD = bytes(32)
_NO_METADATA_NO_BUILDER = _ZERO_WORD * 2
_SIDE_WORDS = {Side.BUY: _word(0), Side.SELL: _word(1)}
_TYPE_WORDS = {one: _word(one) for one in SignatureType}

Sign: TypeAlias = Callable[[bytes], bytes]  # 32 bytes of digest -> 65 bytes: r, s, v of 27 or 28


@lru_cache(maxsize=64)
def domain_separator(chain_id: int, exchange: str, version: str = "2") -> bytes:
    """Return the hash of an exchange's EIP-712 domain."""
    return bytes(
        keccak(
            _DOMAIN_TYPE_HASH
            + _EXCHANGE_NAME_HASH
            + _hash(version)
            + _word(chain_id)
            + _address_word(exchange)
        )
    )


def order_struct_hash(order: UnsignedOrder) -> bytes:
    """Return the hash of an order without its domain.

    Raises ValueError and OverflowError for values that no order can hold.
    """
    return bytes(
        keccak(
            b"".join(
                (
                    ORDER_TYPE_HASH,
                    _word(order.salt),
                    _address_word(order.maker),
                    _address_word(order.signer),
                    _word(int(order.token_id)),
                    _word(order.maker_micro),
                    _word(order.taker_micro),
                    _SIDE_WORDS[order.side],
                    _TYPE_WORDS[order.signature_type],
                    _word(order.timestamp_ms),
                    _NO_METADATA_NO_BUILDER,
                )
            )
        )
    )


def order_digest(order: UnsignedOrder, domain: SigningDomain) -> bytes:
    """Return the order's id, which is also what is signed unless a deposit wallet makes it.

    Raises as order_struct_hash does.
    """
    return _typed(_domain_of(order, domain), order_struct_hash(order))


def order_hash(order: UnsignedOrder, domain: SigningDomain) -> str:
    """Return the order's id as the venue writes it; raises as order_struct_hash does."""
    return f"0x{order_digest(order, domain).hex()}"


def nested_order_digest(order: UnsignedOrder, domain: SigningDomain) -> bytes:
    """Return what the owner of a deposit wallet signs for an order (ERC-7739 TypedDataSign)."""
    return _nested(order, domain, _domain_of(order, domain), order_struct_hash(order))


def order_signature(order: UnsignedOrder, domain: SigningDomain, sign: Sign) -> str:
    """Return the signature as it is sent to the venue; raises as order_struct_hash does.

    For a deposit wallet it carries, behind the 65 bytes, what its contract needs for the check:
    domain separator, hash and type of the order, and the length of the type's text.
    """
    return hash_and_signature(order, domain, sign)[1]


def hash_and_signature(order: UnsignedOrder, domain: SigningDomain, sign: Sign) -> tuple[str, str]:
    """Return the order's id and its signature, hashing the order only once."""
    separator, struct = _domain_of(order, domain), order_struct_hash(order)
    digest = _typed(separator, struct)
    if order.signature_type is not SignatureType.POLY_1271:
        return f"0x{digest.hex()}", f"0x{sign(digest).hex()}"
    signed = sign(_nested(order, domain, separator, struct))
    return f"0x{digest.hex()}", f"0x{(signed + separator + struct + _ORDER_TYPE_TAIL).hex()}"


def login_digest(*, address: str, timestamp_s: int, nonce: int, chain_id: int) -> bytes:
    """Return what is signed to ask the venue for API keys (ClobAuth)."""
    struct = keccak(
        _LOGIN_TYPE_HASH
        + _address_word(address)
        + _hash(str(timestamp_s))
        + _word(nonce)
        + _AUTH_TEXT_HASH
    )
    return _typed(bytes(keccak(_LOGIN_DOMAIN_HEAD + _word(chain_id))), bytes(struct))


def wallet_batch_digest(
    *, wallet: str, nonce: int, deadline_s: int, calls: Sequence[Call], chain_id: int
) -> bytes:
    """Return what the owner of a deposit wallet signs, so that the relayer may send its calls.

    The signature is sent as its plain 65 bytes. Raises ValueError for what is no address.
    """
    hashes = b"".join(
        bytes(
            keccak(
                _CALL_TYPE_HASH
                + _address_word(call.target)
                + _word(call.value_wei)
                + bytes(keccak(call.data))
            )
        )
        for call in calls
    )
    struct = keccak(
        _BATCH_TYPE_HASH
        + _address_word(wallet)
        + _word(nonce)
        + _word(deadline_s)
        + bytes(keccak(hashes))
    )
    domain = keccak(_DOMAIN_TYPE_HASH + _WALLET_HEAD + _word(chain_id) + _address_word(wallet))
    return _typed(bytes(domain), bytes(struct))


def _domain_of(order: UnsignedOrder, domain: SigningDomain) -> bytes:
    exchange = domain.exchange_of(neg_risk=order.neg_risk)
    return domain_separator(domain.chain_id, exchange, domain.version)


def _nested(order: UnsignedOrder, domain: SigningDomain, separator: bytes, struct: bytes) -> bytes:
    nested = keccak(
        _NESTED_TYPE_HASH
        + struct
        + _WALLET_HEAD
        + _word(domain.chain_id)
        + _address_word(order.signer)
        + _ZERO_WORD
    )
    return _typed(separator, bytes(nested))


def _typed(separator: bytes, struct: bytes) -> bytes:
    return bytes(keccak(b"\x19\x01" + separator + struct))
