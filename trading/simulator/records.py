"""What the venue tells its users of their orders and trades: REST rows and user channel messages.

Shapes are those of the recorded messages (polymarket.md sections 5.4 and 8): decimal shares and
dollars as text. Who else took part is shown by a wallet; their API key is left blank. What is
chosen here: trades are listed oldest first, and a wallet of the invented flow is a digest.
"""

from hashlib import sha256
from typing import Any, NamedTuple

from trading.engine.units import text_from_micro as text
from trading.simulator.codes import OrderStatus
from trading.simulator.events import Event, Fill, OrderChanged, TradeChanged
from trading.simulator.orders import Listing, Order

OWNERS_MAX = 100_000  # orders whose poster is remembered
TRADES_MAX = 10_000
MESSAGES_MAX = 10_000  # that nobody fetched; the oldest are lost


class UserMessage(NamedTuple):
    """One message of the user channel, for one account."""

    account_id: str
    condition_id: str
    body: dict[str, Any]


class Records:
    """Follows the events of an exchange, for the accounts that belong to users."""

    def __init__(self, outcomes: tuple[str, str]) -> None:
        self.users: set[str] = set()
        self._names = outcomes
        self._outcomes: dict[str, str] = {}  # by token
        self._owners: dict[str, str] = {}  # the API key by order
        self._trades: dict[str, TradeChanged] = {}
        self._messages: list[UserMessage] = []

    def list_market(self, listing: Listing) -> None:
        """Learn what the tokens of a market are called."""
        self._outcomes |= zip(listing.token_ids, self._names, strict=True)

    def claim(self, order_id: str, owner: str) -> None:
        """Remember who posts an order; who claims it later changes nothing."""
        if len(self._owners) >= OWNERS_MAX:
            del self._owners[next(iter(self._owners))]
        self._owners.setdefault(order_id, owner)

    def take(self, event: Event) -> None:
        """Take note of an event when it is about a user."""
        if isinstance(event, OrderChanged) and event.account_id in self.users:
            body = self._order_message(event)
            self._messages.append(UserMessage(event.account_id, event.condition_id, body))
        elif isinstance(event, TradeChanged):
            concerned = self.users & _parties(event)
            if concerned:
                self._keep(event)
            for account_id in sorted(concerned):
                body = self._trade_message(event, account_id)
                self._messages.append(UserMessage(account_id, event.condition_id, body))
        del self._messages[:-MESSAGES_MAX]

    def take_messages(self) -> list[UserMessage]:
        """Return the messages since the last call, in order."""
        messages = self._messages.copy()
        self._messages.clear()
        return messages

    def trades_of(self, account_id: str) -> list[TradeChanged]:
        """Return what is remembered of an account's trades, oldest first, each as it is now."""
        return [trade for trade in self._trades.values() if account_id in _parties(trade)]

    def order_row(self, order: Order) -> dict[str, Any]:
        """Return an open order as /data/orders shows it."""
        return {
            "id": order.order_id,
            "status": OrderStatus.DELAYED if order.is_delayed else OrderStatus.LIVE,
            "owner": self._owners.get(order.order_id, ""),
            "maker_address": order.account_id,
            "market": order.condition_id,
            "asset_id": order.token_id,
            "side": order.side,
            "original_size": text(order.size_micro),
            "size_matched": text(order.matched_micro),
            "price": text(order.price_micro),
            "outcome": self._outcomes[order.token_id],
            "expiration": str(order.expiration_s),
            "order_type": order.order_type,
            "associate_trades": order.trade_ids,
            "created_at": order.created_ms // 1_000,
        }

    def trade_row(self, trade: TradeChanged, account_id: str) -> dict[str, Any]:
        """Return a trade as /data/trades shows it to one of its parties."""
        taker = trade.taker_account_id
        return {
            "id": trade.trade_id,
            "taker_order_id": trade.taker_order_id,
            "market": trade.condition_id,
            "asset_id": trade.token_id,
            "side": trade.side,
            "size": text(trade.size_micro),
            "fee_rate_bps": "0",  # the venue says 0 even when a fee was charged
            "price": text(trade.price_micro),
            "status": trade.state,
            "match_time": str(trade.matched_ms // 1_000),
            "last_update": str(trade.at_ms // 1_000),
            "outcome": self._outcomes[trade.token_id],
            "bucket_index": 0,
            "owner": self._owner(trade.taker_order_id, taker, account_id),
            "maker_address": self.wallet_of(taker),
            "transaction_hash": trade.transaction_hash,
            "trader_side": "TAKER" if taker == account_id else "MAKER",
            "maker_orders": [self._maker(fill, account_id) for fill in trade.fills],
        }

    def wallet_of(self, account_id: str) -> str:
        """Return an account's wallet: a user's is its name, one of the flow's gets a digest."""
        if account_id in self.users:
            return account_id
        return f"0x{sha256(account_id.encode()).hexdigest()[:40]}"

    def _maker(self, fill: Fill, account_id: str) -> dict[str, str]:
        return {
            "order_id": fill.maker_order_id,
            "owner": self._owner(fill.maker_order_id, fill.maker_account_id, account_id),
            "maker_address": self.wallet_of(fill.maker_account_id),
            "matched_amount": text(fill.size_micro),
            "price": text(fill.maker_price_micro),
            "fee_rate_bps": "0",
            "asset_id": fill.maker_token_id,
            "outcome": self._outcomes[fill.maker_token_id],
            "side": fill.maker_side,
        }

    def _owner(self, order_id: str, account_id: str, reader_id: str) -> str:
        return self._owners.get(order_id, "") if account_id == reader_id else ""

    def _keep(self, trade: TradeChanged) -> None:
        if trade.trade_id not in self._trades and len(self._trades) >= TRADES_MAX:
            del self._trades[next(iter(self._trades))]
        self._trades[trade.trade_id] = trade

    def _order_message(self, event: OrderChanged) -> dict[str, Any]:
        owner = self._owners.get(event.order_id, "")
        return {
            "asset_id": event.token_id,
            "associate_trades": event.trade_ids or None,
            "created_at": str(event.created_ms // 1_000),
            "event_type": "order",
            "expiration": str(event.expiration_s),
            "id": event.order_id,
            "maker_address": event.account_id,
            "market": event.condition_id,
            "order_owner": owner,
            "order_type": event.order_type,
            "original_size": text(event.size_micro),
            "outcome": self._outcomes[event.token_id],
            "owner": owner,
            "price": text(event.price_micro),
            "side": event.side,
            "size_matched": text(event.matched_micro),
            "status": event.status,
            "timestamp": str(event.at_ms),
            "type": event.change,
        }

    def _trade_message(self, event: TradeChanged, account_id: str) -> dict[str, Any]:
        row = self.trade_row(event, account_id)
        return row | {
            "event_type": "trade",
            "timestamp": str(event.at_ms),
            "trade_owner": row["owner"],
            "type": "TRADE",
        }


def _parties(trade: TradeChanged) -> set[str]:
    return {trade.taker_account_id, *(fill.maker_account_id for fill in trade.fills)}
