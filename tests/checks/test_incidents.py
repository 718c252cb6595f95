"""Incidents beside those of reconciliation: opened by a rollback or a person, in nobody's way."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from polyarb_site.audit.models import AuditEvent
from tests.api.building import Caller, error_of
from tests.conftest import NOON
from trading import kill_file
from trading.models import Incident, Mandate
from trading.services import Invalid, NotPermitted, ServiceRefused, resolve_incident, resume
from trading.services.incidents import open_incident, open_or_extend, resume_obstacles
from trading.services.security import report_security

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=1)


def opened(kind="ROLLBACK", title="rolled back from phase 1", at=NOON, **more):
    given = {"by": None, "by_name": "test", "evidence": {"number": 1}, **more}
    return open_incident("main", kind, title=title, at=at, **given)


class TestOpening:
    def test_it_is_kept_with_its_evidence_and_audited(self, mandate):
        row = opened(since=NOON - timedelta(minutes=3))

        assert (row.kind, row.state, row.title) == ("ROLLBACK", "OPEN", "rolled back from phase 1")
        assert row.opened_at == NOON - timedelta(minutes=3)
        assert row.evidence["first"] == row.evidence["last"] == {"number": 1}
        event = AuditEvent.objects.get()
        assert (event.action, event.target) == ("incident.open", f"incident:{row.pk}")
        assert event.actor_name == "test"

    def test_a_second_one_of_its_kind_is_added_to_the_first(self, mandate):
        first = opened()
        second = opened(title="rolled back again", at=LATER, evidence={"number": 2})

        assert second.pk == first.pk
        assert (second.seen_count, second.last_seen_at) == (2, LATER)
        assert second.evidence["first"] == {"number": 1}
        assert second.evidence["last"] == {"number": 2}
        assert [line["text"] for line in second.evidence["timeline"]] == [
            "rolled back from phase 1",
            "rolled back again",
        ]
        actions = list(AuditEvent.objects.order_by("sequence").values_list("action", flat=True))
        assert actions == ["incident.open", "incident.extend"]

    def test_kinds_stand_beside_each_other(self, mandate):
        rows = {opened(kind).pk for kind in ("ROLLBACK", "SECURITY")}
        found, new = open_or_extend("main", title="x", evidence={}, by_name="test", at=NOON)

        assert new
        assert len(rows | {found.pk}) == 3

    @pytest.mark.parametrize("kind", ["RECONCILIATION", "FIRE", ""])
    def test_of_another_kind_none_is_opened(self, mandate, kind):
        with pytest.raises(Invalid, match="kind is"):
            opened(kind)
        assert not Incident.objects.exists()

    def test_one_without_a_title_is_refused(self, mandate):
        with pytest.raises(Invalid, match="needs a title"):
            opened(title=" ")


class TestResuming:
    @pytest.mark.parametrize("kind", ["ROLLBACK", "SECURITY"])
    def test_it_waits_until_the_incident_is_resolved_with_a_note(self, mandate, operator, kind):
        Mandate.objects.update(halted=True, halted_at=NOON)
        row = opened(kind)
        with pytest.raises(ServiceRefused, match=f"incident {row.pk} is open"):
            resume("main", by=operator, reason="go on")
        resolve_incident(row, by=operator, note="looked at, and clear", at=NOON)

        assert not resume("main", by=operator, reason="go on").halted

    def test_all_obstacles_are_told_gravest_first(self, mandate):
        open_or_extend("main", title="c", evidence={}, by_name="test", at=NOON)
        opened("ROLLBACK", "b")
        opened("SECURITY", "a")

        assert [said.message[-1] for said in resume_obstacles("main")] == ["a", "b", "c"]

    def test_what_is_under_way_keeps_a_halt(self, mandate, operator, settings):
        settings.RESUME_GUARDS = ["tests.checks.test_incidents.still_going_down"]
        Mandate.objects.update(halted=True, halted_at=NOON)

        with pytest.raises(ServiceRefused, match="main goes down"):
            resume("main", by=operator, reason="go on")


def still_going_down(account):
    return f"{account} goes down"


class TestSecurity:
    def test_it_halts_at_once_and_says_who_saw_it(self, mandate, viewer, settings):
        row = report_security("main", title="the key is on a stick", by=viewer, at=NOON)

        assert (row.kind, row.title) == ("SECURITY", "the key is on a stick")
        assert row.evidence["last"]["by"] == "vera"
        mandate.refresh_from_db()
        assert (mandate.halted, mandate.halt_code) == (True, "SECURITY_INCIDENT")
        assert kill_file.read(settings.KILL_FILE).code == "SECURITY_INCIDENT"
        actions = list(AuditEvent.objects.order_by("sequence").values_list("action", flat=True))
        assert actions == ["mandate.halt", "incident.open"]

    def test_without_a_role_or_a_title_nothing_happens(self, mandate, nobody, viewer, settings):
        with pytest.raises(NotPermitted):
            report_security("main", title="x", by=nobody, at=NOON)
        with pytest.raises(Invalid):
            report_security("main", title=" ", by=viewer, at=NOON)

        assert not Incident.objects.exists()
        assert not kill_file.is_set(settings.KILL_FILE)

    def test_the_command(self, mandate, capsys):
        call_command("open_incident", "--kind", "SECURITY", "--title", "a stick was lost")

        row = Incident.objects.get()
        assert row.title == "a stick was lost"
        assert f"incident {row.pk} is open" in capsys.readouterr().out

    def test_the_command_opens_no_other_kind(self, mandate):
        with pytest.raises(CommandError, match="SECURITY"):
            call_command("open_incident", "--kind", "ROLLBACK", "--title", "x")
        assert not Incident.objects.exists()


class TestApi:
    def test_anybody_with_a_role_opens_one(self, mandate, viewer):
        answer = Caller(viewer).post(
            "/api/incidents", {"title": "a stick was lost", "details": "in the train"}
        )

        assert answer.status_code == 200, answer.content
        said = answer.json()
        assert (said["kind"], said["state"], said["title"]) == (
            "SECURITY",
            "OPEN",
            "a stick was lost",
        )
        assert said["reconciliation"] is None
        assert said["evidence"]["details"] == "in the train"

    @pytest.mark.parametrize(
        ("body", "field"),
        [({}, "title"), ({"title": "x", "kind": "ROLLBACK"}, "kind"), ({"title": ""}, "title")],
    )
    def test_what_it_does_not_take(self, mandate, viewer, body, field):
        answer = Caller(viewer).post("/api/incidents", body)

        assert answer.status_code == 400
        assert error_of(answer)["field"] == field
        assert not Incident.objects.exists()

    def test_without_a_role_it_is_refused(self, mandate, nobody):
        assert Caller(nobody).post("/api/incidents", {"title": "x"}).status_code == 403

    def test_the_list_has_all_kinds(self, mandate, viewer):
        opened()
        opened("SECURITY", "a stick")

        said = Caller(viewer).get("/api/incidents", kind="ROLLBACK").json()["items"]
        assert [one["evidence"] for one in said] == [{"number": 1}]
        assert len(Caller(viewer).get("/api/incidents").json()["items"]) == 2


class TestPages:
    def test_a_security_incident_is_opened_on_a_page(self, mandate, operator, client):
        client.force_login(operator)
        page = client.get("/admin/trading/incident/")
        assert "/admin/trading/incident/report/" in page.content.decode()
        client.post("/admin/trading/incident/report/", {"title": "a stick", "reason": "in a train"})

        row = Incident.objects.get()
        assert (row.title, row.evidence["last"]["details"]) == ("a stick", "in a train")

    @pytest.mark.parametrize("kind", ["ROLLBACK", "SECURITY"])
    def test_its_page_shows_the_evidence(self, mandate, operator, client, kind):
        row = opened(kind, evidence={"rollback": 7, "details": "in the train"})
        client.force_login(operator)
        page = client.get(f"/admin/trading/incident/{row.pk}/change/")

        assert page.status_code == 200
        assert "in the train" in page.content.decode()
        link = '/admin/rollbacks/7/"' in page.content.decode()
        assert link is (kind == "ROLLBACK")
