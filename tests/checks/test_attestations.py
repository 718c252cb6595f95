"""What only a person can state: with a note and a name, for a time, and taken back."""

from datetime import timedelta

import pytest

from checks.models import Attestation
from checks.selectors.attestations import attestations, valid_attestation
from checks.services.attestations import DAYS, DAYS_MAX, attest, revoke
from polyarb_site.audit.models import AuditEvent
from tests.conftest import NOON
from tests.helpers.commands import run_command
from trading.services.refusals import Invalid, NotFound, NotPermitted, ServiceRefused

pytestmark = pytest.mark.django_db
KIND = "RISK_PARAMETERS_REVIEWED"


def state(by, kind=KIND, **options):
    return attest("main", kind, note="read them all", by=by, at=NOON, **options)


class TestStating:
    def test_it_says_who_when_what_and_until(self, mandate, operator):
        row = state(operator)

        assert (row.by_name, row.note, row.at) == ("otto", "read them all", NOON)
        assert row.expires_at == NOON + timedelta(days=30)
        event = AuditEvent.objects.get()
        assert (event.action, event.reason) == ("attestation.make", "read them all")

    def test_every_kind_has_its_own_time(self):
        assert set(DAYS) == set(Attestation.Kind.values)
        assert all(1 <= days <= DAYS_MAX for days in DAYS.values())

    @pytest.mark.parametrize("days", [1, 365])
    def test_days_within_the_bounds_are_taken(self, mandate, operator, days):
        assert state(operator, days=days).expires_at == NOON + timedelta(days=days)

    @pytest.mark.parametrize("days", [0, -1, 366])
    def test_other_days_are_refused(self, mandate, operator, days):
        with pytest.raises(Invalid, match="1 to 365"):
            state(operator, days=days)
        assert not Attestation.objects.exists()

    @pytest.mark.parametrize("note", ["", "   "])
    def test_without_a_note_it_is_refused(self, mandate, operator, note):
        with pytest.raises(Invalid, match="note"):
            attest("main", KIND, note=note, by=operator, at=NOON)

    def test_an_unknown_kind_or_account_is_refused(self, mandate, operator):
        with pytest.raises(Invalid, match="no attestation"):
            state(operator, kind="ALL_IS_WELL")
        with pytest.raises(NotFound):
            attest("other", KIND, note="x", by=operator, at=NOON)

    def test_who_may_not_is_refused(self, mandate, viewer, operator):
        with pytest.raises(NotPermitted):
            state(viewer)
        row = state(operator)
        with pytest.raises(NotPermitted):
            revoke(row, by=viewer)

    def test_a_key_in_a_note_is_not_kept(self, mandate, operator):
        row = attest("main", KIND, note="0x" + "ab" * 32, by=operator, at=NOON)

        assert "abab" not in row.note


class TestCounting:
    def test_it_counts_until_it_expires(self, mandate, operator):
        row = state(operator, days=2)

        for age, found in (
            (timedelta(0), row),
            (timedelta(days=2) - timedelta(seconds=1), row),
            (timedelta(days=2), None),
            (-timedelta(seconds=1), None),
        ):
            assert valid_attestation("main", KIND, NOON + age) == found

    def test_it_counts_for_its_account_and_kind_alone(self, mandate, operator):
        state(operator)

        assert valid_attestation("other", KIND, NOON) is None
        assert valid_attestation("main", "RUNBOOK_READ", NOON) is None

    def test_taken_back_means_all_of_the_kind(self, mandate, operator, approver):
        first, second = state(operator), state(approver)
        other = state(operator, kind="RUNBOOK_READ")

        assert revoke(second, by=operator, reason="it was wrong", at=NOON) == 2

        first.refresh_from_db()
        assert first.revoked_by == "otto"
        assert valid_attestation("main", KIND, NOON) is None
        assert valid_attestation("main", "RUNBOOK_READ", NOON) == other
        assert AuditEvent.objects.latest("sequence").action == "attestation.revoke"

    def test_taking_back_twice_is_refused(self, mandate, operator):
        row = state(operator)
        revoke(row, by=operator, at=NOON)

        with pytest.raises(ServiceRefused, match="in force"):
            revoke(row, by=operator, at=NOON)

    def test_every_kind_is_listed_stated_or_not(self, mandate, operator):
        state(operator)

        listed = {row["kind"]: row for row in attestations("main", NOON)}
        assert set(listed) == set(Attestation.Kind.values)
        assert listed[KIND]["in_force"] is True
        assert listed["RUNBOOK_READ"]["by"] is None


class TestTheCommand:
    def test_it_states_and_takes_back(self, mandate):
        status, out, _ = run_command("attest", KIND, "--note", "read", "--days", "7")
        assert (status, "until" in out) == (0, True)
        assert Attestation.objects.get().by_name.startswith("shell:")

        assert run_command("attest", KIND, "--note", "not any more", "--revoke")[0] == 0
        assert Attestation.objects.get().revoked_at is not None

    def test_it_refuses_in_a_sentence(self, mandate):
        status, _, said = run_command("attest", KIND, "--note", "x", "--days", "400")
        assert (status, "1 to 365" in said) == (1, True)
        assert run_command("attest", KIND, "--note", "x", "--revoke")[0] == 1
