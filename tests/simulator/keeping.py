"""A venue that is kept on disk, driven by hand, and killed whenever a test wants it."""

import json

import httpx

from tests.simulator.builders import NOON_MS, PROMPT
from tests.simulator.official import SETTINGS, SPENDERS, Wallet, compact
from trading.simulator.doors import Doors
from trading.simulator.images import Changes
from trading.simulator.keeper import Keeper
from trading.simulator.local_venue import LocalVenue
from trading.simulator.order_door import DoorSettings
from trading.simulator.server import VenueServer
from trading.simulator.signatures import deposit_wallet


def settings_with(secret):
    return DoorSettings(
        chain_id=SETTINGS.chain_id,
        exchange=SETTINGS.exchange,
        neg_risk_exchange=SETTINGS.neg_risk_exchange,
        secret=secret,
    )


class Kept:
    """One venue and its file; `restart` is what happens after the process was killed."""

    def __init__(self, directory, **changes):
        self.directory = directory
        self.changes = changes
        self.now_ms = NOON_MS
        self.wallets = {}
        self.start()

    def start(self):
        self.keeper = Keeper(self.directory, seed=1, markets=1)
        self.venue = LocalVenue(
            **{
                "seed": 1,
                "markets": 1,
                "now_ms": self.now_ms,
                "settlement": PROMPT,
                "wallet_of": deposit_wallet,
                "spenders": SPENDERS,
                "past": self.keeper.past,
            }
            | self.changes
        )
        self.doors = Doors(self.venue, settings_with(self.keeper.secret))
        self.doors.keys.restore(self.keeper.past.image.get("key", {}))
        self.server = VenueServer(self.venue, lambda: self.now_ms, self.doors, self.keeper)
        (market,) = self.venue.markets.values()
        self.tokens = market.listing.token_ids

    def restart(self, down_ms=0):
        """Forget all that is in memory, and begin again some time later."""
        self.keeper.close()
        self.now_ms += down_ms
        self.start()

    def wait(self, duration_ms, step_ms=20):
        """Let time pass as the server does."""
        until_ms = self.now_ms + duration_ms
        while self.now_ms < until_ms:
            self.now_ms = min(self.now_ms + step_ms, until_ms)
            self.server._advance()

    async def ask(self, wallet, method, target, body=""):
        headers = wallet.headers(method, target.partition("?")[0], body, self.now_ms // 1_000)
        return await self.send(method, target, headers, body)

    async def send(self, method, target, headers=None, body=""):
        transport = httpx.ASGITransport(self.server)
        async with httpx.AsyncClient(transport=transport, base_url="http://venue") as client:
            answer = await client.request(method, target, headers=headers, content=body)
        return answer.status_code, answer.json()

    async def admit(self, key, signature_type=3):
        wallet = Wallet(key, signature_type)
        headers = wallet.login(self.now_ms // 1_000)
        status, made = await self.send("GET", "/auth/derive-api-key", headers)
        assert status == 200
        wallet.use(made)
        return wallet

    async def post(self, wallet, number, **changes):
        body = compact(wallet.order(self.tokens[number], **changes))
        return (await self.ask(wallet, "POST", "/order", body)), body

    def owed(self):
        """Return all that users are owed now, as it would be written."""
        rows = Changes({}).take(self.venue, self.doors.keys)
        own = {kind: {} for kind, _ in rows}
        for (kind, name), row in rows.items():
            flow = kind == "account" and name.startswith("flow")
            if not flow and kind not in ("totals", "seen", "fair"):
                own[kind][name] = json.loads(json.dumps(row, default=str))
        return own

    def account(self, wallet):
        return self.venue.exchange.chain.accounts[wallet.funder]
