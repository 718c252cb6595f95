"""The venue's official client, unmodified, and a local venue that it can be pointed at."""

import json
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import uvicorn

from polyarb_site.yaml_files import read_yaml
from tests.helpers.installation import ROOT, wait_for
from tests.simulator.builders import PROMPT
from trading.config.venues import venue_settings
from trading.simulator.doors import Doors
from trading.simulator.local_venue import LocalVenue
from trading.simulator.markets import INVENTED
from trading.simulator.order_door import DoorSettings
from trading.simulator.server import VenueServer
from trading.simulator.signatures import deposit_wallet

# A library below the client raises the recursion limit when it is loaded, so far that a deeply
# nested text would end the process. Other tests send such texts.
_limit = sys.getrecursionlimit()
from py_clob_client_v2.client import ClobClient  # noqa: E402
from py_clob_client_v2.clob_types import (  # noqa: E402
    ApiCreds,
    CreateOrderOptions,
    OrderArgsV2,
    RequestArgs,
)
from py_clob_client_v2.headers import create_level_1_headers, create_level_2_headers  # noqa: E402
from py_clob_client_v2.order_utils.model.order_data_v2 import order_to_json_v2  # noqa: E402

sys.setrecursionlimit(_limit)

# The first two development keys that every local chain knows; nothing of value is behind them.
ANN_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
BEN_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
VENUE = venue_settings(read_yaml(ROOT / "config" / "venues.yaml"))
SETTINGS = DoorSettings(
    chain_id=VENUE.chain_id,
    exchange=VENUE.contracts.exchange,
    neg_risk_exchange=VENUE.contracts.neg_risk_exchange,
    secret=b"a secret of this test",
)
SPENDERS = (SETTINGS.exchange, SETTINGS.neg_risk_exchange)


def wall_ms():
    return time.time_ns() // 1_000_000


@contextmanager
def serving(programme=INVENTED, **changes):
    """Run a local venue on a free port of this machine; yields (address, venue)."""
    venue = LocalVenue(
        seed=1,
        markets=2,
        now_ms=wall_ms(),
        programme=programme,
        settlement=PROMPT,
        wallet_of=deposit_wallet,
        spenders=SPENDERS,
    )
    config = uvicorn.Config(
        VenueServer(venue, wall_ms, Doors(venue, replace(SETTINGS, **changes))),
        host="127.0.0.1",
        port=0,
        ws="websockets-sansio",
        lifespan="on",
        log_level="warning",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: server.started, 10, "the venue's start")
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", venue
    finally:
        server.should_exit = True
        thread.join(10)


class Wallet:
    """Signs what the official client would send, for requests that it would not."""

    def __init__(self, key, signature_type=0):
        """Trade from the address of the key, or with type 3 from its deposit wallet."""
        self.client = ClobClient("http://127.0.0.1:1", VENUE.chain_id, key=key)
        self.address = self.funder = self.client.get_address()
        if signature_type:
            self.funder = deposit_wallet(self.address)
        self.client = ClobClient(
            *("http://127.0.0.1:1", VENUE.chain_id),
            key=key,
            signature_type=signature_type,
            funder=self.funder,
        )
        self.creds = None

    def use(self, made):
        """Take the key that the venue made."""
        self.creds = ApiCreds(made["apiKey"], made["secret"], made["passphrase"])

    def login(self, timestamp, nonce=0):
        return create_level_1_headers(self.client.signer, nonce, timestamp)

    def headers(self, method, path, body, timestamp):
        request = RequestArgs(method, path, serialized_body=body)
        return create_level_2_headers(self.client.signer, self.creds, request, timestamp)

    def order(self, token_id, price=0.01, size=100, order_type="GTC", **changes):
        """Return the body of one order; `changes` are made to the signed order afterwards."""
        args = OrderArgsV2(token_id=token_id, price=price, size=size, side="BUY")
        options = CreateOrderOptions(tick_size="0.01", neg_risk=False)
        signed = self.client.builder.build_order(args, options, version=2)
        body = order_to_json_v2(signed, self.creds.api_key, order_type)
        body["order"] |= changes
        return body


def compact(value):
    """Return JSON as the client writes it."""
    return json.dumps(value, separators=(",", ":"))
