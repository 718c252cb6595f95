"""The figures of one kind of money over a time, as plain data."""

from dataclasses import asdict
from typing import Any

from polyarb_site.formats import ratio
from reports.figures.money import edge_kept, realised_curve
from reports.figures.series import Series, day_series
from trading.selectors import Money, period_money, periods
from trading.selectors.periods import Period

PARTS = 288  # of a chart: five minutes each over a day
SHARE_ACCOUNTS = ("YES", "NO")


def money_figures(period: Period, kind: str) -> tuple[dict[str, Any], Series]:
    """Return the figures of one kind of money, and the series of its samples."""
    money = Money(kind)
    samples = ((one.at, one.exposure_micro, one.p95_us) for one in periods.measured(period, money))
    series = day_series(samples, period.since, period.until, PARTS)
    figures = {
        "money": money.value,
        "label": money.label,
        "words": money.words,
        "realised": _realised(period, money),
        "sets": _sets(period, money),
        "orders": _orders(period, money),
        "trades": _trades(period, money),
        "funnel": asdict(period_money.period_funnel(period, money)),
        "positions": _positions(period, money),
        "exposure": {
            "parts": series.exposure,
            "last_micro": series.exposure_last_micro,
            "max_micro": series.exposure_max_micro,
            "max_at": series.exposure_max_at.isoformat() if series.exposure_max_at else None,
        },
    }
    return plain(figures), series


def plain(value: Any) -> Any:
    """Return tuples as lists, so that figures are the same before and after they were stored."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


def _realised(period: Period, money: Money) -> dict[str, Any]:
    moves = period_money.realised_moves(period, money)
    curve = realised_curve(moves, period.since, period.until, PARTS)
    return {
        **asdict(curve),
        "drawdown_at": curve.drawdown_at.isoformat() if curve.drawdown_at else None,
        "kinds": [asdict(one) for one in period_money.entry_sums(period, money)],
    }


def _sets(period: Period, money: Money) -> dict[str, Any]:
    count = period_money.closed_count(period, money)
    edges = edge_kept(period_money.closed_results(period, money), count)
    best, worst = period_money.extremes(period, money)
    states = period_money.set_states(period, money)
    return {
        **asdict(edges),
        "win_rate": ratio(edges.won, edges.closed),
        "kept_rate": ratio(edges.kept_micro, edges.expected_micro)
        if edges.expected_micro > 0
        else None,
        "opened": sum(number for _, _, number in states),
        "states": states,
        "best": [asdict(line) for line in best],
        "worst": [asdict(line) for line in worst],
    }


def _orders(period: Period, money: Money) -> dict[str, Any]:
    found = period_money.order_outcomes(period, money)
    submitted, filled, partly = found["SENT"], found["FULL"], found["PART"]
    return {
        "submitted": submitted,
        "filled": filled,
        "partly": partly,
        "refused": found["REFUSED"],
        "unmatched": found["UNMATCHED"],
        "unknown": found["UNKNOWN"],
        "fill_rate": ratio(filled + partly, submitted),
        "refuse_rate": ratio(found["REFUSED"], submitted),
        "refusals": [
            {"reason": reason, "number": number}
            for reason, number in period_money.order_refusals(period, money)
        ],
    }


def _trades(period: Period, money: Money) -> dict[str, Any]:
    """Return the fills, and what they cost as the ledger has it."""
    states = period_money.trade_states(period, money)
    moved = period_money.moved_dollars(period, money)

    def debits(account: str, *kinds: str) -> int:
        rows = moved.items()
        return sum(d for (k, a), (_, d) in rows if a == account and (not kinds or k in kinds))

    return {
        "states": states,
        "confirmed": states.get("CONFIRMED", 0),
        "failed": states.get("FAILED", 0),
        "number": sum(states.values()),
        "bought_micro": sum(debits(account, "BUY") for account in SHARE_ACCOUNTS),
        "fees_micro": debits("FEES"),
        "gas_micro": debits("GAS"),
        "capital_micro": -moved.get(("CAPITAL", "CAPITAL"), (0, 0))[0],
    }


def _positions(period: Period, money: Money) -> dict[str, Any]:
    held = period_money.balances(period, money)
    opened = period_money.open_sets(period, money)
    return {
        "dollars": held.dollars,
        "cash_micro": held.dollars.get("CASH", 0) + held.dollars.get("RESERVED", 0),
        "held": [asdict(line) for line in held.positions],
        "held_count": held.position_count,
        "open_sets": [asdict(line) for line in opened.lines],
        "open_count": opened.number,
    }
