"""A real server, a real browser, and another process that makes things happen."""

import atexit
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
import pytest
from django.db import connection
from playwright.sync_api import expect, sync_playwright

from tests.helpers.installation import Installation, wait_for

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
START_SECONDS_MAX = 60
# Asks the kernel to end the process when its parent is gone, and becomes what it was told to be.
DIE_WITH_THE_TESTS = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
DESK = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}

# Two suites may share two cores with a browser and a whole portal.
expect.set_options(timeout=20_000)


class Acting:
    """A portal that people and engines act on: it has an actor beside it."""

    _actor: subprocess.Popen[str]

    def _let_act(self, environment):
        self._actor = subprocess.Popen(
            [sys.executable, "-m", "tests.browser.actor"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.do("people")

    def do(self, command, **more):
        """Have the actor do something, and return its answer."""
        assert self._actor.stdin is not None
        assert self._actor.stdout is not None
        self._actor.stdin.write(json.dumps({"do": command, **more}) + "\n")
        self._actor.stdin.flush()
        return json.loads(self._actor.stdout.readline())

    def close(self):
        self._actor.kill()
        self._actor.communicate(timeout=10)


class PlayPortal(Acting):
    """The whole portal as a newcomer starts it: real processes that trade with play money."""

    def __init__(self, directory):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.place = Installation(directory, f"play_{uuid.uuid4().hex[:12]}")
        self.place.start(
            *("up", "--port", str(self.port)),
            log="up",
            POLYARB_SIMULATOR_PORT=str(free_port()),
        )
        wait_for(self._answers, START_SECONDS_MAX, "an answer of the portal")
        self._let_act(self.place.environment)

    def _answers(self):
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
            return False

    def signer(self):
        """The process that holds the key."""
        (found,) = [p for p in self.place.processes() if "trading.signer" in p.cmdline()]
        return found

    def close(self):
        super().close()
        self.place.end()


class Portal(Acting):
    """A portal with a database of its own: its server, and the actor beside it."""

    def __init__(self, environment):
        self._environment = environment
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        if environment.get("DATABASE_URL"):
            install(environment)
        else:
            shutil.copytree(installed(), environment["POLYARB_DATA_DIR"], dirs_exist_ok=True)
        self._server: subprocess.Popen[bytes] | None = None
        self._let_act(environment)
        self.start()

    def start(self):
        """Start the web server, on the same port as before."""
        self._server = subprocess.Popen(
            [
                *(sys.executable, "-c", DIE_WITH_THE_TESTS),
                *("-W", "ignore", "-m", "uvicorn", "polyarb_site.asgi:application"),
                *("--host", "127.0.0.1", "--port", str(self.port), "--log-level", "warning"),
            ],
            cwd=ROOT,
            env=self._environment,
        )
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                    assert answer.status == 200
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        pytest.fail(f"the server did not answer within {START_SECONDS_MAX} s")

    def stop(self):
        """Stop the web server at once, as if the machine had gone."""
        assert self._server is not None
        self._server.kill()
        self._server.wait(10)

    def close(self):
        super().close()
        self.stop()


def install(environment):
    """Make an empty database a portal's."""
    for words in (("migrate", "--verbosity", "0"), ("seed",)):
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@cache
def installed():
    """The data directory of a portal that has just been installed, for copies. Made once."""
    directory = tempfile.mkdtemp(prefix="pa-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    variables = {**os.environ, "POLYARB_DATA_DIR": directory, "DATABASE_URL": ""}
    install({name: value for name, value in variables.items() if value})
    return directory


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def a_portal(**more):
    """A portal on the kind of database that this run uses, gone afterwards. `more`: variables."""
    with tempfile.TemporaryDirectory(prefix="pa-") as directory, a_database() as url:
        # Beside the variables of the tests: the portal's own directory and database.
        environment = {**os.environ, "POLYARB_DATA_DIR": directory, "DATABASE_URL": url, **more}
        environment = {name: value for name, value in environment.items() if value}
        portal = Portal(environment)
        try:
            yield portal
        finally:
            portal.close()


@contextmanager
def a_database():
    """The address of an empty database; empty for SQLite in the data directory."""
    if connection.vendor != "postgresql":
        yield ""
        return
    wanted = connection.settings_dict
    name = f"browser_{os.getpid()}_{free_port()}"
    place = f"{wanted['USER']}:{wanted['PASSWORD']}@{wanted['HOST']}:{wanted['PORT'] or 5432}"
    admin = f"postgresql://{place}/postgres"
    with psycopg.connect(admin, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
    try:
        yield f"postgresql://{place}/{name}"
    finally:
        with psycopg.connect(admin, autocommit=True) as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def portal():
    """A portal whose engine has run for hours and trades."""
    with a_portal() as running:
        running.do("world")
        yield running


@pytest.fixture(scope="module")
def fresh_portal():
    """A portal as it is after its installation: nothing has happened yet."""
    with a_portal() as running:
        yield running


@pytest.fixture(scope="module")
def busy():
    """A portal whose rules have fired, been acknowledged, ended and been told of."""
    with a_portal() as running:
        running.do("world")
        running.do("alert_world")
        yield running


@pytest.fixture(scope="module")
def alerting():
    """A portal with rules in force, of which none fires between two tests."""
    with a_portal() as running:
        running.do("world")
        yield running


@pytest.fixture
def calm(alerting):
    alerting.do("fire", rule="WS_DISCONNECTED")  # loads the rules, and ends with the rest
    alerting.do("end_alerts")
    alerting.do("judged")
    yield alerting
    alerting.do("end_alerts")


@pytest.fixture(scope="module")
def play_portal(tmp_path_factory):
    """A portal that has just been started, on the local venue."""
    running = PlayPortal(tmp_path_factory.mktemp("play"))
    yield running
    running.close()


@pytest.fixture(scope="module")
def browser():
    executable = (
        shutil.which("chromium-headless-shell")
        or shutil.which("chromium")
        or shutil.which("chromium-browser")
    )
    if executable is None:
        pytest.skip("chromium is not installed; on Debian: apt-get install chromium-headless-shell")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=OPTIONS)
        yield running
        running.close()


@pytest.fixture
def look(browser):
    """Open a page of a portal as somebody, and fail when the browser complained about anything."""
    contexts, complaints = [], []

    def note(told):
        if told.type == "error":
            complaints.append(told.text)

    def open_page(
        portal, path="/admin/", *, user="vera", size=DESK, theme="light", script=True, quiet=True
    ):
        context = browser.new_context(
            viewport=size, color_scheme=theme, java_script_enabled=script, base_url=portal.url
        )
        contexts.append(context)
        if user:
            session = portal.do("login", name=user)
            context.add_cookies([{"name": "sessionid", "value": session, "url": portal.url}])
        page = context.new_page()
        page.set_default_timeout(20_000)
        if quiet:
            page.on("console", note)
            page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
