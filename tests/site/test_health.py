"""GET /healthz: one word for everybody, and no way to learn or load anything by it."""

import sqlite3
import threading
from datetime import timedelta
from time import monotonic

import pytest
from django.db import InterfaceError, OperationalError, connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from polyarb_site import health
from polyarb_site.environment import database_from_url
from polyarb_site.health import Health
from polyarb_site.live.models import OutboxMessage
from tests.helpers.clocks import FixedClock


@pytest.fixture
def standing(monkeypatch, db):
    """A process that has not looked yet, and whose clock stands."""
    clock = FixedClock()
    monkeypatch.setattr(health, "health", Health(clock))
    return clock


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


def away(*_arguments):
    raise OperationalError("could not connect to server db-1.internal: password wrong")


class TestAnswer:
    @pytest.mark.parametrize("path", ["/healthz", "/healthz/"])
    def test_is_ok_and_nothing_more(self, path, client, standing):
        response = client.get(path)

        assert response.status_code == 200
        assert response.json() == {"status": "ok"}
        assert response.headers["Cache-Control"] == "no-store"

    def test_to_head_has_no_body(self, client, standing):
        response = client.head("/healthz")

        assert response.status_code == 200
        assert response.content == b""

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
    def test_is_given_to_no_other_method(self, method, client, standing):
        response = client.generic(method, "/healthz")

        assert response.status_code == 405
        assert response.headers["Allow"] == "GET, HEAD"

    @pytest.mark.parametrize("kind", [OperationalError, InterfaceError])
    def test_names_the_part_that_is_down_and_not_why(self, kind, client, standing):
        def fail(*_arguments):
            raise kind("could not connect to server db-1.internal: password wrong")

        with connection.execute_wrapper(fail):
            response = client.get("/healthz")

        assert response.status_code == 503
        assert response.json() == {"status": "database"}

    def test_tells_no_version_of_anything(self, client, standing):
        headers = client.get("/healthz").headers

        told = {"Content-Type", "Cache-Control", "Content-Length"}
        hardening = {"X-Request-ID", "X-Frame-Options", "X-Content-Type-Options"}
        hardening |= {"Referrer-Policy", "Cross-Origin-Opener-Policy", "Content-Security-Policy"}
        assert set(headers) <= told | hardening | {"Vary"}

    def test_sets_no_cookie_and_asks_no_session(self, client, standing):
        response = client.get("/healthz", headers={"Cookie": "sessionid=" + "a" * 32})

        assert not response.cookies


class TestLooking:
    def test_happens_once_a_second_however_often_it_is_asked(self, client, standing):
        with CaptureQueriesContext(connection) as first:
            client.get("/healthz")
        with CaptureQueriesContext(connection) as more:
            for _ in range(20):
                client.get("/healthz")
        standing.advance(timedelta(seconds=1))
        with CaptureQueriesContext(connection) as later:
            client.get("/healthz")

        assert (len(first) > 0, len(more), len(later)) == (True, 0, len(first))

    def test_sees_that_the_database_came_back(self, client, standing):
        with connection.execute_wrapper(away):
            assert client.get("/healthz").status_code == 503
        assert client.get("/healthz").status_code == 503  # as it was seen, for a second
        standing.advance(timedelta(seconds=1))

        assert client.get("/healthz").status_code == 200

    def test_is_done_by_one_thread_while_the_others_wait_for_it(self, monkeypatch):
        looks, begun, finish = [], threading.Event(), threading.Event()

        def slow_look():
            looks.append(1)
            begun.set()
            finish.wait(5)
            return True

        monkeypatch.setattr(health, "can_write", slow_look)
        shared = Health(FixedClock())
        answers = []
        threads = [
            threading.Thread(target=lambda: answers.append(shared.part_down())) for _ in range(5)
        ]
        threads[0].start()
        assert begun.wait(5)
        for thread in threads[1:]:
            thread.start()
        finish.set()
        for thread in threads:
            thread.join(5)

        assert (looks, answers) == ([1], [""] * 5)

    def test_that_takes_too_long_is_a_failure_for_those_who_wait(self, monkeypatch):
        begun, finish = threading.Event(), threading.Event()

        def hanging_look():
            begun.set()
            finish.wait(5)
            return True

        monkeypatch.setattr(health, "can_write", hanging_look)
        monkeypatch.setattr(health, "PATIENCE_SECONDS", 0.05)
        shared = Health(FixedClock())
        thread = threading.Thread(target=shared.part_down)
        thread.start()
        assert begun.wait(5)

        assert shared.part_down() == "database"
        finish.set()
        thread.join(5)


class TestRealDatabase:
    """A database in a file, as an installation has it: the tests' own may be in memory."""

    @pytest.fixture
    def file(self, tmp_path, django_db_blocker):
        path = tmp_path / "portal.sqlite3"
        named = {"default": {}, "in_a_file": database_from_url("", sqlite=path)}
        connections.databases["in_a_file"] = connections.configure_settings(named)["in_a_file"]
        with django_db_blocker.unblock():
            with connections["in_a_file"].schema_editor() as editor:
                editor.create_model(OutboxMessage)
            yield path
            connections["in_a_file"].close()
        del connections["in_a_file"]
        del connections.databases["in_a_file"]

    def test_takes_a_write_and_keeps_nothing(self, file):
        assert health.can_write("in_a_file")
        assert not OutboxMessage.objects.using("in_a_file").exists()

    def test_that_another_writer_holds_is_down_after_a_second(self, file):
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        began = monotonic()
        try:
            assert not health.can_write("in_a_file")
        finally:
            other.execute("ROLLBACK")
            other.close()

        assert monotonic() - began < 3
        assert health.can_write("in_a_file")

    def test_that_may_only_be_read_is_down(self, file):
        with connections["in_a_file"].cursor() as cursor:
            cursor.execute("PRAGMA query_only = ON")

        assert not health.can_write("in_a_file")

    def test_waits_as_long_as_before_afterwards(self, file):
        health.can_write("in_a_file")

        with connections["in_a_file"].cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout")
            assert cursor.fetchone() == (5_000,)
