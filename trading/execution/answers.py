"""What the venue's answer to an order means: taken, refused, or nobody knows.

An order counts as taken only if the answer says so in every field; an error inside a success is a
refusal; a repetition proves that it arrived before. Source: polymarket.md sections 5.5 and 5.6.
"""

from typing import TypeAlias

from trading.engine.codes import Side
from trading.engine.events import OrderAck, OrderRefused, OrderUnknown
from trading.execution.messages import PlacedLeg
from trading.execution.requests import OutgoingOrder

TEXT_MAX = 200
_TAKEN = frozenset({"live", "matched", "delayed"})
_RESTING = frozenset({"live", "delayed"})

# The first text that an error contains names its code. The venue's own texts, in lower case.
_CODES = (
    ("duplicated", "DUPLICATED"),
    ("fok orders are", "KILLED"),
    ("no orders found to match", "KILLED"),
    ("there are no matching orders", "KILLED"),
    ("allowance is not enough", "ALLOWANCE_TOO_LOW"),
    ("not enough balance", "BALANCE_TOO_LOW"),
    ("minimum tick size", "TICK_CHANGED"),
    ("lower than the minimum", "BELOW_VENUE_MINIMUM"),
    ("min size: $1", "BELOW_VENUE_MINIMUM"),
    ("closed only mode", "CLOSED_ONLY"),
    ("address banned", "BANNED"),
    ("restricted in your region", "REGION_BLOCKED"),
    ("deposit wallet flow", "WRONG_WALLET"),
    ("post-only mode", "VENUE_MODE"),
    ("cancel-only", "VENUE_MODE"),
    ("currently disabled", "VENUE_MODE"),
    ("too many requests", "RATE_LIMITED"),
    ("no orderbook exists", "MARKET_CLOSED"),
    ("not yet ready", "MARKET_CLOSED"),
    ("invalid signature", "BAD_SIGNATURE"),
    ("invalid api key", "BAD_KEY"),
)

LegMeaning: TypeAlias = OrderAck | OrderRefused | OrderUnknown


def refusal_code(text: str) -> str:
    """Return the code of a refusal's text; VENUE_REFUSED for one that is not known."""
    lower = text.lower()
    return next((code for part, code in _CODES if part in lower), "VENUE_REFUSED")


def meaning_of(order: OutgoingOrder, leg: PlacedLeg) -> LegMeaning:
    """Return what an answer says of the order that it answers."""
    if leg.error:
        code = refusal_code(leg.error)
        if code == "DUPLICATED":  # an earlier try arrived: its outcome is looked up
            return _unknown(order, leg.error)
        return OrderRefused(order_id=order.order_id, code=code, text=leg.error[:TEXT_MAX])
    if not leg.success:
        text = leg.status or "the venue says no and not why"
        return OrderRefused(order_id=order.order_id, code="VENUE_REFUSED", text=text[:TEXT_MAX])
    if leg.order_hash != order.order_hash:
        return _unknown(order, f"the answer names another order: {leg.order_hash[:80]}")
    matched_micro = leg.taking_micro if order.side is Side.BUY else leg.making_micro
    if leg.status not in _TAKEN and leg.status != "unmatched":
        return _unknown(order, f"the answer has an unknown status: {leg.status[:40]}")
    resting = leg.status in _RESTING or leg.status == "unmatched"
    if not resting and matched_micro == 0:
        return _unknown(order, "the answer says matched and not how much")
    return OrderAck(
        order_id=order.order_id,
        order_hash=order.order_hash,
        resting=resting,
        matched_micro=matched_micro,
    )


def _unknown(order: OutgoingOrder, text: str) -> OrderUnknown:
    return OrderUnknown(order_id=order.order_id, text=text[:TEXT_MAX])
