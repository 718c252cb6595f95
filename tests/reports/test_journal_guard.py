"""A journal stays until a verified backup has all of it."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils.module_loading import import_string

from reports.models import BackupRun
from reports.selectors.journals import not_backed_up
from tests.conftest import NOON
from tests.helpers.facts import a_session
from trading.models import EngineSession

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def taken(name, started_at, state="VERIFIED"):
    verified_at = None if state in ("TAKEN", "FAILED") else started_at
    return BackupRun.objects.create(
        name=name,
        kind="DAILY",
        state=state,
        started_at=started_at,
        verified_at=verified_at,
        created_by="test",
    )


@pytest.fixture
def session(profile):
    row = a_session(profile, token=1)
    EngineSession.objects.filter(pk=row.pk).update(ended_at=NOON)
    return row


def test_only_a_verified_backup_from_after_its_end_lets_it_go(session):
    taken("before", NOON - HOUR)
    taken("unproven", NOON + HOUR, state="TAKEN")
    assert not_backed_up("main", session.key) == "no verified backup has it"
    taken("proven", NOON + HOUR)
    assert not_backed_up("main", session.key) == ""


def test_one_that_was_pruned_since_had_it(session):
    taken("gone", NOON + HOUR, state="PRUNED")
    assert not_backed_up("main", session.key) == ""


def test_a_session_that_has_not_ended_stays(session):
    EngineSession.objects.update(ended_at=None)
    assert not_backed_up("main", session.key) == "its session has not ended"


def test_the_installation_asks_it_before_it_removes_a_journal():
    assert [import_string(path) for path in settings.JOURNAL_GUARDS] == [not_backed_up]
