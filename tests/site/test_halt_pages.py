"""The pages of halting and resuming: one is easy on purpose, the other is not."""

import pytest

from tests.api.building import make_incident, make_reconciliation, make_session
from trading.models import Mandate

pytestmark = pytest.mark.django_db


@pytest.fixture
def logged_in(client, viewer):
    client.force_login(viewer)
    return client


class TestHaltingByForm:
    def test_halts_and_leads_back(self, logged_in, viewer, mandate):
        answer = logged_in.post(
            "/admin/halt/", {"reason": "odd fills", "next": "/admin/trading/market/"}
        )

        assert answer.headers["Location"] == "/admin/trading/market/"
        mandate.refresh_from_db()
        assert (mandate.halted, mandate.halt_reason, mandate.halted_by) == (
            True, "odd fills", "vera",
        )  # fmt: skip

    @pytest.mark.parametrize(
        "elsewhere",
        ["https://evil.example/", "//evil.example/", "/\\evil.example", "/api/", "/admin/\\\\evil"],
    )
    def test_leads_nowhere_else(self, logged_in, mandate, elsewhere):
        answer = logged_in.post("/admin/halt/", {"next": elsewhere})

        assert answer.headers["Location"] == "/admin/"

    def test_no_reason_is_too_long(self, logged_in, mandate):
        logged_in.post("/admin/halt/", {"reason": "x" * 5_000})

        assert Mandate.objects.get().halted

    def test_a_program_is_told_in_its_own_words(self, logged_in, mandate):
        answer = logged_in.post("/admin/halt/", headers={"Accept": "application/json"})

        assert answer.json()["halted"] is True
        assert answer.json()["cells"]["halted"] is True

    def test_that_nothing_was_halted_is_said_loudly(self, logged_in, mandate, monkeypatch):
        from trading.services import HaltFailed

        def fail(*_args, **_more):
            raise HaltFailed("nothing was halted: end the processes by hand")

        monkeypatch.setattr("polyarb_site.dashboard.views.halt", fail)

        page = logged_in.post("/admin/halt/")
        told = logged_in.post("/admin/halt/", headers={"Accept": "application/json"})

        assert page.status_code == told.status_code == 503
        assert "end the processes by hand" in page.content.decode()
        assert told.json()["halted"] is False


class TestResuming:
    @pytest.fixture
    def halted(self, logged_in, mandate):
        logged_in.post("/admin/halt/", {"reason": "odd fills"})
        return mandate

    def test_needs_both_answers_and_keeps_them(self, client, operator, halted):
        client.force_login(operator)
        assert client.post("/admin/resume/", {"reason": "looked"}).status_code == 200
        assert Mandate.objects.get().halted

        client.post("/admin/resume/", {"reason": "looked", "changed": "a new cable"})

        assert not Mandate.objects.get().halted
        from polyarb_site.audit.models import AuditEvent

        event = AuditEvent.objects.filter(action="mandate.resume").get()
        assert event.reason == "looked Changed: a new cable"

    def test_is_refused_to_who_may_not(self, logged_in, halted):
        answer = logged_in.post("/admin/resume/", {"reason": "x", "changed": "y"})

        assert Mandate.objects.get().halted
        assert "role operator" in answer.content.decode()

    def test_asks_for_the_password_again_when_money_is_real(self, client, operator, halted):
        Mandate.objects.update(mode="LIVE", phase=1)
        operator.set_password("a-long-password-of-otto")
        operator.save()
        client.force_login(operator)
        answers = {"reason": "looked", "changed": "a new cable"}

        wrong = client.post("/admin/resume/", {**answers, "password": "not-this"})
        assert "This is not your password." in wrong.content.decode()
        assert Mandate.objects.get().halted
        client.post("/admin/resume/", {**answers, "password": "a-long-password-of-otto"})

        assert not Mandate.objects.get().halted

    def test_because_of_an_incident_says_what_has_to_be_done_and_offers_no_button(
        self, client, operator, halted, profile
    ):
        session = make_session(profile)
        make_reconciliation(session)
        incident = make_incident(session)
        client.force_login(operator)

        page = client.get("/admin/resume/").content.decode()
        refused = client.post("/admin/resume/", {"reason": "looked", "changed": "nothing"})

        assert "Before trading can go on:" in page
        assert f"Incident {incident.pk} is open" in page
        assert f'href="/admin/trading/incident/{incident.pk}/change/"' in page
        assert "disabled" in page.split("Stay halted")[1].split("</button>")[0]
        assert f"incident {incident.pk} is open" in refused.content.decode()
        assert Mandate.objects.get().halted

    def test_by_a_person_asks_for_nothing_first(self, client, operator, halted):
        client.force_login(operator)
        page = client.get("/admin/resume/").content.decode()

        assert "Before trading can go on:" not in page
        assert "disabled" not in page.split("Stay halted")[1].split("</button>")[0]

    def test_of_what_is_not_halted_there_is_nothing_to_do(self, client, operator, mandate):
        client.force_login(operator)

        assert "Trading is not halted" in client.get("/admin/resume/").content.decode()
