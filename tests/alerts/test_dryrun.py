"""What a rule would have done over recorded samples."""

from datetime import timedelta

import pytest

from alerts.models import Alert
from alerts.selectors.dryrun import POINTS_MAX, dry_run
from tests.alerts.rules import latency, rule
from tests.alerts.test_observer import GOOD
from tests.alerts.test_watching import make_session
from tests.conftest import NOON
from trading.models import MetricSample

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture
def recorded(mandate, profile):
    session = make_session(profile)

    def record(figures_by_second):
        MetricSample.objects.bulk_create(
            MetricSample(
                session=session,
                at=NOON - 3_600 * SECOND + second * SECOND,
                values=GOOD | figures,
                realised_micro=0,
                exposure_micro=0,
            )
            for second, figures in figures_by_second
        )

    return record


def test_it_says_when_the_rule_would_have_fired_and_for_how_long(recorded):
    down = {*range(100, 130), *range(135, 150), *range(900, 905)}
    recorded([(s, {"feed_connected": s not in down}) for s in range(1_000)])
    result = dry_run(rule(), "main", NOON)
    assert result.count == 1  # the second dip is within its hold, the third too short
    spell = result.spells[0]
    assert spell.fired_at == NOON - 3_600 * SECOND + 110 * SECOND
    assert spell.ended_at == NOON - 3_600 * SECOND + 150 * SECOND
    assert (result.samples, result.covered_s, result.reason) == (1_000, 999, "")
    assert Alert.objects.count() == 0


def test_another_bound_gives_another_answer(recorded):
    recorded([(s, {"decision_p95_us": 600_000 if s > 300 else 100}) for s in range(900)])
    assert dry_run(latency(), "main", NOON).count == 1
    assert dry_run(latency(value=700), "main", NOON).count == 0


def test_a_time_without_samples_says_nothing(recorded):
    recorded([(s, {"feed_connected": False}) for s in (*range(9), *range(600, 609))])
    assert dry_run(rule(), "main", NOON).count == 0
    assert (
        dry_run(rule(), "other", NOON).reason == "nothing was recorded in this time: no engine ran"
    )


def test_a_figure_that_was_missing_would_have_fired(recorded):
    recorded([(s, {"feed_connected": None}) for s in range(30)])
    assert dry_run(rule(), "main", NOON).spells[0].unknown


def test_a_metric_that_is_not_recorded_says_so():
    failed = rule("JOB_FAILED", metric="jobs_failed", operator=">", value=0, window_seconds=0)
    assert "not recorded" in dry_run(failed, "main", NOON).reason


def test_the_chart_has_few_points_and_keeps_the_worst(recorded):
    recorded([(s, {"decision_p95_us": 900_000 if s == 1_234 else 100}) for s in range(3_000)])
    result = dry_run(latency(), "main", NOON, hours=1)
    assert len(result.points) <= POINTS_MAX + 2
    assert max(height for _, height in result.points if height is not None) == 900_000_000


def test_each_metric_of_the_engine_is_read_from_the_figures_that_it_names():
    from alerts.rules.metrics import METRICS, Source
    from alerts.rules.readings import FIGURES, EngineReadings

    assert set(FIGURES) == {name for name, one in METRICS.items() if one.source is Source.ENGINE}
    whole = EngineReadings().take(GOOD | {"rpc": [{"errors": 2}]}, 1)
    for name, figures in FIGURES.items():
        some = {key: (GOOD | {"rpc": [{"errors": 2}]})[key] for key in figures}
        assert EngineReadings().take(some, 1)[name] == whole[name]


def test_what_is_taken_out_by_the_database_is_what_was_recorded(recorded):
    from trading.selectors.watched import samples_between

    odd = {"feed_connected": False, "breaker": "OPEN", "cash_micro": None, "rpc": [{"errors": 1}]}
    recorded([(0, odd), (1, {})])
    names = ("feed_connected", "breaker", "cash_micro", "rpc", "orders_filled")
    told = [
        figures for _, figures in samples_between("main", NOON - 3_600 * SECOND, NOON, only=names)
    ]
    assert told[0] == {**odd, "orders_filled": 0}
    assert told[1]["rpc"] is None
    assert told[1]["breaker"] == "CLOSED"
