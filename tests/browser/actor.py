"""The other process: what engine and people do to a portal while a browser looks at it.

Reads one JSON command a line and answers one JSON line. Started by tests/browser/conftest.py with
the environment of the portal's server.
"""

import json
import sys
import threading
from typing import Any

import django


class Actor:
    """Does what it is told, with the portal's own models and services."""

    def __init__(self):
        self.alive = threading.Event()
        self.session: Any = None
        self.paused = threading.Lock()
        threading.Thread(target=self._beat, daemon=True).start()

    def run(self):
        for line in sys.stdin:
            command = json.loads(line)
            with self.paused:
                answer = getattr(self, command.pop("do"))(**command)
            print(json.dumps(answer), flush=True)

    def people(self):
        """Make one person for each role."""
        from django.contrib.auth.models import User

        from polyarb_site.roles import Role, give_role, seed_roles

        seed_roles()
        for name, role in (("vera", "viewer"), ("otto", "operator"), ("adam", "admin")):
            user = User.objects.create_user(name, password=f"{name}-reads-the-books")
            give_role(user, Role(role))
        User.objects.create_user("nora", password="nora-reads-the-books")

    def login(self, name):
        """Return a session of this person."""
        from django.conf import settings
        from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
        from django.contrib.auth.models import User
        from django.contrib.sessions.backends.db import SessionStore

        user = User.objects.get(username=name)
        store = SessionStore()
        store[SESSION_KEY] = str(user.pk)
        store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        store[HASH_SESSION_KEY] = user.get_session_auth_hash()
        store.create()
        return store.session_key

    def one_time(self, name):
        """Let somebody have a password that is good for choosing another one only."""
        from django.contrib.auth.models import User

        from polyarb_site import one_time_password
        from polyarb_site.roles import Role, give_role

        user = User(username=name)
        one_time_password.give(user)
        user.save()
        give_role(user, Role.VIEWER)

    def logout(self):
        """End every session."""
        from django.contrib.sessions.models import Session

        Session.objects.all().delete()

    def world(self, label="SHADOW"):
        """Let an engine have run for hours, and keep it alive."""
        from tests.browser.world import make_world
        from trading.models import Profile

        self.session = make_world(
            self._now(), Profile.objects.get(name="live_shadow_atomic_v1"), label=label
        )
        self.alive.set()

    def pulse(self, on):
        """Let the engine live on, or fall silent."""
        (self.alive.set if on else self.alive.clear)()

    def silent_for(self, seconds):
        """Let the engine's last sign of life be so old."""
        from datetime import timedelta

        from tests.browser.world import beat

        self.alive.clear()
        beat(self.session, self._now() - timedelta(seconds=seconds))

    def gap(self, number):
        """Let one more gap be seen."""
        from tests.browser.world import add_gap

        return add_gap(self.session, number, self._now())

    def label(self, label):
        """Let the running session trade under another badge."""
        from trading.models import EngineSession

        EngineSession.objects.filter(pk=self.session.pk).update(
            label=label, mode="LIVE" if label == "LIVE" else "SHADOW"
        )

    def halt(self, reason=""):
        from trading.services import halt

        halt("main", by=None, by_name="otto", reason=reason)

    def resume(self):
        from trading.services import ServiceRefused, resume

        try:
            resume("main", by=None, by_name="otto", reason="the test is over")
        except ServiceRefused:
            return "was not halted"
        return "resumed"

    def mandate(self):
        """Return what the mandate says of the halt."""
        from trading.models import Mandate

        row = Mandate.objects.get(account="main")
        return {"halted": row.halted, "reason": row.halt_reason, "by": row.halted_by}

    def rename_market(self, question):
        from trading.models import Market

        first = Market.objects.earliest("pk")
        Market.objects.filter(pk=first.pk).update(question=question)

    def _beat(self):
        from tests.browser.world import beat
        from trading.models import MetricSample

        while True:
            self.alive.wait()
            with self.paused:
                if self.alive.is_set() and self.session is not None:
                    now = self._now()
                    MetricSample.objects.filter(session=self.session).update(at=now)
                    beat(self.session, now)
            threading.Event().wait(0.6)

    def _now(self):
        from polyarb_site.clock import SystemClock

        return SystemClock().now()


if __name__ == "__main__":
    django.setup()
    Actor().run()
