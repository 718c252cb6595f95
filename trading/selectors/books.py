"""The books of a gap as they were, and what buying into them costs, level by level."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from trading.engine.fees import EXPONENT_MAX, RATE_MICRO_MAX, fee_ceiling
from trading.engine.market import FeeSchedule
from trading.engine.units import MICRO, cost_up
from trading.engine.walk import LegBook, smallest_set_micro
from trading.models import Market, Opportunity

LEGS_SHOWN_MAX = 15  # the venue takes no larger set


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One price of a book. `taken_micro` is what the set would buy of it; None is not known."""

    price_micro: int
    size_micro: int
    taken_micro: int
    cost_micro: int
    fee_micro: int | None
    depth_permille: int  # size against the largest of all levels shown, for a bar


@dataclass(frozen=True, slots=True, kw_only=True)
class LegBookView:
    """One leg: its book at that instant, best price first."""

    token_id: str
    outcome: str  # "Yes", "No", a name; empty when the market is not known
    market: Market | None
    ask_micro: int
    venue_ms: int
    levels: tuple[Level, ...]
    taken_micro: int
    cost_micro: int
    fee_micro: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkView:
    """All legs, and what the set costs. `planned`: the engine chose this size; otherwise it is the
    smallest one that the venue would take, to show what it would have cost.
    """

    legs: tuple[LegBookView, ...]
    planned: bool
    size_micro: int
    payout_micro: int  # what all of the sets would pay
    cost_micro: int  # without fees
    fee_micro: int | None
    left_micro: int | None  # payout less cost and fees
    deeper: bool  # more is bought than the kept levels hold


def markets_by_token(tokens: Iterable[str]) -> dict[str, Market]:
    """Return the market of each token that is known, with one query."""
    wanted = sorted(set(tokens))
    if not wanted:
        return {}
    rows = Market.objects.filter(Q(yes_token_id__in=wanted) | Q(no_token_id__in=wanted))
    found: dict[str, Market] = {}
    for market in rows:
        found[market.yes_token_id] = market
        found[market.no_token_id] = market
    return found


def markets_by_condition(conditions: Iterable[str]) -> dict[str, Market]:
    """Return the market of each condition that is known, with one query."""
    wanted = sorted({condition for condition in conditions if condition})
    if not wanted:
        return {}
    return {row.condition_id: row for row in Market.objects.filter(condition_id__in=wanted)}


def outcome_of(market: Market | None, token_id: str) -> str:
    """Return how the market calls the outcome of a token, empty when that is not known."""
    if market is None:
        return ""
    return market.yes_outcome if token_id == market.yes_token_id else market.no_outcome


def fee_schedule(market: Market | None) -> FeeSchedule | None:
    """Return the fee schedule as last read, None when it is not known or makes no sense."""
    if market is None or market.fee_rate_micro is None or market.fee_exponent is None:
        return None
    if market.fee_rate_micro > RATE_MICRO_MAX or market.fee_exponent > EXPONENT_MAX:
        return None
    return FeeSchedule(rate_micro=market.fee_rate_micro, exponent=market.fee_exponent)


def walk_view(gap: Opportunity) -> WalkView:
    """Return both books of a gap and what the walk takes of them. One query."""
    legs = [leg for leg in gap.legs if isinstance(leg, Mapping)][:LEGS_SHOWN_MAX]
    markets = markets_by_token(str(leg.get("token_id", "")) for leg in legs)
    ladders = [_ladder(gap.ladder, index) for index in range(len(legs))]
    planned = gap.size_micro > 0
    size_micro = gap.size_micro if planned else _smallest(legs, ladders, markets)
    largest = max((size for ladder in ladders for _, size in ladder), default=0)
    views = tuple(
        _leg_view(leg, ladder, markets.get(str(leg.get("token_id", ""))), size_micro, largest)
        for leg, ladder in zip(legs, ladders, strict=True)
    )
    payout_each_micro = gap.gap_micro + sum(view.ask_micro for view in views)
    payout_micro = payout_each_micro * size_micro // MICRO
    cost_micro = sum(view.cost_micro for view in views)
    fees = [view.fee_micro for view in views]
    fee_micro = None if None in fees else sum(fee for fee in fees if fee is not None)
    deeper = any(view.taken_micro < size_micro for view in views)
    known = fee_micro is not None and not deeper and size_micro > 0
    return WalkView(
        legs=views,
        planned=planned,
        size_micro=size_micro,
        payout_micro=payout_micro,
        cost_micro=cost_micro,
        fee_micro=fee_micro,
        left_micro=payout_micro - cost_micro - (fee_micro or 0) if known else None,
        deeper=deeper,
    )


def offered_micro(gap_micro: int, legs: Any) -> int:
    """Return what a gap was worth before fees at the best prices: micro dollars, rounded down."""
    if not isinstance(legs, list):
        return 0
    sizes = [leg.get("size_micro", 0) for leg in legs if isinstance(leg, Mapping)]
    return max(0, gap_micro) * min(sizes, default=0) // MICRO


def _ladder(ladder: Any, index: int) -> tuple[tuple[int, int], ...]:
    """Return the levels of one leg as they were stored, empty when none were."""
    if not isinstance(ladder, list) or index >= len(ladder):
        return ()
    return tuple((int(level[0]), int(level[1])) for level in ladder[index])


def _smallest(
    legs: list[Mapping[str, Any]],
    ladders: list[tuple[tuple[int, int], ...]],
    markets: Mapping[str, Market],
) -> int:
    """Return the smallest size that the venue would take, 0 when that cannot be said."""
    books = []
    for leg, ladder in zip(legs, ladders, strict=True):
        market = markets.get(str(leg.get("token_id", "")))
        schedule = fee_schedule(market)
        if market is None or schedule is None or market.tick_micro <= 0:
            return 0
        books.append(
            LegBook(
                token_id=str(leg["token_id"]),
                asks=ladder,
                fee=schedule,
                tick_micro=market.tick_micro,
                min_order_size_micro=market.min_order_size_micro,
            )
        )
    return smallest_set_micro(books) or 0


def _leg_view(
    leg: Mapping[str, Any],
    ladder: tuple[tuple[int, int], ...],
    market: Market | None,
    size_micro: int,
    largest_micro: int,
) -> LegBookView:
    schedule = fee_schedule(market)
    token_id = str(leg.get("token_id", ""))
    left_micro = size_micro
    levels = []
    for price_micro, level_micro in ladder:
        taken_micro = min(level_micro, left_micro)
        left_micro -= taken_micro
        fee_micro = None if schedule is None else fee_ceiling(schedule, price_micro, taken_micro)
        levels.append(
            Level(
                price_micro=price_micro,
                size_micro=level_micro,
                taken_micro=taken_micro,
                cost_micro=cost_up(price_micro, taken_micro),
                fee_micro=fee_micro,
                depth_permille=level_micro * 1_000 // largest_micro if largest_micro else 0,
            )
        )
    return LegBookView(
        token_id=token_id,
        outcome=outcome_of(market, token_id),
        market=market,
        ask_micro=int(leg.get("ask_micro", 0)),
        venue_ms=int(leg.get("venue_ms", 0)),
        levels=tuple(levels),
        taken_micro=size_micro - left_micro,
        cost_micro=sum(level.cost_micro for level in levels),
        fee_micro=None if schedule is None else sum(level.fee_micro or 0 for level in levels),
    )
