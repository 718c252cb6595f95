"""A mismatch stops trading in the transaction that keeps it; resuming waits until it is cleared."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import DatabaseError

from polyarb_site.audit.models import AuditEvent
from polyarb_site.live.models import OutboxMessage
from tests.conftest import NOON, make_profile
from tests.helpers.audit import chain, last_event
from trading import kill_file, services
from trading.models import Incident, Mandate, ReconciliationRun
from trading.reconciling.thinning import thin_reconciliations
from trading.reconciling.verdicts import Code, Difference, Reconciliation, Verdict, verdict_of
from trading.services import incidents, reconciliations

pytestmark = pytest.mark.django_db

HASH = "0x" + "5e" * 32


def difference(code=Code.CASH_DIFFERS, **changes):
    values = {"subject": "pUSD", "text": "2 dollars are unexplained", "difference_micro": -2}
    return Difference(code=code, **{**values, **changes})


def result(*differences, **changes):
    values = {
        "verdict": verdict_of(differences),
        "differences": differences,
        "assets": (),
        "in_flight": (),
        "block_number": 77,
        "ledger_sequence": 5,
        "order_count": 1,
        "trade_count": 2,
    }
    return Reconciliation(**{**values, **changes})


def record(outcome, *, at=NOON, at_start=False):
    return services.record_reconciliation(
        "main", outcome, at=at, at_start=at_start, took_ms=12, session_key="main-7"
    )


MISMATCH = result(difference())
UNREAD = result(difference(Code.NOT_READ, subject="the chain", text="it timed out"))


class TestMatch:
    def test_is_kept_and_stops_nothing(self, mandate):
        told = record(result())

        assert (told.run.verdict, told.incident, told.halted) == ("MATCH", None, False)
        assert not Mandate.objects.get().halted
        assert AuditEvent.objects.count() == 0

    def test_so_does_a_view_of_the_venue_that_lags(self, mandate):
        told = record(result(difference(Code.VENUE_VIEW_STALE)))

        assert told.run.verdict == "MATCH"
        assert told.run.differences[0]["code"] == "VENUE_VIEW_STALE"
        assert not Incident.objects.exists()


class TestMismatch:
    def test_halts_with_its_own_code_and_opens_an_incident(self, mandate, settings):
        told = record(MISMATCH)

        row = Mandate.objects.get()
        assert told.halted
        assert (row.halted, row.halt_code) == (True, "RECONCILIATION_MISMATCH")
        assert row.halted_by == "reconciliation"
        assert "2 dollars are unexplained" in row.halt_reason
        assert kill_file.is_set(settings.KILL_FILE)
        incident = Incident.objects.get()
        assert incident == told.incident
        assert (incident.state, incident.kind) == ("OPEN", "RECONCILIATION")
        assert incident.title == ("CASH_DIFFERS of pUSD at block 77: 2 dollars are unexplained")
        assert incident.evidence["first"]["run"] == told.run.pk
        assert incident.evidence["first"]["differences"][0]["remedy"]

    def test_is_audited_and_told_to_the_pages(self, mandate):
        record(MISMATCH)

        actions = [event.action for event in AuditEvent.objects.order_by("sequence")]
        assert actions == ["incident.open", "mandate.halt"]
        assert chain().broken is None
        said = [row.payload["what"] for row in OutboxMessage.objects.order_by("id")]
        assert said == ["incident.open", "mandate.halt"]

    def test_seen_again_extends_the_same_incident_and_halts_no_second_time(self, mandate):
        record(MISMATCH)
        later = NOON + timedelta(minutes=1)
        told = record(MISMATCH, at=later)

        incident = Incident.objects.get()
        assert (incident.seen_count, incident.last_seen_at) == (2, later)
        assert incident.evidence["last"]["run"] == told.run.pk
        assert len(incident.evidence["timeline"]) == 1
        assert AuditEvent.objects.filter(action="mandate.halt").count() == 1

    def test_that_changes_is_a_line_of_the_timeline(self, mandate):
        record(MISMATCH)
        record(result(difference(text="3 dollars are unexplained")))

        lines = Incident.objects.get().evidence["timeline"]
        assert [line["what"] for line in lines] == ["opened", "changed"]
        assert "3 dollars" in lines[1]["text"]

    def test_halts_again_when_somebody_let_it_go_on(self, mandate):
        record(MISMATCH)
        Mandate.objects.update(halted=False)

        record(MISMATCH)

        assert Mandate.objects.get().halted

    def test_of_an_order_names_it_without_looking_like_a_secret(self, mandate):
        told = record(result(difference(Code.ORDER_NOT_OURS, subject=HASH)))

        assert told.run.differences[0]["subject"] == HASH
        assert "ORDER_NOT_OURS of 0x5e5e5e5e5e5…" in Mandate.objects.get().halt_reason

    def test_the_gravest_is_told_first(self, mandate):
        told = record(
            result(
                difference(Code.VENUE_VIEW_STALE),
                difference(Code.NOT_READ, subject="the chain"),
                difference(Code.SHARES_DIFFER, subject="yes"),
            )
        )

        assert [one["code"] for one in told.run.differences] == [
            *("SHARES_DIFFER", "NOT_READ", "VENUE_VIEW_STALE"),
        ]
        assert told.incident is not None
        assert told.incident.title.startswith("SHARES_DIFFER of yes at block 77, and 2 more")

    def test_that_cannot_be_kept_halts_all_the_same(self, mandate, monkeypatch, settings):
        def fail(*_args, **_kwargs):
            raise DatabaseError("the disk is full")

        monkeypatch.setattr(reconciliations, "open_or_extend", fail)
        with pytest.raises(DatabaseError):
            record(MISMATCH)

        assert kill_file.is_set(settings.KILL_FILE)
        assert not ReconciliationRun.objects.exists()
        assert Mandate.objects.get().halt_code == "RECONCILIATION_MISMATCH"

    def test_that_agrees_and_cannot_be_kept_halts_nothing(self, mandate, monkeypatch, settings):
        def fail(*_args, **_kwargs):
            raise DatabaseError("the disk is full")

        monkeypatch.setattr(reconciliations, "_keep", fail)
        with pytest.raises(DatabaseError):
            record(result())

        assert not kill_file.is_set(settings.KILL_FILE)


class TestIncomplete:
    def test_two_in_a_row_halt_nothing_and_the_third_does(self, mandate):
        assert not record(UNREAD).halted
        assert not record(UNREAD).halted

        told = record(UNREAD)

        assert told.halted
        assert Mandate.objects.get().halt_code == "RECONCILIATION_INCOMPLETE"
        assert Incident.objects.get().title.startswith("NOT_READ of the chain")

    def test_a_match_in_between_starts_the_count_anew(self, mandate):
        for outcome in (UNREAD, UNREAD, result(), UNREAD, UNREAD):
            assert not record(outcome).halted

    def test_at_the_start_it_is_the_caller_who_refuses(self, mandate):
        for _ in range(5):
            assert not record(UNREAD, at_start=True).halted

    def test_of_another_account_does_not_count(self, mandate):
        record(UNREAD)
        record(UNREAD)
        ReconciliationRun.objects.update(account="other")

        assert not record(UNREAD).halted


class TestResolving:
    @pytest.fixture
    def incident(self, mandate):
        return record(MISMATCH).incident

    def test_needs_a_note_and_keeps_who_did_it(self, incident, operator):
        with pytest.raises(services.Invalid, match="needs a note"):
            services.resolve_incident(incident, by=operator, note="  ")

        row = services.resolve_incident(incident, by=operator, note="a deposit, booked", at=NOON)

        assert (row.state, row.resolved_by, row.resolved_at) == ("RESOLVED", "otto", NOON)
        assert row.note == "a deposit, booked"
        assert row.evidence["timeline"][-1]["text"] == "otto: a deposit, booked"
        event = last_event()
        assert (event.action, event.target) == ("incident.resolve", f"incident:{row.pk}")
        assert (event.actor, event.reason) == (operator, "a deposit, booked")

    @pytest.mark.parametrize("role", ["viewer", "approver", "nobody"])
    def test_is_not_for_everybody(self, incident, role, request):
        with pytest.raises(services.NotPermitted):
            services.resolve_incident(incident, by=request.getfixturevalue(role), note="x")

        assert Incident.objects.get().state == "OPEN"

    def test_a_second_time_is_refused_and_names_who_was_first(self, incident, operator, admin_user):
        services.resolve_incident(incident, by=operator, note="done")

        with pytest.raises(services.ServiceRefused, match="already, by otto") as refused:
            services.resolve_incident(incident, by=admin_user, note="me too")

        assert refused.value.code == "NOT_OPEN"
        assert Incident.objects.get().note == "done"

    def test_a_new_mismatch_opens_another(self, incident, operator):
        services.resolve_incident(incident, by=operator, note="done")
        told = record(MISMATCH)

        assert told.incident is not None
        assert told.incident != incident
        assert Incident.objects.filter(state="OPEN").count() == 1

    def test_does_not_resume(self, incident, operator):
        services.resolve_incident(incident, by=operator, note="done")

        assert Mandate.objects.get().halted

    @pytest.mark.parametrize("number", [0, 7, 2**70])
    def test_one_that_is_not_there_is_not_found(self, db, number):
        with pytest.raises(services.NotFound):
            incidents.find_incident(number)


class TestResuming:
    def resume(self, operator):
        return services.resume("main", by=operator, reason="books are right", at=NOON)

    def test_waits_until_the_incident_is_resolved(self, mandate, operator):
        incident = record(MISMATCH).incident
        assert incident is not None
        with pytest.raises(services.ServiceRefused) as refused:
            self.resume(operator)
        assert refused.value.code == "INCIDENT_OPEN"
        assert "2 dollars are unexplained" in refused.value.message
        assert Mandate.objects.get().halted

        services.resolve_incident(incident, by=operator, note="done")
        assert not self.resume(operator).halted

    @pytest.mark.parametrize("outcome", [MISMATCH, UNREAD], ids=["mismatch", "incomplete"])
    def test_live_waits_for_a_match(self, mandate, operator, outcome):
        Mandate.objects.update(mode="LIVE")
        incident = record(outcome).incident
        if incident is not None:
            services.resolve_incident(incident, by=operator, note="done")
        services.halt("main", by=operator)
        with pytest.raises(services.ServiceRefused) as refused:
            self.resume(operator)
        assert refused.value.code == "NOT_RECONCILED"

        record(result())
        assert not self.resume(operator).halted

    def test_on_paper_needs_none(self, mandate, operator):
        record(UNREAD)
        services.halt("main", by=operator)

        assert not self.resume(operator).halted


class TestStartingToCompare:
    """Only a running engine compares; while it is halted it does that and trades nothing."""

    @pytest.fixture(autouse=True)
    def play(self, db):
        make_profile("simulated_atomic_v1")

    @pytest.fixture
    def stopped(self, mandate):
        Mandate.objects.update(mode="LIVE", feed="simulator", desired="STOP")
        return mandate

    def start(self, operator):
        return services.start_simulated("main", by=operator, at=NOON)

    @pytest.mark.parametrize("resolved", [True, False], ids=["resolved", "open"])
    def test_a_stopped_engine_may_start_halted_after_a_mismatch(self, stopped, operator, resolved):
        incident = record(MISMATCH).incident
        if resolved:
            services.resolve_incident(incident, by=operator, note="done")

        started = self.start(operator)

        assert (started.desired, started.halted) == ("RUN", True)
        assert kill_file.is_set(settings.KILL_FILE)
        event = last_event()
        assert (event.action, event.actor) == ("engine.start_simulated", operator)

    def test_resuming_says_so(self, stopped, operator):
        incident = record(MISMATCH).incident
        services.resolve_incident(incident, by=operator, note="done")
        with pytest.raises(services.ServiceRefused) as refused:
            services.resume("main", by=operator, reason="books are right", at=NOON)
        assert "start_simulated" in refused.value.remedy

        self.start(operator)
        with pytest.raises(services.ServiceRefused) as refused:
            services.resume("main", by=operator, reason="books are right", at=NOON)
        assert refused.value.code == "NOT_RECONCILED"
        assert "wait for the next one" in refused.value.remedy

    def test_any_other_halt_has_to_be_resumed_first(self, stopped, operator):
        record(result())
        services.halt("main", by=operator)

        with pytest.raises(services.ServiceRefused) as refused:
            self.start(operator)

        assert refused.value.code == "HALTED"
        assert Mandate.objects.get().desired == "STOP"

    def test_on_paper_nothing_is_compared_so_nothing_starts(self, stopped, operator):
        make_profile("live_shadow_atomic_v1")
        record(MISMATCH)

        with pytest.raises(services.ServiceRefused) as refused:
            services.start_shadow("main", by=operator, at=NOON)

        assert refused.value.code == "HALTED"


class TestThinning:
    def test_removes_old_matches_and_keeps_the_rest(self, mandate):
        old, new = NOON - timedelta(days=7, seconds=1), NOON - timedelta(days=7)
        kept = [record(MISMATCH, at=old).run.pk, record(result(), at=new).run.pk]
        record(result(), at=old)

        assert thin_reconciliations(NOON) == 1
        assert sorted(ReconciliationRun.objects.values_list("pk", flat=True)) == sorted(kept)
        assert thin_reconciliations(NOON) == 0


def test_unknown_never_counts_as_good():
    for code in Code:
        assert (verdict_of((difference(code),)) is Verdict.MATCH) == (code is Code.VENUE_VIEW_STALE)
