"""From a criterion to its facts and the rows that they were read from."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from checks.criteria.definitions import Criterion, Kind, Window
from checks.criteria.facts import Facts
from checks.evidence import running, safety, trading
from checks.evidence.stay import Stay
from trading.selectors.gate_facts import ahead_at, first_started_at
from trading.selectors.gate_scope import Rows, joined
from trading.selectors.phases import LIVE_VENUES

Collector = Callable[[Stay, Criterion, datetime], tuple[dict[str, Any], Rows]]
AHEAD_MAX = timedelta(seconds=5)
DERIVED = "criteria_missing"  # from verdicts of the same evaluation, not from rows
COLLECTORS: Mapping[str, Collector] = {
    "days_without_crash": running.crashes,
    "crashes": running.crashes,
    "days_covered": running.covered_days,
    "days_in_phase": running.covered_days,
    "reconnect_rate": running.reconnects,
    "feed_uptime": running.feed,
    "rpc_failure_rate": running.rpc,
    "latency_p95": running.latency,
    "journal_problems": running.journal,
    "journal_losses": running.journal_losses,
    "replay_differences": running.replays,
    "days_without_critical": safety.without_critical,
    "critical_open": safety.critical_open,
    "critical_unresolved": safety.unresolved,
    "risk_stops_failed": safety.risk_stops,
    "breaker_drill": safety.breaker_drill,
    "security_incidents": safety.security,
    "attestation": safety.attestation,
    "total_pnl": trading.pnl,
    "daily_loss": trading.daily_loss,
    "trade_loss": trading.trade_loss,
    "trades": trading.trades,
    "fill_rate": trading.fill_rate,
    "days_below_fill_rate": trading.fill_days,
    "slippage_share": trading.slippages,
    "slipped_trades": trading.slippages,
    "sharpe": trading.sharpe,
    "drawdown": trading.drawdown,
    "monthly_return": trading.monthly_return,
}


def collect(criterion: Criterion, stay: Stay) -> tuple[Facts, Rows]:
    """Return the facts of a criterion, and the ranges of ids of the rows that were read."""
    if stay.venue not in LIVE_VENUES and criterion.kind is not Kind.KILL:
        problem = f"what happens on the feed {stay.venue} proves nothing for trading live"
        return Facts(now=stay.now, since=stay.phase_since, problem=problem), {}
    since, restarted = stay.window(criterion)
    if since is None and criterion.window is Window.EVER:
        scope = stay.scope(stay.now)
        since = first_started_at(scope) or stay.now
    if since is None:
        return Facts(now=stay.now, since=None, problem="when the phase began is not known"), {}
    if since > stay.now:
        return Facts(now=stay.now, since=since), {}  # a clock is wrong, and the judgement says so
    found, rows = COLLECTORS[criterion.metric](stay, criterion, since)
    if criterion.coverage_percent or criterion.metric == "days_covered":
        found["covered_s"] = running.covered(stay, since)
        rows = joined(rows, running.runs(stay, since)[1])
    return running.told(found, stay, since, restarted), rows


def collect_again(
    criterion: Criterion, account: str, phase: tuple[int, str, str], facts: Facts, rows: Rows
) -> Facts:
    """Return the facts as the rows that they were read from give them now.

    `phase` is its number, its mode, and the venue. Raises KeyError for a metric without rows.
    """
    number, mode, venue = phase
    ahead = facts.newest_at
    stay = Stay(
        account=account,
        phase=number,
        venue=venue,
        mode=mode,
        now=facts.now,
        phase_since=facts.since,
        ahead_at=ahead if ahead is not None and ahead > facts.now + AHEAD_MAX else None,
        ids=rows,
        before=facts,
    )
    return collect(criterion, stay)[0]


def missing_facts(now: datetime, verdicts: Sequence[tuple[str, str]]) -> Facts:
    """Return as facts which criteria of (id, result) did not pass."""
    missing = [name for name, result in verdicts if result != "PASS"]
    values = {"missing": len(missing), "names": missing, "asked": len(verdicts)}
    return Facts(now=now, since=now, sample=len(verdicts), values=values)


def future_fact(stay: Stay) -> datetime | None:
    """Return the time of a fact that lies in the future: then a clock is wrong."""
    return ahead_at(stay.scope(stay.now), stay.now + AHEAD_MAX)
