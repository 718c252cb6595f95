"""Bodies of alerts that are almost right: parts of a good one are replaced by hostile ones."""

import copy

import pytest
from django.core.cache import cache
from django.db import transaction
from hypothesis import given, note, settings
from hypothesis import strategies as st

from polyarb_site.rest import throttles
from tests.api.alert_building import VALUES
from tests.api.building import Caller, error_of
from tests.api.openapi import undescribed
from tests.api.test_fuzz import HOSTILE_TEXT, JSON_VALUES, LENIENT

pytestmark = pytest.mark.slow

RULE = {
    **VALUES,
    "values_by_phase": {"1": True},
    "phases": [1, 2],
    "modes": ["LIVE"],
    "channels": ["office"],
    "inhibits": ["WS_DISCONNECTED"],
    "escalate_seconds": 60,
}
BODIES = {
    "/api/alerts/rules": {"rule": RULE, "reason": "why"},
    "/api/alerts/rules/dry_run": {"rule": RULE, "hours": 1},
    "/api/alerts/silences": {
        "kind": "MAINTENANCE",
        "account": "main",
        "rule_ids": ["WS_DISCONNECTED"],
        "levels": ["CRITICAL"],
        "reason": "why",
        "starts_at": "2030-01-01T00:00:00Z",
        "ends_at": "2030-01-02T00:00:00Z",
        "weekdays": [0, 6],
        "from_minute": 60,
        "minutes": 30,
    },
    "/api/alerts/channels": {
        "name": "new",
        "kind": "EMAIL",
        "address": {
            "host": "mail.example", "port": 587, "security": "STARTTLS", "user": "me",
            "password": "long enough", "from": "a@b.example", "to": ["c@d.example"],
        },
        "enabled": True,
        "level_min": "WARNING",
        "tier": 2,
        "tell_resolved": False,
    },
}  # fmt: skip


def places(value, path=()):
    """Return the path of every part of nested data."""
    found = [path]
    if isinstance(value, dict):
        found += [one for key, item in value.items() for one in places(item, (*path, key))]
    if isinstance(value, list):
        found += [one for key, item in enumerate(value) for one in places(item, (*path, key))]
    return found


@st.composite
def bodies(draw):
    """Draw an address, and its good body with up to two parts replaced, removed or renamed."""
    address = draw(st.sampled_from(sorted(BODIES)))
    body = copy.deepcopy(BODIES[address])
    for _ in range(draw(st.integers(0, 2))):
        path = draw(st.sampled_from([one for one in places(body) if one] or [("x",)]))
        inner = body
        for key in path[:-1]:
            inner = inner[key]
        how = draw(st.integers(0, 5))
        if how == 0 and isinstance(inner, dict):
            inner.pop(path[-1], None)
        elif how == 1 and isinstance(inner, dict):
            inner[draw(HOSTILE_TEXT)] = inner.pop(path[-1], None)
        else:
            inner[path[-1]] = draw(JSON_VALUES)
    return address, body


@pytest.mark.timeout(300)
@settings(LENIENT, max_examples=600)
@given(asked=bodies())
def test_almost_good_bodies_break_nothing(asked, people, facts, monkeypatch):
    monkeypatch.setattr(throttles, "WRITES_MAX", 10**9)
    cache.clear()
    address, body = asked
    with transaction.atomic():
        response = Caller(people["admin"]).post(address, body)
        transaction.set_rollback(True)
    note(f"{response.status_code} {response.content[:500]!r}")

    assert response.status_code < 500
    assert undescribed(address, "POST", response) == []
    if response.status_code >= 400:
        error_of(response)
