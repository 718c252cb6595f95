"""GET /metrics: true figures with units, absent when not known, cheap however much there is."""

import re
from datetime import timedelta
from time import sleep

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ
from prometheus_client.parser import text_string_to_metric_families

from polyarb_site import metrics
from polyarb_site.live import outbox, tailer
from polyarb_site.live.send import publish
from polyarb_site.metrics import MetricsView
from tests.api.building import Caller, make_opportunity, make_sample, make_session
from tests.conftest import NOON
from tests.helpers.clocks import FixedClock, to_ns
from trading.models import EngineLease, EngineSession, Mandate

UNITS = ("_seconds", "_bytes", "_micro_dollars", "_total")
WITHOUT_UNIT = {  # counts and states of now
    *("polyarb_phase", "polyarb_halted", "polyarb_engine_wanted", "polyarb_engine_state"),
    *("polyarb_lease_token", "polyarb_breaker_state", "polyarb_markets", "polyarb_books_fresh"),
    *("polyarb_books_stale", "polyarb_feed_connected", "polyarb_queue_tasks"),
    *("polyarb_outbox_unread_messages", "polyarb_money", "polyarb_orders_possible"),
    *("polyarb_access_problem", "polyarb_orders_followed", "polyarb_incidents_open"),
    "polyarb_reconciliation_verdict",
    *("polyarb_rpc_block_number", "polyarb_rpc_usable"),
    *("polyarb_alerts", "polyarb_deliveries_unsent", "polyarb_channel_failing"),
}


@pytest.fixture(autouse=True)
def standing(monkeypatch):
    clock = FixedClock(NOON)
    monkeypatch.setattr(MetricsView, "clock", clock)
    monkeypatch.setattr(metrics, "sizes", metrics.FileSizes())
    return clock


@pytest.fixture
def scraper(viewer):
    return Caller(viewer)


@pytest.fixture
def running(mandate, profile):
    """An engine that trades, with figures of this second."""
    session = make_session(profile, token=7)
    make_sample(session)
    EngineLease.objects.create(
        account="main", owner="h:1:a", token=7, expires_ns=to_ns(NOON) + 3_500_000_000
    )
    return session


def scrape(caller):
    """Return {(name, labels): value} of one scrape."""
    response = caller.get("/metrics")
    assert response.status_code == 200, response.content
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def value(found, name, **labels):
    """Return one value, None when it is absent."""
    labels = {"account": "main", **labels}
    return found.get((name, tuple(sorted(labels.items()))))


class TestAuthentication:
    def test_takes_the_credentials_that_prometheus_sends(self, scraper, running):
        scraper.headers["Authorization"] = scraper.headers["Authorization"].replace(
            "Token", "Bearer"
        )

        response = scraper.get("/metrics")

        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")

    def test_tells_nothing_to_others(self, running, nobody):
        assert Caller().get("/metrics").status_code == 401
        assert Caller(nobody).get("/metrics").status_code == 403


class TestFigures:
    def test_of_an_engine_that_trades(self, scraper, running):
        make_opportunity(running, 1, refusal="BELOW_MIN_PROFIT", frames=3)
        make_opportunity(running, 2, refusal="BELOW_MIN_PROFIT", frames=4)
        make_opportunity(running, 3, refusal="", stage="SUBMITTED")
        Mandate.objects.update(desired="RUN")

        found = scrape(scraper)

        expected = {
            "polyarb_phase": 0,
            "polyarb_halted": 0,
            "polyarb_engine_wanted": 1,
            "polyarb_engine_heartbeat_age_seconds": 0,
            "polyarb_feed_age_seconds": 0.12,
            "polyarb_feed_connected": 1,
            "polyarb_feed_frames_total": 1_234,
            "polyarb_gaps_seen_total": 64,
            "polyarb_gaps_confirmed_total": 6,
            "polyarb_gaps_allowed_total": 2,
            "polyarb_sets_submitted_total": 2,
            "polyarb_sets_completed_total": 1,
            "polyarb_sets_failed_total": 0,
            "polyarb_realised_micro_dollars": 137_600,
            "polyarb_realised_today_micro_dollars": -250_001,
            "polyarb_exposure_micro_dollars": 4_862_400,
            "polyarb_worst_case_loss_micro_dollars": 2_431_200,
            "polyarb_lease_token": 7,
            "polyarb_lease_expires_in_seconds": 3.5,
        }
        assert {name: value(found, name) for name in expected} == expected
        assert value(found, "polyarb_decision_latency_seconds", percentile="50") == 0.000009
        assert value(found, "polyarb_decision_latency_seconds", percentile="99") == 0.00011
        assert value(found, "polyarb_refusals_total", code="BELOW_MIN_PROFIT") == 7
        assert value(found, "polyarb_refusals_total", code="") is None

    def test_of_the_chains_endpoints(self, scraper, mandate, profile):
        good = {
            "name": "rpc.one",
            "chain_id": 137,
            "out_because": "",
            "away": False,
            "requests": 40,
            "errors": 3,
            "went_back": 1,
            "disagreed": 2,
            "block": 77,
            "last_problem": "GET https://rpc.one/: timed out",
        }
        away = {**good, "name": "rpc.two", "away": True, "block": None}
        make_sample(make_session(profile), rpc=[good, away])

        found = scrape(scraper)

        seen = {
            name: value(found, name, endpoint="rpc.one")
            for name, _ in found
            if name.startswith("polyarb_rpc_")
        }
        assert seen == {
            "polyarb_rpc_requests_total": 40,
            "polyarb_rpc_errors_total": 3,
            "polyarb_rpc_disagreements_total": 2,
            "polyarb_rpc_steps_back_total": 1,
            "polyarb_rpc_block_number": 77,
            "polyarb_rpc_usable": 1,
        }
        assert value(found, "polyarb_rpc_usable", endpoint="rpc.two") == 0
        assert value(found, "polyarb_rpc_block_number", endpoint="rpc.two") is None
        assert not any("timed out" in str(labels) for _, labels in found)

    @pytest.mark.parametrize("rpc", [None, "none", [7], {}])
    def test_of_no_endpoints_are_absent(self, scraper, mandate, profile, rpc):
        make_sample(make_session(profile), rpc=rpc)

        assert not any(name.startswith("polyarb_rpc_") for name, _ in scrape(scraper))

    def test_of_states_have_exactly_one_that_is_true(self, scraper, running):
        found = scrape(scraper)

        states = {
            labels[1][1]: number
            for (name, labels), number in found.items()
            if name == "polyarb_engine_state"
        }
        assert set(states) == set(EngineSession.State.values)
        assert [state for state, number in states.items() if number] == ["TRADING"]
        assert value(found, "polyarb_breaker_state", polyarb_breaker_state="CLOSED") == 1
        assert value(found, "polyarb_breaker_state", polyarb_breaker_state="OPEN") == 0

    @pytest.mark.parametrize(
        ("how", "money"),
        [
            ({}, "PAPER"),
            ({"mode": "LIVE", "feed": "simulator"}, "PLAY"),
            ({"mode": "LIVE", "feed": "polymarket"}, "REAL"),
        ],
    )
    def test_of_dollars_say_whose_they_are(self, scraper, running, how, money):
        EngineSession.objects.update(**how)
        found = scrape(scraper)

        kinds = ("PAPER", "PLAY", "REAL")
        told = {kind: value(found, "polyarb_money", polyarb_money=kind) for kind in kinds}
        assert told == {kind: kind == money for kind in kinds}

    @pytest.mark.parametrize("way", ["mandate", "file"])
    def test_of_a_halt_count_both_locks(self, way, scraper, running, settings):
        if way == "mandate":
            Mandate.objects.update(halted=True)
        else:
            settings.KILL_FILE.touch()

        assert value(scrape(scraper), "polyarb_halted") == 1

    def test_of_files_and_queues(self, scraper, running, settings, tmp_path):
        settings.JOURNAL_DIR = tmp_path
        (tmp_path / "main" / "main-7").mkdir(parents=True)
        (tmp_path / "main" / "main-7" / "000001.journal").write_bytes(b"a" * 1_000)
        for key in ("jobs", "jobs", "engine", "somebody-elses"):
            OrmQ.objects.create(key=key, payload="")

        found = scrape(scraper)

        assert found["polyarb_journal_bytes", ()] == 1_000
        assert found["polyarb_disk_free_bytes", ()] > 0
        queues = {
            labels: number for (name, labels), number in found.items() if "queue_tasks" in name
        }
        assert queues == {(("cluster", "jobs"),): 2, (("cluster", "engine"),): 1}


@pytest.mark.django_db(transaction=True)  # only what is committed can be read
class TestOutbox:
    @pytest.fixture
    def reading(self, monkeypatch, db):
        """This process reads the outbox, and has read everything up to now."""
        start = outbox.newest()
        monkeypatch.setattr(tailer, "positions", lambda: [start])

    def tell(self, count):
        for number in range(count):
            with transaction.atomic():
                publish("state", {"number": number}, at=NOON - timedelta(seconds=90))

    def scrape_until(self, caller, unread):
        """Scrape until so much is unread: PostgreSQL holds rows back while others write."""
        for _ in range(100):
            if scrape(caller)["polyarb_outbox_unread_messages", ()] == unread:
                break
            sleep(0.1)
        return scrape(caller)

    def test_shows_what_is_yet_to_be_told(self, scraper, reading):
        self.tell(3)

        found = self.scrape_until(scraper, 3)

        assert found["polyarb_outbox_unread_messages", ()] == 3
        assert found["polyarb_outbox_oldest_age_seconds", ()] == 90

    def test_is_counted_up_to_a_bound(self, scraper, reading, monkeypatch):
        monkeypatch.setattr(metrics, "UNREAD_MAX", 2)
        self.tell(3)

        found = self.scrape_until(scraper, 2)

        assert found["polyarb_outbox_unread_messages", ()] == 2

    def test_of_a_process_that_reads_nothing_is_absent(self, scraper, mandate):
        self.tell(1)

        assert ("polyarb_outbox_unread_messages", ()) not in scrape(scraper)


class TestWhatIsNotKnown:
    def test_is_absent_before_any_engine_ran(self, scraper, mandate, settings, tmp_path):
        settings.JOURNAL_DIR = tmp_path / "not-made-yet"

        names = {name for name, _ in scrape(scraper)}

        assert names <= {
            *("polyarb_phase", "polyarb_halted", "polyarb_engine_wanted", "polyarb_queue_tasks"),
            *("polyarb_disk_free_bytes", "polyarb_outbox_oldest_age_seconds"),
            *("polyarb_incidents_open", "polyarb_alerts"),
        }

    def test_is_absent_when_the_engine_is_silent(self, scraper, running, standing):
        standing.advance(timedelta(seconds=16))

        found = scrape(scraper)

        assert value(found, "polyarb_engine_heartbeat_age_seconds") == 16
        for name in ("polyarb_feed_age_seconds", "polyarb_exposure_micro_dollars",
                     "polyarb_feed_frames_total", "polyarb_sample_age_seconds"):  # fmt: skip
            assert value(found, name) is None, name

    def test_is_absent_when_the_engine_ended(self, scraper, running):
        EngineSession.objects.update(state="STOPPED", ended_at=NOON)
        EngineLease.objects.update(owner="")

        found = scrape(scraper)

        assert value(found, "polyarb_engine_heartbeat_age_seconds") is None
        assert value(found, "polyarb_exposure_micro_dollars") is None
        assert value(found, "polyarb_lease_expires_in_seconds") is None
        assert value(found, "polyarb_lease_token") == 7

    def test_is_absent_when_it_was_not_measured(self, scraper, mandate, profile):
        make_sample(
            make_session(profile), feed_age_ms=None, decision_p50_us=None, decision_p99_us=None,
            breaker="?", cash_micro=None,
        )  # fmt: skip

        found = scrape(scraper)

        for name in ("polyarb_feed_age_seconds", "polyarb_cash_micro_dollars"):
            assert value(found, name) is None
        assert not [name for name, _ in found if "latency" in name or "breaker" in name]

    def test_is_never_a_nan(self, scraper, running):
        assert "nan" not in scraper.get("/metrics").content.decode().lower()


class TestNames:
    def test_follow_the_conventions(self, scraper, running):
        make_opportunity(running)
        text = scraper.get("/metrics").content.decode()
        for family in text_string_to_metric_families(text):
            assert re.fullmatch(r"polyarb_[a-z][a-z0-9_]*", family.name), family.name
            assert family.documentation
            assert family.type in ("gauge", "counter", "stateset"), family.type
            assert family.samples
            for sample in family.samples:
                assert sample.name.endswith(UNITS) or sample.name in WITHOUT_UNIT, sample.name
                assert (family.type == "counter") == sample.name.endswith("_total")
                assert not sample.name.endswith(("_ms", "_us", "_ns", "_milliseconds"))


class TestCost:
    def test_does_not_grow_with_the_rows(self, scraper, running):
        def queries():
            with CaptureQueriesContext(connection) as captured:
                scrape(scraper)
            return len(captured)

        few = queries()
        for number in range(30):
            make_opportunity(running, number, refusal=f"CODE_{number}")
            make_sample(running, at=NOON - timedelta(seconds=number + 1))

        assert queries() == few <= 18

    def test_has_labels_from_known_words_alone(self, scraper, running):
        for number in range(30):
            make_opportunity(running, number, refusal=f"INVENTED_{number}", frames=1)

        found = scrape(scraper)

        codes = {dict(labels)["code"] for name, labels in found if name == "polyarb_refusals_total"}
        assert codes == {"OTHER"}
        assert value(found, "polyarb_refusals_total", code="OTHER") == 30

    def test_is_bounded_in_accounts(self, scraper, running):
        Mandate.objects.bulk_create(Mandate(account=f"a{number:03}") for number in range(40))

        found = scrape(scraper)

        assert len([1 for name, _ in found if name == "polyarb_phase"]) == 20

    def test_looks_at_files_twice_a_minute(self, scraper, running, standing, monkeypatch):
        looks: list[object] = []

        def look(directory):
            looks.append(directory)
            return 5

        monkeypatch.setattr(metrics, "journal_bytes", look)

        for _ in range(3):
            scrape(scraper)
        standing.advance(timedelta(seconds=31))
        scrape(scraper)

        assert len(looks) == 2

    def test_gives_up_on_a_directory_of_too_many_files(self, tmp_path, monkeypatch):
        monkeypatch.setattr(metrics, "JOURNAL_FILES_MAX", 3)
        for number in range(5):
            (tmp_path / str(number)).write_text("x")

        assert metrics.journal_bytes(tmp_path) is None

    def test_follows_no_link(self, tmp_path):
        (tmp_path / "inside").mkdir()
        (tmp_path / "inside" / "loop").symlink_to(tmp_path)

        assert metrics.journal_bytes(tmp_path) is not None
