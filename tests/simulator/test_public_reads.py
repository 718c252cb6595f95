"""Prices and market records: what the reads of a venue say of each other, and what they refuse."""

import json
from decimal import Decimal

import pytest

from tests.simulator.builders import NOON_MS
from tests.simulator.test_server import ask
from trading.simulator.local_venue import LocalVenue
from trading.simulator.server import VenueServer

NO_BOOK = (404, {"error": "No orderbook exists for the requested token id"})


@pytest.fixture
def venue():
    venue = LocalVenue(seed=1, markets=1, now_ms=NOON_MS)
    for second in range(1, 60):
        venue.advance(NOON_MS + second * 1_000)
    return venue


@pytest.fixture
def server(venue):
    return VenueServer(venue, lambda: NOON_MS + 60_000)


@pytest.fixture
def market(venue):
    (market,) = venue.markets.values()
    return market.listing


async def best(server, token_id):
    """Return best bid and best ask as GET /book shows them."""
    _, book = await ask(server, "GET", f"/book?token_id={token_id}")
    return Decimal(book["bids"][-1]["price"]), Decimal(book["asks"][-1]["price"])


async def several(server, path, *questions):
    return await ask(server, "POST", path, json.dumps(questions).encode())


async def test_price_middle_and_spread_are_those_of_the_book(server, market):
    for token_id in market.token_ids:
        bid, offer = await best(server, token_id)
        said = {
            name: await ask(server, "GET", f"/{name}token_id={token_id}")
            for name in ("price?side=BUY&", "price?side=SELL&", "midpoint?", "spread?")
        }
        values = [Decimal(next(iter(body.values()))) for _, body in said.values()]

        assert values == [bid, offer, (bid + offer) / 2, offer - bid]
        assert [list(body) for _, body in said.values()] == [
            *(["price"], ["price"], ["mid"], ["spread"])
        ]


async def test_many_are_asked_at_once_and_unknown_ones_left_out(server, market):
    yes, no = market.token_ids
    bid, offer = await best(server, yes)
    questions = [{"token_id": yes, "side": "BUY"}, {"token_id": yes, "side": "SELL"}]
    _, prices = await several(server, "/prices", *questions, {"token_id": "7", "side": "BUY"})
    _, middles = await several(server, "/midpoints", {"token_id": yes}, {"token_id": no})
    _, spreads = await several(server, "/spreads", {"token_id": yes}, {"token_id": "7"})

    assert {side: Decimal(price) for side, price in prices[yes].items()} == {
        "BUY": bid,
        "SELL": offer,
    }
    assert list(prices) == [yes]
    assert Decimal(middles[yes]) + Decimal(middles[no]) == 1
    assert {name: Decimal(value) for name, value in spreads.items()} == {yes: offer - bid}


async def test_the_last_trade_is_told_for_both_tokens(server, market):
    yes, no = market.token_ids
    _, first = await ask(server, "GET", f"/last-trade-price?token_id={yes}")
    _, both = await several(
        server, "/last-trades-prices", *({"token_id": one} for one in (yes, no))
    )
    _, book = await ask(server, "GET", f"/book?token_id={yes}")

    assert both[0] == {"token_id": yes, **first}
    assert book["last_trade_price"] == first["price"]
    assert Decimal(first["price"]) + Decimal(both[1]["price"]) == 1
    assert {first["side"], both[1]["side"]} == {"BUY", "SELL"}


async def test_before_the_first_trade_there_is_no_price():
    venue = LocalVenue(seed=1, markets=1, now_ms=NOON_MS)
    (market,) = venue.markets.values()
    server = VenueServer(venue, lambda: NOON_MS)
    (token_id, _) = market.listing.token_ids

    assert await ask(server, "GET", f"/last-trade-price?token_id={token_id}") == (
        200,
        {"price": "", "side": ""},
    )


async def test_the_long_record_of_a_market_goes_on_after_its_end(server, venue, market):
    target = f"/markets/{market.condition_id}"
    status, record = await ask(server, "GET", target)
    assert status == 200
    assert (record["accepting_orders"], record["closed"]) == (True, False)
    assert [token["token_id"] for token in record["tokens"]] == list(market.token_ids)
    assert [token["winner"] for token in record["tokens"]] == [False, False]
    assert sum(Decimal(str(token["price"])) for token in record["tokens"]) == 1
    venue.resolve(market.token_ids[1], NOON_MS + 60_000)

    _, record = await ask(server, "GET", target)
    assert (record["accepting_orders"], record["closed"]) == (False, True)
    assert [(token["price"], token["winner"]) for token in record["tokens"]] == [
        (0, False),
        (1, True),
    ]


@pytest.mark.parametrize("name", ["price?side=BUY&", "midpoint?", "spread?", "last-trade-price?"])
async def test_a_token_without_a_book_is_not_found(server, venue, market, name):
    assert await ask(server, "GET", f"/{name}token_id=7") == NO_BOOK


@pytest.mark.parametrize(
    ("method", "target", "body", "answer"),
    [
        ("GET", "/price?token_id=7", "", (400, {"error": "Invalid side"})),
        ("GET", "/price?token_id=7&side=buy", "", (400, {"error": "Invalid side"})),
        ("POST", "/prices", '[{"token_id":"7"}]', (400, {"error": "Invalid side"})),
        ("POST", "/midpoints", "[7]", (400, {"error": "Invalid payload"})),
        ("POST", "/spreads", "{", (400, {"error": "Invalid payload"})),
        ("POST", "/prices", '["7"]', (400, {"error": "Invalid payload"})),
        (
            "POST",
            "/last-trades-prices",
            json.dumps([{"token_id": "1"}] * 501),
            (400, {"error": "Payload exceeds the limit"}),
        ),
        ("GET", "/markets/0x12", "", (404, {"error": "market not found"})),
    ],
)
async def test_what_makes_no_sense_is_refused(server, method, target, body, answer):
    assert await ask(server, method, target, body.encode()) == answer
