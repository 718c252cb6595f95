"""Going down by command, API and page, and looking on while it goes."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from checks.models import Rollback
from checks.services.rollbacks import roll_back
from tests.api.building import Caller, error_of
from tests.checks.granting import go_live, make_evaluation
from tests.checks.rollback_actor import channel, finish, no_backup
from tests.conftest import NOON
from trading.models import Incident, Mandate
from trading.services import ServiceRefused

pytestmark = pytest.mark.django_db
NEW = "/admin/rollbacks/new/"


@pytest.fixture
def live(mandate, monkeypatch):
    channel()
    no_backup(monkeypatch)
    go_live(mandate)
    return mandate


def begun(**more):
    return roll_back("main", **{"by_name": "test", "reason": "a look", "at": NOON, **more})


class TestCommand:
    def test_it_waits_and_shows_each_step(self, live, capsys):
        call_command("roll_back", "--reason", "the fills look wrong")

        said = capsys.readouterr().out
        lines = [line.split()[:2] for line in said.splitlines() if line.startswith("  DONE")]
        names = ["HALT", "CANCEL", "CLOSE", "DRY_RUN", "BACKUP", "INCIDENT", "PHASE", "ALERT"]
        assert lines == [["DONE", name] for name in names]
        assert f"its incident is {Incident.objects.get().pk}" in said
        live.refresh_from_db()
        assert live.phase == 0

    def test_a_failed_step_is_said_with_what_to_do_and_the_status_is_2(
        self, live, capsys, monkeypatch
    ):
        no_backup(monkeypatch, state="FAILED", problem="a table differs")
        with pytest.raises(CommandError, match="with failures") as failed:
            call_command("roll_back", "--reason", "x")

        assert failed.value.returncode == 2
        assert "do: take one: manage.py backup_state" in capsys.readouterr().out

    def test_said_again_it_carries_on_the_one_that_is_under_way(self, live, capsys):
        row = begun()
        call_command("roll_back", "--reason", "again")

        row.refresh_from_db()
        assert row.state == "FINISHED"
        assert Rollback.objects.count() == 1

    def test_further_down(self, mandate, live):
        go_live(mandate, phase=3, at=NOON)
        call_command("roll_back", "--to", "1", "--reason", "x")
        live.refresh_from_db()
        assert live.phase == 1

    def test_up_is_refused_and_changes_nothing(self, live):
        with pytest.raises(CommandError, match="is not below") as refused:
            call_command("roll_back", "--to", "2", "--reason", "x")
        assert refused.value.returncode == 1
        assert not Mandate.objects.get().halted


class TestApi:
    def test_it_halts_at_once_and_answers_with_the_steps(self, live, approver):
        answer = Caller(approver).post("/api/rollback", {"reason": "the fills look wrong"})

        assert answer.status_code == 200, answer.content
        said = answer.json()
        assert (said["state"], said["phase_to"], said["by"]) == ("RUNNING", 0, "anna")
        assert [step["name"] for step in said["steps"]][:2] == ["HALT", "CANCEL"]
        assert Mandate.objects.get().halted

    def test_viewers_and_bad_bodies_are_refused(self, live, viewer, operator):
        assert Caller(viewer).post("/api/rollback", {"reason": "x"}).status_code == 403
        for body, field in [({}, "reason"), ({"reason": "x", "to": "0"}, "to")]:
            answer = Caller(operator).post("/api/rollback", body)
            assert answer.status_code == 400
            assert error_of(answer)["field"] == field
        answer = Caller(operator).post("/api/rollback", {"reason": "x", "to": 2})
        assert error_of(answer)["code"] == "NOT_DOWN"
        assert not Mandate.objects.get().halted

    def test_the_list_and_one_of_it(self, live, viewer, clock):
        verdict = make_evaluation(scope="KILL", daily_loss="FAIL").verdicts.get()
        row = finish(begun(cause="KILL_CRITERION", verdicts=[verdict]), clock)
        caller = Caller(viewer)

        (listed,) = caller.get("/api/rollbacks", cause="KILL_CRITERION").json()["items"]
        one = caller.get(f"/api/rollbacks/{row.pk}").json()
        assert listed == one
        assert one["verdicts"][0]["title"] == "Daily loss"
        assert {step["state"] for step in one["steps"]} == {"DONE"}
        assert caller.get("/api/rollbacks", state="RUNNING").json()["items"] == []
        assert caller.get("/api/rollbacks/999").status_code == 404

    def test_without_a_role_nothing_is_seen(self, live, nobody):
        assert Caller(nobody).get("/api/rollbacks").status_code == 403


class TestPages:
    def test_the_page_goes_down_and_shows_how(self, live, operator, client):
        client.force_login(operator)
        assert "Halt and roll back" in client.get(NEW).content.decode()
        answer = client.post(NEW, {"to": "0", "reason": "the fills look wrong"})

        row = Rollback.objects.get()
        assert answer.headers["Location"] == f"/admin/rollbacks/{row.pk}/"
        assert (row.phase_to, row.by_name) == (0, "otto")

    def test_the_lowest_phase_can_be_chosen_from_the_highest(self, mandate, operator, client):
        go_live(mandate, phase=3)
        client.force_login(operator)
        client.post(NEW, {"to": "0", "reason": "x"})

        assert Rollback.objects.get().phase_to == 0

    def test_a_refusal_is_shown_and_nothing_is_changed(self, live, operator, viewer, client):
        client.force_login(operator)
        assert "needs a reason" in client.post(NEW, {"to": "0", "reason": ""}).content.decode()
        client.force_login(viewer)
        assert client.post(NEW, {"to": "0", "reason": "x"}).status_code == 403
        assert not Mandate.objects.get().halted

    def test_in_phase_0_it_asks_for_no_phase(self, mandate, operator, client):
        client.force_login(operator)
        page = client.get(NEW).content.decode()
        assert "Phase 0 is the lowest" in page
        assert 'name="to"' not in page

    def test_one_shows_evidence_steps_and_what_is_left(self, live, viewer, client, clock):
        verdict = make_evaluation(scope="KILL", daily_loss="FAIL").verdicts.get()
        row = finish(begun(cause="KILL_CRITERION", verdicts=[verdict]), clock)
        client.force_login(viewer)
        page = client.get(f"/admin/rollbacks/{row.pk}/").content.decode()

        for text in ("Daily loss", "6.00", "at most $5", "Take a backup", "Resolve incident"):
            assert text in page
        assert page.count('data-state="DONE"') == 8
        assert client.get("/admin/rollbacks/").status_code == 200
        assert client.get("/admin/rollbacks/999/").status_code == 404

    def test_the_live_parts_follow_it(self, live, viewer, client, clock):
        row = begun()
        client.force_login(viewer)
        url = f"/admin/rollbacks/{row.pk}/live/"
        assert client.get(url).json()["running"] is True
        finish(row, clock)
        told = client.get(url).json()
        assert told["running"] is False
        assert told["steps"].count('data-state="DONE"') == 8

    def test_accounts_without_a_role_see_nothing(self, live, nobody, client):
        row = begun()
        client.force_login(nobody)
        for url in ("/admin/rollbacks/", NEW, f"/admin/rollbacks/{row.pk}/"):
            assert client.get(url).status_code in (302, 403)


@pytest.mark.django_db
@pytest.mark.parametrize("to", [-3, 3, 9])
def test_a_phase_that_there_is_not_is_refused_and_nothing_is_halted(mandate, to):
    with pytest.raises(ServiceRefused, match=f"there is no phase {to} to go down to"):
        roll_back("main", to=to, by_name="test", reason="a slip of the finger")

    mandate.refresh_from_db()
    assert mandate.halted is False
