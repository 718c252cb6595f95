"""The doors to reconciliations and incidents: pages, API, shell."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse

from tests.api.building import Caller, error_of, make_incident, make_reconciliation, make_session
from tests.conftest import NOON
from tests.helpers import admin_pages as pages
from tests.helpers.commands import run_command
from trading.models import Incident, Mandate, ReconciliationRun

pytestmark = pytest.mark.django_db

NOTE = {"note": "a deposit; booked now"}


@pytest.fixture
def session(mandate, profile):
    return make_session(profile)


@pytest.fixture
def incident(session):
    make_reconciliation(session)
    return make_incident(session)


def text_of(response):
    assert response.status_code == 200
    return response.content.decode()


class TestReconciliationPage:
    def test_shows_all_three_side_by_side_and_marks_what_is_unexplained(
        self, client, viewer, session
    ):
        pages.make_market()
        row = make_reconciliation(session)
        client.force_login(viewer)

        text = text_of(client.get(pages.page_of("reconciliationrun", row.pk)))

        assert '<mark class="pa-apart pa-num">-0.1</mark>' in text
        assert 'Dollars</span> <span class="pa-label">pUSD' in text
        assert ">97.6<" in text
        assert ">97.5<" in text
        assert "Will 0xaa happen?" in text  # token 111 is its Yes
        assert ">-2<" in text  # on its way
        assert "On its way: trade t1." in text
        assert "find the transfer in the wallet&#x27;s history" in text

    def test_a_long_hash_is_short_in_its_column_and_whole_below(self, client, viewer, session):
        order_hash = "0x" + "5e" * 32
        told = {**make_reconciliation(session).differences[0], "subject": order_hash}
        row = make_reconciliation(session, differences=[told])
        client.force_login(viewer)

        text = text_of(client.get(pages.page_of("reconciliationrun", row.pk)))

        assert ">0x5e5e5e…5e5e5e<" in text
        assert f">{order_hash}<" in text

    def test_a_match_marks_nothing(self, client, viewer, session):
        row = make_reconciliation(session, verdict="MATCH", differences=[], assets=[])
        client.force_login(viewer)

        text = text_of(client.get(pages.page_of("reconciliationrun", row.pk)))

        assert "pa-apart" not in text
        assert "Every order, trade and balance is explained." in text

    def test_hostile_texts_stay_texts(self, client, viewer, session):
        told = {**make_reconciliation(session).differences[0], "text": pages.HOSTILE}
        told |= {"subject": pages.HOSTILE, "venue": pages.HOSTILE}
        row = make_reconciliation(session, differences=[told])
        client.force_login(viewer)

        for address in (
            pages.page_of("reconciliationrun", row.pk),
            pages.list_of("reconciliationrun"),
        ):
            assert "<script>alert" not in text_of(client.get(address))

    def test_the_list_tells_the_gravest_difference(self, client, viewer, session):
        make_reconciliation(session)
        client.force_login(viewer)

        text = text_of(client.get(pages.list_of("reconciliationrun"), {"verdict": "MISMATCH"}))

        assert "0.1 is unexplained" in text
        assert "Mismatch" in text

    def test_an_empty_list_says_when_they_come(self, client, viewer):
        client.force_login(viewer)

        assert "On paper there is nothing to compare" in text_of(
            client.get(pages.list_of("reconciliationrun"))
        )


class TestIncidentPage:
    def test_shows_evidence_and_timeline(self, client, viewer, incident):
        client.force_login(viewer)

        text = text_of(client.get(pages.page_of("incident", incident.pk)))

        assert "What was found" in text
        assert "What was found first" not in text  # it is the same
        assert "Opened" in text
        assert "Dollars differ" in text
        assert 'aria-disabled="true"' in text  # a viewer may not resolve

    def test_is_resolved_by_an_operator_with_a_note(self, client, operator, incident):
        client.force_login(operator)
        address = reverse("admin:trading_incident_resolve", args=[incident.pk])
        assert "does not resume trading" in text_of(client.get(address))

        response = client.post(address, {"reason": "a deposit; booked now"})

        assert response.status_code == 302
        row = Incident.objects.get()
        assert (row.state, row.resolved_by, row.note) == (
            *("RESOLVED", "otto"),
            "a deposit; booked now",
        )
        text = text_of(client.get(pages.page_of("incident", incident.pk)))
        assert "a deposit; booked now" in text
        assert "Resolve…" not in text

    @pytest.mark.parametrize(
        ("role", "note", "code", "status"),
        [("operator", " ", "NOTE_MISSING", 400), ("viewer", "x", "NOT_ALLOWED", 403)],
    )
    def test_a_refusal_is_shown_and_changes_nothing(
        self, client, request, incident, role, note, code, status
    ):
        client.force_login(request.getfixturevalue(role))
        address = reverse("admin:trading_incident_resolve", args=[incident.pk])

        response = client.post(address, {"reason": note})

        assert response.status_code == status
        assert code in response.content.decode()
        assert Incident.objects.get().state == "OPEN"

    def test_one_that_is_not_there_is_not_found(self, client, operator, mandate):
        client.force_login(operator)

        assert client.get("/admin/trading/incident/7/resolve/").status_code == 404

    def test_who_may_not_look_may_not_resolve(self, client, nobody, incident):
        nobody.is_staff = True
        nobody.save()
        client.force_login(nobody)

        address = reverse("admin:trading_incident_resolve", args=[incident.pk])
        assert client.get(address).status_code == 403

    def test_an_empty_list_says_what_would_open_one(self, client, viewer):
        client.force_login(viewer)

        assert "No incidents" in text_of(client.get(pages.list_of("incident")))


class TestApi:
    def test_lists_runs_with_every_amount_as_text_too(self, viewer, session):
        make_reconciliation(session)

        (row,) = Caller(viewer).get("/api/reconciliations").json()["items"]

        assert (row["verdict"], row["session"], row["block_number"]) == ("MISMATCH", "main-1", 77)
        assert row["differences"][0]["difference"] == "-0.1"
        assert row["assets"][0]["chain"] == "97.5"
        assert row["assets"][1]["venue"] is None

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ({"verdict": "MATCH"}, 0),
            ({"verdict": "MISMATCH"}, 1),
            ({"at_start": "true"}, 0),
            ({"since": "2026-03-02T12:00:02Z"}, 0),
        ],
    )
    def test_narrows_runs(self, viewer, session, query, count):
        make_reconciliation(session)

        found = Caller(viewer).get("/api/reconciliations", **query).json()["items"]

        assert len(found) == count

    def test_resolves_with_a_note_and_not_twice(self, operator, incident):
        caller = Caller(operator)
        path = f"/api/incidents/{incident.pk}/resolve"
        assert error_of(caller.post(path, {}))["field"] == "note"

        answer = caller.post(path, NOTE)

        assert answer.status_code == 200
        assert (answer.json()["state"], answer.json()["note"]) == ("RESOLVED", NOTE["note"])
        assert answer.json()["timeline"][-1]["what"] == "resolved"
        again = caller.post(path, NOTE)
        assert (again.status_code, error_of(again)["code"]) == (409, "NOT_OPEN")

    def test_a_viewer_sees_and_does_not_resolve(self, viewer, incident):
        caller = Caller(viewer)

        assert len(caller.get("/api/incidents", state="OPEN").json()["items"]) == 1
        assert caller.post(f"/api/incidents/{incident.pk}/resolve", NOTE).status_code == 403
        assert Incident.objects.get().state == "OPEN"

    @pytest.mark.parametrize("number", ["7", "9" * 40])
    def test_one_that_is_not_there_is_not_found(self, operator, mandate, number):
        answer = Caller(operator).post(f"/api/incidents/{number}/resolve", NOTE)

        assert (answer.status_code, error_of(answer)["code"]) == (404, "NO_INCIDENT")

    def test_resuming_names_the_incident(self, operator, incident):
        Mandate.objects.update(halted=True)

        answer = Caller(operator).post("/api/resume", {"reason": "go on"})

        assert (answer.status_code, error_of(answer)["code"]) == (409, "INCIDENT_OPEN")


class TestCommand:
    def test_a_match_is_0(self, session):
        make_reconciliation(session, verdict="MATCH", differences=[])
        status, out, _ = run_command("reconcile")

        assert status == 0
        assert out.startswith("MATCH")
        assert "block 77, 1 open orders, 2 trades" in out

    @pytest.mark.parametrize("verdict", ["MISMATCH", "INCOMPLETE"])
    def test_anything_else_is_1_and_says_what_to_do(self, incident, verdict):
        ReconciliationRun.objects.update(verdict=verdict)
        status, out, err = run_command("reconcile")

        assert status == 1
        assert "CASH_DIFFERS pUSD" in out
        assert "what to do: find the transfer" in out
        assert f"incident {incident.pk} is open" in out
        assert verdict in err

    def test_none_at_all_is_2(self, mandate):
        status, out, err = run_command("reconcile")

        assert (status, out) == (2, "")
        assert "nothing was reconciled yet" in err

    def test_for_programs_it_is_json(self, session):
        make_reconciliation(session, at=NOON + timedelta(seconds=1))
        status, out, _ = run_command("reconcile", "--json")

        said = json.loads(out)
        assert status == 1
        assert (said["account"], said["verdict"]) == ("main", "MISMATCH")
        assert said["differences"][0]["difference_micro"] == -100_000

    def test_an_account_that_does_not_exist_is_refused(self, mandate):
        status, _, err = run_command("reconcile", "--account", "other")

        assert status == 1
        assert "there is no account" in err
