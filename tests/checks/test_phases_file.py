"""config/phases.yaml says what the product says, and nothing else is read from it."""

from fractions import Fraction

import pytest
from django.conf import settings

from checks.criteria.definitions import (
    Unit,
    amount_text,
    bound_text,
    criterion_json,
    criterion_of,
)
from checks.criteria.phases import load_phases
from polyarb_site.yaml_files import ConfigError, read_named
from trading.selectors.phases import PHASE_PROFILES, Phase

FILE = settings.CONFIG_DIR / "phases.yaml"
# Each line: number, name, profile, trade size, the most it may become, how long it is planned.
TABLE = [
    (0, "Shadow Production", "live_shadow_atomic_v1", 1, 1, "7-14 days"),
    (1, "Micro-Live", "live_safe_atomic_v1", 2, 6, "14-21 days"),
    (2, "Constrained-Live", "live_constrained_atomic_v1", 5, 5, "21-30 days"),
    (3, "Scaled-Live", "live_scaled_atomic_v1", 10, 20, "open-ended"),
]
SUCCESS = {
    0: {
        "days_without_crash ≥ 7 days",
        "reconnect_rate > 95 %",
        "journal_problems = 0",
        "breaker_drill yes",
        "replay_differences = 0",
        "latency_p95 < 500 ms",
    },
    1: {
        "days_without_critical ≥ 7 days",
        "total_pnl -$3 to $10",
        "fill_rate > 50 %",
        "slippage_share > 90 %",
        "risk_stops_failed = 0",
        "security_incidents = 0",
    },
    2: {
        "days_without_critical ≥ 14 days",
        "total_pnl > $10",
        "sharpe > 1",
        "drawdown < 20 %",
        "fill_rate > 60 %",
        "security_incidents = 0",
    },
    3: {
        "days_without_critical ≥ 30 days",
        "monthly_return > 5 %",
        "sharpe > 1.5",
        "drawdown < 15 %",
        "fill_rate > 70 %",
        "security_incidents = 0",
    },
}
KILL = {
    0: {"crashes > 1", "feed_uptime < 80 %", "journal_losses > 0", "rpc_failure_rate > 10 %"},
    1: {
        "daily_loss > $5",
        "trade_loss > $2",
        "critical_unresolved > 60 minutes",
        "days_below_fill_rate ≥ 3 days (20 %)",
        "slipped_trades > 3 (5 %)",
        "security_incidents > 0",
    },
    2: {
        "daily_loss > $10",
        "drawdown > 30 %",
        "critical_unresolved > 30 minutes",
        "days_below_fill_rate ≥ 5 days (30 %)",
        "sharpe < 0.5",
        "security_incidents > 0",
    },
    3: {
        "daily_loss > $20",
        "drawdown > 25 %",
        "critical_unresolved > 15 minutes",
        "days_below_fill_rate ≥ 7 days (40 %)",
        "monthly_return < 2 %",
        "security_incidents > 0",
    },
}
EXIT = {
    0: {"criteria_missing = 0", "days_in_phase ≥ 7 days", "critical_open = 0"},
    1: {"criteria_missing = 0", "days_in_phase ≥ 14 days", "trades > 50", "total_pnl > $0"},
    2: {"criteria_missing = 0", "days_in_phase ≥ 21 days", "trades > 200", "total_pnl > $20"},
    3: set(),
}
ENTRY = {
    0: set(),
    1: {"attestation yes", "days_covered ≥ 3 days"},
    2: {"criteria_missing = 0", "total_pnl > $5", "attestation yes"},
    3: {"criteria_missing = 0", "total_pnl > $50", "attestation yes"},
}


@pytest.fixture(scope="module")
def phases():
    return load_phases(FILE)


def short(one):
    limit = "" if one.limit is None or one.kind != "KILL" else amount_text(one.limit, Unit.PERCENT)
    return f"{one.metric} {bound_text(one)}" + (f" ({limit})" if limit else "")


class TestOurs:
    def test_the_phases_are_those_of_the_product(self, phases):
        micro = 1_000_000
        found = [
            (
                one.number,
                one.name,
                one.profile,
                one.trade_size_micro // micro,
                one.trade_size_max_micro // micro,
                one.planned,
            )
            for one in phases
        ]

        assert found == TABLE
        assert [one.name for one in phases] == list(Phase.labels)
        assert {one.number: one.profile for one in phases} == dict(PHASE_PROFILES)
        assert [one.mode for one in phases] == ["SHADOW", "LIVE", "LIVE", "LIVE"]

    @pytest.mark.parametrize("number", [0, 1, 2, 3])
    @pytest.mark.parametrize(
        ("part", "table"), [("success", SUCCESS), ("kill", KILL), ("exit", EXIT), ("entry", ENTRY)]
    )
    def test_the_criteria_have_exactly_its_numbers(self, phases, number, part, table):
        assert {short(one) for one in getattr(phases[number], part)} == table[number]

    def test_days_asked_for_are_the_window_that_is_looked_at(self, phases):
        for one in (one for phase in phases for one in phase.success if one.unit == Unit.DAYS):
            assert Fraction(one.window) == one.bounds[0], one.id

    def test_no_rollback_criterion_restarts(self, phases):
        assert [one.id for phase in phases for one in phase.kill if one.restarts_on] == []

    def test_the_size_of_a_phase_is_that_of_its_profile(self, phases):
        for phase in phases:
            values = read_named(settings.CONFIG_DIR / "profiles", phase.profile)
            assert Fraction(str(values["TRADE_SIZE"])) * 1_000_000 == phase.trade_size_micro

    def test_each_criterion_survives_being_written_down(self, phases):
        for phase in phases:
            for one in (*phase.success, *phase.kill, *phase.exit, *phase.entry):
                assert criterion_of(criterion_json(one)) == one


LINES = FILE.read_text()


def broken(tmp_path, old, new, count=1):
    assert old in LINES
    path = tmp_path / "phases.yaml"
    path.write_text(LINES.replace(old, new, count))
    with pytest.raises(ConfigError) as caught:
        load_phases(path)
    assert str(path) in str(caught.value)
    return caught.value.field, str(caught.value)


class TestStrictness:
    FIRST = "phases[0].success[0]"

    @pytest.mark.parametrize(
        ("old", "new", "field"),
        [
            ("        sample_min: 1\n", "", "phases[0].success[0].sample_min"),
            ("sample_min: 1\n", "sample_minimum: 1\n", "phases[0].success[0].sample_minimum"),
            ("sample_min: 1\n", 'sample_min: "1"\n', "phases[0].success[0].sample_min"),
            ("sample_min: 1\n", "sample_min: -1\n", "phases[0].success[0].sample_min"),
            ("sample_min: 1\n", "sample_min: true\n", "phases[0].success[0].sample_min"),
            ("days_without_crash", "days_without_sleep", "phases[0].success[0].metric"),
            ("window: 7", "window: 0", "phases[0].success[0].window"),
            ("window: 7", "window: week", "phases[0].success[0].window"),
            ("comparison: at_least", "comparison: about", "phases[0].success[0].comparison"),
            ('bound: "7"', "bound: 7", "phases[0].success[0].bound"),
            ('bound: "7"', 'bound: "NaN"', "phases[0].success[0].bound"),
            ('bound: "7"', 'bound: ["7", "8"]', "phases[0].success[0].bound"),
            ("unit: days", "unit: percent", "phases[0].success[0].unit"),
            ("restarts_on: all", "restarts_on: none", "phases[0].success[0].restarts_on"),
            ("restarts_on: all", "restarts_on: [SIZE]", "phases[0].success[0].restarts_on[0]"),
            ("restarts_on: all", 'limit: "5"', "phases[0].success[0].limit"),
            ("id: NO_CRASH", "id: no crash", "phases[0].success[0].id"),
            ("id: RECONNECTS", "id: NO_CRASH", "phases[0].success[1].id"),
            ("number: 1", "number: 2", "phases"),
            ("number: 3", "number: 9", "phases[3].number"),
            ("mode: SHADOW", "mode: PAPER", "phases[0].mode"),
            ('trade_size_max: "6"', 'trade_size_max: "1"', "phases[1].trade_size_max"),
            ("{min: 7, max: 14}", "{min: 7, max: 3}", "phases[0].planned_days.max"),
            ('bound: ["-3", "10"]', 'bound: ["10", "-3"]', "phases[1].success[1].bound"),
            ("bound: true", 'bound: "1"', "phases[0].success[3].bound"),
            ("    entry: []", "    entries: []", "phases[0].entries"),
        ],
    )
    def test_a_mistake_is_refused_by_file_and_key(self, tmp_path, old, new, field):
        assert broken(tmp_path, old, new)[0] == field

    def test_a_phase_that_is_missing_is_refused(self, tmp_path):
        path = tmp_path / "phases.yaml"
        path.write_text(LINES[: LINES.index("  - number: 3")])

        with pytest.raises(ConfigError, match=r"phases: holds the phases \[0, 1, 2\]"):
            load_phases(path)
