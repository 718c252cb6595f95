"""`python -m tests.bench.api_list`: the trade list over a million rows, as one JSON object.

Two web processes of uvicorn serve a database of its own; eight connections ask without a pause. The
first page, a page from the middle of all rows and the framework's default list take turns. Nothing
is asserted: what counts is the ratio within one run, on a machine that does nothing else.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from time import perf_counter, sleep

ROOT = Path(__file__).resolve().parents[2]
CONNECTIONS = 8
WORKERS = 2
BLOCK = 2_000


def main() -> None:
    """Fill a database, serve it, ask, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=4.0, help="for each turn")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pa-bench-") as directory:
        os.environ["POLYARB_DATA_DIR"] = directory
        os.environ["POLYARB_LOG_LEVEL"] = "WARNING"
        token, deep_cursor = fill(options.rows)
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = start(port)
        try:
            figures = measure(port, token, deep_cursor, options)
        finally:
            server.terminate()
            server.wait(20)
    sys.stdout.write(
        json.dumps({"rows": options.rows, "workers": WORKERS, **figures}, indent=1) + "\n"
    )


def fill(rows: int) -> tuple[str, str]:
    """Make the database; return a token and the cursor of a page in the middle."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polyarb_site.settings")
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection

    from polyarb_site.rest import tokens
    from polyarb_site.rest.pagination import Position, encode_cursor, fingerprint
    from tests.api.building import make_session, trade
    from tests.conftest import make_profile
    from trading.models import Trade

    call_command("migrate", verbosity=0)
    session = make_session(make_profile("live_shadow_atomic_v1"))
    Trade.objects.bulk_create([trade(session, number) for number in range(BLOCK)])
    columns = [str(field.column) for field in Trade._meta.concrete_fields[1:]]
    with connection.cursor() as cursor:
        for copy in range(1, rows // BLOCK):
            changed = {"trade_id": f"trade_id || '-{copy}'", "set_id": f"set_id || '-{copy}'"}
            selected = ", ".join(changed.get(column, column) for column in columns)
            cursor.execute(
                f"INSERT INTO trading_trade ({', '.join(columns)}) SELECT {selected} "
                f"FROM trading_trade WHERE id <= {BLOCK}"
            )
    user = User.objects.create_superuser("bench", password="!")
    middle = encode_cursor(Position(row_id=rows // 2), fingerprint("/api/trades", {}))
    connection.close()
    return tokens.issue(user, by_name="bench"), middle


def start(port: int) -> subprocess.Popen[bytes]:
    """Start the web processes and wait until they answer."""
    command = [sys.executable, "-m", "uvicorn", "tests.bench.api_list_server:application"]
    options = ["--port", str(port), "--workers", str(WORKERS), "--log-level", "error"]
    server = subprocess.Popen([*command, *options], cwd=ROOT, stderr=subprocess.DEVNULL)
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            sleep(0.1)
        else:
            sleep(3)  # the second process
            return server
    raise RuntimeError("the server did not start")


def measure(
    port: int, token: str, deep_cursor: str, options: argparse.Namespace
) -> dict[str, object]:
    """Let the candidates take turns; return requests per second and latency of each."""
    paths = {
        "first_page": "/api/trades?limit=50",
        "deep_page": f"/api/trades?limit=50&cursor={deep_cursor}",
        "framework_default": "/api/default-trades",
    }
    rates: dict[str, list[float]] = {name: [] for name in paths}
    latencies: dict[str, list[float]] = {name: [] for name in paths}
    for path in paths.values():
        asyncio.run(ask(port, path, token, 0.5))
    for _ in range(options.rounds):
        for name, path in paths.items():
            took = asyncio.run(ask(port, path, token, options.seconds))
            rates[name].append(len(took) / options.seconds)
            latencies[name] += took
    figures: dict[str, object] = {
        name: {
            "requests_per_s": round(statistics.median(rates[name])),
            "p50_ms": round(statistics.median(latencies[name]) * 1_000, 1),
            "p95_ms": round(statistics.quantiles(latencies[name], n=20)[18] * 1_000, 1),
        }
        for name in paths
    }
    ratio = statistics.median(rates["first_page"]) / statistics.median(rates["framework_default"])
    return {**figures, "first_page_vs_framework_default": round(ratio, 2)}


async def ask(port: int, path: str, token: str, seconds: float) -> list[float]:
    """Ask over all connections for a while; return how long each answer took, in seconds."""
    request = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Token {token}\r\n\r\n"
    ).encode()
    took: list[float] = []
    end = perf_counter() + seconds

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while perf_counter() < end:
            began = perf_counter()
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if b" 200 " not in head.split(b"\r\n")[0]:
                raise RuntimeError(head.decode())
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            took.append(perf_counter() - began)
        writer.close()

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return took


if __name__ == "__main__":
    main()
