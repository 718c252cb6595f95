"""A server that breaks one request in a stated way, below anything that is HTTP."""

import asyncio
import contextlib
import socket
from contextlib import asynccontextmanager


@asynccontextmanager
async def breaking(behave):
    """Serve each connection with `behave(reader, writer)`; yields the address."""

    tasks = []

    async def serve(reader, writer):
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await behave(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # an aborted transport closes its socket in the next turn


async def close_at_once(reader, writer):
    """Accept, and go."""


async def read_and_close(reader, writer):
    """Take the whole request, and go without an answer."""
    await reader.readuntil(b"\r\n\r\n")


async def read_and_stay(reader, writer):
    """Take the whole request, and say nothing."""
    await reader.read(-1)


def says(raw):
    """Answer with these bytes whatever is asked, and go."""

    async def behave(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()

    return behave


async def trickle(reader, writer):
    """Answer one byte at a time, for ever."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


@contextlib.contextmanager
def deaf():
    """Yield an address where connections are never made: the queue of the listener is full."""
    with socket.socket() as listener, contextlib.ExitStack() as kept:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            filler = kept.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
