"""The local venue as a whole: an exchange, some markets, and the flow that trades in them.

Pure and seeded: `advance` lets everything happen up to a time and returns what the market channel
says about it. The same seed and the same times give the same frames. The flow is invented.
"""

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from random import Random
from typing import Any

from trading.engine import amounts
from trading.engine.codes import Side, TradeState
from trading.engine.units import MICRO, text_from_micro
from trading.simulator import market_records
from trading.simulator.accounts import Chain
from trading.simulator.codes import COLLATERAL, DEPOSIT_WALLET, EOA, SHARES, UNLIMITED
from trading.simulator.events import BookChanged, DelayEnded, Event, TradeChanged
from trading.simulator.exchange import Exchange
from trading.simulator.faults import Faults
from trading.simulator.frames import book_message, resolved_message
from trading.simulator.images import Past, restore
from trading.simulator.market_records import BASE_FEE
from trading.simulator.markets import (
    INVENTED,
    LocalMarket,
    Programme,
    markets_of,
)
from trading.simulator.orders import Listing
from trading.simulator.records import Records, UserMessage
from trading.simulator.settlement import SettlementSettings

BEHIND_MS_MAX = 1_000  # a flow that is later than this skips what it missed
PLAY_MONEY_MICRO = 10_000 * MICRO  # what a new user finds in each wallet
USERS_MAX = 1_000
QUIET_MS = 1_000  # nothing is due for longer than this
OTHER_SIDE = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}


class LocalVenue:
    """A venue to trade on: what its server asks, without the server. Times in ms of UTC."""

    def __init__(
        self,
        *,
        seed: int,
        markets: int,
        now_ms: int,
        programme: Programme = INVENTED,
        settlement: SettlementSettings | None = None,
        wallet_of: Callable[[str], str] | None = None,
        spenders: tuple[str, ...] = (),
        approved: bool = True,
        chain: Chain | None = None,
        past: Past | None = None,
    ) -> None:
        """Raises ValueError for a number of markets without sense.

        `wallet_of` returns the deposit wallet of an owner; without it owners trade from their own
        address alone. `spenders` are the contracts that need an allowance, the first of them for
        these markets; without any no allowance is needed. `approved`: a new wallet has given them
        all an unlimited one, else none. `chain` is where trades settle, left out: on own books.
        `past` is what earlier runs owe their users. `markets` are invented ones that stand alone:
        0 with a programme that has others.
        """
        programme.check(markets)
        # A simulation has to repeat itself; a later run invents another flow and other ids.
        random = Random(f"{seed} {past.run}" if past and past.run else seed)  # noqa: S311
        self.exchange = Exchange(
            random=random,
            amounts=amounts,
            now_ms=now_ms,
            settlement=settlement,
            chain=chain,
            faults=Faults(Random(f"faults {seed}")),  # noqa: S311
        )
        self.records = Records()
        self.exchange.faults.users = self.records.users
        self.markets: dict[str, LocalMarket] = {}
        self.wallets: dict[str, dict[int, str]] = {}  # by owner and signature type
        self.spenders = spenders
        self._wallet_of = wallet_of
        self.adapters: tuple[str, ...] = ()
        self._approved = approved
        self._last_trades: dict[str, tuple[str, str]] = {}  # price and side by token
        self._notices: list[tuple[str, str]] = []  # frames of which no book knows
        self._by_token: dict[str, LocalMarket] = {}
        self._recording = programme.recording
        questions = [f"{seed} {number}" for number in range(1, markets + 1)]
        for market in markets_of(self.exchange, programme, questions, random, spenders, now_ms):
            self._list(market)
        if past is not None and not past.is_empty:
            restore(self, past.image)
        self.advance(now_ms)

    def _list(self, market: LocalMarket) -> None:
        self.markets[market.listing.condition_id] = market
        self.records.list_market(market.listing)
        self._by_token |= dict.fromkeys(market.listing.token_ids, market)

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
        frames += self._publish(now_ms) + self._notices
        self._notices = []
        return self.exchange.faults.market_frames(frames, now_ms)

    def resolve(self, token_id: str, now_ms: int) -> None:
        """End a market in which a token wins; RevertedError when it is resolved already."""
        self.exchange.resolve(token_id, now_ms)
        market = self._by_token[token_id]
        market.end()
        notice = resolved_message(market.listing, str(market.about.number), token_id, now_ms)
        self._notices.append((market.listing.condition_id, notice))

    def user_messages(self, now_ms: int) -> list[UserMessage]:
        """Return what the user channel says now."""
        return self.exchange.faults.user_messages(self.records.take_messages(), now_ms)

    def _publish(self, at_ms: int) -> list[tuple[str, str]]:
        by_market: dict[str, list[Event]] = {}
        for event in self.exchange.take_events():
            if isinstance(event, DelayEnded):
                continue
            self.records.take(event)
            by_market.setdefault(event.condition_id, []).append(event)
            if isinstance(event, TradeChanged) and event.state is TradeState.MATCHED:
                self._note_trade(event)
            if isinstance(event, BookChanged):
                self.markets[event.condition_id].changed_ms = event.at_ms
        return [
            (condition_id, frame)
            for condition_id, market in self.markets.items()
            if condition_id in by_market or market.publisher.late
            for frame in market.publisher.publish(by_market.get(condition_id, ()), at_ms)
        ]

    def _note_trade(self, event: TradeChanged) -> None:
        """Remember a trade as the last one of both tokens; its side is that of the taker."""
        for token_id in self.markets[event.condition_id].listing.token_ids:
            own = token_id == event.token_id
            price_micro = event.price_micro if own else MICRO - event.price_micro
            side = event.side if own else OTHER_SIDE[event.side]
            self._last_trades[token_id] = (text_from_micro(price_micro), side)

    def let_merge(self, *adapters: str) -> None:
        """Name the contracts that merge and redeem: new wallets let them, when they let anybody."""
        self.adapters = adapters

    def admit(self, owner: str) -> bool:
        """Let an owner trade; a new one finds play money in each wallet. False: too many.

        The wallets are the owner's own address and the deposit wallet: whoever sets up a client
        may try either, with the same API key.
        """
        if owner in self.wallets:
            return True
        if len(self.wallets) >= USERS_MAX:
            return False
        self.wallets[owner] = self.wallets_of(owner)
        for wallet in self.wallets[owner].values():
            self.exchange.open_account(wallet, signer_id=owner)
            chain = self.exchange.chain
            chain.deposit(wallet, PLAY_MONEY_MICRO)
            for spender in self.spenders if self._approved else ():
                chain.approve(wallet, spender, UNLIMITED)
                chain.approve_all(wallet, spender, approved=True)
            for adapter in self.adapters if self._approved else ():
                chain.approve_all(wallet, adapter, approved=True)
            chain.refresh(wallet, COLLATERAL)
            chain.refresh_allowances(wallet, SHARES)
            self.records.admit(wallet, owner)
        return True

    def readmit(self, owner: str, wallets: dict[int, str]) -> None:
        """Let an owner of an earlier run trade; what is in the wallets is put back elsewhere."""
        self.wallets[owner] = wallets
        for wallet in wallets.values():
            self.exchange.open_account(wallet, signer_id=owner)
            self.records.admit(wallet, owner)

    def wallets_of(self, owner: str) -> dict[int, str]:
        """Return the wallets of an owner, who need not be known, by signature type."""
        deposit = {} if self._wallet_of is None else {DEPOSIT_WALLET: self._wallet_of(owner)}
        return {EOA: owner} | deposit

    def info(self) -> dict[str, Any]:
        """Return what this venue is: where its trades settle, and what it plays, with its ids here.

        The real venue has no such answer.
        """
        chain, recording = self.exchange.chain.described(), self._recording
        settles = "its own books" if chain is None else "a local chain"
        said = {"label": f"SIMULATED, settles on {settles}", "chain": chain}
        if recording is not None:
            own_ids = (one.spec.condition_id for one in recording.markets)
            conditions = dict(zip(own_ids, self.markets, strict=True))
            said["recording"] = {"name": recording.name, "conditions": conditions}
        return said

    def event(self, slug: str) -> dict[str, Any] | None:
        """Return the answer to GET /events/slug/SLUG, None for no event."""
        return market_records.event_record(self.listings(), slug)

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
        if market is None or market.listing.condition_id in self.exchange.chain.payouts:
            return None
        message = book_message(
            market.listing,
            token_id,
            tick_micro=self.exchange.tick_micro(token_id),
            levels=self.exchange.levels(token_id),
            last_trade=self._last_trades.get(token_id, ("", ""))[0],
            at_ms=market.changed_ms,
        )
        del message["event_type"]
        return message

    def best_micro(self, token_id: str) -> tuple[int, int] | None:
        """Return best bid and best ask of a token, 0 and MICRO for none; None without a book."""
        if self.book(token_id) is None:
            return None
        levels = self.exchange.levels(token_id)
        bids = (price for is_ask, price, _ in levels if not is_ask)
        asks = (price for is_ask, price, _ in levels if is_ask)
        return max(bids, default=0), min(asks, default=MICRO)

    def last_trade(self, token_id: str) -> tuple[str, str] | None:
        """Return price and side of a token's last trade, empty before the first; None: unknown."""
        if token_id not in self._by_token:
            return None
        return self._last_trades.get(token_id, ("", ""))

    def parameters(self, condition_id: str) -> dict[str, Any] | None:
        """Return the answer to GET /clob-markets/CONDITION, None for an unknown one."""
        market = self.markets.get(condition_id)
        if market is None:
            return None
        tick_micro = self.exchange.tick_micro(market.listing.token_ids[0])
        is_open = condition_id not in self.exchange.chain.payouts
        return market_records.parameters(
            market.listing, market.about, tick_micro=tick_micro, is_open=is_open
        )

    def market_record(self, condition_id: str) -> dict[str, Any] | None:
        """Return the answer to GET /markets/CONDITION, None for an unknown one.

        The price of a token is its middle, or what it pays once the market is resolved.
        """
        market = self.markets.get(condition_id)
        if market is None:
            return None
        token_ids = market.listing.token_ids
        payouts = self.exchange.chain.payouts.get(condition_id)
        prices = market_records.worth_micro(payouts) or [
            sum(self.best_micro(token_id) or ()) // 2 for token_id in token_ids
        ]
        return market_records.long_record(
            market.listing,
            market.about,
            tick_micro=self.exchange.tick_micro(token_ids[0]),
            prices=[text_from_micro(price) for price in prices],
            payouts=payouts,
        )

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
        payouts = self.exchange.chain.payouts
        return [
            market_records.listed(market.listing, market.about, payouts.get(condition_id))
            for condition_id, market in self.markets.items()
        ]
