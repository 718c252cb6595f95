"""The ASGI server's start and end: what runs from the first to the second.

Servers without lifespan events need nothing: the first open page starts the tailer too.
"""

import asyncio
from contextlib import ExitStack
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from polyarb_site.clock import SystemClock
from polyarb_site.live.tailer import tailer


async def lifespan(_scope: Any, receive: Any, send: Any) -> None:
    """Hold the tailer, and what the settings name, while the server runs."""
    background = ExitStack()
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await tailer().hold()
            for path in settings.WEB_BACKGROUND:
                background.enter_context(import_string(path)(SystemClock()))
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await asyncio.to_thread(background.close)
            await tailer().release()
            await send({"type": "lifespan.shutdown.complete"})
            return
