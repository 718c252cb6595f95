"""Check runs and attestations over REST."""

import pytest

from checks.models import Attestation, CheckRun
from checks.services import runs
from polyarb_site.audit.models import AuditEvent
from tests.api.building import error_of
from tests.api.openapi import undescribed
from tests.helpers.checks import make_run
from trading.models import Mandate

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def queued(monkeypatch, mandate, profile):
    Mandate.objects.filter(pk=mandate.pk).update(profile=profile)
    found = []
    monkeypatch.setattr(runs, "async_task", lambda *task, **options: found.append(task))
    return found


def records():
    return list(AuditEvent.objects.filter(action__startswith="check_run."))


class TestRunning:
    @pytest.mark.parametrize("path", ["/api/checks/runs/", "/api/checks/runs"])
    def test_asking_answers_202_with_the_row(
        self, path, doer, queued, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            answer = doer.post(path)

        assert answer.status_code == 202
        assert undescribed("/api/checks/runs", "POST", answer) == []
        told = answer.json()
        assert (told["state"], told["decision"], told["by"]) == ("RUNNING", None, "otto")
        assert queued == [("checks.tasks.run_asked", told["id"])]
        assert [event.action for event in records()] == ["check_run.ask"]

    def test_asking_again_is_the_same_run_and_no_second_record(self, doer):
        first = doer.post("/api/checks/runs/").json()

        assert doer.post("/api/checks/runs/").json()["id"] == first["id"]
        assert len(records()) == 1

    def test_phase_venue_and_category_can_be_named(self, doer):
        body = {"phase": 1, "venue": "simulator", "category": "system"}
        told = doer.post("/api/checks/runs/", body).json()

        assert {name: told[name] for name in body} == body

    @pytest.mark.parametrize(
        "body",
        [
            {"phase": 4},
            {"phase": "1"},
            {"phase": True},
            {"venue": "elsewhere"},
            {"phase": 1, "venue": "recorded"},
            {"category": "weather"},
            {"fase": 1},
        ],
    )
    def test_what_is_not_there_is_refused_by_name(self, doer, body):
        answer = doer.post("/api/checks/runs/", body)

        assert answer.status_code == 400
        assert error_of(answer)["message"]
        assert not CheckRun.objects.exists()

    def test_a_viewer_sees_runs_and_asks_for_none(self, reader):
        run = make_run()

        assert reader.post("/api/checks/runs/").status_code == 403
        assert reader.get(f"/api/checks/runs/{run.pk}").json()["results"][0]["status"] == "FAIL"
        assert [one["id"] for one in reader.get("/api/checks/runs/").json()["items"]] == [run.pk]

    @pytest.mark.parametrize("number", ["0", "4711", "9" * 30])
    def test_a_run_that_is_not_there_is_404(self, reader, number):
        answer = reader.get(f"/api/checks/runs/{number}")

        assert answer.status_code == 404
        assert error_of(answer)["code"] in ("NO_RUN", "NOT_FOUND")

    def test_runs_can_be_narrowed(self, reader):
        make_run()
        go = make_run(phase=0, venue="recorded", decision="GO", category="")

        for query in ({"phase": "0"}, {"decision": "GO"}, {"venue": "recorded"}):
            items = reader.get("/api/checks/runs/", **query).json()["items"]
            assert [one["id"] for one in items] == [go.pk], query

    def test_the_catalogue_says_every_priority(self, reader):
        items = {one["id"]: one for one in reader.get("/api/checks/catalogue").json()["items"]}

        assert items["security.key_signs"]["priorities"]["phase_0"] is None
        assert items["security.key_signs"]["priorities"]["phase_1"] == "P0"


class TestAttesting:
    BODY = {"kind": "RUNBOOK_READ", "note": "read it all", "days": 10}

    def test_it_is_stated_and_taken_back(self, doer, reader):
        told = doer.post("/api/checks/attestations", self.BODY).json()
        assert (told["in_force"], told["by"]) == (True, "otto")
        listed = {
            one["kind"]: one for one in reader.get("/api/checks/attestations").json()["items"]
        }
        assert listed["RUNBOOK_READ"]["in_force"] is True

        taken = doer.post(f"/api/checks/attestations/{told['id']}/revoke", {"reason": "wrong"})
        assert taken.json()["in_force"] is False
        again = doer.post(f"/api/checks/attestations/{told['id']}/revoke", {"reason": "wrong"})
        assert again.status_code == 409

    @pytest.mark.parametrize(
        "wrong", [{"note": ""}, {"kind": "X"}, {"days": 0}, {"days": 366}, {"days": "10"}]
    )
    def test_what_cannot_be_stated_is_refused(self, doer, wrong):
        assert doer.post("/api/checks/attestations", {**self.BODY, **wrong}).status_code == 400
        assert not Attestation.objects.exists()

    def test_a_viewer_states_nothing(self, reader):
        assert reader.post("/api/checks/attestations", self.BODY).status_code == 403
