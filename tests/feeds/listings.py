"""Markets as Gamma lists them, and pages of them."""

import json

from tests.feeds.listening import MachineClock
from trading.adapters.gamma import GammaReader, GammaSettings
from trading.adapters.gamma_market import listing_from, market_from
from trading.engine.market import FeeSchedule

PATH = "/markets/keyset"
FREE = FeeSchedule(rate_micro=0, exponent=1)
CRYPTO = FeeSchedule(rate_micro=70_000, exponent=1)


def condition(number):
    return f"0x{number:064x}"


def gamma_market(number=1, **changes):
    """Return one open market as Gamma lists it."""
    tokens = [str(10**70 + number * 2), str(10**70 + number * 2 + 1)]
    return {
        "id": str(number),
        "conditionId": condition(number),
        "slug": f"market-{number}",
        "question": f"Will it be {number}?",
        "version": "v1",
        "outcomes": '["Yes", "No"]',
        "outcomePrices": '["0.5", "0.5"]',
        "clobTokenIds": json.dumps(tokens),
        "active": True,
        "closed": False,
        "archived": False,
        "acceptingOrders": True,
        "enableOrderBook": True,
        "negRisk": False,
        "orderPriceMinTickSize": 0.01,
        "orderMinSize": 5,
        "feesEnabled": True,
        "feeSchedule": {"rate": 0.07, "exponent": 1, "takerOnly": True, "rebateRate": 0.2},
        "endDate": "2026-10-01T12:00:00Z",
        "volume24hr": 1000 - number,
        "events": [{"slug": "event", "negRisk": False, "negRiskAugmented": False}],
    } | changes


def parsed(**changes):
    return listing_from(market_from(json.dumps(gamma_market(**changes)).encode()))


def reader_of(venue, **changes):
    return GammaReader(GammaSettings(base_url=venue.http_url, **changes), MachineClock())


def page(*markets, cursor=None):
    return {"markets": list(markets)} | ({"next_cursor": cursor} if cursor else {})
