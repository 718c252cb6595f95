"""The phases over REST: the ladder, one rung, and judging now."""

import pytest

from checks.models import Evaluation
from polyarb_site.audit.models import AuditEvent
from tests.api.openapi import undescribed
from tests.checks import s1_facts as made

pytestmark = pytest.mark.django_db


@pytest.fixture
def shadow(profile):
    return made.a_sound_shadow(profile)


class TestReading:
    @pytest.mark.parametrize(
        ("address", "path"),
        [
            ("/api/phases", "/api/phases"),
            ("/api/phases/0", "/api/phases/{number}"),
            ("/api/phases/3", "/api/phases/{number}"),
            ("/api/phases/9", "/api/phases/{number}"),
        ],
    )
    @pytest.mark.parametrize("judged", [False, True])
    def test_it_answers_as_described(self, client, viewer, operator, shadow, address, path, judged):
        if judged:
            client.force_login(operator)
            client.post("/api/phases/evaluate", {}, content_type="application/json")
        client.force_login(viewer)

        response = client.get(address)

        assert response.status_code == (404 if address.endswith("9") else 200)
        assert undescribed(path, "GET", response) == []

    def test_it_is_the_ladder(self, client, viewer, shadow):
        client.force_login(viewer)

        found = client.get("/api/phases").json()

        assert [one["state"] for one in found["phases"]] == ["present", "next", "later", "later"]
        assert client.get("/api/phases/1").json()["name"] == "Micro-Live"

    def test_nobody_reads_it_without_a_role(self, client, nobody, shadow):
        assert client.get("/api/phases").status_code == 401
        client.force_login(nobody)
        assert client.get("/api/phases").status_code == 403


class TestJudging:
    def test_it_is_kept_and_recorded(self, client, operator, shadow):
        client.force_login(operator)

        response = client.post("/api/phases/evaluate", {}, content_type="application/json")

        assert response.status_code == 200
        assert undescribed("/api/phases/evaluate", "POST", response) == []
        kept = Evaluation.objects.get()
        assert response.json()["sha256"] == kept.sha256
        assert response.json()["by"] == "otto"
        assert AuditEvent.objects.filter(action="criteria.evaluate").count() == 1

    def test_a_viewer_may_not(self, client, viewer, shadow):
        client.force_login(viewer)

        response = client.post("/api/phases/evaluate", {}, content_type="application/json")

        assert response.status_code == 403
        assert Evaluation.objects.count() == 0

    def test_it_takes_nothing(self, client, operator, shadow):
        client.force_login(operator)

        response = client.post(
            "/api/phases/evaluate", {"verdict": "PASS"}, content_type="application/json"
        )

        assert response.status_code == 400
        assert Evaluation.objects.count() == 0
