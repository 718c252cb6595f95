"""A local venue on a port of this machine, in a thread, that a test can look into and meddle with.

Its flow is calm: nothing can be gained unless a test offers it.
"""

import asyncio
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

import uvicorn

from tests.helpers.evm import CONTRACTS, VENUE
from tests.helpers.installation import wait_for
from tests.simulator.builders import PROMPT
from tests.simulator.official import SPENDERS
from trading.engine.codes import Side
from trading.engine.units import MICRO
from trading.simulator.accounts import RevertedError
from trading.simulator.answers import OrderAnswer
from trading.simulator.book_calls import BookExecutor
from trading.simulator.codes import COLLATERAL, UNLIMITED, OrderType, VenueMode
from trading.simulator.doors import Doors
from trading.simulator.evm.evm_chain import EvmChain
from trading.simulator.evm.executor import EvmExecutor
from trading.simulator.fault_kinds import make_fault
from trading.simulator.flow import FlowSettings
from trading.simulator.flow_hand import NO_LIMITS
from trading.simulator.keeper import Keeper
from trading.simulator.local_venue import LocalVenue
from trading.simulator.markets import Programme
from trading.simulator.order_door import DoorSettings
from trading.simulator.orders import NewOrder
from trading.simulator.relayer import Relayer, RelayerSettings
from trading.simulator.relaying import RelayQueue, RelaySettings
from trading.simulator.server import VenueServer
from trading.simulator.signatures import deposit_wallet

# Bids of 49 and asks of 51 cents in both tokens. Something deep in the books moves all the time.
CALM = FlowSettings(
    step_ms_min=200,
    step_ms_max=400,
    fair_micro_min=500_000,
    fair_micro_max=500_001,
    drift_micro_max=0,
    levels=3,
    taker_micro=0,
    crossing_micro=0,
    lag_micro=0,
)
HOLD_MS = 4_000  # for so long an offer stands although others would take it
SELLER, STIRRER = "seller", "stirrer"
STIR_S = 0.04
QUICK_RELAY = RelaySettings(step_ms_min=10, step_ms_max=30)
BATCH = ("POST", "/orders")
USERS, MARKET = "/ws/user", "/ws/market"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it came, and what was answered; an empty answer: it was lost."""

    method: str
    path: str
    at_ns: int  # of the monotonic clock
    body: bytes
    status: int
    answer: bytes
    known_hashes: frozenset[str]  # what the database knew before it was done, where that is asked


class _Watched:
    """The venue's server, and a note of each request."""

    def __init__(self, venue, server):
        self._venue = venue
        self._server = server

    async def __call__(self, scope, receive, send):
        if scope["type"] == "websocket" and scope["path"] in self._venue.shut:
            await receive()
            await send({"type": "websocket.close", "code": 1013})
            return
        if scope["type"] != "http":
            await self._server(scope, receive, send)
            return
        at_ns = time.monotonic_ns()
        heard, said, status = [], [], 0
        known = frozenset()
        if (scope["method"], scope["path"]) == BATCH and self._venue.hashes_known is not None:
            known = await asyncio.to_thread(self._venue.hashes_known)

        async def hear():
            message = await receive()
            heard.append(message.get("body", b""))
            return message

        async def say(message):
            nonlocal status
            status = message.get("status", status)
            said.append(message.get("body", b""))
            await send(message)

        try:
            await self._server(scope, hear, say)
        finally:
            self._venue.asked.append(
                Asked(
                    method=scope["method"],
                    path=scope["path"],
                    at_ns=at_ns,
                    body=b"".join(heard),
                    status=status,
                    answer=b"".join(said),
                    known_hashes=known,
                )
            )


class _Reverting:
    """Executes for deposit wallets; so many batches of them revert first."""

    def __init__(self, executor, venue):
        self._executor = executor
        self._venue = venue

    def __getattr__(self, name):
        return getattr(self._executor, name)

    def execute(self, batch, signature):
        if self._venue.reverts:
            self._venue.reverts -= 1
            raise RevertedError("somebody was quicker")
        return self._executor.execute(batch, signature)


class OpenVenue:
    """One venue and its server. `chain` is a running LocalChain; without one it has own books."""

    def __init__(
        self,
        folder,
        *,
        seed=1,
        markets=1,
        chain=None,
        flow=CALM,
        settlement=PROMPT,
        relay=QUICK_RELAY,
    ):
        self.folder = folder
        self.port = 0
        self.asked = []
        self.reverts = 0  # batches of the relayer that are still to revert
        self.shut = set()  # channels that take no connection
        self.hashes_known = None  # called before each batch of orders is done
        self._settings = {
            "seed": seed,
            "markets": markets,
            "programme": Programme(flow=flow),
            "settlement": settlement,
        }
        self._local = chain
        self._relay = relay
        self._orders = 0
        self._starts = 0
        self.start()

    # Its life

    def start(self):
        """Open it on the port that it had before, with what it owes its users."""
        self._starts += 1
        seed, markets = self._settings["seed"], self._settings["markets"]
        self._keeper = Keeper(self.folder, seed=seed, markets=markets)
        local = self._local
        self.venue = LocalVenue(
            **self._settings,
            now_ms=wall_ms(),
            wallet_of=local.deposit_wallet_of if local else deposit_wallet,
            spenders=SPENDERS,
            chain=EvmChain(local, SPENDERS) if local else None,
            past=self._keeper.past,
        )
        self.venue.let_merge(CONTRACTS.collateral_adapter)
        self._open_others()
        doors = Doors(
            self.venue,
            DoorSettings(
                chain_id=VENUE.chain_id,
                exchange=CONTRACTS.exchange,
                neg_risk_exchange=CONTRACTS.neg_risk_exchange,
                secret=self._keeper.secret,
            ),
        )
        doors.keys.restore(self._keeper.past.image.get("key", {}))
        executor = EvmExecutor(local) if local else BookExecutor(self.venue, CONTRACTS)
        relayer = Relayer(
            RelayerSettings(chain_id=VENUE.chain_id, factory=CONTRACTS.deposit_wallet_factory),
            _Reverting(executor, self),
            RelayQueue(Random(1), self._relay),
            doors.keys,
        )
        self._server = VenueServer(self.venue, wall_ms, doors, self._keeper, relayer=relayer)
        config = uvicorn.Config(
            _Watched(self, self._server),
            host="127.0.0.1",
            port=self.port,
            ws="websockets-sansio",
            lifespan="on",
            log_level="warning",
            timeout_graceful_shutdown=1,
        )
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        wait_for(lambda: self._uvicorn.started, 10, "the venue's start")
        self.port = self._uvicorn.servers[0].sockets[0].getsockname()[1]

    def _run(self):
        async def serve():
            self._loop = asyncio.get_running_loop()
            stirring = asyncio.create_task(self._stir())
            await self._uvicorn.serve()
            stirring.cancel()

        asyncio.run(serve())
        if self._local is not None:
            self._local._anvil.rpc.close()  # this thread's connection

    def stop(self):
        """End it, as its process would: whoever is connected loses the connection."""
        self._uvicorn.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive(), "the venue did not end"
        self._keeper.close()

    # What a test does to it

    def do(self, call):
        """Call something in the venue's own thread with its time in ms, and return the result."""

        async def run():
            result = call(self._server._advance())
            self._server._advance()
            return result

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def fault(self, kind, **values):
        """Let something go wrong."""
        made = make_fault({"kind": kind, **values})
        self.do(lambda now_ms: self.venue.exchange.faults.begin(made, self.venue, now_ms))

    def end_faults(self):
        """Let nothing go wrong any more."""
        self.do(lambda _: self.venue.exchange.faults.end_all())

    def close_user_channel(self):
        """End every connection of the user channel, and take no other."""
        self.shut.add(USERS)
        self.do(lambda _: [user.too_slow.set() for user in self._server.users])

    def open_user_channel(self):
        """Take connections of the user channel again."""
        self.shut.discard(USERS)

    def close_market_channel(self):
        """End every connection of the market channel, and take no other."""
        self.shut.add(MARKET)
        self.do(lambda _: [reader.too_slow.set() for reader in self._server.readers])

    def open_market_channel(self):
        """Take connections of the market channel again."""
        self.shut.discard(MARKET)

    def gap(self, shares=6, price=30, number=0, market=0):
        """Offer shares of one token so cheaply (in cents) that a set is worth buying."""
        listing = self.listings[market]

        def make(now_ms):
            exchange = self.venue.exchange
            exchange.hold(listing.condition_id, [SELLER], now_ms, HOLD_MS)
            self._place(SELLER, Side.SELL, listing.token_ids[number], price, shares, now_ms)

        self.do(make)

    def _place(self, account, side, token_id, price, shares, now_ms):
        """Let somebody place an order who is no user, whatever the mode is for users."""
        exchange = self.venue.exchange
        self._orders += 1
        size, dollars = shares * MICRO, shares * price * 10_000
        order = NewOrder(
            order_id=f"0x{self._starts:032x}{self._orders:032x}",
            account_id=account,
            token_id=token_id,
            side=side,
            order_type=OrderType.GTC,
            maker_micro=dollars if side is Side.BUY else size,
            taker_micro=size if side is Side.BUY else dollars,
        )
        with self._open_for_others():
            answer = exchange.place(order, now_ms)
        assert isinstance(answer, OrderAnswer), answer

    @contextmanager
    def _open_for_others(self):
        gate = self.venue.exchange.gate
        mode, until_ms = gate.mode, gate.until_ms
        gate.set(VenueMode.OPEN, 0)
        yield
        gate.set(mode, until_ms)

    async def _stir(self):
        """Place a bid of two cents, cancel it, and so on: each is a frame for whoever listens."""
        exchange = self.venue.exchange
        while True:
            now_ms = self._server._advance()
            with self._open_for_others():
                if exchange.open_orders(STIRRER):
                    exchange.cancel_all(STIRRER, now_ms)
                elif not self.resolved:
                    token_id = self.listing.token_ids[0]
                    self._place(STIRRER, Side.BUY, token_id, 2, 10, now_ms)
            await asyncio.sleep(STIR_S)

    def no_gap(self):
        """Take all offers back."""
        exchange = self.venue.exchange
        self.do(lambda now_ms: exchange.cancel_all(SELLER, now_ms))

    def _open_others(self):
        """Let in who offers what a test wants, and who stirs the books."""
        exchange = self.venue.exchange
        chain = exchange.chain
        for account in (SELLER, STIRRER):
            exchange.open_account(account, NO_LIMITS)
            chain.deposit(account, 10**6 * MICRO)
            for spender in SPENDERS:
                chain.approve(account, spender, UNLIMITED)
                chain.approve_all(account, spender, approved=True)
            for market in self.venue.markets.values():
                exchange.split(account, market.listing.token_ids[0], 10**4 * MICRO)
                for asset in (COLLATERAL, *market.listing.token_ids):
                    exchange.refresh_view(account, asset)

    # What it is seen to have

    @property
    def resolved(self):
        """Whether the first market has ended."""
        return bool(self.venue.exchange.chain.payouts)

    @property
    def listing(self):
        """The first market."""
        return self.listings[0]

    @property
    def listings(self):
        return [market.listing for market in self.venue.markets.values()]

    def holds(self, wallet):
        """Return what a wallet has by asset, without zeros; from the chain where there is one."""
        tokens = self.listing.token_ids
        if self._local is None:
            held = self.do(lambda _: dict(self.venue.exchange.chain.accounts[wallet].chain))
        else:
            said = self.do(lambda _: self._local.balances(wallet, tokens))
            held = {COLLATERAL: said.pusd_micro, **said.tokens_micro}
        return {asset: amount for asset, amount in held.items() if amount}

    def open_orders(self, owner):
        return self.do(lambda _: self.venue.exchange.open_orders(owner))

    def trades(self, owner):
        """Return every trade of an owner, the oldest first."""
        return self.do(lambda _: list(self.venue.records.trades_of(owner)))

    def batches(self):
        """Return the batches of orders that arrived here."""
        return [one for one in self.asked if (one.method, one.path) == BATCH]

    def placed_hashes(self):
        """Return the hash of each order that it answered for."""
        legs = (leg for one in self.batches() if one.answer for leg in json.loads(one.answer))
        return [leg["orderID"] for leg in legs if isinstance(leg, dict) and leg.get("orderID")]


def wall_ms():
    return time.time_ns() // 1_000_000
