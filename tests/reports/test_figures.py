"""The pure figures against an independent recomputation with fractions."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.figures.anomalies import Day, anomalies
from reports.figures.latency import BOUNDS_US, day_latency
from reports.figures.money import STEPS_MAX, edge_kept, realised_curve
from reports.figures.series import day_series

SINCE = datetime(2026, 3, 2, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=1)
MICROS = st.integers(-(10**10), 10**10)
MOVES = st.lists(st.tuples(st.integers(0, 86_399_999_999), MICROS), max_size=40).map(sorted)


def at(us):
    return SINCE + timedelta(microseconds=us)


class TestCurve:
    @given(MOVES, st.integers(1, 300))
    def test_is_the_running_sum_and_its_extremes(self, moves, parts):
        curve = realised_curve([(at(us), micro) for us, micro in moves], SINCE, UNTIL, parts)

        running = [sum(micro for _, micro in moves[: n + 1]) for n in range(len(moves))]
        peaks = [max([0, *running[: n + 1]]) for n in range(len(running))]
        assert curve.total_micro == sum(micro for _, micro in moves)
        assert curve.peak_micro == max([0, *running])
        assert curve.low_micro == min([0, *running])
        falls = [peak - value for peak, value in zip(peaks, running, strict=True)]
        assert curve.drawdown_micro == max([0, *falls])
        ends = [Fraction(86_400_000_000 * (part + 1), parts) for part in range(parts)]
        assert curve.points == [sum(m for us, m in moves if us < end) for end in ends]

    def test_a_loss_at_once_is_a_drawdown(self):
        curve = realised_curve([(at(5), -7)], SINCE, UNTIL, 4)

        assert (curve.drawdown_micro, curve.drawdown_at) == (7, at(5))

    @pytest.mark.parametrize(("until", "parts"), [(SINCE, 4), (UNTIL, 0)])
    def test_refuses_what_has_no_sense(self, until, parts):
        with pytest.raises(ValueError, match="at least one part"):
            realised_curve([], SINCE, until, parts)


class TestEdges:
    @given(st.lists(st.tuples(MICROS, MICROS | st.none()), max_size=400))
    def test_are_the_sums_of_what_is_known(self, results):
        edges = edge_kept(iter(results), len(results))

        known = [(expected, kept) for expected, kept in results if kept is not None]
        assert edges.closed == len(results)
        assert edges.won + edges.lost + edges.even + edges.unknown == edges.closed
        assert edges.won == sum(kept > 0 for _, kept in known)
        assert edges.expected_micro == sum(expected for expected, _ in known)
        assert edges.kept_micro == sum(kept for _, kept in known)
        assert len(edges.steps) <= STEPS_MAX
        for place, total in enumerate((len(known), edges.expected_micro, edges.kept_micro)):
            assert sum(step[place] for step in edges.steps) == total


GROUPS = st.lists(
    st.tuples(
        st.integers(1, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 5_000)
    ).map(lambda g: (g[0], g[0] + g[1], g[0] + g[1] + g[2], g[3])),
    max_size=12,
)


def part_by_fractions(group, bound):
    """The part of a second's decisions that took at most so long, on straight lines."""
    p50, p95, p99, _ = group
    knots = ((0, Fraction(0)), (p50, Fraction(1, 2)), (p95, Fraction(95, 100)))
    if bound >= p99:
        return Fraction(1)
    ends = (*knots, (p99, Fraction(99, 100)))
    for (low, part), (high, above) in pairwise(ends):
        if low <= bound < high:
            return part + (above - part) * Fraction(bound - low, high - low)
    raise AssertionError(group)


class TestLatency:
    @given(GROUPS)
    def test_is_the_least_time_that_covers_the_percentile(self, groups):
        found = day_latency(groups)
        total = sum(group[3] for group in groups)
        assert found.decisions == total
        if not total:
            assert found.p50_us is found.p95_us is found.p99_us is None
            return
        slack = Fraction(len(groups), 10**6)  # each group's part is rounded down to a millionth
        for percent in (50, 95, 99):
            value = getattr(found, f"p{percent}_us")
            covered = sum(part_by_fractions(g, value) * g[3] for g in groups) / total
            before = sum(part_by_fractions(g, value - 1) * g[3] for g in groups) / total
            assert covered >= Fraction(percent, 100)
            assert value == 0 or before < Fraction(percent, 100) + slack

    @given(GROUPS)
    def test_shares_are_all_of_them_once(self, groups):
        found = day_latency(groups)

        assert sum(found.shares) == (10**6 if found.decisions else 0)
        assert len(found.shares) in (0, len(BOUNDS_US) + 1)
        assert all(share >= 0 for share in found.shares)

    def test_of_seconds_that_are_alike_is_theirs_exactly(self):
        found = day_latency([(12, 60, 700, 100)] * 3)

        assert (found.p50_us, found.p95_us, found.p99_us) == (12, 60, 700)

    def test_a_quiet_second_weighs_as_little_as_it_decided(self):
        found = day_latency([(10, 20, 30, 1_000_000), (10**6, 10**6, 10**6, 3)])

        assert (found.p50_us, found.p95_us, found.p99_us) == (11, 21, 30)  # rounded up, never down


def test_a_series_keeps_the_worst_of_each_part_and_gaps_as_gaps():
    hour = timedelta(hours=1)
    samples = [(SINCE, 5, 90), (SINCE + hour, 9, None), (SINCE + 13 * hour, 2, 70)]

    series = day_series(samples, SINCE, UNTIL, 4)

    assert series.exposure == [9, None, 2, None]
    assert series.p95_us == [90, None, 70, None]
    assert (series.samples, series.exposure_last_micro, series.exposure_max_micro) == (3, 2, 9)
    assert series.exposure_max_at == SINCE + hour


def day(**changes):
    values = {
        "submitted": 20, "refused": 0, "filled": 20, "unmatched": 0, "refusals": [],
        "p95_us": 500_000, "slowest": "", "realised_micro": 0, "losses": {}, "criticals": [],
        "money": "on paper",
    }  # fmt: skip
    return Day(**{**values, **changes})


class TestAnomalies:
    """Each at its bound, where it is none, and just beyond."""

    @pytest.mark.parametrize(
        ("code", "within", "beyond"),
        [
            ("REJECT_RATE", {"refused": 2}, {"refused": 3, "filled": 17}),
            ("FILL_RATE", {"filled": 6}, {"filled": 5}),
            ("FILL_RATE", {"submitted": 10, "filled": 0}, {"submitted": 11, "filled": 0}),
            ("LATENCY_P95", {"p95_us": 500_000}, {"p95_us": 500_001}),
            ("LATENCY_P95", {"p95_us": None}, {"p95_us": 900_000}),
            ("NEGATIVE_PNL", {"realised_micro": 0}, {"realised_micro": -1}),
            ("NEGATIVE_PNL", {"realised_micro": None}, {"realised_micro": -2_500_000}),
            ("CRITICAL_OPEN", {}, {"criticals": [("WS_DISCONNECTED", "the feed is down")]}),
        ],
    )
    def test_is_told_beyond_its_bound_only(self, code, within, beyond):
        assert anomalies(day(**within)) == []
        assert [one.code for one in anomalies(day(**beyond))] == [code]

    def test_names_the_likely_cause_and_the_runbook(self):
        found = anomalies(
            day(
                refused=8,
                filled=5,
                unmatched=7,
                refusals=[("not enough balance", 6), ("market closed", 2)],
                realised_micro=-2_500_000,
                losses={"gas": -500_000, "legs that had to be sold back": -2_100_000},
            )
        )
        causes = {one.code: one for one in found}

        assert causes["REJECT_RATE"].value == "8 of 20 orders, 40.0 %"
        assert "mostly (6 of 8): not enough balance" in causes["REJECT_RATE"].cause
        assert "sold back: −$2.10" in causes["NEGATIVE_PNL"].cause
        assert causes["NEGATIVE_PNL"].value == "−$2.50"
        assert "refused" in causes["FILL_RATE"].cause
        assert causes["REJECT_RATE"].runbook == "/admin/runbook/#rule-high_reject_rate"

    def test_every_runbook_section_is_there(self):
        from polyarb_site.dashboard.runbook import document

        html = document().html
        found = anomalies(
            day(
                refused=20, filled=0, p95_us=10**6, realised_micro=-1,
                criticals=[("LEG_EXPOSED", "x")],
            )
        )  # fmt: skip

        assert len(found) == 5
        for one in found:
            assert f'id="{one.runbook.partition("#")[2]}"' in html, one.code
