"""A limit on what anybody can upload, before a byte of it is kept.

Django's ASGI handler writes a whole body to disk before it asks who sent it, so without this a
stranger fills the disk of the machine that trades. Nothing of ours takes more than a form.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from polyarb_site.rest.errors import body, body_too_large

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]


class BodyLimit:
    """Wraps an ASGI application: a body above the limit is answered 413 and not read on."""

    def __init__(self, application: Application, bytes_max: int) -> None:
        self._application = application
        self._bytes_max = bytes_max

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve the request, or refuse its body."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        if _announced(scope) > self._bytes_max:
            await _refuse(send)
            return
        received = 0
        answered = False

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            # To the application it looks as if the sender had gone: it drops what it has.
            return {"type": "http.disconnect"} if received > self._bytes_max else message

        async def send_noted(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        await self._application(scope, receive_counted, send_noted)
        if received > self._bytes_max and not answered:
            await _refuse(send)


def _announced(scope: MutableMapping[str, Any]) -> int:
    """Return the length that the sender announced, 0 when it said none or nonsense."""
    for name, value in scope.get("headers", ()):
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


async def _refuse(send: Send) -> None:
    answer = msgspec.json.encode(body(body_too_large()))
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
