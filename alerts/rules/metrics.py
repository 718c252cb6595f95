"""Everything that a rule can look at, by name: what it is, in which unit, and who measures it.

A number is a whole number of millionths of its unit, as money is. A counter only rises while its
session lasts and begins again at zero with the next one; a rule looks at how much it rose. A ratio
is two counters, of which a rule looks at the quotient of the rises.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import NamedTuple, TypeAlias


class Kind(StrEnum):
    """How the values of a metric are compared and counted."""

    BOOL = "BOOL"
    TEXT = "TEXT"
    NUMBER = "NUMBER"  # in millionths
    COUNTER = "COUNTER"  # whole, rising
    RATIO = "RATIO"


class Source(StrEnum):
    """Who measures: the engine within its process, or the portal from the database."""

    ENGINE = "ENGINE"
    PORTAL = "PORTAL"


class Ratio(NamedTuple):
    """Two counters: how many of how many."""

    part: int
    whole: int


class Nothing(Enum):
    """Known to be nothing: no order was answered, no decision taken, no engine is to run."""

    NOTHING = "nothing to measure"


NOTHING = Nothing.NOTHING
# None is what is not known, and never counts as good.
Value: TypeAlias = bool | int | str | Ratio | Nothing | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric. `values` are the words that a text metric can say."""

    name: str
    kind: Kind
    source: Source
    unit: str
    text: str
    values: tuple[str, ...] = ()


def _metrics(*metrics: Metric) -> dict[str, Metric]:
    return {metric.name: metric for metric in metrics}


def _engine(name: str, kind: Kind, unit: str, text: str, values: tuple[str, ...] = ()) -> Metric:
    source = Source.ENGINE
    return Metric(name=name, kind=kind, source=source, unit=unit, text=text, values=values)


def _portal(name: str, kind: Kind, unit: str, text: str, values: tuple[str, ...] = ()) -> Metric:
    source = Source.PORTAL
    return Metric(name=name, kind=kind, source=source, unit=unit, text=text, values=values)


METRICS = _metrics(
    _engine("ws_connected", Kind.BOOL, "", "the market feed is connected"),
    _engine(
        "live_no_fills",
        Kind.BOOL,
        "",
        "live orders were submitted within the last minute, and none filled since the first",
    ),
    _engine(
        "circuit_breaker_state",
        Kind.TEXT,
        "",
        "the engine's circuit breaker",
        ("CLOSED", "OPEN", "HALF_OPEN"),
    ),
    _engine("rpc_error_count", Kind.COUNTER, "errors", "failed requests to the chain's endpoints"),
    _engine("reject_rate", Kind.RATIO, "", "refused orders of all submitted ones"),
    _engine("latency_p95", Kind.NUMBER, "ms", "95 of 100 decisions of a second took at most this"),
    _engine("wallet_balance_usd", Kind.NUMBER, "$", "cash of the trading wallet"),
    _engine(
        "position_usage_percent",
        Kind.NUMBER,
        "%",
        "cost of all that is held or pending, of MAX_POSITION_SIZE",
    ),
    _engine("trade_executed", Kind.COUNTER, "sets", "sets that were completed"),
    _engine("opportunity_detected", Kind.COUNTER, "gaps", "gaps that were confirmed"),
    _engine("legs_exposed", Kind.NUMBER, "sets", "sets that hold a leg without its counterpart"),
    _engine(
        "settlement_failures", Kind.COUNTER, "trades", "matched trades whose settlement failed"
    ),
    _portal(
        "engine_heartbeat_age",
        Kind.NUMBER,
        "s",
        "age of the engine's last heartbeat, while it is to run",
    ),
    _portal(
        "drawdown_percent",
        Kind.NUMBER,
        "%",
        "realised PnL below its peak in this phase, of the capital at work",
    ),
    _portal(
        "reconciliation_verdict",
        Kind.TEXT,
        "",
        "what the newest comparison of ledger, venue and chain said",
        ("MATCH", "MISMATCH", "INCOMPLETE"),
    ),
    _portal("backup_age", Kind.NUMBER, "h", "age of the newest backup that was verified"),
    _portal("jobs_failed", Kind.NUMBER, "jobs", "jobs that failed within the last hour"),
    _portal("jobs_silence", Kind.NUMBER, "s", "since the jobs cluster last showed that it works"),
    _portal("schedule_lateness", Kind.NUMBER, "s", "how late the latest regular job is"),
)
