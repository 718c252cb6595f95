"""What does not depend on the mandate is not refused by a halt that comes in the same moment."""

import threading

import pytest
from django.db import connection

from polyarb_site.audit.models import AuditEvent
from tests.conftest import NOON
from tests.reconciling.rows import a_ledger
from trading import services
from trading.models import Mandate

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

BY = {"by": None, "by_name": "test", "reason": "ok", "at": NOON}
MOMENT_S = 0.3  # the halt has this long to come first


@pytest.fixture
def live(mandate, profile):
    Mandate.objects.update(mode="LIVE", feed="simulator", desired="RUN", profile=profile)
    return a_ledger(profile)


@pytest.mark.parametrize(
    ("place", "action", "ask"),
    [
        ("mandates.change", "engine.stop", lambda: services.stop_engine("main", **BY)),
        ("mandates.change", "breaker.reset", lambda: services.reset_breaker("main", **BY)),
        (
            "capital._live_money",
            "capital.record",
            lambda: services.record_capital("main", amount_micro=5_000_000, **BY),
        ),
    ],
    ids=["stop", "reset", "capital"],
)
def test_both_are_done(live, monkeypatch, place, action, ask):
    """`place` is called when the mandate has been read and not been written."""
    before = Mandate.objects.get().revision
    results = []

    def halt():
        try:
            results.append(services.halt("main", by=None, by_name="engine"))
        finally:
            connection.close()

    halting = threading.Thread(target=halt)
    module, name = place.split(".")
    whole = getattr(getattr(services, module), name)

    def halted_between(*args, **options):
        halting.start()
        halting.join(MOMENT_S)
        return whole(*args, **options)

    monkeypatch.setattr(getattr(services, module), name, halted_between)
    try:
        ask()
    finally:
        halting.join(30)

    assert [result.recorded for result in results] == [True]
    assert (Mandate.objects.get().halted, Mandate.objects.get().revision) == (True, before + 2)
    assert list(AuditEvent.objects.order_by("pk").values_list("action", flat=True)) == [
        action,
        "mandate.halt",
    ]
