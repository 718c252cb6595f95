"""Halting from an open page while the database is away."""

from datetime import timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from polyarb_site import recent_accounts
from polyarb_site.middleware import HALT_URL
from trading import kill_file


@pytest.mark.django_db
class TestHaltingWithTheDatabaseAway:
    """The halt button of an open page works; nothing else does."""

    @pytest.fixture
    def database_away(self, monkeypatch):
        """Let looking up sessions, and the service's own writing, fail."""

        def fail(*_args, **_kwargs):
            raise OperationalError("server closed the connection unexpectedly")

        def away():
            monkeypatch.setattr(SessionStore, "load", fail)
            monkeypatch.setattr("trading.services.halting._close_mandate", fail)
            monkeypatch.setattr("polyarb_site.dashboard.views.read_cells", dict)

        return away

    @pytest.fixture(autouse=True)
    def clock(self, clock, monkeypatch):
        """A memory of its own, by a clock that stands."""
        monkeypatch.setattr(recent_accounts, "sessions", recent_accounts.RecentAccounts(clock))
        return clock

    def halt(self, client):
        return client.post(HALT_URL, {"reason": "x"}, headers={"Accept": "application/json"})

    def test_the_address_is_that_of_the_halt_page(self):
        assert reverse("dashboard:halt") == HALT_URL

    def test_who_was_here_a_moment_ago_can_halt(self, client, viewer, database_away, settings):
        client.force_login(viewer)
        client.get("/admin/password_change/")
        database_away()
        answer = self.halt(client)

        assert answer.status_code == 200
        assert answer.json()["halted"] is True
        note = kill_file.read(settings.KILL_FILE)
        assert note is not None
        assert note.by_name == "vera"

    @pytest.mark.parametrize("method", ["get", "post"])
    @pytest.mark.parametrize("address", ["/admin/", "/admin/resume/", "/admin/audit/auditevent/"])
    def test_but_do_nothing_else(self, client, viewer, database_away, method, address):
        client.force_login(viewer)
        client.get("/admin/password_change/")
        database_away()
        with pytest.raises(OperationalError):
            getattr(client, method)(address)

    def test_a_stranger_cannot(self, client, viewer, database_away, settings):
        client.force_login(viewer)
        client.get("/admin/password_change/")
        database_away()
        stranger = Client()
        stranger.cookies["sessionid"] = "abcdefghijklmnopqrstuvwxyz012345"

        with pytest.raises(OperationalError):
            self.halt(stranger)
        assert not kill_file.is_set(settings.KILL_FILE)

    def test_nor_can_who_shows_nothing(self, client, database_away, settings):
        database_away()
        answer = self.halt(client)

        assert answer.headers["Location"].startswith("/admin/login/")
        assert not kill_file.is_set(settings.KILL_FILE)

    def test_a_quarter_of_an_hour_is_the_limit(self, client, viewer, database_away, clock):
        client.force_login(viewer)
        client.get("/admin/password_change/")
        database_away()
        clock.advance(timedelta(minutes=15, microseconds=1))

        with pytest.raises(OperationalError):
            self.halt(client)

    def test_another_site_cannot_press_the_button(self, viewer, database_away, settings):
        client = Client(enforce_csrf_checks=True)
        client.force_login(viewer)
        client.get("/admin/password_change/")
        database_away()

        assert self.halt(client).status_code == 403
        assert not kill_file.is_set(settings.KILL_FILE)

    def test_the_memory_is_small_and_keeps_the_latest(self, clock):
        memory = recent_accounts.RecentAccounts(clock)
        for number in range(recent_accounts.ACCOUNTS_MAX + 1):
            memory.remember(f"key{number}", f"user{number}")
        memory.remember("", "nobody")

        assert memory.recall("key0") is None
        assert memory.recall("key1") == "user1"
        assert memory.recall("") is None
