"""What the venue answers. Texts are the venue's own: polymarket.md sections 5.5 and 5.6.

Texts marked as ours are not on record: the venue says something there, but nobody wrote down what.
"""

from dataclasses import dataclass

from trading.engine.units import text_from_micro as plain
from trading.simulator.codes import OrderStatus

INVALID_PAYLOAD = "Invalid order payload"
NO_BOOK = "No orderbook exists for the requested token id"
POST_ONLY_CROSSES = "invalid post-only order: order crosses book"
POST_ONLY_TYPE = "invalid post-only order: only GTC and GTD orders can be post-only"  # ours
EXPIRATION = "invalid expiration"
FOK_KILLED = "order couldn't be fully filled. FOK orders are fully filled or killed."
FAK_KILLED = (
    "no orders found to match with FAK order. "
    "FAK orders are partially filled or killed if no match is found."
)
RESTARTING = "matching engine restarting"
DISABLED = "Trading is currently disabled. Check polymarket.com for updates"
CANCEL_ONLY = (
    "Trading is currently cancel-only. New orders are not accepted, but cancels are allowed."
)
POST_ONLY_MODE = "post-only mode: only post-only orders and cancels are allowed"
TOO_MANY_REQUESTS = "Too Many Requests"
NOT_THE_OWNER = "the order owner has to be the owner of the API KEY"
NOT_THE_SIGNER = "the order signer address has to be the address of the API KEY"
NOT_THE_MAKER = "maker address not allowed, please use the deposit wallet flow"
BAD_LOGIN = "Invalid L1 Request headers"
BAD_KEY = "Unauthorized/Invalid api key"
NO_NEW_KEY = "Could not create api key"
NO_OLD_KEY = "Could not derive api key"  # ours
BAD_SIGNATURE = "invalid signature"  # ours
BAD_ORDER_ID = "Invalid orderID"
BAD_ORDERS_QUERY = "invalid order params payload"
BAD_TRADES_QUERY = "Invalid trade params payload"
BAD_ASSET_TYPE = "Invalid asset type"
NOBODYS_ASSET = "Invalid token id"
BAD_SIGNATURE_TYPE = "Invalid signature_type"
BAD_PAYLOAD = "Invalid payload"
BAD_SIDE = "Invalid side"
BAD_HEARTBEAT = "Invalid Heartbeat ID"
NOT_INSERTED = "could not insert order"
NOT_FOUND = "order can't be found - already canceled or matched"  # ours
DELAYED = "order is delayed and can't be canceled"  # ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A request that the venue refused: HTTP status, text, and what some refusals add."""

    http: int
    text: str
    code: str = ""
    retry_after_s: int = 0  # 0: not said
    heartbeat_id: str = ""  # the expected one, when a heartbeat was refused


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAnswer:
    """The body of an answer to one order. `error` is empty unless it is a failed leg of a batch.

    `status` is live, matched, delayed, unmatched, or empty for a failed leg. `making_micro` and
    `taking_micro` are what matched now, in the order's own two assets. `waits` says that the HTTP
    answer is held back until the DelayEnded event of this order.
    """

    order_id: str
    status: str
    making_micro: int = 0
    taking_micro: int = 0
    trade_ids: tuple[str, ...] = ()
    error: str = ""
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAnswer:
    """Which orders were cancelled, and why others were not: (order id, reason)."""

    canceled: tuple[str, ...]
    not_canceled: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatAnswer:
    """The id to send next; `accepted` is False when the sent one was not the expected one."""

    accepted: bool
    heartbeat_id: str


def bad(text: str) -> Refusal:
    """Return the usual refusal of an order: HTTP 400."""
    return Refusal(http=400, text=text)


def too_many_orders(count: int, limit: int) -> Refusal:
    """Return the refusal of a batch that is too long."""
    return bad(f"Too many orders in payload: {count}, max allowed: {limit}")


def duplicated(order_id: str) -> Refusal:
    """Return the refusal of an order id that the venue has seen."""
    return bad(f"order {order_id} is invalid. Duplicated.")


def breaks_tick(order_id: str, price_micro: int, tick_micro: int) -> Refusal:
    """Return the refusal of a price that is not on the tick."""
    price, tick = plain(price_micro), plain(tick_micro)
    return bad(
        f"order {order_id} is invalid. Price ({price}) breaks minimum tick size rule: {tick}"
    )


def below_minimum(order_id: str, size_micro: int, minimum_micro: int) -> Refusal:
    """Return the refusal of a limit order that is too small."""
    size, minimum = plain(size_micro), plain(minimum_micro)
    return bad(f"order {order_id} is invalid. Size ({size}) lower than the minimum: {minimum}")


def marketable_buy_too_small(dollars_micro: int, minimum_micro: int) -> Refusal:
    """Return the refusal of a marketable BUY for less than a dollar."""
    return bad(
        f"invalid amount for a marketable BUY order (${plain(dollars_micro)}), "
        f"min size: ${plain(minimum_micro)}"
    )


def market_accuracy(side: str, amount_decimals: int) -> Refusal:
    """Return the refusal of a FOK or FAK whose amounts have too many decimals."""
    return bad(
        f"invalid amounts, the market {side.lower()} orders maker amount supports a max accuracy "
        f"of 2 decimals, taker amount a max of {amount_decimals} decimals"
    )


def wrong_amount(
    *, name: str, price_micro: int, size_micro: int, expected_micro: int, sent_micro: int
) -> Refusal:
    """Return the refusal of a limit order whose dollars are not price times size.

    `name` is the amount that holds the dollars: "maker" or "taker".
    """
    return bad(
        f"invalid amounts, the {name} amount for a ${plain(price_micro)} order of size "
        f"{plain(size_micro)} should be '{plain(expected_micro)}' but the value submited is "
        f"'{plain(sent_micro)}'. Please check if you are using the latest version of the "
        "'clob-client' library"
    )


def not_enough_balance(
    *, balance_micro: int, active_micro: int, matched_micro: int, amount_micro: int
) -> Refusal:
    """Return the refusal of an order that its account cannot pay; amounts in base units."""
    parts = [f"balance: {balance_micro}"]
    if active_micro:
        parts.append(f"sum of active orders: {active_micro}")
    if matched_micro:
        parts.append(f"sum of matched orders: {matched_micro}")
    parts.append(f"order amount (inc. fees): {amount_micro}")
    said = ", ".join(parts)
    return bad(f"not enough balance / allowance: the balance is not enough -> {said}")


def not_enough_allowance(
    *, spender: str, allowance_micro: int, matched_micro: int, amount_micro: int
) -> Refusal:
    """Return the refusal of an order whose exchange may not take what it gives; in base units."""
    return bad(
        "not enough balance / allowance: the allowance is not enough -> "
        f"spender: {spender.lower()}, allowance: {allowance_micro}, "
        f"sum of matched orders: {matched_micro}, order amount (inc. fees): {amount_micro}"
    )


def killed_status(text: str) -> str:
    """Return the status that the user channel shows for a killed FOK or FAK."""
    return f"{OrderStatus.CANCELED}_{text}"
