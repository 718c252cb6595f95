"""Too many requests, our own faults, and a database that is away: answered in the one shape."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.db.utils import DatabaseError, InterfaceError

from polyarb_site.rest import authentication, throttles
from tests.api.building import error_of
from tests.helpers.clocks import FixedClock
from trading.api.lists import TradeListView


class TestTooManyRequests:
    @pytest.fixture
    def standing_clock(self, monkeypatch):
        clock = FixedClock()
        monkeypatch.setattr(throttles.AccountThrottle, "clock", clock)
        return clock

    def test_are_refused_until_the_next_minute(self, reader, stranger, standing_clock, monkeypatch):
        monkeypatch.setattr(throttles, "READS_MAX", 3)

        codes = [reader.get("/api/trades").status_code for _ in range(4)]
        refused = reader.get("/api/events")
        standing_clock.advance(timedelta(seconds=60))

        assert codes == [200, 200, 200, 429]
        assert error_of(refused)["code"] == "TOO_MANY_REQUESTS"
        assert refused.headers["Retry-After"] == "60"
        assert reader.get("/api/trades").status_code == 200

    def test_of_one_account_do_not_touch_another(self, reader, doer, standing_clock, monkeypatch):
        monkeypatch.setattr(throttles, "READS_MAX", 1)
        for _ in range(3):
            reader.get("/api/trades")

        assert doer.get("/api/trades").status_code == 200

    def test_are_counted_apart_for_writing(self, doer, mandate, standing_clock, monkeypatch):
        monkeypatch.setattr(throttles, "WRITES_MAX", 2)

        codes = [doer.post("/api/engine/stop").status_code for _ in range(3)]

        assert codes == [409, 409, 429]
        assert doer.get("/api/trades").status_code == 200

    def test_never_keep_anybody_from_halting(self, doer, mandate, standing_clock, monkeypatch):
        monkeypatch.setattr(throttles, "WRITES_MAX", 1)
        doer.post("/api/engine/stop")
        doer.post("/api/engine/stop")

        codes = {doer.post("/api/emergency_stop").status_code for _ in range(5)}

        assert codes == {200}

    def test_with_bad_tokens_are_refused_and_lock_out_no_good_one(
        self, anonymous, reader, monkeypatch
    ):
        monkeypatch.setattr(authentication.TokenAuthentication, "clock", FixedClock())
        monkeypatch.setattr(authentication, "FAILED_LOGINS_MAX", 2)
        anonymous.headers["Authorization"] = "Token polyarb_" + "a" * 40

        codes = [anonymous.get("/api/trades").status_code for _ in range(3)]

        assert codes == [401, 401, 429]
        assert reader.get("/api/trades").status_code == 200


class TestOurOwnFault:
    @pytest.fixture
    def broken(self, monkeypatch):
        def fail(self, values):
            raise RuntimeError("secret-canary in " + __file__)

        monkeypatch.setattr(TradeListView, "row", fail)

    def test_tells_the_request_id_and_nothing_else(self, broken, reader, facts, caplog):
        response = reader.get("/api/trades")

        assert response.status_code == 500
        error = error_of(response)
        assert error["code"] == "INTERNAL_ERROR"
        assert b"canary" not in response.content
        assert error["request_id"] in caplog.text
        assert "canary" in caplog.text

    def test_outside_the_views_has_the_same_shape(self, reader, monkeypatch):
        from polyarb_site import middleware

        def fail(_path):
            raise RuntimeError("secret-canary")

        monkeypatch.setattr(middleware, "is_public", fail)

        response = reader.get("/api/trades")

        assert response.status_code == 500
        assert error_of(response)["code"] == "INTERNAL_ERROR"
        assert b"canary" not in response.content


class TestDatabaseAway:
    @pytest.mark.parametrize("kind", [OperationalError, InterfaceError, DatabaseError])
    def test_says_so_and_how_to_halt_without_it(self, kind, reader, monkeypatch):
        def fail(self, *_arguments):
            raise kind("could not connect to server at 10.0.0.7 as portal")

        monkeypatch.setattr(TradeListView, "rows", fail)

        response = reader.get("/api/trades")

        assert response.status_code == 503
        error = error_of(response)
        assert error["code"] == "DATABASE_UNAVAILABLE"
        assert "emergency_stop" in error["remedy"]
        assert response.headers["Retry-After"]
        assert b"10.0.0.7" not in response.content

    def test_while_the_token_is_looked_up_says_the_same(self, reader):
        def fail(*_arguments):
            raise OperationalError("database is locked")

        with connection.execute_wrapper(fail):
            response = reader.get("/api/trades")

        assert response.status_code == 503
        assert error_of(response)["code"] == "DATABASE_UNAVAILABLE"
