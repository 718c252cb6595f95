"""The faults that were found in the system we come from. Each test is named by the fault's id."""

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.urls import resolve

from polyarb_site.audit.models import AuditEvent
from polyarb_site.environment import Environment
from tests.api.building import Caller, error_of
from tests.conftest import make_profile
from trading.models import Mandate, Profile

KEY = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
SCALED = "live_scaled_atomic_v1"


class TestA1OnePostFromAnybodyTurnsLiveOn:
    def test_a1_without_an_account_nothing_is_applied(self, anonymous, mandate):
        make_profile(SCALED)

        response = anonymous.post(f"/api/profiles/{SCALED}/apply", {"reason": "mine now"})

        assert response.status_code == 401
        assert Mandate.objects.get().profile is None
        assert Mandate.objects.get().mode == "SHADOW"

    def test_a1_not_even_an_admin_turns_live_on_by_applying(self, boss, mandate):
        make_profile(SCALED)

        response = boss.post(f"/api/profiles/{SCALED}/apply", {"reason": "shortcut"})

        assert response.status_code == 409
        assert error_of(response)["code"] == "PROFILE_DOES_NOT_FIT_PHASE"
        assert Mandate.objects.get().mode == "SHADOW"

    def test_a1_no_other_site_may_ask_or_read(self, boss, mandate):
        headers = {
            **boss.headers,
            "Origin": "https://evil.example",
            "Access-Control-Request-Method": "POST",
        }
        for method in ("get", "options", "post"):
            response = getattr(boss.client, method)("/api/profiles", headers=headers)
            allowed = [name for name in response.headers if name.startswith("Access-Control")]
            assert allowed == []

    def test_a1_a_page_of_another_site_cannot_use_the_login(self, admin_user, mandate):
        from django.test import Client

        client = Client(enforce_csrf_checks=True)
        client.force_login(admin_user)

        response = client.post(
            f"/api/profiles/{SCALED}/apply",
            data='{"reason": "hidden form"}',
            content_type="text/plain",  # what a foreign page may send without asking
            headers={"Origin": "https://evil.example"},
        )

        assert response.status_code == 403
        assert error_of(response)["code"] == "CSRF_FAILED"

    def test_a1_the_portal_listens_on_this_machine_alone_unless_told(self):
        assert django_settings.HOST == "127.0.0.1"
        assert Environment({}).text("POLYARB_HOST", "127.0.0.1") == "127.0.0.1"
        assert "*" not in django_settings.ALLOWED_HOSTS


class TestA2TheAuditHandsOutThePrivateKey:
    @pytest.fixture
    def told(self, boss, mandate):
        """Everything that can be read after somebody put a key wherever they could."""
        profile = make_profile("live_shadow_atomic_v1")
        Profile.objects.filter(pk=profile.pk).update(
            values={**profile.values, "PRIVATE_KEY": KEY},
            base_values={**profile.base_values, "private_key": f"0x{KEY}"},
        )
        answers = [
            boss.post("/api/emergency_stop", {"reason": f"rotated {KEY}"}),
            boss.post("/api/resume", {"reason": f"key 0x{KEY} is safe"}),
            boss.post("/api/engine/start_shadow", {"reason": f"with {KEY.upper()}"}),
        ]
        answers += [
            boss.get(path)
            for path in (
                "/api/audit/config_changes",
                "/api/profiles",
                "/api/profiles/live_shadow_atomic_v1",
                "/api/status",
                "/api/events",
                "/metrics",
            )
        ]
        return "".join(answer.content.decode() for answer in answers)

    def test_a2_no_answer_holds_it(self, told):
        assert KEY not in told.lower()

    def test_a2_no_record_holds_it(self, told):
        stored = repr(list(AuditEvent.objects.values())) + repr(list(Mandate.objects.values()))

        assert KEY not in stored.lower()
        assert AuditEvent.objects.filter(action="mandate.resume").exists()

    def test_a2_nobody_reads_the_audit_without_an_account_and_a_role(self, anonymous, stranger):
        assert anonymous.get("/api/audit/config_changes").status_code == 401
        assert stranger.get("/api/audit/config_changes").status_code == 403


class TestA3RoutesShadowEachOtherAndEveryErrorCrashes:
    def test_a3_rollback_is_reached_and_is_no_profile(self, boss, mandate):
        from trading.api.profiles import RollbackProfileView

        found: Any = resolve("/api/profiles/rollback").func
        assert found.view_class is RollbackProfileView
        assert boss.get("/api/profiles/rollback").status_code == 405

        response = boss.post("/api/profiles/rollback", {"reason": "back"})

        assert error_of(response)["code"] == "NO_EARLIER_PROFILE"

    def test_a3_no_address_is_hidden_behind_another(self):
        from trading.api.urls import urlpatterns

        for pattern in urlpatterns:
            path = "/api/" + str(pattern.pattern).replace("<str:name>", "some_profile").replace(
                "<int:number>", "1"
            )
            assert resolve(path).url_name == pattern.name

    @pytest.mark.parametrize(
        ("method", "path", "body", "status"),
        [
            ("POST", "/api/profiles/rollback", None, 400),
            ("POST", "/api/profiles/nothing/apply", {"reason": "x"}, 404),
            ("GET", "/api/profiles/nothing", None, 404),
            ("POST", "/api/profiles/rollback", {"reason": "x"}, 409),
            ("DELETE", "/api/profiles/rollback", None, 405),
        ],
    )
    def test_a3_every_error_answers_with_its_shape(self, method, path, body, status, boss, mandate):
        response = boss.ask(method, path, body)

        assert response.status_code == status
        error_of(response)


class TestA4NumbersAreInvented:
    def test_a4_nothing_is_said_of_an_engine_that_never_ran(self, reader, mandate):
        answer = reader.get("/api/status").json()

        assert answer["feed"]["connected"] is None
        assert answer["money"]["exposure"] is None
        assert answer["money"]["realised_today"] is None
        assert answer["breaker"]["state"] is None

    def test_a4_nothing_changes_by_asking_twice(self, viewer, mandate, monkeypatch):
        from tests.helpers.clocks import FixedClock
        from trading.api.status import StatusView

        monkeypatch.setattr(StatusView, "clock", FixedClock())
        caller = Caller(viewer)

        assert caller.get("/api/status").json() == caller.get("/api/status").json()
