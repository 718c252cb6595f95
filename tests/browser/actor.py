"""The other process: what engine and people do to a portal while a browser looks at it.

Reads one JSON command a line and answers one JSON line. Started by tests/browser/conftest.py with
the environment of the portal's server.
"""

import json
import sys
import threading
from typing import Any

import django

from tests.browser.gate_acts import GateActs


class Actor(GateActs):
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
        from tests.browser.alerting import nobody_judges

        seed_roles()
        for name, role in (
            ("vera", "viewer"),
            ("otto", "operator"),
            ("adam", "admin"),
            ("anna", "approver"),
        ):
            user = User.objects.create_user(name, password=f"{name}-reads-the-books")
            give_role(user, Role(role))
        User.objects.create_user("nora", password="nora-reads-the-books")
        nobody_judges(self._now())

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

    def rollback(self):
        """A rollback by a kill criterion, in phase 1 on the local venue; one step failed."""
        from datetime import timedelta

        from checks.models import Rollback
        from checks.services.rollbacks import roll_back
        from tests.checks.granting import go_live, make_evaluation
        from trading.models import Mandate
        from trading.services.revisions import newest

        at, profile = self._now(), newest("live_safe_atomic_v1")
        go_live(Mandate.objects.get(), at=at - timedelta(days=2), profile=profile, run=False)
        verdicts = make_evaluation(scope="KILL", daily_loss="FAIL").verdicts.all()
        row = roll_back(
            "main",
            by_name="kill criteria",
            reason="Daily loss: 6.00 (at most $5)",
            cause=Rollback.Cause.KILL_CRITERION,
            verdicts=list(verdicts),
            at=at,
        )
        for step in row.steps.order_by("order")[:4]:
            failed = step.name == "CANCEL"
            step.state, step.attempts = ("FAILED" if failed else "DONE"), 1
            step.started_at, step.finished_at = at, at + timedelta(seconds=60 if failed else 0)
            step.detail = "1 order may still be open; no engine runs" if failed else "it is so"
            step.save()
        return {"number": row.pk}

    def reports(self):
        """Let three days have been reported, of which one had no engine."""
        from datetime import timedelta

        from reports.services.daily import make_report
        from tests.helpers.days import DAY, invent, session_of
        from trading.models import Mandate, Profile

        Mandate.objects.get_or_create(account="main")
        profile = Profile.objects.get(name="live_shadow_atomic_v1")
        for number in (0, 2):
            day = DAY + timedelta(days=number)
            session = session_of(profile, day=day, token=number + 1)
            invent(session, day=day, seed=number)
        for number in range(3):
            make_report("main", (DAY + timedelta(days=number)).date(), by_name="test")

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

    def gaps(self):
        """Return how many gaps were seen today."""
        from trading.models import Opportunity

        midnight = self._now().replace(hour=0, minute=0, second=0, microsecond=0)
        return Opportunity.objects.filter(seen_at__gte=midnight).count()

    def label(self, label):
        """Let the running session trade under another badge."""
        from trading.models import EngineSession

        EngineSession.objects.filter(pk=self.session.pk).update(
            label=label, mode="LIVE" if label == "LIVE" else "SHADOW"
        )

    def money(self, kind):
        """Let the running session trade with play money, or on paper as before."""
        from trading.models import EngineSession, Mandate

        play = kind == "play"
        mode, feed = ("LIVE", "simulator") if play else ("SHADOW", "polymarket")
        label = "SIMULATED" if play else "SHADOW"
        Mandate.objects.update(mode=mode, feed=feed)
        EngineSession.objects.filter(pk=self.session.pk).update(
            mode=mode, feed=feed, label=label, state="TRADING", state_reason=""
        )

    def no_access(self, reason, seconds):
        """Let no order have been possible for so long."""
        from datetime import timedelta

        from trading.models import EngineSession

        EngineSession.objects.filter(pk=self.session.pk).update(
            state="NO_ACCESS",
            state_reason=reason,
            state_since=self._now() - timedelta(seconds=seconds),
        )

    def mismatch(self):
        """Let ledger and chain not agree: an incident, and a halt."""
        from tests.browser.world import add_mismatch

        return add_mismatch(self._now())

    def clear_up(self, incident):
        """Let a person resolve the incident, and the next comparison be a match."""
        from tests.browser.world import add_match
        from trading.models import Incident
        from trading.services import resolve_incident

        row = Incident.objects.get(pk=incident)
        resolve_incident(row, by=None, by_name="otto", note="a withdrawal, now booked")
        add_match(self._now())

    def expose(self, on):
        """Let the newest set be exposed, or merged as it was."""
        from trading.models import ArbitrageSet

        row = ArbitrageSet.objects.latest("pk")
        row.state, row.paper = ("EXPOSED", False) if on else ("MERGED", True)
        row.reason = "selling could lose 1.2 dollars; a loss of 0.5 dollars is allowed"
        row.save()
        return row.pk

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

    def alert_world(self):
        """Let alerts fire, be acknowledged, have ended and been told of."""
        from tests.browser.alerting import alert_world

        alert_world(self._now())

    def judged(self):
        """Let the rules have been judged just now."""
        from tests.browser.alerting import judged

        judged(self._now())

    def fire(self, rule, **changes):
        """Let a rule begin to fire."""
        from tests.browser.alerting import fire, judged

        judged(self._now())
        return fire(rule, self._now(), **changes)

    def timed(self, what, **more):
        """Do something with alerts in one transaction, and say when its commit began, in ms."""
        from django.db import transaction

        with transaction.atomic():
            did = getattr(self, what)(**more)
            began = self._now()
        return {"did": did, "began_ms": began.timestamp() * 1000}

    def end(self, alert):
        """Let an alert have ended."""
        from tests.browser.alerting import end

        end(alert, self._now())

    def end_alerts(self):
        """Let everything have ended."""
        from alerts.models import Alert
        from tests.browser.alerting import end

        for row in Alert.objects.exclude(state="RESOLVED"):
            end(row.pk, self._now())

    def acknowledge(self, alert, by, comment):
        """Let somebody acknowledge an alert."""
        from alerts.models import Alert
        from alerts.services.states import acknowledge

        acknowledge(Alert.objects.get(pk=alert), by=None, by_name=by, comment=comment)

    def alerts(self):
        """Return each open alert with its state."""
        from alerts.models import Alert

        rows = Alert.objects.exclude(state="RESOLVED").values_list("pk", "rule_id", "state")
        return [list(row) for row in rows]

    def _beat(self):
        from tests.browser.world import beat
        from trading.models import MetricSample

        while True:
            self.alive.wait()
            with self.paused:
                if self.alive.is_set() and self.session is not None:
                    now = self._now()
                    newest = MetricSample.objects.filter(session=self.session).latest("at")
                    MetricSample.objects.filter(pk=newest.pk).update(at=now)
                    beat(self.session, now)
            threading.Event().wait(0.6)

    def _now(self):
        from polyarb_site.clock import SystemClock

        return SystemClock().now()


if __name__ == "__main__":
    django.setup()
    Actor().run()
