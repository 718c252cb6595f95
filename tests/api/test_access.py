"""Who may ask what: every address, with every role, with and without an account."""

from contextlib import contextmanager

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import get_resolver

from polyarb_site.rest.permissions import may
from tests.api.alert_building import RULE, VALUES
from tests.api.building import Caller, error_of
from trading.models import Mandate

READERS = {"viewer", "operator", "approver", "admin"}

NAME = "live_shadow_atomic_v1"
REASON = {"reason": "the test asks"}
APPROVAL = {"comment": "seen", "password": "a password", "binding_sha256": "0" * 64}

READS = (
    "/api/status",
    "/api/wallet",
    "/api/capital",
    "/api/profiles",
    f"/api/profiles/{NAME}",
    "/api/audit/config_changes",
    "/api/trades",
    "/api/trades.csv",
    "/api/sets",
    "/api/opportunities",
    "/api/events",
    "/api/reconciliations",
    "/api/incidents",
    "/api/replays",
    "/api/alerts",
    "/api/alerts/1",
    "/api/alerts/state",
    "/api/alerts/history",
    "/api/alerts/history.csv",
    "/api/alerts/rules",
    f"/api/alerts/rules/{RULE}",
    "/api/alerts/silences",
    "/api/alerts/channels",
    "/api/alerts/deliveries",
    "/api/alerts/deliveries.csv",
    "/api/reports/daily",
    "/api/reports/daily/20260302",
    "/api/reports/daily/20260302/md",
    "/api/reports/daily/20260302/html",
    "/api/reports/daily/20260302/csv",
    "/api/reports/daily/20260302/pdf",
    "/api/promotions",
    "/api/promotions/1",
    "/api/approvers",
    "/api/backups",
    "/api/phases",
    "/api/phases/1",
    "/api/rollbacks",
    "/api/rollbacks/1",
    "/api/drills",
    "/api/checks/runs",
    "/api/checks/runs/1",
    "/api/checks/catalogue",
    "/api/checks/attestations",
    "/api/ledger",
    "/api/ledger.csv",
    "/api/accounting",
    "/api/schema",
    "/api/docs",
    "/api/docs/start.js",
    "/metrics",
)
# Who may, the body, and the answer to who may: a refusal by the state counts as allowed to ask.
WRITES = {
    "/api/emergency_stop": ({*READERS, "no-role"}, REASON, 200),
    "/api/wallet/check": (READERS, REASON, 200),
    "/api/incidents": (READERS, {"title": "the test asks"}, 200),
    "/api/resume": ({"operator", "admin"}, REASON, 409),
    "/api/engine/start_shadow": ({"operator", "admin"}, {}, 200),
    "/api/engine/start_simulated": ({"operator", "admin"}, {"profile": NAME}, 409),
    "/api/engine/stop": ({"operator", "admin"}, {}, 409),
    f"/api/profiles/{NAME}": ({"admin"}, {"values": {"TRADE_SIZE": "1"}, **REASON}, 409),
    f"/api/profiles/{NAME}/apply": ({"admin"}, REASON, 200),
    "/api/profiles/rollback": ({"admin"}, REASON, 409),
    "/api/capital": ({"admin"}, {"amount": "5", **REASON}, 409),
    "/api/incidents/1/resolve": ({"operator", "admin"}, {"note": "the test asks"}, 404),
    "/api/alerts/1/ack": ({"operator", "admin"}, {"comment": "mine"}, 404),
    "/api/alerts/1/unack": ({"operator", "admin"}, {"comment": "not mine"}, 404),
    "/api/alerts/1/comment": ({"operator", "admin"}, {"comment": "seen"}, 404),
    "/api/alerts/1/resolve": ({"operator", "admin"}, {"note": "the test asks"}, 404),
    "/api/alerts/rules": ({"admin"}, {"rule": VALUES, **REASON}, 200),
    "/api/alerts/rules/dry_run": (READERS, {"rule": VALUES}, 200),
    "/api/alerts/silences": ({"operator", "admin"}, {**REASON, "ends_at": "2026-03-01"}, 400),
    "/api/alerts/silences/1/end": ({"operator", "admin"}, REASON, 404),
    "/api/alerts/channels": ({"admin"}, {"name": "office", "kind": "WEBHOOK"}, 400),
    "/api/alerts/channels/1/remove": ({"admin"}, REASON, 404),
    "/api/checks/runs": ({"operator", "approver", "admin"}, {}, 202),
    "/api/checks/attestations": (
        {"operator", "approver", "admin"},
        {"kind": "RUNBOOK_READ", "note": "read"},
        200,
    ),
    "/api/checks/attestations/1/revoke": ({"operator", "approver", "admin"}, REASON, 404),
    "/api/reports/daily": ({"operator", "admin"}, {"day": "2026-03-02"}, 200),
    "/api/alerts/channels/1/test": ({"admin"}, {}, 404),
    "/api/promotions": ({"operator", "admin"}, REASON, 409),
    "/api/promotions/1/approve": ({"approver", "admin"}, APPROVAL, 404),
    "/api/promotions/1/reject": ({"approver", "admin"}, {"comment": "no"}, 404),
    "/api/promotions/1/withdraw": ({"operator", "admin"}, REASON, 404),
    "/api/approvers": ({"admin"}, {"approvers": 3, **REASON}, 200),
    "/api/backups": ({"operator", "admin"}, REASON, 202),
    "/api/phases/evaluate": ({"operator", "approver", "admin"}, {}, 200),
    "/api/rollback": ({"operator", "approver", "admin"}, REASON, 200),
    "/api/drills": ({"operator", "admin"}, {"kind": "BREAKER"}, 409),
    "/api/start_live": ({"operator", "admin"}, REASON, 409),
}
DRY_RUN = {**REASON, "dry_run": True}


class TestReading:
    @pytest.mark.parametrize("path", READS)
    def test_needs_a_role(self, path, people, facts):
        for role, person in people.items():
            response = Caller(person).get(path)

            if role in READERS:
                assert response.status_code == 200, role
            elif role == "anonymous":
                assert response.status_code == 401
                assert error_of(response)["code"] == "NOT_AUTHENTICATED"
                assert response.headers["WWW-Authenticate"] == "Token"
            else:
                assert response.status_code == 403
                assert error_of(response)["code"] == "NOT_ALLOWED"

    def test_by_login_is_the_same_as_by_token(self, people, facts):
        for role, person in people.items():
            client = Client()
            if person is not None:
                client.force_login(person)
            caller = Caller(person)
            for path in READS:
                answers = client.get(path).status_code, caller.get(path).status_code
                assert answers[0] == answers[1], (role, path)

    def test_a_dry_run_is_reading(self, people, profile, mandate):
        expected = dict.fromkeys(READERS, 200) | {"no-role": 403, "anonymous": 401}
        for role, person in people.items():
            response = Caller(person).post(f"/api/profiles/{NAME}/apply", DRY_RUN)

            assert response.status_code == expected[role], role
        assert Mandate.objects.get().profile is None


@pytest.mark.parametrize("path", WRITES)
class TestWriting:
    def test_needs_the_role_that_may(self, path, people, profile, mandate):
        allowed, body, done = WRITES[path]
        for role, person in people.items():
            before = Mandate.objects.values().get()
            caller = Caller(person)
            with savepoint():
                response = caller.post(path, body)
                after = Mandate.objects.values().get()

            if role in allowed:
                assert response.status_code == done, role
                continue
            assert response.status_code == (401 if role == "anonymous" else 403), role
            assert error_of(response)["code"] in ("NOT_AUTHENTICATED", "NOT_ALLOWED")
            assert after == before

    def test_by_login_needs_the_csrf_token(self, path, people, profile, mandate):
        before = Mandate.objects.values().get()
        for role, person in people.items():
            client = Client(enforce_csrf_checks=True)
            if person is not None:
                client.force_login(person)

            response = client.post(path, data=WRITES[path][1], content_type="application/json")

            assert response.status_code == (401 if role == "anonymous" else 403)
            if role != "anonymous":
                assert error_of(response)["code"] == "CSRF_FAILED"
        assert Mandate.objects.values().get() == before


class TestRule:
    """What a rule says is what Django's own permissions say."""

    PERMISSIONS = ("trading.view_trade", "trading.resume_trading", "audit.view_auditevent")

    def test_agrees_with_django_for_every_account(self, people, django_user_model):
        people["superuser"] = django_user_model.objects.create(username="s", is_superuser=True)
        alone = django_user_model.objects.create(username="alone")
        alone.user_permissions.add(Permission.objects.get(codename="view_trade"))
        people["alone"] = alone
        for active in (True, False):
            django_user_model.objects.update(is_active=active)
            for role, person in people.items():
                for permission in self.PERMISSIONS if person else ():
                    user = django_user_model.objects.get(pk=person.pk)
                    assert may(permission)(user) == user.has_perm(permission), (role, permission)


class TestLogin:
    def test_writes_with_the_csrf_token_of_the_page(self, operator, profile, mandate):
        client = Client(enforce_csrf_checks=True)
        client.force_login(operator)
        client.cookies["csrftoken"] = "a" * 32

        response = client.post(
            "/api/engine/start_shadow",
            data={},
            content_type="application/json",
            headers={"X-CSRFToken": "a" * 32},
        )

        assert response.status_code == 200

    def test_reads_nothing_with_the_first_password_and_halts_all_the_same(
        self, viewer, mandate, settings
    ):
        from polyarb_site import one_time_password

        one_time_password.give(viewer)
        viewer.save()
        client = Client()
        client.force_login(viewer)

        refused = client.get("/api/trades")
        halted = client.post("/api/emergency_stop")

        assert error_of(refused)["code"] == "PASSWORD_CHANGE_REQUIRED"
        assert halted.status_code == 200

    def test_of_an_account_that_was_switched_off_is_over(self, viewer):
        client = Client()
        client.force_login(viewer)
        viewer.is_active = False
        viewer.save()

        assert client.get("/api/trades").status_code == 401


class TestToken:
    def test_is_also_taken_as_bearer(self, viewer, db):
        caller = Caller(viewer)
        caller.headers["Authorization"] = caller.headers["Authorization"].replace("Token", "Bearer")

        assert caller.get("/api/trades").status_code == 200

    @pytest.mark.parametrize(
        "header",
        [
            "Token",
            "Token ",
            "Token nonsense",
            "Token polyarb_" + "a" * 40,
            "Bearer polyarb_" + "é" * 40,
            "Token a b",
            "Token " + "a" * 10_000,
        ],
    )
    def test_that_is_none_is_refused(self, header, anonymous):
        anonymous.headers["Authorization"] = header

        response = anonymous.get("/api/trades")

        assert response.status_code == 401
        assert error_of(response)["code"] == "BAD_CREDENTIALS"

    def test_of_an_account_that_was_switched_off_is_refused(self, viewer):
        caller = Caller(viewer)
        viewer.is_active = False
        viewer.save()

        assert error_of(caller.get("/api/trades"))["code"] == "BAD_CREDENTIALS"

    def test_as_it_is_stored_opens_nothing(self, viewer):
        from rest_framework.authtoken.models import Token

        caller = Caller(viewer)
        stored = Token.objects.get(user=viewer).key
        caller.headers["Authorization"] = f"Token {stored}"

        assert stored not in str(Caller(viewer).headers)
        assert caller.get("/api/trades").status_code == 401

    def test_wins_over_nothing_when_another_scheme_is_sent(self, viewer):
        client = Client()
        client.force_login(viewer)

        answer = client.get("/api/trades", headers={"Authorization": "Basic dTpw"})

        assert answer.status_code == 200  # a proxy's own login is none of ours


@contextmanager
def savepoint():
    """Undo what is done inside, in the database and the kill file."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    settings.KILL_FILE.unlink(missing_ok=True)


def addresses():
    """Return every address of the site that a program may ask for, with its parts filled in."""
    found = []
    parts = {"<str:name>": NAME, "<int:number>": "1", "<str:rule>": RULE}
    parts["<str:day>"] = "20260302"
    for app in ("trading", "alerts", "reports", "checks"):
        patterns = f"{app}.api.urls"
        for pattern in get_resolver(patterns).url_patterns:
            address = f"/api/{pattern.pattern}"
            for part, value in parts.items():
                address = address.replace(part, value)
            found.append(address)
    return [*found, "/metrics"]


class TestNoAddressIsForgotten:
    def test_each_is_in_the_matrix(self):
        assert set(addresses()) == {*READS, *WRITES}

    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    def test_none_tells_anything_without_an_account(self, method, anonymous, facts):
        for path in (*READS, *WRITES):
            response = anonymous.ask(method, path)

            assert response.status_code == 401, path
            assert b"0xaa" not in response.content
            assert "Access-Control-Allow-Origin" not in response.headers

    def test_each_answers_with_and_without_a_slash_alike(self, boss, facts):
        for path in (*READS, *WRITES):
            method, body = ("POST", WRITES[path][1]) if path in WRITES else ("GET", None)

            with savepoint():
                plain = boss.ask(method, path, body)
            with savepoint():
                slashed = boss.ask(method, f"{path}/", body)

            assert plain.status_code == slashed.status_code < 500, path
            assert plain.status_code not in (301, 302, 404), path

    def test_each_refuses_other_methods_by_name(self, boss, mandate):
        for path in (*READS, *WRITES):
            asked = (("GET", READS), ("POST", WRITES))
            known = {method for method, paths in asked if path in paths}
            cache.clear()  # so many refusals in a minute would be throttled
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - known:
                response = boss.ask(method, path)

                assert response.status_code == 405, (method, path)
                assert error_of(response)["code"] == "METHOD_NOT_ALLOWED"
                assert known <= set(response.headers["Allow"].split(", "))
