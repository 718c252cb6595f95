"""Joins what Gamma and the CLOB say about one market into what the engine trades by.

The two sources overlap. Where they contradict each other nobody can know which one is right, so the
market is refused, or its fee is unknown, which the engine refuses.
"""

from trading.adapters.clob_rest import ClobMarket
from trading.adapters.feed import MarketRecord
from trading.adapters.gamma_market import OUTCOME_LENGTH_MAX, Listing, plain
from trading.engine.market import FeeSchedule, MarketSpec

NO_FEE = FeeSchedule(rate_micro=0, exponent=1)
UNKNOWN_PROTOCOL = "unknown"


def market_record(
    listing: Listing, market: ClobMarket, *, taker_delay_ms: int, neg_risk_legs: int, source: str
) -> MarketRecord:
    """Return one market, or raise ValueError naming what does not fit.

    `taker_delay_ms` is how long the venue holds orders in markets where it says that it does:
    no answer carries the number.
    """
    outcomes = {token: plain(outcome, OUTCOME_LENGTH_MAX) for token, outcome in market.outcomes}
    if outcomes != dict(zip(listing.token_ids, listing.outcomes, strict=True)):
        raise ValueError("t: tokens and outcomes are not those of clobTokenIds and outcomes")
    if market.neg_risk != listing.neg_risk:
        raise ValueError(f"nr: {market.neg_risk}, but negRisk: {listing.neg_risk}")
    accepting = listing.accepting_orders and market.accepting_orders is not False
    spec = MarketSpec(
        condition_id=listing.condition_id,
        token_ids=listing.token_ids,
        tick_micro=market.tick_micro,
        min_order_size_micro=market.min_order_size_micro,
        fee=agreed_fee(listing, market),
        protocol=agreed_protocol(listing.protocol, market.protocol),
        neg_risk_event_id=listing.neg_risk_event_id,
        neg_risk_legs=neg_risk_legs,
        neg_risk_augmented=listing.neg_risk_augmented,
        accepting_orders=accepting,
        seconds_delay=max(listing.seconds_delay, market.seconds_delay),
        taker_delay_ms=taker_delay_ms if market.taker_delay else 0,
        end_ms=listing.ends_at_ms,
    )
    yes_outcome, no_outcome = listing.outcomes
    return MarketRecord(
        spec=spec,
        slug=listing.slug,
        question=listing.question,
        yes_outcome=yes_outcome,
        no_outcome=no_outcome,
        source=source,
        ends_at_ms=listing.ends_at_ms,
    )


def agreed_fee(listing: Listing, market: ClobMarket) -> FeeSchedule | None:
    """Return the fee that both sources allow, or None: unknown, and so never traded.

    The CLOB leaves `fd` out where there is no fee, and this record is complete otherwise. It counts
    as "no fee" unless Gamma says that there is one.
    """
    if market.fee is None:
        if listing.fee is not None:
            return listing.fee
        return None if listing.fees_enabled else NO_FEE
    if listing.fee is None or _same_charge(listing.fee, market.fee):
        return market.fee
    return None


def agreed_protocol(listed: str, market: str) -> str:
    """Return Gamma's version, which chooses the contracts, unless the CLOB names another one."""
    if market and market != listed:
        return UNKNOWN_PROTOCOL
    return listed


def _same_charge(one: FeeSchedule, other: FeeSchedule) -> bool:
    return one == other or (one.rate_micro == 0 and other.rate_micro == 0)
