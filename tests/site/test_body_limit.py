"""Nobody fills the disk by uploading, with or without an account."""

import json

import pytest
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler

from polyarb_site.asgi import application
from polyarb_site.body_limit import BodyLimit

LIMIT = 1_000


async def talk(limited, chunks, headers=(), kind="http"):
    """Send a body in chunks; return the messages that came back and how many chunks were read."""
    sent, read = [], 0

    async def receive():
        nonlocal read
        if read == len(chunks):
            return {"type": "http.disconnect"}
        read += 1
        return {
            "type": "http.request", "body": chunks[read - 1], "more_body": read < len(chunks)
        }  # fmt: skip

    async def send(message):
        sent.append(message)

    scope = {
        "type": kind, "method": "POST", "path": "/api/resume", "query_string": b"",
        "headers": [(b"host", b"localhost"), *headers], "scheme": "http",
        "http_version": "1.1", "server": ("localhost", 80), "client": ("127.0.0.1", 5),
        "asgi": {"version": "3.0"},
    }  # fmt: skip
    await limited(scope, receive, send)
    return sent, read


async def echo(_scope, receive, send):
    """Read everything as a framework does, then say how much it was."""
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


@pytest.mark.parametrize("chunks", [[b""], [b"a" * LIMIT], [b"a" * 400, b"a" * 600]])
async def test_a_body_up_to_the_limit_arrives_whole(chunks):
    sent, _ = await talk(BodyLimit(echo, LIMIT), chunks)

    assert sent[0]["status"] == 200
    assert sent[1]["body"] == str(sum(map(len, chunks))).encode()


async def test_a_larger_one_is_refused_and_not_read_on():
    sent, read = await talk(BodyLimit(echo, LIMIT), [b"a" * 600] * 100)

    assert sent[0]["status"] == 413
    assert json.loads(sent[1]["body"])["error"]["code"] == "BODY_TOO_LARGE"
    assert read == 2


async def test_one_that_announces_too_much_is_refused_unread():
    announced = [(b"content-length", b"1001")]

    sent, read = await talk(BodyLimit(echo, LIMIT), [b"a"], announced)

    assert (sent[0]["status"], read) == (413, 0)


@pytest.mark.parametrize("length", [b"", b"-5", b"x", b"\xff", b"1e9"])
async def test_a_length_that_is_none_does_not_help(length):
    sent, _ = await talk(BodyLimit(echo, LIMIT), [b"a" * 1_001], [(b"content-length", length)])

    assert sent[0]["status"] == 413


async def test_what_is_no_request_passes():
    seen = []

    async def note(scope, _receive, _send):
        seen.append(scope["type"])

    await talk(BodyLimit(note, LIMIT), [], kind="lifespan")

    assert seen == ["lifespan"]


async def test_the_portal_has_one_and_keeps_nothing_of_such_a_body(monkeypatch):
    kept = []
    read_body = ASGIHandler.read_body

    async def noted(self, receive):
        kept.append("begun")
        file = await read_body(self, receive)
        kept.append("whole")
        return file

    monkeypatch.setattr(ASGIHandler, "read_body", noted)
    chunk = b"a" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2)

    sent, read = await talk(application, [chunk] * 10)

    assert sent[0]["status"] == 413
    assert (kept, read) == (["begun"], 3)
