"""The local venue as a simulation drives it: its texts for us, and its doors without sockets.

Answers are made and read as on the wire: the venue's rows become JSON, and the adapters that read
the real venue read them.
"""

import json
from typing import Any

from trading.adapters import account_wire, failures
from trading.adapters.live_parts import Payload
from trading.adapters.live_venue import failed
from trading.engine.codes import Side
from trading.engine.events import BookSnapshot
from trading.engine.market import MarketSpec
from trading.execution.messages import CancelResult, OpenOrder, PlacedLeg, VenueTrade
from trading.execution.requests import CallFailed, OutgoingOrder
from trading.simulation.chance import stream
from trading.simulation.scenario import CAPITAL_MICRO, START_MS, Scenario
from trading.simulator.accounts import Chain
from trading.simulator.answers import CancelAnswer, Refusal
from trading.simulator.codes import COLLATERAL, OrderType
from trading.simulator.local_venue import LocalVenue
from trading.simulator.market_records import FEE
from trading.simulator.markets import LocalMarket, Programme
from trading.simulator.order_door import answer_row
from trading.simulator.orders import Listing, NewOrder

OWNER = "0xF39FD6E51AAD88F6F4CE6AB8827279CFFFB92266"
KEY = "simulated-key"
NEVER_MS = 10**15


class WatchedChain(Chain):
    """The venue's own books, which count how often they changed."""

    __slots__ = ("changes",)

    def __init__(self) -> None:
        super().__init__()
        self.changes = 0

    def note(self, *moves: Any) -> None:
        """Write down what moved."""
        super().note(*moves)
        self.changes += 1

    def deposit(self, account_id: str, amount_micro: int) -> None:
        """Bring collateral in from outside."""
        super().deposit(account_id, amount_micro)
        self.changes += 1


class Venue:
    """One venue with our account in it. Times in ms of UTC."""

    def __init__(self, scenario: Scenario) -> None:
        self.chain = WatchedChain()
        self.local = LocalVenue(
            seed=scenario.seed,
            markets=scenario.markets,
            now_ms=START_MS,
            programme=Programme(flow=scenario.flow),
            settlement=scenario.settlement,
            chain=self.chain,
        )
        self.exchange = self.local.exchange
        self.now_ms = START_MS
        self.frames: list[str] = []
        self.news: list[str] = []
        self.exchange.open_account(OWNER)
        self.chain.deposit(OWNER, CAPITAL_MICRO)
        self.chain.refresh(OWNER, COLLATERAL)
        self.local.records.admit(OWNER, OWNER)
        self.account = self.chain.accounts[OWNER]
        self.listings: tuple[Listing, ...] = tuple(
            market.listing for market in self.local.markets.values()
        )
        self.fees = {token_id: FEE for one in self.listings for token_id in one.token_ids}
        self._chance = stream(scenario.seed, "venue")

    # Time

    def next_ms(self) -> int:
        """Return when something happens next by itself."""
        return max(self.now_ms, self.local.next_ms(self.now_ms))

    def advance(self, now_ms: int) -> None:
        """Let everything happen up to a time; what is told about it waits in `frames`, `news`."""
        self.now_ms = now_ms
        self.frames += [frame for _, frame in self.local.advance(now_ms)]
        for message in self.local.records.take_messages():
            self.news.append(json.dumps(message.body, separators=(",", ":")))

    def still(self) -> None:
        """End the invented flow: nobody trades any more but us."""
        for market in self.local.markets.values():
            market.flow.next_ms = NEVER_MS

    # What everybody may ask

    def specs(self) -> list[MarketSpec]:
        """Return all markets as discovery finds them."""
        return [
            MarketSpec(
                condition_id=listing.condition_id,
                token_ids=listing.token_ids,
                tick_micro=self.exchange.tick_micro(listing.token_ids[0]),
                min_order_size_micro=listing.min_order_size_micro,
                fee=FEE,
            )
            for listing in self.listings
        ]

    def dump(self) -> str:
        """Return the first frame of a subscription to everything."""
        return self.local.dump(token for listing in self.listings for token in listing.token_ids)

    def snapshots(self, condition_id: str) -> list[BookSnapshot]:
        """Return the answer to a read of both books."""
        market: LocalMarket = self.local.markets[condition_id]
        found = []
        for token_id in market.listing.token_ids:
            levels = self.exchange.levels(token_id)
            found.append(
                BookSnapshot(
                    condition_id,
                    token_id,
                    market.changed_ms,
                    tuple((price, size) for is_ask, price, size in levels if not is_ask),
                    tuple((price, size) for is_ask, price, size in levels if is_ask),
                    self.exchange.tick_micro(token_id),
                    True,
                )
            )
        return found

    # What only we may ask

    def place(
        self, orders: tuple[OutgoingOrder, ...], refused: dict[str, str]
    ) -> tuple[PlacedLeg, ...] | CallFailed:
        """Place a batch; `refused` holds the error of orders that the venue does not like."""
        new = []
        for order in orders:
            self.local.records.claim(order.order_hash, KEY)
            if order.order_hash not in refused:
                new.append(_new_order(order))
        placed = self.exchange.place_batch(OWNER, new, self.now_ms)
        if isinstance(placed, Refusal):
            return refusal(placed)
        answered = iter(placed)
        rows = [
            _refused_leg(refused[order.order_hash])
            if order.order_hash in refused
            else answer_row(next(answered))
            for order in orders
        ]
        return account_wire.placed_legs(json.dumps(rows).encode())

    def open_orders(self) -> tuple[OpenOrder, ...]:
        """Return our open orders."""
        records = self.local.records
        rows = [records.order_row(order) for order in self.exchange.open_orders(OWNER)]
        return account_wire.order_page(_page(rows)).rows

    def trades(self, after_s: int) -> tuple[VenueTrade, ...]:
        """Return our trades since a second."""
        records = self.local.records
        rows = [
            records.trade_row(trade, OWNER)
            for trade in records.trades_of(OWNER)
            if trade.matched_ms // 1_000 >= after_s
        ]
        return account_wire.trade_page(_page(rows)).rows

    def cancel(self, hashes: tuple[str, ...] | None) -> CancelResult | CallFailed:
        """Cancel some orders, or all of them."""
        if hashes is None:
            answer = self.exchange.cancel_all(OWNER, self.now_ms)
        else:
            answer = self.exchange.cancel(OWNER, hashes, self.now_ms)
        if isinstance(answer, CancelAnswer):
            return CancelResult(cancelled=answer.canceled, not_cancelled=answer.not_canceled)
        return refusal(answer)

    def beat(self, heartbeat_id: str) -> str | CallFailed:
        """Take a heartbeat."""
        answer = self.exchange.heartbeat(OWNER, heartbeat_id, self.now_ms)
        if answer.accepted:
            return answer.heartbeat_id
        text = "Invalid Heartbeat ID"
        return refusal(Refusal(http=400, text=text, heartbeat_id=answer.heartbeat_id))

    def refresh(self, token_ids: tuple[str, ...]) -> int:
        """Look at the chain again and say how many dollars we have."""
        for asset in (*token_ids, COLLATERAL):
            self.exchange.refresh_view(OWNER, asset)
        return self.account.view[COLLATERAL]

    def held(self, token_ids: tuple[str, ...]) -> dict[str, int]:
        """Return what the chain says that we hold."""
        return {token_id: self.account.chain[token_id] for token_id in token_ids}


def refusal(refused: Refusal) -> CallFailed:
    """Return a refusal as the adapter of the real venue reads it off its HTTP answer."""
    body: dict[str, Any] = {"error": refused.text}
    if refused.code:
        body["code"] = refused.code
    if refused.retry_after_s:
        body["retry_after_seconds"] = refused.retry_after_s
    if refused.heartbeat_id:
        body["heartbeat_id"] = refused.heartbeat_id
    return failed(failures.refused("call", refused.http, json.dumps(body).encode(), 0, ()))


def _new_order(order: OutgoingOrder) -> NewOrder:
    payload: Payload = order.payload
    return NewOrder(
        order_id=order.order_hash,
        account_id=OWNER,
        token_id=order.token_id,
        side=Side(order.side),
        order_type=OrderType(payload.order_type),
        maker_micro=payload.order.maker_micro,
        taker_micro=payload.order.taker_micro,
    )


def _refused_leg(error: str) -> dict[str, Any]:
    return {"success": True, "errorMsg": error, "orderID": "", "status": ""}


def _page(rows: list[dict[str, Any]]) -> bytes:
    return json.dumps({"data": rows, "next_cursor": "LTE="}).encode()
