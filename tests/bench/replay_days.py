"""`python -m tests.bench replay_days`: a shift of the real engine, and its journal replayed.

The shift plays a recording as fast as it can, on SQLite or on the PostgreSQL server that --database
names, and trades on paper under limits at which the recording has something to gain. Then each
Python given replays the session: the hash over all commands has to be the journal's, the result has
to be the ledger's, and every Python has to have the same. So has the recording itself, replayed as
`manage.py replay FILE` does. Rates are by the time that the thread had a core. Writes
build/replay_days.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.bench import ROOT, bundled_recording

SHIFT = """
import sys
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests.conftest import make_profile
from trading.models import Mandate
from trading.tasks import engine_shift
profile = make_profile(
    "live_shadow_atomic_v1", MIN_PROFIT_THRESHOLD="0.001", GAS_PER_SET="0",
    SLIPPAGE_ALLOWANCE="0", TRADE_SIZE="10", MAX_POSITION_SIZE="100", COOLDOWN_MS=10,
)
Mandate.objects.create(
    account="main", desired="RUN", profile=profile, feed="recorded",
    feed_options={"recording": sys.argv[1], "speed": "max"},
)
print(engine_shift("main"))
"""
REPLAY = """
import json, platform, sys, time
import django
django.setup()
from pathlib import Path
from polyarb_site.clock import SystemClock
from trading.management.commands.replay import PROFILE, _defaults, _limits
from trading.management.replays import run_facts
from trading.adapters.recording import began_ms, load_markets, markets_path, read_frames
from trading.adapters.replay import Replay
from trading.adapters.wire import MarketDecoder
from trading.engine.events import BookDelta, BookSnapshot
from trading.engine.paper import PaperSettings
from trading.models import EngineSession
from trading.services.replays import judge
session = EngineSession.objects.get(key="main-1")
began_ns = time.thread_time_ns()
run = judge(session, session.started_at.date(), SystemClock())
session_ns = time.thread_time_ns() - began_ns
frames = Path(sys.argv[1])
beside = markets_path(frames)
markets = load_markets(beside, _defaults(None, 1))
began_ns = time.thread_time_ns()
replay = Replay(markets, _limits(PROFILE), PaperSettings(), began_ms=began_ms(beside))
for raw, _ in read_frames(frames):
    replay.frame(raw)
result = replay.result()
recording_ns = time.thread_time_ns() - began_ns
decode = MarketDecoder().decode
events = [event for raw, _ in read_frames(frames) for event in decode(raw)]
levels = sum(
    len(one.changes) if isinstance(one, BookDelta) else len(one.bids) + len(one.asks)
    for one in events if isinstance(one, BookDelta | BookSnapshot)
)
print(json.dumps({
    "python": platform.python_version(),
    "session_inputs_per_s": round(run.inputs * 1e9 / session_ns),
    "recording_frames_per_s": round(result.frames * 1e9 / recording_ns),
    "recording_changes_per_s": round(levels * 1e9 / recording_ns),
    "recording_sha256": result.result_hash,
    **run_facts(run),
}))
"""


def arguments(words):
    parser = argparse.ArgumentParser(prog="python -m tests.bench replay_days", description=__doc__)
    parser.add_argument("--database", help="a postgres:// address; left out: SQLite")
    parser.add_argument("--recording", type=Path, help="left out: the bundled one")
    parser.add_argument("--seconds", type=int, default=30, help="how long the shift lasts")
    parser.add_argument("--python", action="append", default=[], help="another interpreter")
    return parser.parse_args(words)


def server(url, sql):
    """Run a statement beside all databases that anybody uses."""
    import psycopg

    place = urlunsplit(urlsplit(url)._replace(path="/postgres"))
    with psycopg.connect(place, autocommit=True) as connection:
        connection.execute(sql)


def run(python, *words, env):
    done = subprocess.run(
        [python, *words], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{words[:3]} failed with {done.returncode}:\n{done.stderr[-3_000:]}")
    return done.stdout


def main(words):
    """Measure, print, write; 1 when anything is not the same."""
    chosen = arguments(words)
    recording = (chosen.recording or bundled_recording()).resolve()
    name = f"replay_days_{uuid.uuid4().hex[:12]}"
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "polyarb_site.settings", "DATABASE_URL": ""}
    env["POLYARB_SHIFT_SECONDS"] = str(chosen.seconds)
    if chosen.database:
        server(chosen.database, f'CREATE DATABASE "{name}"')
        env["DATABASE_URL"] = urlunsplit(urlsplit(chosen.database)._replace(path=f"/{name}"))
    try:
        with tempfile.TemporaryDirectory() as folder:
            env["POLYARB_DATA_DIR"] = folder
            ended = run(sys.executable, "-c", SHIFT, str(recording), env=env).strip()
            found = [
                json.loads(run(python, "-c", REPLAY, str(recording), env=env))
                for python in (sys.executable, *chosen.python)
            ]
    finally:
        if chosen.database:
            server(chosen.database, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    same = {one["sha256"] for one in found} == {one["recorded_sha256"] for one in found}
    same = same and len({one["sha256"] for one in found}) == 1
    same = same and len({one["recording_sha256"] for one in found}) == 1
    same = same and all(one["verdict"] == "SAME" for one in found)
    figures = {
        "database": "postgresql" if chosen.database else "sqlite",
        "load": os.getloadavg()[0],
        "shift": ended.splitlines()[-1],
        "same": same,
        "replays": found,
    }
    text = json.dumps(figures, indent=2)
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "replay_days.json").write_text(text)
    print(text)
    return 0 if same else 1
