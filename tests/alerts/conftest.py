"""The rules of config/alerts.production.yaml, in force."""

import pytest
from django.conf import settings

from tests.conftest import NOON
from tests.trading.conftest import place, wanted

__all__ = ["place", "wanted"]


@pytest.fixture
def rules(db):
    from alerts.services import import_rules

    path = settings.CONFIG_DIR / "alerts.production.yaml"
    return import_rules(path, by_name="test", at=NOON)


# The alert centre is read at this very moment: its pages ask the machine's own clock.


@pytest.fixture
def now():
    from polyarb_site.clock import SystemClock

    return SystemClock().now()


@pytest.fixture
def watched(rules, mandate, now):
    """Rules in force that were judged a moment ago."""
    from tests.browser.alerting import judged

    judged(now)
    return mandate


@pytest.fixture
def seen(client, viewer):
    client.force_login(viewer)
    return client


@pytest.fixture
def acting(client, operator):
    client.force_login(operator)
    return client


@pytest.fixture
def ruling(client, admin_user):
    client.force_login(admin_user)
    return client
