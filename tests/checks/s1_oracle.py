"""Invented values of each metric, with what they come to by a computation of its own.

It shares no code with the criteria: the standard library and floats. None is "this has no value".
"""

import math
import statistics
from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 3, 20, 15, 0, tzinfo=UTC)
DAY = timedelta(days=1)
JUDGED = NOW - timedelta(seconds=100)


def days_of(one):
    return one.window if isinstance(one.window, int) else 30


def _without(key, *, judged):
    def invent(one, chance):
        ago = chance.choice([None, None, timedelta(minutes=chance.randrange(1, 60 * 24 * 7))])
        last = None if ago is None else (NOW - ago).isoformat()
        days = days_of(one) if ago is None else ago.total_seconds() / 86_400
        values = {key: last}
        if judged and last is None:
            values["judged_at"] = JUDGED.isoformat()
        return values, days

    return invent


def _share(part, whole):
    def invent(_one, chance):
        total = chance.randrange(400)
        some = chance.randrange(total + 1)
        return {part: some, whole: total}, some / total if total else None

    return invent


def _count(name, *more):
    def invent(_one, chance):
        number = chance.randrange(chance.choice([2, 2, 400]))
        values = {name: number}
        if number == 0:
            values |= dict.fromkeys(more, JUDGED.isoformat())
        return values, number

    return invent


def _dollars(name, low, high):
    def invent(_one, chance):
        micro = chance.randrange(low, high)
        return {name: micro}, micro / 1e6

    return invent


def _yes(name, *answers):
    def invent(_one, chance):
        answer = chance.choice(answers)
        return {name: answer}, None if answer is None else int(answer)

    return invent


def _reconnects(_one, chance):
    made, failed = chance.randrange(200), chance.randrange(12)
    rate = made / (made + failed) if made + failed else None
    return {"reconnects": made, "failures": failed}, rate


def _latency(_one, chance):
    top = chance.choice([300, 900])
    values = [chance.randrange(1, top) for _ in range(chance.randrange(60))]
    counts = [[ms, values.count(ms)] for ms in sorted(set(values))]
    return {"ms_counts": counts}, (
        sorted(values)[math.ceil(len(values) * 0.95) - 1] if values else None
    )


def _journal(_one, chance):
    names = ("damaged", "unreadable", "alerts_with_gaps", "without_events")
    found = {name: int(chance.random() < 0.1) for name in names}
    unread, total = int(chance.random() < 0.2), sum(found.values())
    return {**found, "unread": unread}, total if total or not unread else None


def _replays(_one, chance):
    found = {
        "different": int(chance.random() < 0.2),
        "unreadable": int(chance.random() < 0.1),
        "missing": int(chance.random() < 0.2),
    }
    bad = found["different"] + found["unreadable"]
    return found, bad if bad or not found["missing"] else None


def _stops(_one, chance):
    took = [5, 999_999, 1_000_000, 3_000_000, None]
    stops = [[i, chance.choice(took[: chance.choice([2, 5])])] for i in range(chance.randrange(3))]
    bad = len([us for _, us in stops if us is None or us > 999_999])
    return {"stops": stops, "failed_drills": 0}, bad


def _unresolved(one, chance):
    seconds = chance.randrange(7_200)
    values = {"longest_s": seconds}
    if seconds <= float(one.bounds[0]) * 60:
        values["judged_at"] = JUDGED.isoformat()
    return values, seconds / 60


def _fill_days(one, chance):
    days = [[f"d{i}", chance.randrange(5), 10] for i in range(chance.randrange(9))]
    run = 0
    for _, filled, _ in reversed(days):
        if filled / 10 >= float(one.limit):
            break
        run += 1
    return {"days": days}, run


def _slipped(_one, chance):
    slipped, unplanned = chance.randrange(7), int(chance.random() < 0.2)
    known = slipped > 3 or not unplanned
    return {"slipped": slipped, "unplanned": unplanned}, slipped if known else None


def _sharpe(_one, chance):
    capital, top = chance.randrange(1, 500) * 1_000_000, chance.choice([1_200_000, 4_000_000])
    days = [[f"d{i}", chance.randrange(-1_000_000, top), 0] for i in range(chance.randrange(40))]
    values = {"capital_micro": capital, "days": days}
    returns, equity = [], capital
    for _, earned, _ in days:
        if equity <= 0:
            return values, None
        returns.append(earned / equity)
        equity += earned
    if len(returns) < 2 or statistics.stdev(returns) == 0:
        return values, None
    return values, statistics.mean(returns) / statistics.stdev(returns) * math.sqrt(365)


def _drawdown(_one, chance):
    peak = chance.randrange(1, 100_000_000)
    bottom = peak - chance.randrange(peak * chance.choice([1, 4]) // 4 + 1)
    return {"peak_micro": peak, "bottom_micro": bottom}, (peak - bottom) / peak


def _monthly(_one, chance):
    capital, earned = chance.randrange(1, 100_000_000), chance.randrange(-10_000_000, 10_000_000)
    return {"capital_micro": capital, "realised_micro": earned}, earned / capital


INVENT = {
    "days_without_crash": _without("last_crash_at", judged=False),
    "days_without_critical": _without("last_critical_at", judged=True),
    "days_in_phase": lambda _one, _chance: ({}, 30.0),
    "days_covered": lambda _one, _chance: ({}, None),  # by the time that was covered
    "reconnect_rate": _reconnects,
    "feed_uptime": _share("connected", "sampled"),
    "rpc_failure_rate": _share("errors", "requests"),
    "fill_rate": _share("filled", "submitted"),
    "slippage_share": _share("within", "fills"),
    "latency_p95": _latency,
    "journal_problems": _journal,
    "replay_differences": _replays,
    "breaker_drill": _yes("passed", True, True, False, None),
    "attestation": _yes("valid", True, None),
    "risk_stops_failed": _stops,
    "critical_unresolved": _unresolved,
    "total_pnl": _dollars("realised_micro", -20_000_000, 90_000_000),
    "daily_loss": _dollars("worst_loss_micro", 0, 40_000_000),
    "trade_loss": _dollars("worst_loss_micro", 0, 4_000_000),
    "days_below_fill_rate": _fill_days,
    "slipped_trades": _slipped,
    "sharpe": _sharpe,
    "drawdown": _drawdown,
    "monthly_return": _monthly,
    "crashes": _count("crashes"),
    "journal_losses": _count("losses"),
    "security_incidents": _count("incidents"),
    "critical_open": _count("open", "judged_at"),
    "trades": _count("trades"),
    "criteria_missing": _count("missing"),
}


def expected(one, value):
    """Return whether the criterion passes with this value, None within a hair of its bound."""
    low, high = float(one.bounds[0]), float(one.bounds[-1])
    near = [abs(value - bound) for bound in (low, high)]
    if one.comparison != "equal" and any(
        0 < gap <= 1e-6 * max(1, abs(bound)) for gap, bound in zip(near, (low, high), strict=True)
    ):
        return None
    met = {
        "above": value > low,
        "at_least": value >= low,
        "below": value < low,
        "at_most": value <= low,
        "equal": value == low,
        "within": low <= value <= high,
    }[one.comparison]
    return not met if one.kind == "KILL" else met
