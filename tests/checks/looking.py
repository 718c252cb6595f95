"""Asking single checks of the catalogue, at noon, without a run around them."""

import json
from datetime import timedelta

from checks.catalogue import data, documents, operations
from checks.catalogue.base import Scene
from tests.conftest import ACCOUNT, NOON
from tests.helpers.clocks import FixedClock
from tests.helpers.facts import a_session
from trading.journal import journal_directory
from trading.lease import host_name
from trading.models import ReplayRun

BY_ID = {check.id: check for part in (data, operations, documents) for check in part.CHECKS}


def look(check_id, *, phase=0, venue="simulator", now=NOON, account=ACCOUNT, clock=None):
    """Let one check look, and return what it saw; its evidence has to be plain JSON."""
    scene = Scene(
        account=account, phase=phase, venue=venue, now=now, clock=clock or FixedClock(now)
    )
    seen = BY_ID[check_id].look(scene)
    json.dumps(dict(seen.evidence), allow_nan=False)
    assert seen.reason
    assert "\n" not in seen.reason
    assert len(seen.reason) <= 500
    return seen


def status(check_id, **scene):
    """Return the status and the reason of one check."""
    seen = look(check_id, **scene)
    return seen.status.value, seen.reason


def ran(profile, *, token=7, feed="simulator", **values):
    """Make a session of the venue that is asked about."""
    owner = f"{host_name()}:1:1:{token}"
    values = {"started_at": NOON, "heartbeat_at": NOON, "state_since": NOON, **values}
    values.setdefault("owner", owner)
    return a_session(profile, token=token, feed=feed, label=feed.upper(), **values)


def journal_of(place, key="main-7"):
    return journal_directory(place / "journal", "main", key)


def replayed(session, **values):
    """Make a replay of a session."""
    values = {
        "account": "main",
        "day": NOON.date(),
        "at": NOON - timedelta(hours=11),
        "verdict": "SAME",
        "commands": 12,
        "version": "1",
        "took_ms": 1,
        **values,
    }
    return ReplayRun.objects.create(session=session, **values)
