"""The ASGI server's start and end: the tailer runs from the first to the second.

Servers without lifespan events need nothing: the first open page starts the tailer too.
"""

from typing import Any

from polyarb_site.live.tailer import tailer


async def lifespan(_scope: Any, receive: Any, send: Any) -> None:
    """Hold the tailer while the server runs."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await tailer().hold()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await tailer().release()
            await send({"type": "lifespan.shutdown.complete"})
            return
