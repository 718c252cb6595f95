"""A running engine hears of deposits and withdrawals, and books each of them once."""

from dataclasses import replace

import pytest

from tests.conftest import make_profile
from tests.helpers.journals import until
from tests.helpers.quiet_ports import QuietPorts
from tests.helpers.shifts import QUICK, shift
from trading.journal import journal_directory
from trading.models import (
    CapitalMovement,
    EngineSession,
    Incident,
    LedgerEntry,
    LedgerPosting,
    Mandate,
    ReconciliationRun,
)
from trading.replaying import replay_journal
from trading.services import record_capital, resolve_incident, resume

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

OPENING_MICRO, DEPOSIT_MICRO = 100_000_000, 5_000_000
TIMES = replace(QUICK, reconcile_ms=100)
HOW = {"by": None, "by_name": "test"}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("trading.reconciling.gather.AGAIN_AFTER_S", 0.02)
    monkeypatch.setattr("trading.runtime.live.RECONCILE_AGAIN_S", 0.1)


@pytest.fixture
def live(wanted):
    play = make_profile("simulated_atomic_v1")
    Mandate.objects.update(mode="LIVE", feed="simulator", profile=play)
    return QuietPorts(OPENING_MICRO)


def verdict_is(verdict):
    until(lambda: getattr(ReconciliationRun.objects.first(), "verdict", None) == verdict)


def cash_micro():
    lines = LedgerPosting.objects.filter(account="CASH", entry__paper=False)
    return sum(lines.values_list("amount_micro", flat=True))


def movements():
    return LedgerEntry.objects.filter(entry_id__contains=":CAPITAL:movement:").count()


def test_a_deposit_halts_until_it_is_recorded_and_then_trading_goes_on(live, place):
    with shift(live_ports=live, times=TIMES) as one:
        verdict_is("MATCH")
        live.cash_micro += DEPOSIT_MICRO
        until(lambda: Mandate.objects.get().halted)
        assert Mandate.objects.get().halt_code == "RECONCILIATION_MISMATCH"

        record_capital("main", amount_micro=DEPOSIT_MICRO, reason="a deposit", **HOW)
        verdict_is("MATCH")
        assert (cash_micro(), movements()) == (OPENING_MICRO + DEPOSIT_MICRO, 1)

        resolve_incident(Incident.objects.get(), note="recorded", **HOW)
        assert not resume("main", reason="the books agree", **HOW).halted
        until(lambda: not EngineSession.objects.get().state_reason.startswith("RECONCILIATION"))
        assert one.end().ending.name == "PROCESS_STOPPED"

    replayed = replay_journal(journal_directory(place / "journal", "main", "main-1"))
    assert (replayed.same, replayed.realised_micro) == (True, 0)
    assert not Mandate.objects.get().halted


def test_what_was_recorded_between_two_sessions_is_booked_by_the_next_and_once(live):
    with shift(live_ports=live, times=TIMES):
        verdict_is("MATCH")
    record_capital("main", amount_micro=-DEPOSIT_MICRO, reason="a withdrawal", **HOW)
    live.cash_micro -= DEPOSIT_MICRO
    for key in ("main-2", "main-3"):
        with shift(live_ports=live, times=TIMES):
            runs = ReconciliationRun.objects.filter(session_key=key)
            until(lambda runs=runs: runs.filter(verdict="MATCH").exists())
        assert (cash_micro(), movements()) == (OPENING_MICRO - DEPOSIT_MICRO, 1)

    assert not Mandate.objects.get().halted
    assert not Incident.objects.exists()


def test_shadow_ignores_them(wanted):
    for money in ("PLAY", "PAPER"):
        CapitalMovement.objects.create(
            account="main",
            money=money,
            amount_micro=DEPOSIT_MICRO,
            reference=money,
            reason="x",
            by_name="x",
            at=wanted.changed_at,
        )
    with shift() as one:
        until(lambda: one.feed.sink is not None)
        until(LedgerEntry.objects.exists)

    (entry,) = LedgerEntry.objects.all()
    assert (entry.paper, movements()) == (True, 0)
