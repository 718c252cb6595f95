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
NEWS_MAX = 10_000
MESSAGES_MAX = 10_000  # that nobody fetched; the oldest are lost


class UserMessage(NamedTuple):
    """One message of the user channel, for the owner of one account or of several."""

    owner_id: str
    condition_id: str
    body: dict[str, Any]


class Records:
    """Follows the events of an exchange, for the accounts that belong to users."""

    def __init__(self) -> None:
        self.users: set[str] = set()  # their accounts
        self._owner_of: dict[str, str] = {}  # by account
        self._outcomes: dict[str, str] = {}  # by token
        self._owners: dict[str, str] = {}  # the API key by order
        self._trades: dict[str, TradeChanged] = {}
        self._messages: list[UserMessage] = []
        # By ("order" or "trade", id) of what changed: the account that placed the order, or none.
        self._news: dict[tuple[str, str], str] = {}

    def list_market(self, listing: Listing) -> None:
        """Learn what the tokens of a market are called."""
        self._outcomes |= zip(listing.token_ids, listing.outcomes, strict=True)

    def admit(self, account_id: str, owner_id: str) -> None:
        """Learn of an account of a user, and who owns it."""
        self.users.add(account_id)
        self._owner_of[account_id] = owner_id

    def claim(self, order_id: str, owner: str) -> None:
        """Remember who posts an order; who claims it later changes nothing."""
        if len(self._owners) >= OWNERS_MAX:
            del self._owners[next(iter(self._owners))]
        self._owners.setdefault(order_id, owner)

    def take(self, event: Event) -> None:
        """Take note of an event when it is about a user."""
        if isinstance(event, OrderChanged) and event.account_id in self.users:
            self._mark("order", event.order_id, event.account_id)
            body = self._order_message(event)
            owner_id = self._owner_of.get(event.account_id, event.account_id)
            self._messages.append(UserMessage(owner_id, event.condition_id, body))
        elif isinstance(event, TradeChanged):
            concerned = self.users & _parties(event)
            if concerned:
                self._keep(event)
                self._mark("trade", event.trade_id, "")
            for owner_id in sorted({self._owner_of.get(one, one) for one in concerned}):
                body = self._trade_message(event, owner_id)
                self._messages.append(UserMessage(owner_id, event.condition_id, body))
        del self._messages[:-MESSAGES_MAX]

    def take_news(self) -> dict[tuple[str, str], str]:
        """Return of which orders and trades of users something was heard since the last call.

        Keys are ("order" or "trade", id); values the account that placed the order, or nothing.
        """
        news = self._news.copy()
        self._news.clear()
        return news

    def trade(self, trade_id: str) -> TradeChanged | None:
        """Return a trade as it is now, when it is remembered."""
        return self._trades.get(trade_id)

    def key_of(self, order_id: str) -> str:
        """Return the API key that posted an order, empty when it is forgotten."""
        return self._owners.get(order_id, "")

    def restore_trade(self, trade: TradeChanged) -> None:
        """Remember a trade of an earlier run."""
        self._keep(trade)

    def take_messages(self) -> list[UserMessage]:
        """Return the messages since the last call, in order."""
        messages = self._messages.copy()
        self._messages.clear()
        return messages

    def trades_of(self, owner_id: str) -> list[TradeChanged]:
        """Return what is remembered of an owner's trades, oldest first, each as it is now."""
        return [
            trade
            for trade in self._trades.values()
            if any(self._owns(owner_id, account_id) for account_id in _parties(trade))
        ]

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

    def trade_row(self, trade: TradeChanged, owner_id: str) -> dict[str, Any]:
        """Return a trade as /data/trades shows it to the owner of one of its parties."""
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
            "owner": self._key(trade.taker_order_id, taker, owner_id),
            "maker_address": self.wallet_of(taker),
            "transaction_hash": trade.transaction_hash,
            "trader_side": "TAKER" if self._owns(owner_id, taker) else "MAKER",
            "maker_orders": [self._maker(fill, owner_id) for fill in trade.fills],
        }

    def wallet_of(self, account_id: str) -> str:
        """Return an account's wallet: a user's is its name, one of the flow's gets a digest."""
        if account_id in self.users:
            return account_id
        return f"0x{sha256(account_id.encode()).hexdigest()[:40]}"

    def _maker(self, fill: Fill, owner_id: str) -> dict[str, str]:
        return {
            "order_id": fill.maker_order_id,
            "owner": self._key(fill.maker_order_id, fill.maker_account_id, owner_id),
            "maker_address": self.wallet_of(fill.maker_account_id),
            "matched_amount": text(fill.size_micro),
            "price": text(fill.maker_price_micro),
            "fee_rate_bps": "0",
            "asset_id": fill.maker_token_id,
            "outcome": self._outcomes[fill.maker_token_id],
            "side": fill.maker_side,
        }

    def _owns(self, owner_id: str, account_id: str) -> bool:
        return self._owner_of.get(account_id, account_id) == owner_id

    def _key(self, order_id: str, account_id: str, reader_id: str) -> str:
        """Return the API key that posted an order, to its owner only."""
        return self._owners.get(order_id, "") if self._owns(reader_id, account_id) else ""

    def _mark(self, kind: str, name: str, account_id: str) -> None:
        self._news[kind, name] = account_id
        if len(self._news) > NEWS_MAX:
            del self._news[next(iter(self._news))]

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

    def _trade_message(self, event: TradeChanged, owner_id: str) -> dict[str, Any]:
        row = self.trade_row(event, owner_id)
        return row | {
            "event_type": "trade",
            "timestamp": str(event.at_ms),
            "trade_owner": row["owner"],
            "type": "TRADE",
        }


def _parties(trade: TradeChanged) -> set[str]:
    return {trade.taker_account_id, *(fill.maker_account_id for fill in trade.fills)}
