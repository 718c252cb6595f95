"""Every refusal has one shape, says what was wrong and what to do, and changes nothing."""

import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.api.building import Caller, error_of
from trading.models import Mandate

RESUME = "/api/resume"


class TestQuery:
    @pytest.mark.parametrize(
        ("query", "field", "code"),
        [
            ("markt=0xaa", "markt", "UNKNOWN_PARAMETER"),
            ("MARKET=0xaa", "MARKET", "UNKNOWN_PARAMETER"),
            ("format=json", "format", "UNKNOWN_PARAMETER"),
            ("page=2", "page", "UNKNOWN_PARAMETER"),
            ("set_id__startswith=a", "set_id__startswith", "UNKNOWN_PARAMETER"),
            ("limit=5&limit=6", "limit", "INVALID"),
            ("market=", "market", "INVALID"),
            ("limit=0", "limit", "INVALID"),
            ("limit=501", "limit", "INVALID"),
            ("limit=-1", "limit", "INVALID"),
            ("limit=5.0", "limit", "INVALID"),
            ("limit=٥", "limit", "INVALID"),
            ("limit=" + "9" * 400, "limit", "INVALID"),
            ("state=confirmed", "state", "INVALID"),
            ("side=LEND", "side", "INVALID"),
            ("paper=yes", "paper", "INVALID"),
            ("paper=True", "paper", "INVALID"),
            ("market=a%00b", "market", "INVALID"),
            ("market=a'--", "market", "INVALID"),
            ("market=" + "a" * 81, "market", "INVALID"),
            ("since=yesterday", "since", "INVALID"),
            ("since=2026-13-01", "since", "INVALID"),
            ("since=0001-01-01T00:00:00%2B14:00", "since", "INVALID"),
            ("since=9999-12-31T23:59:59-14:00", "since", "INVALID"),
            ("since=2026-10-01T00:00:00+01:00", "since", "INVALID"),  # the + is a space here
            ("since=2026-W40-4", "since", "INVALID"),
            ("since=1790856000", "since", "INVALID"),
            ("cursor=abc", "cursor", "BAD_CURSOR"),
            ("cursor=%ff", "cursor", "BAD_CURSOR"),
            ("cursor=" + "A" * 5_000, "cursor", "BAD_CURSOR"),
        ],
    )
    def test_that_is_not_understood_is_refused_by_name(self, query, field, code, reader):
        response = reader.client.get(f"/api/trades?{query}", headers=reader.headers)

        assert response.status_code == 400
        error = error_of(response)
        assert (error["field"], error["code"]) == (field, code)

    def test_with_a_thousand_parameters_is_refused(self, reader):
        query = "&".join(f"a{number}=1" for number in range(1_100))

        response = reader.client.get(f"/api/trades?{query}", headers=reader.headers)

        assert error_of(response)["code"] == "MALFORMED_REQUEST"
        assert response.status_code == 400

    def test_of_an_address_without_parameters_is_refused(self, reader):
        error = error_of(reader.get("/api/status", verbose="1"))

        assert error["field"] == "verbose"
        assert error["remedy"] == "it knows none"


class TestBody:
    @pytest.mark.parametrize(
        ("raw", "code", "field"),
        [
            (b"", "INVALID", "reason"),
            (b"{", "MALFORMED_BODY", ""),
            (b"null", "MALFORMED_BODY", ""),
            (b"[]", "MALFORMED_BODY", ""),
            (b'"reason"', "MALFORMED_BODY", ""),
            (b"\xff\xfe{}", "MALFORMED_BODY", ""),
            (b"\xef\xbb\xbf{}", "MALFORMED_BODY", ""),
            (b'{"reason": NaN}', "MALFORMED_BODY", ""),
            (b'{"reason": 1e999}', "MALFORMED_BODY", ""),
            (b'{"reason": 1.0}', "MALFORMED_BODY", ""),
            (b'{"reason": ' + b"9" * 5_000 + b"}", "MALFORMED_BODY", ""),
            (b'{"reason": ' + b"[" * 9 + b"]" * 9 + b"}", "MALFORMED_BODY", ""),
            (b"[" * 8_000, "MALFORMED_BODY", ""),
            (b'{"reason": "a", "reason": "b"}', "DUPLICATE_KEY", "reason"),
            (b'{"reason": "a", "\xc3\xa9": 1}', "UNKNOWN_KEY", "\u00e9"),
            (b'{"reason": "a", "dry_run": true}', "UNKNOWN_KEY", "dry_run"),
            (b'{"reason": "a", "__proto__": {}}', "UNKNOWN_KEY", "__proto__"),
            (b'{"reason": "a", "\\ud800": 1}', "UNKNOWN_KEY", "?"),
            (b'{"\\udfff": 1, "\\udfff": 1}', "DUPLICATE_KEY", "?"),
            (b'{"reason": null}', "INVALID", "reason"),
            (b'{"reason": ""}', "INVALID", "reason"),
            (b'{"reason": "   "}', "INVALID", "reason"),
            (b'{"reason": 7}', "INVALID", "reason"),
            (b'{"reason": true}', "INVALID", "reason"),
            (b'{"reason": ["a"]}', "INVALID", "reason"),
            (b'{"reason": {"a": 1}}', "INVALID", "reason"),
            (b'{"reason": "a\\u0000b"}', "INVALID", "reason"),
            (b'{"reason": "a\\nb"}', "INVALID", "reason"),
            (b'{"reason": "a\\u001b[31mb"}', "INVALID", "reason"),
            (b'{"reason": "a\\ud800b"}', "INVALID", "reason"),
            (b'{"reason": "' + b"a" * 501 + b'"}', "INVALID", "reason"),
        ],
    )
    def test_that_is_not_understood_is_refused_and_changes_nothing(
        self, raw, code, field, doer, mandate
    ):
        Mandate.objects.update(halted=True)

        response = doer.post(RESUME, raw=raw)

        error = error_of(response)
        assert response.status_code == 400
        assert (error["code"], error.get("field", "")) == (code, field)
        assert Mandate.objects.get().halted

    def test_that_is_too_large_is_refused(self, doer, mandate):
        response = doer.post(RESUME, raw=b'{"reason": "' + b"a" * 17_000 + b'"}')

        assert response.status_code == 413
        assert error_of(response)["code"] == "BODY_TOO_LARGE"

    def test_of_unknown_length_is_refused_and_not_taken_for_none(self, doer, mandate):
        response = doer.post(RESUME, {"reason": "a"}, **{"Transfer-Encoding": "chunked"})

        assert response.status_code == 411
        assert "Content-Length" in error_of(response)["remedy"]

    @pytest.mark.parametrize(
        "content_type",
        ["text/plain", "application/x-www-form-urlencoded", "application/xml", "", "nonsense"],
    )
    def test_that_is_not_json_is_refused(self, content_type, doer, mandate):
        response = doer.post(RESUME, raw=b"reason=a", content_type=content_type)

        assert response.status_code == 415
        assert "application/json" in error_of(response)["remedy"]

    def test_of_a_form_with_files_is_refused(self, doer, mandate):
        body = b"--x\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\nc\r\n--x--\r\n"

        response = doer.post(RESUME, raw=body, content_type="multipart/form-data; boundary=x")

        assert response.status_code == 415

    @pytest.mark.parametrize(
        "body",
        [
            {"reason": "a", "revision": "1"},
            {"reason": "a", "revision": True},
            {"reason": "a", "revision": 0},
            {"reason": "a", "revision": 2**31},
            {"reason": "a", "revision": -1},
            {"reason": "a", "dry_run": "true"},
            {"reason": "a", "dry_run": 1},
            {"reason": "a", "dry_run": None},
            {"reason": "a", "mandate_revision": 2**63},
        ],
    )
    def test_with_a_value_of_another_type_is_refused(self, body, boss, profile, mandate):
        response = boss.post(f"/api/profiles/{profile.name}/apply", body)

        assert response.status_code == 400
        assert error_of(response)["field"] == list(body)[1]
        assert Mandate.objects.get().profile is None

    def test_with_several_faults_names_them_all(self, boss, profile, mandate):
        body = {"revision": 0, "dry_run": 1}

        error = error_of(boss.post(f"/api/profiles/{profile.name}/apply", body))

        assert error["field"] == "reason"
        assert "dry_run, revision" in error["message"]


class TestAddress:
    @pytest.mark.parametrize(
        "path",
        [
            "/api/",
            "/api/nope",
            "/api/trades/1",
            "/api/trades//",
            "/api//trades",
            "/api/profiles//",
            "/api/profiles/a/b",
            "/api/profiles/..%2f..%2fetc%2fpasswd",
            "/api/emergency_stop/now",
        ],
    )
    def test_that_does_not_exist_is_not_found(self, path, reader):
        response = reader.get(path)

        assert response.status_code == 404
        assert error_of(response)["code"] == "NOT_FOUND"

    @pytest.mark.parametrize("name", ["..", "a.yaml", "A", "%00", "a" * 81, "%ff%fe", "a b", "é"])
    def test_of_a_profile_that_cannot_be_is_refused(self, name, reader):
        response = reader.get(f"/api/profiles/{name}")

        assert response.status_code in (400, 404)
        error_of(response)

    def test_of_a_profile_that_is_not_there_is_not_found(self, reader, mandate):
        error = error_of(reader.get("/api/profiles/nothing"))

        assert error["code"] == "NO_PROFILE"

    def test_for_people_shows_a_page(self, viewer):
        client = Client()
        client.force_login(viewer)

        response = client.get("/nothing-here")

        assert response.status_code == 404
        assert response.headers["Content-Type"].startswith("text/html")


class TestForeignHost:
    def test_is_refused_in_the_same_shape(self, reader):
        headers = {**reader.headers, "Host": "evil.example"}

        response = reader.client.get("/api/trades", headers=headers)

        assert response.status_code == 400
        assert error_of(response)["code"] == "MALFORMED_REQUEST"


class TestServiceRefusal:
    def test_has_the_services_code_and_remedy(self, doer, mandate):
        response = doer.post("/api/engine/stop")

        assert response.status_code == 409
        error = error_of(response)
        assert error["code"] == "NOT_RUNNING"
        assert error["remedy"]


class TestHeaders:
    def test_forbid_every_cache(self, reader, anonymous):
        assert reader.get("/api/trades").headers["Cache-Control"] == "no-store"
        assert anonymous.get("/api/trades").headers["Cache-Control"] == "no-store"

    def test_let_no_other_site_read(self, reader):
        headers = {**reader.headers, "Origin": "https://evil.example"}

        response = reader.client.get("/api/trades", headers=headers)

        assert not [name for name in response.headers if name.startswith("Access-Control")]
        assert response.headers["X-Content-Type-Options"] == "nosniff"

    @pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/*", ";;;", ""])
    def test_of_any_wish_get_json(self, accept, reader):
        response = reader.client.get("/api/trades", headers={**reader.headers, "Accept": accept})

        assert response.status_code == 200
        assert json.loads(response.content) == {"items": [], "next_cursor": None}


def test_asking_with_a_malformed_token_costs_no_query(anonymous):
    anonymous.headers["Authorization"] = "Token nonsense"

    with CaptureQueriesContext(connection) as queries:
        anonymous.get("/api/trades")

    assert len(queries) == 0


def test_a_login_of_somebody_else_is_not_mixed_with_a_token(viewer, nobody):
    """The token is asked first: a browser's cookie never widens what a token may."""
    caller = Caller(nobody)
    caller.client.force_login(viewer)

    assert caller.get("/api/trades").status_code == 403


def test_a_client_that_checks_csrf_needs_none_with_a_token(operator, mandate):
    caller = Caller(operator)
    caller.client = Client(enforce_csrf_checks=True)

    assert caller.post("/api/engine/stop").status_code == 409
