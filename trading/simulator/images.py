"""All that the venue owes its users, as rows by kind and id; and a venue made from such rows again.

Open orders, trades and how far they are, balances and allowances, API keys, order ids that were
seen, heartbeats, ticks. Of the invented flow only the balances and the fair values are kept: all
money and all shares are still there, and what a user began can be ended at much the same prices;
its orders and the trades among itself are left behind, which had moved nothing yet. Rows are made
of what JSON knows, so that they can be written anywhere.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, TypeAlias

from trading.engine.codes import Side, TradeState
from trading.simulator.accounts import Account
from trading.simulator.codes import MatchKind, OrderType
from trading.simulator.events import Fill, TradeChanged
from trading.simulator.keys import KeyRing
from trading.simulator.orders import Order
from trading.simulator.settlement import Step, Trade

if TYPE_CHECKING:
    from trading.simulator.local_venue import LocalVenue

Key: TypeAlias = tuple[str, str]  # kind and id
Image: TypeAlias = Mapping[str, Mapping[str, Any]]  # rows by kind and then by id

_STEPS = 2  # the place of what is to come in the row of a trade
_ORDER_FIELDS = tuple(field.name for field in fields(Order))


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What earlier runs left behind, and how many there were."""

    image: Image
    run: int

    @property
    def is_empty(self) -> bool:
        """Say whether they owed nothing to anybody."""
        return "totals" not in self.image


class Changes:
    """What has to be written so that all rows together are the venue as it is now."""

    def __init__(self, image: Image) -> None:
        """Begin with what an earlier run left behind, which may be over now."""
        self._users: dict[Key, Any] = {  # as they were written last
            (kind, name): row
            for kind in ("key", "user", "heartbeat", "account", "order", "trade", "market")
            for name, row in image.get(kind, {}).items()
            if kind != "trade" or row[_STEPS]
        }
        self._others: dict[Key, Any] = {}

    def take(self, venue: "LocalVenue", keys: KeyRing) -> dict[Key, Any]:
        """Return the rows that are new, None for those that are gone.

        Nothing at all as long as nothing of a user changed: then nobody is owed anything new. Each
        answer has to be written as a whole, after the one before.
        """
        users = _user_rows(venue, keys)
        news = _news_rows(venue)
        if users == self._users and not news:
            return {}
        others = _other_rows(venue)
        before, after = self._users | self._others, users | others
        changes = {key: row for key, row in after.items() if before.get(key) != row}
        for key in before.keys() - after.keys():
            # A trade that is settled stays known, other things that are over do not.
            changes[key] = _settled_row(venue, key[1]) if key[0] == "trade" else None
        self._users, self._others = users, others
        return news | changes


def _user_rows(venue: "LocalVenue", keys: KeyRing) -> dict[Key, Any]:
    """Return what belongs to users and may change: all of it now."""
    exchange, users = venue.exchange, venue.records.users
    rows: dict[Key, Any] = {("key", name): row for name, row in keys.rows().items()}
    rows |= {("user", owner): tuple(kinds.items()) for owner, kinds in venue.wallets.items()}
    rows |= {("heartbeat", name): row for name, row in exchange.heartbeats().items()}
    rows |= {("account", name): _account_row(exchange.chain.accounts[name]) for name in users}
    for owner in venue.wallets:
        for order in exchange.open_orders(owner):
            rows["order", order.order_id] = tuple(getattr(order, name) for name in _ORDER_FIELDS)
    for trade in exchange.unsettled():
        if users & trade.parties():
            # Its event, who takes, what is to come, and whether its locks were given back.
            row = (trade.event, trade.spender, trade.steps, trade.released)
            rows["trade", trade.event.trade_id] = row
    for market in venue.markets.values():
        condition_id, token_id = market.listing.condition_id, market.listing.token_ids[0]
        payouts = exchange.chain.payouts.get(condition_id)
        rows["market", condition_id] = (exchange.tick_micro(token_id), payouts)
    return rows


def _other_rows(venue: "LocalVenue") -> dict[Key, Any]:
    """Return what belongs to nobody or to the flow, and only balances what belongs to users."""
    chain, users = venue.exchange.chain, venue.records.users
    rows: dict[Key, Any] = {
        ("account", name): _account_row(account)
        for name, account in chain.accounts.items()
        if name not in users
    }
    sets = tuple(sorted(chain.sets_micro.items()))
    rows["totals", ""] = (chain.deposited_micro, chain.fees_micro, sets)
    for condition_id, market in venue.markets.items():
        if (fair_micro := market.flow.fair(condition_id)) is not None:
            rows["fair", condition_id] = fair_micro
    return rows


def _news_rows(venue: "LocalVenue") -> dict[Key, Any]:
    """Return what was added since the last call: order ids, and trades that are settled now."""
    records = venue.records
    unsettled = {trade.event.trade_id for trade in venue.exchange.unsettled()}
    rows: dict[Key, Any] = {}
    for (kind, name), account_id in records.take_news().items():
        if kind == "order":
            rows["seen", name] = (account_id, records.key_of(name))
        elif name not in unsettled:
            rows["trade", name] = _settled_row(venue, name)
    return rows


def _settled_row(venue: "LocalVenue", trade_id: str) -> tuple[Any, ...] | None:
    """Return a trade of which nothing is to come, None when it is forgotten."""
    event = venue.records.trade(trade_id)
    return None if event is None else (event, "", (), True)


def encode(row: Any) -> str:
    """Return a row as JSON."""
    return json.dumps(row, default=asdict, separators=(",", ":"))


def restore(venue: "LocalVenue", image: Image) -> None:
    """Go on from the rows of an earlier run, before the flow does anything.

    Raises ValueError when they do not fit to this venue, which has other markets or another flow.
    """
    exchange = venue.exchange
    rows = {kind: image.get(kind, {}) for kind in ("account", "user", "trade", "order", "market")}
    for owner, kinds in rows["user"].items():
        venue.readmit(owner, dict(kinds))
    strangers = exchange.chain.accounts.keys() - rows["account"].keys()
    fair = image.get("fair", {})
    if strangers or (rows["market"].keys() | fair.keys()) - venue.markets.keys():
        raise ValueError("the state was kept by a venue with other markets or another flow")
    deposited, fees, sets = image["totals"][""]
    exchange.chain.restore(
        {name: _account(row) for name, row in rows["account"].items()},
        totals=(deposited, fees, dict(sets)),
    )
    for name in exchange.chain.accounts.keys() - venue.records.users:
        account = exchange.chain.accounts[name]  # nothing is left behind that would refresh it
        account.view, account.allowed_view = account.chain.copy(), account.allowed.copy()
    for order_id, (account_id, api_key) in image.get("seen", {}).items():
        exchange.restore_id(account_id, order_id)
        venue.records.claim(order_id, api_key)
    for condition_id, (tick_micro, payouts) in rows["market"].items():
        market = venue.markets[condition_id]
        said = None if payouts is None else (payouts[0], payouts[1])
        exchange.restore_market(market.listing.token_ids[0], tick_micro, said)
        if payouts is not None:
            market.end()
    for condition_id, fair_micro in fair.items():
        venue.markets[condition_id].flow.resume(condition_id, fair_micro)
    for signer_id, (heartbeat_id, due_ms) in image.get("heartbeat", {}).items():
        exchange.restore_heartbeat(signer_id, heartbeat_id, due_ms)
    trades = sorted(map(_trade, rows["trade"].values()), key=lambda one: one.event.matched_ms)
    for trade in trades:
        venue.records.restore_trade(trade.event)
    orders = sorted(map(_order, rows["order"].values()), key=lambda one: one.sequence)
    exchange.restore(orders, (trade for trade in trades if trade.steps))


def _account_row(account: Account) -> tuple[Any, ...]:
    """Return what an account has; what is claimed of it follows from orders and trades."""
    return (
        _amounts(account.chain),
        _amounts(account.view),
        _amounts(account.allowed),
        _amounts(account.allowed_view),
    )


def _amounts(counts: Mapping[Any, int]) -> tuple[tuple[Any, int], ...]:
    return tuple(sorted((name, amount) for name, amount in counts.items() if amount))


def _account(row: Iterable[Any]) -> Account:
    account = Account()
    chain, view, allowed, allowed_view = row
    account.chain, account.view = Counter(dict(chain)), Counter(dict(view))
    account.allowed = Counter({(what, who): amount for (what, who), amount in allowed})
    account.allowed_view = Counter({(what, who): amount for (what, who), amount in allowed_view})
    return account


def _order(row: Iterable[Any]) -> Order:
    values = dict(zip(_ORDER_FIELDS, row, strict=True))
    values["side"], values["order_type"] = Side(values["side"]), OrderType(values["order_type"])
    return Order(**values | {"trade_ids": tuple(values["trade_ids"])})


def _trade(row: Iterable[Any]) -> Trade:
    values, spender, steps, released = row
    fills = tuple(
        Fill(**one | {"kind": MatchKind(one["kind"]), "maker_side": Side(one["maker_side"])})
        for one in values["fills"]
    )
    typed = {"state": TradeState(values["state"]), "side": Side(values["side"]), "fills": fills}
    trade = Trade(TradeChanged(**values | typed), spender)
    trade.steps = tuple((due_ms, Step(step)) for due_ms, step in steps)
    trade.released = released
    return trade
