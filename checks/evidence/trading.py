"""Evidence of what was earned and how orders were filled. Kinds of money are never mixed."""

from datetime import UTC, datetime, time
from typing import Any

from checks.criteria.definitions import Criterion
from checks.criteria.formulas import deepest_fall, slippage
from checks.evidence.stay import Stay
from trading.selectors import gate_money
from trading.selectors.gate_facts import whole_days
from trading.selectors.gate_money import Results
from trading.selectors.gate_scope import Rows, joined

Found = tuple[dict[str, Any], Rows]


def _results(stay: Stay, since: datetime) -> Results:
    return stay.once("results", since, lambda: gate_money.results(stay.scope(since)))


def _closed(stay: Stay, since: datetime) -> tuple[int, int, datetime | None, Rows]:
    return stay.once("closed", since, lambda: gate_money.closed_sets(stay.scope(since)))


def pnl(stay: Stay, _criterion: Criterion, since: datetime) -> Found:
    """Return what was realised; the sample are the sets that ended with a result."""
    results, (number, _, _, rows) = _results(stay, since), _closed(stay, since)
    newest = results.moves[-1][0] if results.moves else None
    return {
        "sample": number,
        "newest_at": newest,
        "realised_micro": results.realised_micro,
    }, joined(results.rows, rows)


def daily_loss(stay: Stay, _criterion: Criterion, since: datetime) -> Found:
    """Return what the worst UTC day of the window lost."""
    results = _results(stay, since)
    return {
        "sample": len(results.moves),
        "worst_loss_micro": results.worst_loss_micro(),
    }, results.rows


def trade_loss(stay: Stay, _criterion: Criterion, since: datetime) -> Found:
    """Return what the worst set of the window lost."""
    number, loss, newest, rows = _closed(stay, since)
    return {"sample": number, "newest_at": newest, "worst_loss_micro": loss}, rows


def trades(stay: Stay, _criterion: Criterion, since: datetime) -> Found:
    """Return how many sets ended with a result."""
    number, _, newest, rows = _closed(stay, since)
    return {"sample": number, "newest_at": newest, "trades": number}, rows


def fill_rate(stay: Stay, _criterion: Criterion, since: datetime) -> Found:
    """Return how many orders were submitted, and how many of them filled."""
    submitted, filled, newest, rows = gate_money.order_counts(stay.scope(since))
    return {
        "sample": submitted,
        "newest_at": newest,
        "submitted": submitted,
        "filled": filled,
    }, rows


def fill_days(stay: Stay, _criterion: Criterion, since: datetime) -> Found:
    """Return filled and submitted orders of each whole day."""
    days, rows = gate_money.order_days(stay.scope(since))
    return {
        "sample": sum(submitted > 0 for _, _, submitted in days),
        "days": [list(day) for day in days],
    }, rows


def slippages(stay: Stay, criterion: Criterion, since: datetime) -> Found:
    """Return how many fills slipped by less than the limit, how many by more, and how many had no
    plan.
    """
    assert criterion.limit is not None
    scope = stay.scope(since)
    found = stay.once("fills", since, lambda: tuple(gate_money.fills(scope)))
    within = slipped = unplanned = 0
    for _, price, cost, size, _ in found:
        if cost <= 0 or size <= 0:
            unplanned += 1
            continue
        slip = slippage(price, cost, size)
        within += slip < criterion.limit
        slipped += slip > criterion.limit
    return {
        "sample": len(found),
        "newest_at": max((one[4] for one in found), default=None),
        "fills": len(found),
        "within": within,
        "slipped": slipped,
        "unplanned": unplanned,
    }, gate_money.fill_rows([one[0] for one in found])


def sharpe(stay: Stay, _criterion: Criterion, since: datetime) -> Found:
    """Return the result of each whole UTC day, and the capital in use when the first began."""
    days = whole_days(since, stay.now)
    if not days:
        return {"sample": 0, "days": []}, {}
    begin = datetime.combine(days[0], time(), UTC)
    results = _results(stay, begin)
    return {
        "sample": len(days),
        "capital_micro": results.capital_micro,
        "days": [list(day) for day in results.days(days)],
    }, results.rows


def drawdown(stay: Stay, _criterion: Criterion, since: datetime) -> Found:
    """Return the peak and the bottom of the deepest fall of equity."""
    results = _results(stay, since)
    moves = ((realised, moved) for _, realised, moved in results.moves)
    peak, bottom = deepest_fall(results.capital_micro, moves)
    return {
        "sample": sum(realised != 0 for _, realised, _ in results.moves),
        "newest_at": results.moves[-1][0] if results.moves else None,
        "peak_micro": peak,
        "bottom_micro": bottom,
    }, results.rows


def monthly_return(stay: Stay, _criterion: Criterion, since: datetime) -> Found:
    """Return what was realised, and the capital in use when the window began."""
    results, (number, _, _, rows) = _results(stay, since), _closed(stay, since)
    return {
        "sample": number,
        "capital_micro": results.capital_micro,
        "realised_micro": results.realised_micro,
    }, joined(results.rows, rows)
