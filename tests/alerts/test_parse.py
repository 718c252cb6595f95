"""Rules from plain data: ours, and hostile ones."""

import copy

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from alerts.rules.parse import RuleProblems, parse_rule, rule_values
from alerts.rules.rule import Action, Aggregate, Counting
from polyarb_site.yaml_files import read_yaml
from tests.alerts.rules import values

OURS = read_yaml(settings.CONFIG_DIR / "alerts.production.yaml")["rules"]
SEVENTEEN = {
    "WS_DISCONNECTED": ("CRITICAL", 10, 60),
    "LIVE_NO_FILLS": ("CRITICAL", 60, 120),
    "CIRCUIT_BREAKER_OPEN": ("CRITICAL", 0, 300),
    "RPC_UNHEALTHY": ("WARNING", 60, 180),
    "HIGH_REJECT_RATE": ("WARNING", 300, 300),
    "LATENCY_P95_HIGH": ("WARNING", 300, 600),
    "PNL_DRAWDOWN": ("WARNING", 0, 3600),
    "LOW_BALANCE": ("WARNING", 0, 3600),
    "POSITION_LIMIT_NEAR": ("WARNING", 0, 600),
    "TRADE_EXECUTED": ("INFO", 0, 0),
    "OPPORTUNITY_DETECTED": ("INFO", 0, 0),
    "ENGINE_STALE": ("CRITICAL", None, None),
    "LEG_EXPOSED": ("CRITICAL", None, None),
    "SETTLEMENT_FAILED": ("CRITICAL", None, None),
    "RECONCILIATION_MISMATCH": ("CRITICAL", None, None),
    "BACKUP_OVERDUE": ("WARNING", None, None),
    "JOB_FAILED": ("WARNING", None, None),
}


def test_l2_l9_our_file_holds_each_rule_of_the_specification_with_its_numbers():
    rules = {one["id"]: parse_rule(one) for one in OURS}
    assert set(SEVENTEEN) <= set(rules)
    for rule_id, (level, window_s, cooldown_s) in SEVENTEEN.items():
        rule = rules[rule_id]
        assert rule.level == level
        if window_s is not None:
            assert (rule.window_ms, rule.cooldown_ms) == (window_s * 1_000, cooldown_s * 1_000)


def test_l5_every_critical_rule_stops_trading_and_no_other_does():
    for one in OURS:
        rule = parse_rule(one)
        assert rule.stops_trading is (rule.level == "CRITICAL")
    silent = values(actions=[{"type": "log"}])
    assert parse_rule(silent).stops_trading  # whether it says so or not


@pytest.mark.parametrize("one", OURS, ids=lambda one: one["id"])
def test_a_rule_is_the_same_after_being_written_and_read(one):
    rule = parse_rule(one)
    assert parse_rule(rule_values(rule)) == rule


def test_a_window_means_what_the_metric_needs_where_a_file_does_not_say_it():
    assert parse_rule(values()).counting is Counting.HELD_FOR
    counted = values(metric="rpc_error_count", operator=">=", value=5, window_seconds=60)
    assert parse_rule(counted).aggregate is Aggregate.RISE
    assert parse_rule(values(window_seconds=0)).counting is Counting.AT_ONCE


def test_the_address_of_a_webhook_is_no_part_of_a_rule():
    given = values(actions=[{"type": "webhook", "url": "https://x.example/secret"}])
    rule = parse_rule(given)
    assert rule.actions == {Action.NOTIFY}
    assert "secret" not in str(rule_values(rule))


REFUSED = {
    "id is no id": values("ws"),
    "severity": values(severity="GRAVE"),
    "is no metric": values(metric="wealth"),
    "operator": values(operator="~"),
    "does not fit ws_connected": values(value="false"),
    "orders no words": values(operator=">="),
    "window_seconds": values(window_seconds=-1),
    "is no key of a rule": values(surprise=1),
    "names no phases": values(phases=[4]),
    "names no modes": values(modes=["PAPER"]),
    "is no action": values(actions=[{"type": "call_mother"}]),
    "names the rule itself": values(inhibits=["WS_DISCONNECTED"]),
    "does not fit rpc_error_count": values(
        metric="rpc_error_count", operator=">", value=1, counting="AGGREGATED", aggregate="MEAN"
    ),
    "has no meaning for AT_ONCE": values(counting="AT_ONCE"),
    "is too short": values(missing_seconds=1),
    "neither true nor false": values(enabled="yes"),
    "a number, with a fraction in quotes": values(
        metric="latency_p95", operator=">", value="many", counting="AGGREGATED"
    ),
    "of a ratio is AGGREGATED": values(
        metric="reject_rate", operator=">", value=1, counting="HELD_FOR"
    ),
    "query is missing": {"id": "ABC", "severity": "INFO"},
}


@pytest.mark.parametrize(("said", "given"), REFUSED.items(), ids=list(REFUSED))
def test_what_makes_no_sense_is_refused_with_field_and_remedy(said, given):
    if said == "id is no id":
        said = "is no id"
    with pytest.raises(RuleProblems) as caught:
        parse_rule(given)
    assert said in str(caught.value)
    assert all("; " in problem for problem in caught.value.problems)


def test_everything_that_is_wrong_is_said_at_once():
    with pytest.raises(RuleProblems) as caught:
        parse_rule(values("x", severity="LOUD", metric="luck", phases=[]))
    assert len(caught.value.problems) >= 4


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.sampled_from(OURS), st.data())
def test_no_broken_rule_comes_through_or_raises_anything_else(one, data):
    broken = copy.deepcopy(one)
    target = data.draw(st.sampled_from([broken, broken["query"]]))
    key = data.draw(st.sampled_from(sorted(target)) | st.text(max_size=8))
    target[key] = data.draw(JSON)
    try:
        rule = parse_rule(broken)
    except RuleProblems:
        return
    assert parse_rule(rule_values(rule)) == rule


@given(st.dictionaries(st.text(max_size=12), JSON, max_size=6))
def test_whatever_is_no_rule_is_refused(given_values):
    with pytest.raises(RuleProblems):
        parse_rule(given_values)
