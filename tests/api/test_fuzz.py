"""Invented requests against every operation of the description, as every kind of account.

Whatever is asked: never an error of ours, never an answer that is not described, never data without
an account and a role, never a secret.
"""

import json
import re
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import transaction
from django.urls import Resolver404, resolve
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

from polyarb_site.rest import authentication, throttles
from tests.api.building import Caller, error_of
from tests.api.openapi import description, operations, undescribed
from trading.models import Profile

pytestmark = pytest.mark.slow

CANARY = "deadbeef" * 8  # as long as a private key
DATA = (b"0xaa", b"main-1", b"live_shadow", b"RESYNC", b"ws_connected is false")
OPERATIONS = sorted((path, method) for path, method, _ in operations())
HOSTILE_TEXT = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            *("", " ", "\0", "'", "' OR 1=1 --", "../../etc/passwd", "${jndi:ldap://x}", "%00"),
            *("\u202e", "\ud800", "null", "true", "-1", "0", "1e309", "9" * 400, "a" * 5_000),
            *("2026-10-01T00:00:00Z", "0001-01-01", "9999-12-31T23:59:59-14:00", "0xaa", "BUY"),
        ]
    ),
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | HOSTILE_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(HOSTILE_TEXT, inner, max_size=4),
    max_leaves=12,
)


def resolved(schema):
    """Return a schema with its reference followed."""
    while "$ref" in schema:
        schema = description()["components"]["schemas"][schema["$ref"].split("/")[-1]]
    return schema["allOf"][0] if "allOf" in schema else schema


@st.composite
def queries(draw, operation):
    """Draw a query: mostly known names, with fitting and hostile values."""
    parameters = [part for part in operation.get("parameters", []) if part["in"] == "query"]
    found = []
    for parameter in parameters:
        if not draw(st.integers(0, 3)):
            known = st.sampled_from([str(word) for word in parameter["schema"].get("enum", ["1"])])
            found.append((parameter["name"], draw(known | HOSTILE_TEXT)))
    if not draw(st.integers(0, 5)):
        found.append((draw(HOSTILE_TEXT), draw(HOSTILE_TEXT)))
    if found and not draw(st.integers(0, 5)):
        found.append(found[0])
    return found


@st.composite
def bodies(draw, operation):
    """Draw the bytes of a body: objects with known keys, any JSON, any bytes."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.binary(max_size=60))
    if kind == 1:
        return json.dumps(draw(JSON_VALUES)).encode()
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    properties = resolved(content["schema"]).get("properties", {}) if content else {}
    body = {}
    for name, schema in properties.items():
        if draw(st.integers(0, 3)):
            words = resolved(schema).get("enum")
            good = st.sampled_from(words) if words else st.sampled_from(["why", 1, 2, True, "1"])
            body[name] = draw(good | JSON_VALUES)
    if not draw(st.integers(0, 5)):
        body[draw(HOSTILE_TEXT)] = draw(JSON_VALUES)
    return json.dumps(body).encode()


@st.composite
def requests(draw):
    """Draw (path of the description, method, address, body, content type, role, header)."""
    path, method = draw(st.sampled_from(OPERATIONS))
    operation = description()["paths"][path][method.lower()]
    names = st.sampled_from(["live_shadow_atomic_v1", "WS_DISCONNECTED", "nothing"]) | HOSTILE_TEXT
    name = draw(names)
    text = quote(name.encode("utf-8", "surrogatepass"), safe="")
    address = path.replace("{name}", text).replace("{rule}", text)
    day = draw(st.sampled_from(["20260302", "2026-03-02", "20261131", "00000000"]) | HOSTILE_TEXT)
    address = address.replace("{day}", quote(day.encode("utf-8", "surrogatepass"), safe=""))
    address = address.replace("{number}", draw(st.sampled_from(["0", "1", "7", "9" * 40])))
    query = [(encodable(key), encodable(value)) for key, value in draw(queries(operation))]
    address += "?" + urlencode(query) if query else ""
    body = draw(bodies(operation)) if method == "POST" else b""
    kinds = ["application/json"] * 6 + ["text/plain", "", "application/json; charset=utf-16"]
    return {
        "path": path,
        "method": method,
        "address": address,
        "body": body,
        "content_type": draw(st.sampled_from(kinds)),
        "role": draw(st.sampled_from(["viewer", "operator", "admin", "no-role", "anonymous"])),
        "header": draw(st.sampled_from(["", "Token x", "Bearer", "Basic eDp5", "\x7f"])),
    }


def encodable(text):
    return text.encode("utf-8", "replace").decode()


@pytest.fixture
def callers(people, facts, monkeypatch, tmp_path):
    """A caller for each role over facts, a planted secret, and no throttle."""
    monkeypatch.setattr(throttles, "READS_MAX", 10**9)
    monkeypatch.setattr(throttles, "WRITES_MAX", 10**9)
    monkeypatch.setattr(authentication, "FAILED_LOGINS_MAX", 10**9)
    profile = Profile.objects.get()
    profile.base_values = {**profile.base_values, "PRIVATE_KEY": CANARY}
    profile.save()
    return {role: Caller(person) for role, person in people.items()}


def check(asked, callers):
    """Send one request, undo what it did, and hold the answer against everything promised."""
    role = asked["role"]
    caller = callers[role]
    headers = dict(caller.headers)
    if role == "anonymous" and asked["header"]:
        headers["Authorization"] = asked["header"]
    with transaction.atomic():
        response = caller.client.generic(
            asked["method"], asked["address"], data=asked["body"],
            content_type=asked["content_type"], headers=headers,
        )  # fmt: skip
        content = b"".join(response.streaming_content) if response.streaming else response.content
        transaction.set_rollback(True)
    django_settings.KILL_FILE.unlink(missing_ok=True)
    note(f"{response.status_code} {content[:500]!r}")

    assert response.status_code < 500
    hidden = (CANARY, django_settings.SECRET_KEY, str(django_settings.DATA_DIR))
    assert not [secret for secret in hidden if secret.encode() in content]
    own = headers.get("Authorization", "").removeprefix("Token ")
    assert len(own) < 20 or own.encode() not in content
    if role in ("anonymous", "no-role") and asked["path"] != "/api/emergency_stop":
        # An empty name leads to the list, which may not know the method: that tells nothing.
        elsewhere = response.status_code == 405 and described_path(response) is None
        assert elsewhere or response.status_code in (401, 403, 404)
        assert not [fact for fact in DATA if fact in content]
    if role != "anonymous" and (asked["path"], asked["method"]) == ("/api/emergency_stop", "POST"):
        assert response.status_code == 200
    if response.status_code >= 400:
        error_of(response)
    described = described_path(response)  # a name may be made of slashes, and lead elsewhere
    if response.headers["Content-Type"] == "application/json" and described is not None:
        assert undescribed(described, asked["method"], response) == []


LENIENT = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def described_path(response):
    """Return the path of the description that answered, None when no address did."""
    try:
        route = resolve(response.request["PATH_INFO"]).route
    except Resolver404:
        return None
    path = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route)
    return path if (path, response.request["REQUEST_METHOD"]) in OPERATIONS else None


SURROGATE = {
    "path": "/api/resume", "method": "POST", "address": "/api/resume", "role": "operator",
    "body": b'{"reason": "\\ud800"}', "content_type": "application/json", "header": "",
}  # fmt: skip
FAR_TIME = {
    "path": "/api/trades", "method": "GET", "role": "viewer", "body": b"", "content_type": "",
    "address": "/api/trades?since=0001-01-01T00:00:00%2B14:00", "header": "",
}  # fmt: skip


@settings(LENIENT, max_examples=250)
@given(asked=requests())
@example(asked=SURROGATE)
@example(asked=FAR_TIME)
def test_invented_requests_break_nothing(asked, callers):
    cache.clear()
    check(asked, callers)


@pytest.mark.slow
@pytest.mark.timeout(600)
@settings(LENIENT, max_examples=2_000)
@given(asked=requests())
def test_many_invented_requests_break_nothing(asked, callers):
    cache.clear()
    check(asked, callers)
