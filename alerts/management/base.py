"""What every command of alerts shares: what services refuse, and how a terminal shows alerts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from polyarb_site import commands
from trading.services import ServiceRefused

UNKNOWN = "-"
HEAD = ("ID", "LEVEL", "STATE", "RULE", "VALUE", "SINCE (UTC)", "TIMES", "")


class AlertsCommand(commands.PortalCommand):
    """A command over the services of alerts."""

    refusals = (ServiceRefused,)


def table(alerts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of a table of alerts as alerts.selectors.state tells them."""
    rows = [HEAD, *(_cells(alert) for alert in alerts)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD) - 1)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        .rstrip()
        for row in rows
    ]  # fmt: skip


def line(alert: Mapping[str, Any]) -> str:
    """Return what was done with an alert, in one line."""
    return f"alert {alert['id']} {alert['rule_id']}: {alert['state']}"


def as_text(value: object) -> str:
    """Return what JSON has no form for: times, as ISO 8601."""
    if not isinstance(value, datetime):
        raise TypeError(f"{value!r:.60} has no form in JSON")
    return value.isoformat()


def _cells(alert: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        str(alert["id"]),
        alert["level"],
        alert["state"],
        alert["rule_id"],
        alert["value"] or UNKNOWN,
        f"{alert['since']:%Y-%m-%d %H:%M:%S}",
        str(alert["count"]),
        _more(alert),
    )


def _more(alert: Mapping[str, Any]) -> str:
    """Return who has it, who is not told, how trading was stopped, or why it fires."""
    parts = []
    if alert["acked_by"]:
        parts.append(f"{alert['acked_by']}: {alert['ack_comment']}")
    stop = alert["stop"]
    if stop is not None and stop["stopped_us"] is not None:
        parts.append(f"trading stopped in {stop['stopped_us'] // 1_000} ms")
    if alert["muted_by"]:
        parts.append(f"nobody is told: {alert['muted_by']}")
    return "; ".join(parts) or alert["reason"]
