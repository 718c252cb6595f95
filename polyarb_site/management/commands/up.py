"""`manage.py up`: start and supervise what one machine needs, with one line for each process."""

import io
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections

from polyarb_site.children import Program
from polyarb_site.clock import SystemClock
from polyarb_site.locks import FileLock
from polyarb_site.preflight import Problem, check_all, check_port
from polyarb_site.probes import ClusterProbe, WebProbe
from polyarb_site.supervisor import Supervisor
from trading.selectors.status import live_state
from trading.services import ServiceRefused, ensure_mandate, start_shadow, stop_engine

REFUSED, FAILED = 1, 2
READY_TURNS_MAX = 150
READY_TURN_S = 0.2
BLIND_TURNS = 60  # so long the first books may take before it is worth a word
BY_NAME = "manage.py up"
_OTHER_VENUE_PORT = "set POLYARB_SIMULATOR_PORT to a free port"


class Command(BaseCommand):
    """Starts web, jobs and engine, and stops them in order on Ctrl-C."""

    help = "Start the portal on this machine and keep it running until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options; what is not given comes from the settings."""
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=int, default=settings.PORT)
        parser.add_argument(
            "--feed", choices=("recorded", "simulator", "polymarket"), default="recorded"
        )
        parser.add_argument("--speed", help="how many times faster than it was recorded")
        parser.add_argument("--recording", help="a frames file instead of the bundled one")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Check, prepare, start, watch, stop. Exits with 1 when refused, 2 when it failed."""
        host, port = options["host"], options["port"]
        self._preflight(host, port)
        if options["feed"] == "simulator":
            self._refuse(check_port("127.0.0.1", settings.SIMULATOR_PORT), _OTHER_VENUE_PORT)
        lock = FileLock(settings.RUN_DIR / "up.lock")
        if not lock.acquire():
            raise CommandError(
                f"the portal already runs on the data directory {settings.DATA_DIR}\n"
                "  stop it first, or set POLYARB_DATA_DIR to another directory",
                returncode=REFUSED,
            )
        try:
            self._line("PolyArb portal", f"data in {settings.DATA_DIR}")
            self._prepare()
            self._start_trading(options)
            orderly = self._supervise(host, port, local_venue=options["feed"] == "simulator")
        finally:
            lock.release()
        if not orderly:
            raise CommandError("not everything stopped by itself; see the logs", returncode=FAILED)

    def _preflight(self, host: str, port: int) -> None:
        self._refuse(check_all(host=host, port=port, data_dir=settings.DATA_DIR))

    def _refuse(self, problems: list[Problem], remedy: str = "") -> None:
        if problems:
            text = "\n".join(f"{one.message}\n  {remedy or one.remedy}" for one in problems)
            raise CommandError(text, returncode=REFUSED)

    def _prepare(self) -> None:
        """Migrate and seed; show the first admin's password, once."""
        said = io.StringIO()
        try:
            call_command("migrate", verbosity=0)
            call_command("seed", stdout=said)
        except DatabaseError as error:
            raise CommandError(
                f"the database cannot be prepared: {error}\n"
                "  check DATABASE_URL, or the file in the data directory",
                returncode=FAILED,
            ) from error
        self._line("database", connections["default"].vendor)
        for line in said.getvalue().splitlines():
            if line.startswith(("first admin: ", "one-time password")):
                self._line("login", line)

    def _start_trading(self, options: dict[str, Any]) -> None:
        """Ask for shadow with what was chosen here. A halt or a live phase is left as it is."""
        chosen = {
            name: options[name] for name in ("recording", "speed") if options[name] is not None
        }
        now = SystemClock().now()
        try:
            mandate = ensure_mandate(settings.ACCOUNT, by_name=BY_NAME, at=now)
            if mandate.desired == mandate.Desired.RUN:
                stop_engine(
                    settings.ACCOUNT, by=None, by_name=BY_NAME, reason="started anew", at=now
                )
            start_shadow(
                settings.ACCOUNT,
                feed=options["feed"],
                feed_options=chosen,
                by=None,
                by_name=BY_NAME,
                reason="make run",
                at=now,
            )
        except ServiceRefused as refusal:
            if refusal.code == "HALTED":
                self._line("engine", f"stays halted: {refusal.message}; {refusal.remedy}")
                return
            raise CommandError(
                f"{refusal.message}\n  {refusal.remedy}", returncode=REFUSED
            ) from refusal

    def _supervise(self, host: str, port: int, *, local_venue: bool) -> bool:
        clock = SystemClock()
        supervisor = Supervisor(log_dir=settings.DATA_DIR / "logs", say=self._line, clock=clock)
        web = WebProbe(host, port)
        # Added in the order in which they stop: the engine gives its lease back first.
        supervisor.add(_cluster("engine", grace_s=20), ClusterProbe("engine", clock))
        supervisor.add(_cluster("jobs", grace_s=15), ClusterProbe("jobs", clock))
        supervisor.add(_web(host, port), web)
        if local_venue:
            supervisor.add(
                _manage("venue", "simulate_exchange", grace_s=5),
                WebProbe("127.0.0.1", settings.SIMULATOR_PORT),
            )
        connections.close_all()
        return supervisor.run(lambda: self._ready(supervisor, web, host, port))

    def _ready(self, supervisor: Supervisor, web: WebProbe, host: str, port: int) -> None:
        """Say what runs as soon as it does, one line each."""
        pids = supervisor.pids()
        shown: set[str] = set()
        everywhere = host in ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to
        address = f"http://{'127.0.0.1' if everywhere else host}:{port}/admin/"
        for turn in range(READY_TURNS_MAX):
            if supervisor.stopping or shown >= {"web", "jobs", "engine"}:
                break
            if "jobs" not in shown:
                self._line("jobs", f"running   pid {pids['jobs']}")
                shown.add("jobs")
            if "venue" in pids and "venue" not in shown:
                self._line(
                    "venue",
                    f"running   pid {pids['venue']}   "
                    f"simulated, play money, http://127.0.0.1:{settings.SIMULATOR_PORT}",
                )
                shown.add("venue")
            if "web" not in shown and web.answers():
                self._line("web", f"running   pid {pids['web']}   {address}")
                shown.add("web")
            if "engine" not in shown and (text := _engine_state(patient=turn < BLIND_TURNS)):
                self._line("engine", f"{text}   pid {pids['engine']}")
                shown.add("engine")
            supervisor.pause(READY_TURN_S)
        for name in sorted({"web", "engine"} - shown):
            if not supervisor.stopping:
                self._line(name, f"not ready yet; see {settings.DATA_DIR}/logs/{name}.log")
        if not supervisor.stopping:
            self._line("", f"open {address} - Ctrl-C stops everything in order")

    def _line(self, name: str, text: str) -> None:
        self.stdout.write(f"{name:<10} {text}")
        self.stdout.flush()


def _engine_state(*, patient: bool) -> str:
    """Return how the engine is, in one line, or nothing while it starts or (patient) connects."""
    state = live_state(settings.ACCOUNT, SystemClock().now(), with_funnel=False)
    engine = state.get("engine") or {}
    word = str(engine.get("state") or "")
    if word not in ("TRADING", "BLIND", "HALTED") or (patient and word == "BLIND"):
        return ""
    why = f"  {engine.get('reason')}" if word != "TRADING" else ""
    return f"{word.lower():<9} {state.get('label') or ''}{why}"


def _program(name: str, arguments: list[str], grace_s: float, **more: str) -> Program:
    return Program(
        name=name,
        command=[sys.executable, *arguments],
        variables=more,
        grace_s=grace_s,
        hurried_grace_s=3,
    )


def _cluster(name: str, *, grace_s: float) -> Program:
    return _manage(name, "portal_qcluster", grace_s=grace_s, Q_CLUSTER_NAME=name)


def _manage(name: str, command: str, *, grace_s: float, **more: str) -> Program:
    return _program(name, [str(Path(settings.BASE_DIR) / "manage.py"), command], grace_s, **more)


def _web(host: str, port: int) -> Program:
    arguments = ["-m", "uvicorn", "polyarb_site.asgi:application", "--host", host]
    arguments += ["--app-dir", str(settings.BASE_DIR)]  # started from wherever
    arguments += ["--port", str(port), "--ws", "websockets-sansio", "--log-level", "warning"]
    arguments += ["--no-access-log", "--timeout-graceful-shutdown", "3"]
    return _program("web", arguments, 8)
