"""What the official client 1.2.1 would post for random orders, one JSON line for each.

A process of its own, `python official_orders.py SEED COUNT`: importing the client raises Python's
recursion limit. The client is unmodified; only its connection ends in a list instead of a socket.
"""

import json
import random
import sys
from collections import deque
from decimal import Decimal

import httpx
from py_clob_client_v2.client import ClobClient
from py_clob_client_v2.clob_types import (
    ApiCreds,
    MarketOrderArgsV2,
    OrderArgsV2,
    OrderType,
    PartialCreateOrderOptions,
    PostOrdersV2Args,
)
from py_clob_client_v2.http_helpers import helpers

KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
CREDENTIALS = ApiCreds(
    api_key="f4f247b7-4ac7-ff29-a152-04fda0a8755a",
    api_secret="c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ=",
    api_passphrase="0f1e2d3c",
)
OTHER_WALLET = "0x1111111111111111111111111111111111111111"
TICKS = ("0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001")
MARKET = {"mts": 0.0001, "nr": False}

requests: deque[httpx.Request] = deque()


def answer(request):
    requests.append(request)
    answers = {"/version": {"version": 2}, "/order": {"success": True}, "/orders": []}
    path = request.url.path
    if path in answers:
        return httpx.Response(200, json=answers[path])
    if path == "/tick-size":
        return httpx.Response(200, json={"minimum_tick_size": 0.0001})
    name = path.rpartition("/")[2]
    if path.startswith("/markets-by-token/"):  # the condition is named after its token
        return httpx.Response(200, json={"condition_id": name})
    return httpx.Response(200, json=MARKET | {"c": name, "t": [{"t": name, "o": "Yes"}]})


def main(seed, count):
    helpers._http_client = httpx.Client(transport=httpx.MockTransport(answer))
    draw = random.Random(seed)
    clients = [
        ClobClient(
            "http://venue.invalid",
            137,
            key=KEY,
            creds=CREDENTIALS,
            signature_type=kind,
            funder=OTHER_WALLET if kind else None,
        )
        for kind in range(4)
    ]
    for _ in range(count):
        sys.stdout.write(json.dumps(one(draw, draw.choice(clients))) + "\n")


def one(draw, client):
    tick, side = draw.choice(TICKS), draw.choice(("BUY", "SELL"))
    steps = int(1 / Decimal(tick)) - 1
    price = Decimal(tick) * draw.randint(1, steps)
    size = Decimal(draw.randint(500, 500_000)) / 100
    token = str(draw.getrandbits(256))
    options = PartialCreateOrderOptions(tick_size=tick, neg_risk=draw.random() < 0.5)
    market = draw.random() < 0.3
    if market:
        size = Decimal(draw.randint(1, 50)) * 100  # whole cents at every price
        amount = size * price if side == "BUY" else size
        order = client.create_market_order(
            MarketOrderArgsV2(token_id=token, amount=float(amount), side=side, price=float(price)),
            options,
        )
        order_type = draw.choice((OrderType.FOK, OrderType.FAK))
    else:
        order = client.create_order(
            OrderArgsV2(token_id=token, price=float(price), size=float(size), side=side), options
        )
        order_type = OrderType.GTC
    post_only = not market and draw.random() < 0.5
    batch = draw.random() < 0.2
    if batch:
        client.post_orders([PostOrdersV2Args(order=order, orderType=order_type)] * 2, post_only)
    else:
        client.post_order(order, order_type, post_only=post_only)
    request = requests.pop()
    requests.clear()
    return {
        "tick": tick,
        "price": str(price),
        "size": str(size),
        "market": market,
        "neg_risk": options.neg_risk,
        "batch": batch,
        "path": request.url.path,
        "body": request.content.decode(),
        "headers": {k: request.headers[k] for k in request.headers if k.startswith("poly_")},
    }


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
