"""Alert rules as PolyArb-X files write them, in our words. Nothing in here decides about them."""

from collections.abc import Mapping
from typing import Any

from alerts.rules.parse import KEYS, QUERY_KEYS

# The same metric under the other names that such files use.
METRIC_NAMES = {
    "rpc_errors": "rpc_error_count",
    "latency_p95_ms": "latency_p95",
    "balance": "wallet_balance_usd",
}
_RULE_IDS_MODES = {"LIVE_NO_FILLS": ["LIVE"]}
_NOT_TAKEN = {
    "thresholds": "repeats what the query says",
    "conditions": "the metric has them in it",
    "notify_channels": "channels are named in the portal",
}


def from_polyarb(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return a rule's values in our words, and in sentences what was changed or left out.

    The address of a webhook is a secret of whoever wrote the file: it is left out, and said.
    """
    warnings: list[str] = []
    name = str(values.get("id", ""))[:40]
    made: dict[str, Any] = {}
    for key, value in values.items():
        if key in KEYS:
            made[key] = value
        else:
            why = _NOT_TAKEN.get(key, "it is not known here")
            warnings.append(f"{name}: {key!s:.40} was left out, {why}")
    query = values.get("query")
    if isinstance(query, Mapping):
        made["query"] = _query(query, name, warnings)
    made.setdefault("modes", _RULE_IDS_MODES.get(name, ["SHADOW", "LIVE"]))
    made["actions"] = _actions(values, name, warnings)
    return made, warnings


def _query(query: Mapping[str, Any], name: str, warnings: list[str]) -> dict[str, Any]:
    made = {}
    for key, value in query.items():
        if key in QUERY_KEYS:
            made[key] = value
        else:
            warnings.append(f"{name}: query.{key!s:.40} was left out, it is not known here")
    metric = query.get("metric")
    if isinstance(metric, str) and metric in METRIC_NAMES:
        made["metric"] = METRIC_NAMES[metric]
        warnings.append(f"{name}: {metric} is called {made['metric']} here")
    return made


def _actions(values: Mapping[str, Any], name: str, warnings: list[str]) -> list[dict[str, str]]:
    given = values.get("actions")
    if not isinstance(given, list):
        told = bool(values.get("notify_channels"))
        return [{"type": "notify"}, {"type": "log"}] if told else [{"type": "log"}]
    made = []
    for item in given:
        kind = str(item.get("type")) if isinstance(item, Mapping) else str(item)
        if isinstance(item, Mapping) and item.keys() - {"type"}:
            warnings.append(
                f"{name}: the address of its {kind:.20} was not taken; make a channel with it"
            )
        made.append({"type": kind})
    return made
