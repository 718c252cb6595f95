"""Our own client on the local venue, with the keys and orders of the official one."""

import json
from typing import Any

from polyarb_site.clock import SystemClock
from tests.simulator.official import Wallet, compact
from trading.adapters.clob_private import ClobPrivate
from trading.adapters.private_limits import PrivateSettings

from py_clob_client_v2.clob_types import (  # isort: skip
    CreateOrderOptions,
    MarketOrderArgsV2,
    OrderType,
)
from py_clob_client_v2.order_utils.model.order_data_v2 import order_to_json_v2  # isort: skip


class Trader:
    """One wallet, logged in."""

    def __init__(self, url, key):
        self.wallet = Wallet(key)
        self.api_key = ""
        self.client = ClobPrivate(
            url, PrivateSettings(), SystemClock(), address=self.wallet.address
        )

    async def log_in(self, nonce=0):
        made = await self.client.login(self.sign_login, nonce)
        self.api_key = made.api_key
        self.wallet.use(
            {"apiKey": made.api_key, "secret": made.secret, "passphrase": made.passphrase}
        )
        return made

    async def sign_login(self, timestamp_s, nonce):
        return self.wallet.login(timestamp_s, nonce)["POLY_SIGNATURE"]

    def order(self, token_id, **changes):
        """Return the body of a limit order that nobody matches."""
        return self.wallet.order(token_id, **changes)

    def fok(self, token_id, amount=5):
        """Return the body of a FOK that buys for so many dollars at any price."""
        fok: Any = OrderType.FOK
        args = MarketOrderArgsV2(
            token_id=token_id, amount=amount, side="BUY", price=0.99, order_type=fok
        )
        options = CreateOrderOptions(tick_size="0.01", neg_risk=False)
        signed: Any = self.wallet.client.builder.build_market_order(args, options, version=2)
        return order_to_json_v2(signed, self.api_key, "FOK")

    async def post(self, *bodies):
        """Post orders as one batch and return their legs."""
        return (await self.client.post_orders(compact(list(bodies)).encode())).legs

    async def post_one(self, body):
        """Post one order by itself and return its leg."""
        (leg,) = (await self.client.post_orders(json.dumps(body).encode())).legs
        return leg
