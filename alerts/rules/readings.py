"""The engine's figures of one second as the values of metrics. Pure; keeps only what it must."""

from collections.abc import Mapping, Sequence
from typing import Any

from alerts.rules.metrics import NOTHING, Ratio, Value
from trading.engine.units import MICRO

# Which figures each metric is read from.
FIGURES: dict[str, tuple[str, ...]] = {
    "ws_connected": ("feed_connected",),
    "live_no_fills": ("session", "orders_submitted", "orders_filled"),
    "circuit_breaker_state": ("breaker",),
    "rpc_error_count": ("rpc",),
    "reject_rate": ("orders_refused", "orders_submitted"),
    "latency_p95": ("decision_p95_us", "frames_in_second"),
    "wallet_balance_usd": ("cash_micro",),
    "position_usage_percent": ("exposure_micro", "position_limit_micro"),
    "trade_executed": ("sets_completed",),
    "opportunity_detected": ("gaps_confirmed",),
    "legs_exposed": ("legs_exposed",),
    "settlement_failures": ("settlements_failed",),
}
SECOND_NS = 1_000_000_000
RECENT_NS = 60 * SECOND_NS  # an order that was submitted within this time is a recent one


class EngineReadings:
    """Reads the figures of one session after another, in order."""

    def __init__(self) -> None:
        self._session = ""
        self._submitted = 0
        self._filled = 0
        self._submitted_ns: int | None = None  # the newest submission that was seen
        self._unfilled = False

    def take(self, figures: Mapping[str, Any], at_ns: int) -> dict[str, Value]:
        """Return the value of each metric that the engine measures; None is what is not known."""
        return {
            "ws_connected": _flag(figures, "feed_connected"),
            "live_no_fills": self._no_fills(figures, at_ns),
            "circuit_breaker_state": _word(figures, "breaker"),
            "rpc_error_count": _rpc_errors(figures.get("rpc", ())),
            "reject_rate": _refused(figures),
            "latency_p95": _latency(figures),
            "wallet_balance_usd": _number(figures, "cash_micro"),
            "position_usage_percent": _usage(figures),
            "trade_executed": _number(figures, "sets_completed"),
            "opportunity_detected": _number(figures, "gaps_confirmed"),
            "legs_exposed": _whole(figures, "legs_exposed"),
            "settlement_failures": _number(figures, "settlements_failed"),
        }

    def _no_fills(self, figures: Mapping[str, Any], at_ns: int) -> Value:
        """Return whether orders are being submitted without any fill since the first of them.

        A lone order that nobody filled stops counting after a minute: then nothing is submitted.
        """
        submitted = _number(figures, "orders_submitted")
        filled = _number(figures, "orders_filled")
        session = str(figures.get("session", ""))
        if submitted is None or filled is None:
            return None
        if session != self._session:
            self._session, self._submitted, self._filled = session, 0, 0
            self._submitted_ns, self._unfilled = None, False
        if submitted > self._submitted:
            self._submitted_ns, self._unfilled = at_ns, True
        if filled > self._filled:
            self._unfilled = False
        self._submitted, self._filled = submitted, filled
        if self._submitted_ns is None or at_ns - self._submitted_ns >= RECENT_NS:
            self._unfilled = False
        return self._unfilled


def nothing_measured() -> dict[str, Value]:
    """Return the values of an engine that is not to run."""
    return dict.fromkeys(EngineReadings().take({}, 0), NOTHING)


def _flag(figures: Mapping[str, Any], name: str) -> bool | None:
    value = figures.get(name)
    return value if isinstance(value, bool) else None


def _word(figures: Mapping[str, Any], name: str) -> str | None:
    value = figures.get(name)
    return value if isinstance(value, str) and value else None


def _number(figures: Mapping[str, Any], name: str) -> int | None:
    value = figures.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _whole(figures: Mapping[str, Any], name: str) -> int | None:
    value = _number(figures, name)
    return None if value is None else value * MICRO


def _rpc_errors(endpoints: object) -> Value:
    """Return the failures of all endpoints together; nothing where no chain is asked."""
    if not isinstance(endpoints, Sequence) or isinstance(endpoints, str):
        return None
    errors = [_number(one, "errors") for one in endpoints if isinstance(one, Mapping)]
    if None in errors:
        return None
    return sum(one for one in errors if one is not None) if errors else NOTHING


def _refused(figures: Mapping[str, Any]) -> Value:
    refused, submitted = _number(figures, "orders_refused"), _number(figures, "orders_submitted")
    if refused is None or submitted is None:
        return None
    return Ratio(refused, submitted)


def _latency(figures: Mapping[str, Any]) -> Value:
    """Return milliseconds in millionths; a second without a frame decided nothing."""
    us = _number(figures, "decision_p95_us")
    if us is not None:
        return us * 1_000
    return NOTHING if figures.get("frames_in_second") == 0 else None


def _usage(figures: Mapping[str, Any]) -> Value:
    exposure = _number(figures, "exposure_micro")
    limit = _number(figures, "position_limit_micro")
    if exposure is None or limit is None:
        return None
    if limit <= 0:
        return NOTHING if not exposure else 100 * MICRO
    return -(-exposure * 100 * MICRO // limit)
