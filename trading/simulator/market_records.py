"""One market as the venue lists and describes it: Gamma's row, its parameters, the long record.

Shapes: polymarket.md sections 5.1 to 5.3. The fee is that of the venue's crypto markets in
September 2026; questions are invented.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from trading.engine.market import FeeSchedule
from trading.engine.units import MICRO, text_from_micro
from trading.simulator.orders import Listing

Payouts: TypeAlias = tuple[int, int]  # shares of a dollar by token: (1, 0), (0, 1) or (1, 1)

FEE = FeeSchedule(rate_micro=70_000, exponent=1)
LONELY = "simulated"  # the event of all markets that are by themselves
BASE_FEE = 1_000  # what the venue says of every market with fees, and means nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class NegRiskEvent:
    """One question with several outcomes: a market each, of which exactly one comes true."""

    event_id: str  # `negRiskMarketID`
    slug: str


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the venue says of a market beside its listing; `event`: None when it stands alone."""

    number: int
    slug: str
    question: str
    fee: FeeSchedule = FEE
    event: NegRiskEvent | None = None


def invented(number: int) -> About:
    """Return what is said of an invented market."""
    return About(
        number=number,
        slug=f"simulated-{number}",
        question=f"Simulated market {number}: will it be yes?",
    )


def parameters(listing: Listing, about: About, *, tick_micro: int, is_open: bool) -> dict[str, Any]:
    """Return the answer to GET /clob-markets/CONDITION; `nr` is left out where it is false."""
    return {
        "c": listing.condition_id,
        "t": [
            {"t": token_id, "o": outcome}
            for token_id, outcome in zip(listing.token_ids, listing.outcomes, strict=True)
        ],
        "mos": Decimal(text_from_micro(listing.min_order_size_micro)),
        "mts": Decimal(text_from_micro(tick_micro)),
        "v": "v1",
        "ao": is_open,
        "fd": {
            "r": Decimal(text_from_micro(about.fee.rate_micro)),
            "e": about.fee.exponent,
            "to": True,
        },
        **({"nr": True} if listing.neg_risk else {}),
    }


def worth_micro(payouts: Payouts | None) -> list[int]:
    """Return what each token of a resolved market is worth, nothing while it is open."""
    return [MICRO * share // sum(payouts) for share in payouts] if payouts is not None else []


def listed(listing: Listing, about: About, payouts: Payouts | None) -> dict[str, Any]:
    """Return a market as Gamma lists it; `payouts` are None while it is open."""
    rate = Decimal(text_from_micro(about.fee.rate_micro))
    prices = [text_from_micro(worth) for worth in worth_micro(payouts)]
    ended = {"outcomePrices": json.dumps(prices), "umaResolutionStatus": "resolved"}
    return {
        "id": str(about.number),
        "conditionId": listing.condition_id,
        "slug": about.slug,
        "question": about.question,
        "version": "v1",
        "outcomes": json.dumps(listing.outcomes),
        "clobTokenIds": json.dumps(listing.token_ids),
        "active": True,
        "closed": payouts is not None,
        "archived": False,
        "acceptingOrders": payouts is None,
        "enableOrderBook": True,
        "negRisk": listing.neg_risk,
        "orderPriceMinTickSize": Decimal(text_from_micro(listing.tick_micro)),
        "orderMinSize": Decimal(text_from_micro(listing.min_order_size_micro)),
        "feesEnabled": True,
        "feeSchedule": {"rate": rate, "exponent": about.fee.exponent, "takerOnly": True},
        "endDate": None,
        "volume24hr": 1_000_000 - about.number,
        "events": [_event(about)],
        **({"negRiskMarketID": about.event.event_id} if about.event else {}),
        **(ended if payouts is not None else {}),
    }


def _event(about: About) -> dict[str, Any]:
    if about.event is None:
        return {"slug": LONELY, "negRisk": False, "negRiskAugmented": False}
    return {
        "slug": about.event.slug,
        "negRisk": True,
        "negRiskAugmented": False,  # no outcome is added later
        "negRiskMarketID": about.event.event_id,
    }


def event_record(listed_markets: Iterable[dict[str, Any]], slug: str) -> dict[str, Any] | None:
    """Return the answer to GET /events/slug/SLUG: an event with all its markets, None for none."""
    markets = [one for one in listed_markets if one["events"][0]["slug"] == slug]
    return {**markets[0]["events"][0], "markets": markets} if markets else None


def long_record(
    listing: Listing,
    about: About,
    *,
    tick_micro: int,
    prices: Sequence[str],
    payouts: Payouts | None,
) -> dict[str, Any]:
    """Return the answer to GET /markets/CONDITION; `prices` are those of the two tokens now."""
    is_open = payouts is None
    wins = [worth == MICRO for worth in worth_micro(payouts)] or [False, False]
    return {
        "condition_id": listing.condition_id,
        "question": about.question,
        "market_slug": about.slug,
        "description": "Play money on a local venue.",
        "active": True,
        "closed": not is_open,
        "archived": False,
        "accepting_orders": is_open,
        "enable_order_book": is_open,
        "minimum_order_size": Decimal(text_from_micro(listing.min_order_size_micro)),
        "minimum_tick_size": Decimal(text_from_micro(tick_micro)),
        "neg_risk": listing.neg_risk,
        "end_date_iso": None,
        "game_start_time": None,
        "seconds_delay": 0,
        "is_50_50_outcome": False,
        "maker_base_fee": BASE_FEE,
        "taker_base_fee": BASE_FEE,
        "tags": [],
        "tokens": [
            {
                "token_id": token_id,
                "outcome": outcome,
                "price": Decimal(price),
                "winner": won,
            }
            for token_id, outcome, price, won in zip(
                listing.token_ids, listing.outcomes, prices, wins, strict=True
            )
        ],
    }
