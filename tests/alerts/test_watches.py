"""One process at a time does a regular work, and its sign of life leaves the house."""

from datetime import timedelta

import pytest

from alerts.models import Watch
from alerts.services import watches
from alerts.services.heartbeat import Pinged, ping_deadman
from tests.alerts.telling import at
from tests.conftest import NOON
from tests.helpers.receivers import HttpReceiver

pytestmark = pytest.mark.django_db
TTL = timedelta(seconds=15)


class TestLease:
    def test_one_has_it_until_it_runs_out(self):
        assert watches.take("SEND", "one", NOON, TTL)
        assert not watches.take("SEND", "two", at(14), TTL)
        assert watches.take("SEND", "two", at(15), TTL)
        assert not watches.take("SEND", "one", at(16), TTL)

    def test_its_owner_renews_it(self):
        watches.take("SEND", "one", NOON, TTL)
        assert watches.take("SEND", "one", at(10), TTL)
        assert not watches.take("SEND", "two", at(20), TTL)

    def test_given_back_it_is_free_at_once_and_only_for_its_owner(self):
        watches.take("SEND", "one", NOON, TTL)
        watches.release("SEND", "two")
        assert not watches.take("SEND", "two", at(1), TTL)
        watches.release("SEND", "one")
        assert watches.take("SEND", "two", at(1), TTL)

    def test_each_work_has_its_own(self):
        assert watches.take("SEND", "one", NOON, TTL)
        assert watches.take("JUDGE", "two", NOON, TTL)

    def test_a_beat_counts_for_its_owner_alone(self):
        watches.take("SEND", "one", NOON, TTL)
        assert watches.beat("SEND", "one", at(1))
        assert not watches.beat("SEND", "two", at(2))
        row = Watch.objects.get()
        assert (row.beat_at, row.rounds) == (at(1), 1)


class TestSignOfLife:
    @pytest.fixture
    def outside(self, settings):
        one = HttpReceiver()
        settings.SECRET_HEARTBEAT_URL = f"{one.url}/canary"
        yield one
        one.close()

    def beat(self, *names, moment=NOON):
        for name in names:
            watches.take(name, "one", moment, TTL)
            watches.beat(name, "one", moment)

    def test_leaves_each_minute_while_the_loops_work(self, outside):
        self.beat("JUDGE", "SEND")
        assert ping_deadman(at(1)) is Pinged.TAKEN
        assert ping_deadman(at(2)) is Pinged.NOT_DUE
        self.beat("JUDGE", "SEND", moment=at(60))
        assert ping_deadman(at(61)) is Pinged.TAKEN
        row = Watch.objects.get(name="DEADMAN")
        assert (len(outside.requests), row.beat_at, row.rounds) == (2, at(61), 2)

    @pytest.mark.parametrize("silent", ["JUDGE", "SEND"])
    def test_stops_when_a_loop_is_silent(self, outside, silent):
        self.beat("JUDGE", "SEND")
        other = "SEND" if silent == "JUDGE" else "JUDGE"
        self.beat(other, moment=at(60))
        assert ping_deadman(at(61)) is Pinged.UNHEALTHY
        assert outside.requests == []

    def test_stops_when_no_loop_ever_ran(self, outside):
        assert ping_deadman(NOON) is Pinged.UNHEALTHY

    def test_that_was_not_taken_is_given_again_soon(self, outside, caplog):
        self.beat("JUDGE", "SEND")
        outside.status = 500
        assert ping_deadman(NOON) is Pinged.FAILED
        assert Watch.objects.get(name="DEADMAN").beat_at is None
        outside.status = 200
        assert ping_deadman(at(14)) is Pinged.NOT_DUE
        assert ping_deadman(at(15)) is Pinged.TAKEN
        assert "HTTP 500" in caplog.text
        assert "canary" not in caplog.text

    def test_without_an_address_nothing_is_asked(self, settings):
        settings.SECRET_HEARTBEAT_URL = ""
        assert ping_deadman(NOON) is Pinged.OFF


class TestItsSetting:
    @pytest.mark.parametrize("text", ["canary", "ftp://canary/x", "http://", "http://[canary"])
    def test_a_bad_one_stops_the_start_and_is_not_repeated(self, text):
        from django.core.exceptions import ImproperlyConfigured

        from polyarb_site.environment import Environment

        with pytest.raises(ImproperlyConfigured, match="POLYARB_HEARTBEAT_URL") as caught:
            Environment({"POLYARB_HEARTBEAT_URL": text}).secret_url("POLYARB_HEARTBEAT_URL")
        assert "canary" not in str(caught.value)

    def test_a_good_one_and_none(self):
        from polyarb_site.environment import Environment

        read = Environment({"A": "https://hc.example.org/uuid"})
        assert read.secret_url("A") == "https://hc.example.org/uuid"
        assert read.secret_url("B") == ""

    def test_is_masked_in_the_reports_of_errors(self, settings):
        from django.views.debug import SafeExceptionReporterFilter

        settings.SECRET_HEARTBEAT_URL = "https://hc.example.org/canary"
        assert "canary" not in repr(SafeExceptionReporterFilter().get_safe_settings())
