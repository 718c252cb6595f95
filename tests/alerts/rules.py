"""Rules and their plain data for tests."""

from alerts.rules.parse import parse_rule

SECOND = 1_000_000_000


def values(rule_id="WS_DISCONNECTED", **changes):
    """Plain data of a rule; keys of the query are given as they are called."""
    query = {"metric": "ws_connected", "operator": "==", "value": False, "window_seconds": 10}
    query |= {key: changes.pop(key) for key in list(changes) if key in {*query, *MORE}}
    return {"id": rule_id, "severity": "CRITICAL", "query": query, **changes}


MORE = ("counting", "aggregate", "missing_seconds")


def rule(rule_id="WS_DISCONNECTED", **changes):
    return parse_rule(values(rule_id, **changes))


def latency(**changes):
    """A warning about the mean of five minutes."""
    given = {"metric": "latency_p95", "operator": ">=", "value": 500, "window_seconds": 300}
    given |= {"severity": "WARNING", "counting": "AGGREGATED", "aggregate": "MEAN"}
    return rule("LATENCY_P95_HIGH", **given | changes)


def errors(**changes):
    """A warning about five errors in a minute."""
    given = {"metric": "rpc_error_count", "operator": ">=", "value": 5, "window_seconds": 60}
    return rule("RPC_UNHEALTHY", **given | {"severity": "WARNING"} | changes)


def breaker(**changes):
    given = {"metric": "circuit_breaker_state", "value": "OPEN", "window_seconds": 0}
    return rule("CIRCUIT_BREAKER_OPEN", **given | changes)
