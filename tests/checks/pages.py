"""Reading the pages about gates, and services that stand in for those of the rest of the app."""

from datetime import timedelta

import pytest

from checks.admin import sources
from tests.browser.gating import bare_promotion, gate_world
from tests.conftest import make_profile
from trading.models import Mandate
from trading.services import ServiceRefused

PHASES, CHECKS = "/admin/phases/", "/admin/checks/"


def text(answer):
    return answer.content.decode()


def now():
    from polyarb_site.clock import SystemClock

    return SystemClock().now()


class Calls:
    """Records what a page asks of the services, and answers or refuses as it is told."""

    def __init__(self, monkeypatch):
        self.made = []
        self.refusal = None
        self._patch = monkeypatch

    def stand_in(self, name, answer=None):
        """Let a service of checks.admin.sources be played."""

        def call(*args, **more):
            if self.refusal is not None:
                raise self.refusal
            self.made.append((name, args, more))
            return answer(*args, **more) if callable(answer) else answer

        self._patch.setattr(sources, name, call)

    def refuse(self, code="NO_GOOD", message="the moon is full", remedy="wait for a day"):
        self.refusal = ServiceRefused(code, message, remedy)


def rung(number, name, **more):
    bare = {"goals": [], "planned": "", "days_min": None, "days_max": None, "criteria": []}
    return {"number": number, "name": name, **bare, **more}


@pytest.fixture
def world(mandate):
    """Four days in phase 0, judged and checked."""
    make_profile("live_safe_atomic_v1")
    shadow = make_profile("live_shadow_atomic_v1")
    Mandate.objects.update(profile=shadow, feed="polymarket")
    gate_world(now())
    mandate.refresh_from_db()
    return mandate


@pytest.fixture
def promotion(world, operator, monkeypatch):
    """A promotion that is what its row says: nothing that it is bound to has to be there."""
    monkeypatch.setattr(sources, "standing", lambda row, now: sources.stored(row))
    return bare_promotion(now() - timedelta(hours=3), requested_by=operator)


@pytest.fixture
def calls(monkeypatch):
    return Calls(monkeypatch)


def page_of(client, user, url):
    client.force_login(user)
    answer = client.get(url)
    assert answer.status_code == 200
    return text(answer)


def as_in(phase, **changes):
    Mandate.objects.update(phase=phase, mode="LIVE", **changes)
