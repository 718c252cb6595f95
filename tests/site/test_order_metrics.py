"""Live orders in GET /metrics: can they be sent, how fast were they, are the books true."""

import pytest

from polyarb_site.metrics import MetricsView
from tests.api.building import (
    Caller,
    make_incident,
    make_reconciliation,
    make_sample,
    make_session,
)
from tests.conftest import NOON
from tests.helpers.clocks import FixedClock
from tests.site.test_metrics import scrape, value


@pytest.fixture
def scraper(viewer, monkeypatch):
    monkeypatch.setattr(MetricsView, "clock", FixedClock(NOON))
    return Caller(viewer)


def true_states(found, name):
    """Return the states of a set of states that are true."""
    return [dict(labels)[name] for (one, labels), number in found.items() if one == name and number]


class TestLiveOrders:
    FIGURES = {
        "access_problem": "",
        "order_sent_session_p50_us": 9_800,
        "order_sent_session_p99_us": 31_000,
        "batches_sent": 12,
        "orders_followed": 2,
    }

    def test_of_an_engine_whose_orders_can_be_sent(self, scraper, mandate, profile):
        session = make_session(profile, mode="LIVE", feed="simulator")
        make_sample(session, **self.FIGURES)
        make_reconciliation(session, -31, verdict="MATCH", differences=[])

        found = scrape(scraper)

        expected = {
            "polyarb_orders_possible": 1,
            "polyarb_order_batches_sent_total": 12,
            "polyarb_orders_followed": 2,
            "polyarb_incidents_open": 0,
            "polyarb_reconciliation_age_seconds": 31,
        }
        assert {name: value(found, name) for name in expected} == expected
        assert value(found, "polyarb_order_sent_latency_seconds", percentile="50") == 0.0098
        assert value(found, "polyarb_order_sent_latency_seconds", percentile="99") == 0.031
        assert true_states(found, "polyarb_access_problem") == ["NONE"]
        assert true_states(found, "polyarb_reconciliation_verdict") == ["MATCH"]

    def test_of_an_engine_that_lost_its_signer_and_whose_books_are_in_doubt(
        self, scraper, mandate, profile
    ):
        session = make_session(profile, mode="LIVE", feed="simulator")
        make_sample(session, **{**self.FIGURES, "access_problem": "SIGNER_DOWN"})
        make_reconciliation(session)
        make_incident(session)

        found = scrape(scraper)

        assert value(found, "polyarb_orders_possible") == 0
        assert true_states(found, "polyarb_access_problem") == ["SIGNER_DOWN"]
        assert true_states(found, "polyarb_reconciliation_verdict") == ["MISMATCH"]
        assert value(found, "polyarb_incidents_open") == 1

    def test_are_not_spoken_of_on_paper(self, scraper, mandate, profile):
        make_sample(make_session(profile))

        names = {name for name, _ in scrape(scraper)}

        assert not names & {
            *("polyarb_orders_possible", "polyarb_access_problem", "polyarb_orders_followed"),
            *("polyarb_order_sent_latency_seconds", "polyarb_reconciliation_age_seconds"),
        }
