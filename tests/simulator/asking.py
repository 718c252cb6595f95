"""Asks one local venue through its whole application, with the headers of a wallet."""

import httpx

from tests.simulator.builders import NOON_MS
from tests.simulator.official import SETTINGS, SPENDERS, Wallet
from trading.simulator.codes import COLLATERAL
from trading.simulator.doors import Doors
from trading.simulator.local_venue import PLAY_MONEY_MICRO, LocalVenue
from trading.simulator.server import VenueServer
from trading.simulator.signatures import deposit_wallet

NOON_S = NOON_MS // 1_000


class Asker:
    """Asks one venue at noon, over its whole application."""

    def __init__(self, settings=SETTINGS, **changes):
        values = {
            "seed": 1,
            "markets": 1,
            "now_ms": NOON_MS,
            "wallet_of": deposit_wallet,
            "spenders": SPENDERS,
        }
        self.venue = LocalVenue(**(values | changes))
        doors = Doors(self.venue, settings)
        self.server = VenueServer(self.venue, lambda: NOON_MS, doors)
        (market,) = self.venue.markets.values()
        self.tokens = market.listing.token_ids

    async def send(self, method, target, headers=None, body=""):
        transport = httpx.ASGITransport(self.server)
        async with httpx.AsyncClient(transport=transport, base_url="http://venue") as client:
            answer = await client.request(method, target, headers=headers, content=body)
        return answer.status_code, answer.json()

    async def ask(self, wallet, method, target, body=""):
        """Ask with the right headers of a wallet."""
        path = target.partition("?")[0]
        said = body.decode("latin-1") if isinstance(body, bytes) else body
        headers = wallet.headers(method, path, said, NOON_S)
        return await self.send(method, target, headers, body)

    async def admit(self, key, signature_type=0):
        """Return a wallet with an API key."""
        wallet = Wallet(key, signature_type)
        status, made = await self.send("POST", "/auth/api-key", wallet.login(NOON_S))
        assert status == 200
        wallet.use(made)
        return wallet


def nothing_happened(asker, *wallets):
    """Say that nobody has an open order or less money than at first."""
    return all(
        asker.venue.exchange.open_orders(wallet.address) == []
        and asker.venue.exchange.chain.accounts[wallet.funder].available_micro(COLLATERAL)
        == PLAY_MONEY_MICRO
        for wallet in wallets
    )
