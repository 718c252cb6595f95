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
from trading.services import (
    ServiceRefused,
    ensure_mandate,
    start_shadow,
    start_simulated,
    stop_engine,
)
from trading.services.mandates import FEED_OPTIONS, checked_feed_options

REFUSED, FAILED = 1, 2
READY_TURNS_MAX = 150
READY_TURN_S = 0.2
# So many turns each may take to come by itself before it is worth a word: first books; signer,
# user channel and the first look at whether ledger, venue and chain agree.
PATIENCE = {"BLIND": 60, "NO_ACCESS": 140}
BY_NAME = "manage.py up"
LOCAL_VENUE = "simulator"
DEFAULT_FEED = LOCAL_VENUE
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
            "--feed",
            choices=tuple(FEED_OPTIONS),
            help=f"{DEFAULT_FEED}, or recorded when a recording or a speed is given",
        )
        parser.add_argument(
            "--shadow",
            action="store_true",
            help="on paper also on the local venue, which else is traded on with play money",
        )
        parser.add_argument("--speed", help="how many times faster than it was recorded")
        parser.add_argument("--recording", help="a frames file instead of the bundled one")
        parser.add_argument(
            "--drills",
            action="store_true",
            help="let anybody on this machine make things go wrong at the local venue",
        )

    _engine_wanted = True

    def handle(self, *_args: Any, **options: Any) -> None:
        """Check, prepare, start, watch, stop. Exits with 1 when refused, 2 when it failed."""
        host, port, feed = options["host"], options["port"], chosen_feed(options)
        self._preflight(host, port)
        if feed == LOCAL_VENUE:
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
            self._engine_wanted = self._start_trading(feed, options)
            venue = ("--drills",) if options["drills"] else ()
            orderly = self._supervise(host, port, venue if feed == LOCAL_VENUE else None)
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

    def _start_trading(self, feed: str, options: dict[str, Any]) -> bool:
        """Ask for what was chosen here: play money on the local venue, paper everywhere else.

        A halt or a live phase is left as it is. Return whether the engine is asked to run then.
        """
        chosen = {
            name: options[name] for name in ("recording", "speed") if options[name] is not None
        }
        now = SystemClock().now()
        how: dict[str, Any] = {"by": None, "by_name": BY_NAME, "reason": "make run", "at": now}
        try:
            checked_feed_options(feed, chosen, anywhere=True)
            mandate = ensure_mandate(settings.ACCOUNT, by_name=BY_NAME, at=now)
            if mandate.phase:
                self._line(
                    "engine",
                    f"phase {mandate.phase} is left as it is; to start: manage.py start_live",
                )
                return mandate.desired == mandate.Desired.RUN
            if mandate.desired == mandate.Desired.RUN:
                stop_engine(
                    settings.ACCOUNT, by=None, by_name=BY_NAME, reason="started anew", at=now
                )
            if feed == LOCAL_VENUE and not options["shadow"]:
                start_simulated(settings.ACCOUNT, **how)
            else:
                start_shadow(settings.ACCOUNT, feed=feed, feed_options=chosen, **how)
        except ServiceRefused as refusal:
            if refusal.code == "HALTED":
                self._line("engine", f"stays halted: {refusal.message}; {refusal.remedy}")
                return False
            raise CommandError(
                f"{refusal.message}\n  {refusal.remedy}", returncode=REFUSED
            ) from refusal
        return True

    def _supervise(self, host: str, port: int, local_venue: tuple[str, ...] | None) -> bool:
        """Run it all; `local_venue` are the options of a venue on this machine, if one is."""
        clock = SystemClock()
        supervisor = Supervisor(log_dir=settings.DATA_DIR / "logs", say=self._line, clock=clock)
        web = WebProbe(host, port)
        # Added in the order in which they stop: the engine gives its lease back first.
        supervisor.add(_cluster("engine", grace_s=20), ClusterProbe("engine", clock))
        supervisor.add(_cluster("jobs", grace_s=15), ClusterProbe("jobs", clock))
        supervisor.add(_web(host, port), web)
        if local_venue is not None:
            _add_local_venue(supervisor, local_venue)
        connections.close_all()
        return supervisor.run(lambda: self._ready(supervisor, web, host, port))

    def _ready(self, supervisor: Supervisor, web: WebProbe, host: str, port: int) -> None:
        """Say what runs as soon as it does, one line each."""
        pids = supervisor.pids()
        shown = set() if self._engine_wanted else {"engine"}
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
            if "engine" not in shown and (text := _engine_state(turn)):
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


def chosen_feed(options: dict[str, Any]) -> str:
    """Return the feed that was asked for. Who names a recording or a speed means a recording."""
    if options["feed"]:
        return str(options["feed"])
    plays = options["recording"] is not None or options["speed"] is not None
    return "recorded" if plays else DEFAULT_FEED


def _add_local_venue(supervisor: Supervisor, options: tuple[str, ...]) -> None:
    """Add what an engine needs that trades on this machine. It stops after the engine has."""
    supervisor.add(_manage("signer", "run_signer", grace_s=5, arguments=("--play",)))
    supervisor.add(
        _manage("venue", "simulate_exchange", grace_s=5, arguments=options),
        WebProbe("127.0.0.1", settings.SIMULATOR_PORT),
    )


def _engine_state(turn: int) -> str:
    """Return how the engine is, in one line, or nothing while it starts or may yet connect."""
    state = live_state(settings.ACCOUNT, SystemClock().now(), with_funnel=False)
    engine = state.get("engine") or {}
    word = str(engine.get("state") or "")
    not_yet = turn < PATIENCE.get(word, 0)
    if word not in ("TRADING", "BLIND", "NO_ACCESS", "HALTED") or not_yet:
        return ""
    why = f"  {engine.get('reason')}" if word != "TRADING" else ""
    play = ", play money" if state["money"]["kind"] == "PLAY" else ""
    return f"{word.replace('_', ' ').lower():<9} {state.get('label') or ''}{play}{why}"


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


def _manage(
    name: str, command: str, *, grace_s: float, arguments: tuple[str, ...] = (), **more: str
) -> Program:
    manage = str(Path(settings.BASE_DIR) / "manage.py")
    return _program(name, [manage, command, *arguments], grace_s, **more)


def _web(host: str, port: int) -> Program:
    arguments = ["-m", "uvicorn", "polyarb_site.asgi:application", "--host", host]
    arguments += ["--app-dir", str(settings.BASE_DIR)]  # started from wherever
    arguments += ["--port", str(port), "--ws", "websockets-sansio", "--log-level", "warning"]
    arguments += ["--no-access-log", "--timeout-graceful-shutdown", "3"]
    return _program("web", arguments, 8)
