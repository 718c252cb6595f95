"""The OpenAPI description is complete, true, and made without a warning."""

import io
import re

import pytest
from django.core.management import call_command
from django.urls import Resolver404, resolve

from alerts.api.urls import urlpatterns as alert_patterns
from checks.api.urls import urlpatterns as check_patterns
from reports.api.urls import urlpatterns as report_patterns
from tests.api.alert_building import RULE
from tests.api.building import make_note, make_opportunity, make_set, make_trades
from tests.api.openapi import description, faults, operations, undescribed
from tests.conftest import make_profile
from trading.api.urls import urlpatterns

NOT_DESCRIBED = {"api-schema", "api-docs", "api-docs-script"}  # they are the description
NAME = "live_shadow_atomic_v1"
REASON = {"reason": "the test asks"}


def done_status(operation):
    """Return the one status of an answer to what is done, or is going to be."""
    (status,) = {"200", "202"} & set(operation["responses"])
    return status


def test_it_is_made_without_a_warning_and_is_valid():
    out = io.StringIO()

    call_command(
        "spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=out
    )

    assert '"openapi":' in out.getvalue()


def test_it_holds_every_address_and_no_other():
    expected = {
        "/api/" + re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern))
        for pattern in (*urlpatterns, *alert_patterns, *report_patterns, *check_patterns)
        if pattern.name not in NOT_DESCRIBED
    }

    assert set(description()["paths"]) == expected


@pytest.mark.parametrize(
    ("path", "method", "operation"), operations(), ids=lambda part: str(part)[:40]
)
class TestEachOperation:
    def test_says_what_it_is_how_to_call_it_and_how_it_fails(self, path, method, operation):
        assert operation["summary"]
        assert operation["operationId"]
        assert operation["tags"]
        assert "curl" in operation["description"]
        assert path.split("{")[0] in operation["description"]
        assert {"401", "403", "500", "503"} <= set(operation["responses"])
        assert done_status(operation)
        assert operation["security"] == [{"token": []}, {"session": []}]

    def test_shows_an_example_that_fits(self, path, method, operation):
        content = operation["responses"][done_status(operation)]["content"]
        if "application/json" not in content:  # a file
            return
        examples = content["application/json"]["examples"]
        schema = content["application/json"]["schema"]

        assert examples
        for example in examples.values():
            assert faults(schema, example["value"]) == []

    def test_describes_each_parameter(self, path, method, operation):
        for parameter in operation.get("parameters", []):
            assert parameter["schema"]
            assert parameter["in"] == "path" or parameter["description"]

    def test_shows_a_call_that_resolves(self, path, method, operation):
        line = operation["description"].split("http://127.0.0.1:8083")[1]
        address = line.split()[0].strip("'").split("?")[0]

        try:
            resolve(address)
        except Resolver404:
            pytest.fail(f"the example of {path} asks for {address}")


def test_every_choice_of_words_has_a_name():
    inline = [
        f"{name}.{field}"
        for name, schema in description()["components"]["schemas"].items()
        for field, part in schema.get("properties", {}).items()
        if "enum" in part
    ]

    assert inline == []


def test_bodies_and_answers_have_no_other_keys_than_those_named():
    opened = [
        name
        for name, schema in description()["components"]["schemas"].items()
        if schema.get("type") == "object" and schema.get("additionalProperties") is not False
    ]

    assert opened == []


class TestTrueAnswers:
    """What is really sent fits what is described, in every state that is easily had."""

    @pytest.mark.parametrize(
        ("template", "path"),
        [
            ("/api/status", "/api/status"),
            ("/api/wallet", "/api/wallet"),
            ("/api/capital", "/api/capital?money=PLAY"),
            ("/api/profiles", "/api/profiles"),
            ("/api/profiles/{name}", f"/api/profiles/{NAME}"),
            ("/api/audit/config_changes", "/api/audit/config_changes"),
            ("/api/trades", "/api/trades?limit=2"),
            ("/api/sets", "/api/sets"),
            ("/api/opportunities", "/api/opportunities"),
            ("/api/events", "/api/events"),
            ("/api/reconciliations", "/api/reconciliations?verdict=MISMATCH"),
            ("/api/incidents", "/api/incidents?state=OPEN"),
            ("/api/replays", "/api/replays?verdict=DIFFERENT"),
            ("/api/alerts", "/api/alerts?level=CRITICAL"),
            ("/api/alerts/{number}", "/api/alerts/1"),
            ("/api/alerts/state", "/api/alerts/state?resolved=true"),
            ("/api/alerts/history", "/api/alerts/history?alert=1"),
            ("/api/alerts/rules", "/api/alerts/rules"),
            ("/api/alerts/rules/{rule}", f"/api/alerts/rules/{RULE}"),
            ("/api/alerts/silences", "/api/alerts/silences"),
            ("/api/alerts/channels", "/api/alerts/channels"),
            ("/api/alerts/deliveries", "/api/alerts/deliveries?channel=office"),
            ("/api/reports/daily", "/api/reports/daily?kind=DAILY"),
            ("/api/backups", "/api/backups?kind=MANUAL"),
            ("/api/phases", "/api/phases"),
            ("/api/phases/{number}", "/api/phases/1"),
            ("/api/promotions", "/api/promotions"),
            ("/api/promotions/{number}", "/api/promotions/1"),
            ("/api/approvers", "/api/approvers"),
            ("/api/rollbacks", "/api/rollbacks"),
            ("/api/rollbacks/{number}", "/api/rollbacks/1"),
            ("/api/drills", "/api/drills"),
            ("/api/checks/runs", "/api/checks/runs/?phase=1"),
            ("/api/checks/runs/{number}", "/api/checks/runs/1"),
            ("/api/checks/catalogue", "/api/checks/catalogue"),
            ("/api/checks/attestations", "/api/checks/attestations"),
            ("/api/reports/daily/{day}", "/api/reports/daily/2026-03-02?revision=1"),
        ],
    )
    def test_of_reading(self, template, path, boss, facts):
        boss.post(f"/api/profiles/{NAME}/apply", REASON)
        make_set(facts, 2, realised_micro=-5, state="UNWOUND")
        make_opportunity(facts, 2, edge_micro=-1, set_id="main-1-s2", refusal="", ladder=[])
        make_note(facts, 2, level="CRITICAL", condition_id="0xaa")

        response = boss.client.get(path, headers=boss.headers)

        assert response.status_code == 200
        assert undescribed(template, "GET", response) == []
        assert response.json().get("items") != []

    @pytest.mark.parametrize("state", ["nothing", "mandate", "stale", "halted", "ended"])
    def test_of_the_status_in_every_state(self, state, boss, request):
        if state != "nothing":
            request.getfixturevalue("mandate")
        if state in ("stale", "ended"):
            session = request.getfixturevalue("facts")
            if state == "ended":
                session.state, session.ended_at = "STOPPED", session.started_at
                session.save()
        if state == "halted":
            boss.post("/api/emergency_stop", {"reason": "x"})

        response = boss.get("/api/status")

        assert undescribed("/api/status", "GET", response) == []

    def test_of_acting(self, boss, mandate):
        make_profile(NAME)
        make_profile(NAME, 2, MAX_SLIPPAGE="0.015")
        make_profile("live_safe_atomic_v1")
        apply = f"/api/profiles/{NAME}/apply"
        template = "/api/profiles/{name}/apply"
        resolve = "/api/incidents/{number}/resolve"
        for asked, path, body in (
            (template, apply, {**REASON, "dry_run": True}),
            (template, apply, REASON),
            (template, apply, REASON),  # 409
            (template, apply, {}),  # 400
            (template, apply, {**REASON, "revision": 1}),
            ("/api/profiles/rollback", None, REASON),
            ("/api/engine/start_shadow", None, {}),
            ("/api/engine/start_shadow", None, {}),  # 409
            ("/api/engine/stop", None, {}),
            ("/api/engine/start_simulated", None, {}),  # 404
            ("/api/engine/start_simulated", None, {"profile": "live_safe_atomic_v1"}),
            ("/api/engine/stop", None, {}),
            ("/api/emergency_stop", None, {}),
            ("/api/resume", None, REASON),
            ("/api/resume", None, {"reason": 1}),  # 400
            (resolve, "/api/incidents/7/resolve", {"note": "x"}),  # 404
            (resolve, "/api/incidents/7/resolve", {}),  # 400
            ("/api/capital", None, {**REASON, "amount": "x"}),  # 400
            ("/api/capital", None, {**REASON, "amount": "5"}),  # 409
            ("/api/backups", None, {"reason": "before the update"}),
            ("/api/backups", None, {}),  # 409
            ("/api/phases/evaluate", None, {}),
            ("/api/drills", None, {}),
            ("/api/promotions", None, REASON),  # 409
            ("/api/start_live", None, REASON),  # 409
            ("/api/reports/daily", None, {"day": "2026-03-02"}),
            ("/api/reports/daily", None, {"day": "2026-3-2"}),  # 400
            ("/api/reports/daily", None, {"day": "21990101"}),  # 400
        ):
            response = boss.post(path or asked, body)

            assert undescribed(asked, "POST", response) == [], (asked, body)

    def test_of_refusing(self, anonymous, stranger, boss, mandate):
        for path, method, _ in operations():
            address = path.replace("{number}", "7").replace("{day}", "20260302")
            for part in ("{name}", "{rule}"):
                address = address.replace(part, "nothing")
            if method == "POST" and path != "/api/emergency_stop":
                large = boss.post(address, raw=b" " * 20_000)
                assert undescribed(path, "POST", large) == [], path
                foreign = boss.post(address, raw=b"x", content_type="text/plain")
                assert undescribed(path, "POST", foreign) == [], path
            for caller in (anonymous, stranger):
                response = caller.ask(method, address)
                assert undescribed(path, method, response) == [], path


def test_a_page_of_trades_is_what_is_described(reader, session):
    make_trades(session, 3)
    first = reader.get("/api/trades", limit=2)
    last = reader.get("/api/trades", limit=2, cursor=first.json()["next_cursor"])

    assert undescribed("/api/trades", "GET", first) == []
    assert undescribed("/api/trades", "GET", last) == []
    assert last.json()["next_cursor"] is None
