"""Callers with each role, facts to read, and an empty throttle."""

import pytest
from django.core.cache import cache

from checks.models import CheckRun
from tests.api.alert_building import make_alert_facts
from tests.api.building import (
    Caller,
    make_capital,
    make_incident,
    make_note,
    make_opportunity,
    make_reconciliation,
    make_replay,
    make_sample,
    make_session,
    make_set,
    make_trades,
)
from tests.checks.promotion_world import make_promotion
from tests.helpers.checks import make_check_facts
from tests.helpers.reports import make_daily


@pytest.fixture(autouse=True)
def nobody_has_asked_yet():
    """The throttle and the remembered tokens are the process's, not the database's."""
    from polyarb_site.rest import authentication

    cache.clear()
    authentication._remembered.clear()
    yield
    cache.clear()


@pytest.fixture
def session(mandate, profile):
    return make_session(profile)


@pytest.fixture
def facts(session):
    """A few rows in every list."""
    make_trades(session, 5)
    make_set(session)
    make_opportunity(session)
    make_note(session)
    make_sample(session)
    make_reconciliation(session)
    make_incident(session, pk=1)
    make_capital()
    make_replay(session)
    make_alert_facts()
    make_daily()
    make_check_facts()
    make_promotion(session.profile, pk=1, check_run=CheckRun.objects.get(pk=1))
    return session


@pytest.fixture
def people(viewer, operator, approver, admin_user, nobody):
    """Every kind of account by the name of its role; None stands for no account at all."""
    return {
        "viewer": viewer,
        "operator": operator,
        "approver": approver,
        "admin": admin_user,
        "no-role": nobody,
        "anonymous": None,
    }


@pytest.fixture
def anonymous(db):
    return Caller()


@pytest.fixture
def reader(viewer):
    return Caller(viewer)


@pytest.fixture
def doer(operator):
    return Caller(operator)


@pytest.fixture
def boss(admin_user):
    return Caller(admin_user)


@pytest.fixture
def stranger(nobody):
    """A caller whose account has no role."""
    return Caller(nobody)
