"""The local venue as a whole: an exchange, some markets, and the flow that trades in them.

Pure and seeded: `advance` lets everything happen up to a time and returns what the market channel
says about it. The same seed and the same times give the same frames. The fee is that of the venue's
crypto markets in September 2026; questions and flow are invented.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

from trading.engine import amounts
from trading.engine.fees import fee_charged
from trading.engine.market import FeeSchedule
from trading.engine.units import MICRO, text_from_micro
from trading.simulator.codes import COLLATERAL
from trading.simulator.events import BookChanged, DelayEnded, Event
from trading.simulator.exchange import Exchange
from trading.simulator.flow import Flow, FlowSettings
from trading.simulator.frames import Publisher, book_message
from trading.simulator.orders import Listing
from trading.simulator.records import Records
from trading.simulator.settlement import SettlementSettings

FEE = FeeSchedule(rate_micro=70_000, exponent=1)
BASE_FEE = 1_000  # what the venue says of every market with fees, and means nothing
TICK_MICRO = 10_000
MIN_ORDER_SIZE_MICRO = 5 * MICRO
MARKETS_MAX = 200
BEHIND_MS_MAX = 1_000  # a flow that is later than this skips what it missed
PLAY_MONEY_MICRO = 10_000 * MICRO  # what a new address finds in its account
USERS_MAX = 1_000
QUIET_MS = 1_000  # nothing is due for longer than this
# About ten updates a second in each market; a true gap every half a minute, a lagged leg as often.
LOCAL_FLOW = FlowSettings(
    step_ms_min=20,
    step_ms_max=180,
    crossing_micro=3_000,
    crossing_ms=1_500,
    crossing_edge_micro=45_000,
    lag_micro=3_000,
)
OUTCOMES = ("Yes", "No")


@dataclass(slots=True, kw_only=True)
class LocalMarket:
    """One market with everything that belongs to it. `changed_ms`: the last change of its books."""

    number: int
    listing: Listing
    publisher: Publisher
    flow: Flow
    changed_ms: int


class LocalVenue:
    """A venue to trade on: what its server asks, without the server. Times in ms of UTC."""

    def __init__(
        self,
        *,
        seed: int,
        markets: int,
        now_ms: int,
        flow: FlowSettings = LOCAL_FLOW,
        settlement: SettlementSettings | None = None,
    ) -> None:
        """Raises ValueError for a number of markets without sense."""
        if not 1 <= markets <= MARKETS_MAX:
            raise ValueError(f"markets is {markets}, set it to 1 to {MARKETS_MAX}")
        random = Random(seed)  # noqa: S311 - a simulation has to repeat itself
        self.exchange = Exchange(
            random=random, amounts=amounts, now_ms=now_ms, settlement=settlement
        )
        self.records = Records(OUTCOMES)
        self.markets: dict[str, LocalMarket] = {}
        self._by_token: dict[str, LocalMarket] = {}
        for number in range(1, markets + 1):
            self._list(number, seed, random, flow, now_ms)
        self.advance(now_ms)

    def _list(
        self, number: int, seed: int, random: Random, settings: FlowSettings, now_ms: int
    ) -> None:
        first, second = (_token_id(seed, number, outcome) for outcome in OUTCOMES)
        listing = Listing(
            condition_id=f"0x{_digest(seed, number, 'condition')}",
            token_ids=(first, second),
            tick_micro=TICK_MICRO,
            min_order_size_micro=MIN_ORDER_SIZE_MICRO,
            fee_micro=partial(fee_charged, FEE),
        )
        self.exchange.list_market(listing)
        self.records.list_market(listing)
        publisher = Publisher([listing])
        fair_micro = random.randrange(settings.fair_micro_min, settings.fair_micro_max)
        market = LocalMarket(
            number=number,
            listing=listing,
            publisher=publisher,
            flow=Flow(
                exchange=self.exchange,
                listing=listing,
                random=Random(random.getrandbits(64)),  # noqa: S311 - see above
                settings=replace(settings, fair_micro=fair_micro),
                lag=publisher.lag,
                now_ms=now_ms,
            ),
            changed_ms=now_ms,
        )
        self.markets[listing.condition_id] = market
        self._by_token |= dict.fromkeys(listing.token_ids, market)

    def next_ms(self, now_ms: int) -> int:
        """Return when to call `advance` again, at the latest."""
        due = min(market.flow.next_ms for market in self.markets.values())
        return min(due, self.exchange.next_ms() or due, now_ms + QUIET_MS)

    def advance(self, now_ms: int) -> list[tuple[str, str]]:
        """Let everything happen up to a time; return (condition_id, frame) of what is published.

        A venue that slept for long goes on from now: nobody could have traded in between.
        """
        frames: list[tuple[str, str]] = []
        for market in self.markets.values():
            if market.flow.next_ms < now_ms - BEHIND_MS_MAX:
                market.flow.next_ms = now_ms
        while True:
            market = min(self.markets.values(), key=lambda one: one.flow.next_ms)
            if market.flow.next_ms > now_ms:
                break
            at_ms = market.flow.next_ms
            market.flow.step()
            frames += self._publish(at_ms)
        self.exchange.advance(now_ms)
        return frames + self._publish(now_ms)

    def _publish(self, at_ms: int) -> list[tuple[str, str]]:
        by_market: dict[str, list[Event]] = {}
        for event in self.exchange.take_events():
            if isinstance(event, DelayEnded):
                continue
            self.records.take(event)
            by_market.setdefault(event.condition_id, []).append(event)
            if isinstance(event, BookChanged):
                self.markets[event.condition_id].changed_ms = event.at_ms
        return [
            (condition_id, frame)
            for condition_id, market in self.markets.items()
            for frame in market.publisher.publish(by_market.get(condition_id, ()), at_ms)
        ]

    def admit(self, address: str) -> bool:
        """Let a wallet trade: a new one gets an account with play money. False: too many."""
        if address in self.records.users:
            return True
        if len(self.records.users) >= USERS_MAX:
            return False
        self.exchange.open_account(address)
        self.exchange.chain.deposit(address, PLAY_MONEY_MICRO)
        self.exchange.refresh_view(address, COLLATERAL)
        self.records.users.add(address)
        return True

    def listing_of(self, token_id: str) -> Listing | None:
        """Return the market of a token, None for nobody's token."""
        market = self._by_token.get(token_id)
        return market.listing if market is not None else None

    def condition_of(self, token_id: str) -> str | None:
        """Return whose token it is, None for nobody's."""
        market = self._by_token.get(token_id)
        return market.listing.condition_id if market is not None else None

    def dump(self, token_ids: Iterable[str]) -> str:
        """Return the first frame of a subscription; unknown tokens are left out without a word."""
        books: list[Any] = []
        for token_id in token_ids:
            market = self._by_token.get(token_id)
            if market is not None:
                books += json.loads(market.publisher.dump([token_id]))
        return json.dumps(books, separators=(",", ":"))

    def book(self, token_id: str) -> dict[str, Any] | None:
        """Return the answer to GET /book: the book as it is, whatever is published late."""
        market = self._by_token.get(token_id)
        if market is None:
            return None
        message = book_message(
            market.listing,
            token_id,
            tick_micro=self.exchange.tick_micro(token_id),
            levels=self.exchange.levels(token_id),
            last_trade="",
            at_ms=market.changed_ms,
        )
        del message["event_type"]
        return message

    def parameters(self, condition_id: str) -> dict[str, Any] | None:
        """Return the answer to GET /clob-markets/CONDITION, None for an unknown one."""
        market = self.markets.get(condition_id)
        if market is None:
            return None
        listing = market.listing
        return {
            "c": condition_id,
            "t": [
                {"t": token_id, "o": outcome}
                for token_id, outcome in zip(listing.token_ids, OUTCOMES, strict=True)
            ],
            "mos": Decimal(text_from_micro(listing.min_order_size_micro)),
            "mts": Decimal(text_from_micro(self.exchange.tick_micro(listing.token_ids[0]))),
            "v": "v1",
            "fd": {"r": Decimal(text_from_micro(FEE.rate_micro)), "e": FEE.exponent, "to": True},
        }

    def token_parameters(self, token_id: str) -> dict[str, Any]:
        """Return the answers about one token, by the path that asks; none for an unknown one."""
        listing = self.listing_of(token_id)
        if listing is None:
            return {}
        first, second = listing.token_ids
        tick = text_from_micro(self.exchange.tick_micro(token_id))
        return {
            "tick-size": {"minimum_tick_size": Decimal(tick)},
            "neg-risk": {"neg_risk": listing.neg_risk},
            "fee-rate": {"base_fee": BASE_FEE},
            "market": {
                "condition_id": listing.condition_id,
                "primary_token_id": first,
                "secondary_token_id": second,
            },
        }

    def listings(self) -> list[dict[str, Any]]:
        """Return all markets as Gamma lists them."""
        return [self._listed(market) for market in self.markets.values()]

    def _listed(self, market: LocalMarket) -> dict[str, Any]:
        listing = market.listing
        rate = Decimal(text_from_micro(FEE.rate_micro))
        return {
            "id": str(market.number),
            "conditionId": listing.condition_id,
            "slug": f"simulated-{market.number}",
            "question": f"Simulated market {market.number}: will it be yes?",
            "version": "v1",
            "outcomes": json.dumps(OUTCOMES),
            "clobTokenIds": json.dumps(listing.token_ids),
            "active": True,
            "closed": False,
            "archived": False,
            "acceptingOrders": True,
            "enableOrderBook": True,
            "negRisk": listing.neg_risk,
            "orderPriceMinTickSize": Decimal(text_from_micro(listing.tick_micro)),
            "orderMinSize": Decimal(text_from_micro(listing.min_order_size_micro)),
            "feesEnabled": True,
            "feeSchedule": {"rate": rate, "exponent": FEE.exponent, "takerOnly": True},
            "endDate": None,
            "volume24hr": 1_000_000 - market.number,
            "events": [{"slug": "simulated", "negRisk": False, "negRiskAugmented": False}],
        }


def _digest(*parts: object) -> str:
    return hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()


def _token_id(seed: int, number: int, outcome: str) -> str:
    return str(int(_digest(seed, number, outcome), 16))
