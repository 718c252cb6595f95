"""The bodies of POST /order and POST /orders, byte by byte as the official client writes them.

Compact JSON, keys in the client's order, the salt a number, the amounts texts. Source:
polymarket.md section 4 (py-clob-client-v2 1.2.1, order_to_json_v2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec.json

from trading.signing.orders import UnsignedOrder

ZERO_WORD = f"0x{bytes(32).hex()}"  # no metadata, no builder


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOrder:
    """One order ready for the venue, and how it shall rest.

    `order_type` is GTC, GTD, FOK or FAK; `expiration_s` is for GTD only and is not signed.
    """

    order: UnsignedOrder
    signature: str
    order_type: str
    post_only: bool = False
    expiration_s: int = 0


def order_body(signed: SignedOrder, *, owner: str) -> bytes:
    """Return the body of POST /order. `owner` is the API key that posts it."""
    return msgspec.json.encode(_payload(signed, owner))


def orders_body(signed: Sequence[SignedOrder], *, owner: str) -> bytes:
    """Return the body of POST /orders, in the order given."""
    return msgspec.json.encode([_payload(one, owner) for one in signed])


def _payload(signed: SignedOrder, owner: str) -> dict[str, Any]:
    order = signed.order
    return {
        "order": {
            "salt": order.salt,
            "maker": order.maker,
            "signer": order.signer,
            "tokenId": order.token_id,
            "makerAmount": str(order.maker_micro),
            "takerAmount": str(order.taker_micro),
            "side": order.side,
            "expiration": str(signed.expiration_s),
            "signatureType": order.signature_type,
            "timestamp": str(order.timestamp_ms),
            "metadata": ZERO_WORD,
            "builder": ZERO_WORD,
            "signature": signed.signature,
        },
        "owner": owner,
        "orderType": signed.order_type,
        "deferExec": False,
        "postOnly": signed.post_only,
    }
