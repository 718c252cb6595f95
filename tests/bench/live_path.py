"""From a frame to the order on the wire: the live engine on a local venue, every part real.

Venue (live_venue.py), engine (live_engine.py) and signer are processes of their own. A gap is
offered every 400 ms; the time runs from the frame that shows it, in hand in our process, to
the first byte of the POST. In between lie the decision, the hash on the disk and in the database
(SQLite), and beside it both signatures through the signer's socket. The network is not in it.
"""

import json
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

from tests.bench import ROOT, Report, Settings
from tests.bench.signing import percentile
from tests.helpers.installation import Installation

PARTS = {"wire": "live_frame_to_wire", "decision": "live_decision", "kept": "live_kept"}
PARTS |= {"sign": "live_sign"}
KEYS = (
    *(f"{name}_us_p{percent}" for name in PARTS.values() for percent in (50, 99)),
    "live_batches",
)
BATCHES_MIN, BATCHES_MAX = 10, 240
ROUNDS = 3


def measure(batches: int) -> dict[str, list[int]]:
    """Let so many batches leave and return what they took in ns, by part."""
    with tempfile.TemporaryDirectory(prefix="pal-") as folder:
        one = Installation(Path(folder) / "data", f"live_{uuid.uuid4().hex[:12]}")
        try:
            one.manage("migrate", "-v0", seconds=300)
            one.manage("seed", seconds=300)
            venue = _start(one, "tests.bench.live_venue", str(Path(folder) / "venue"))
            port = _line(venue)
            if not port:
                raise RuntimeError(f"no venue: {one.log('tests.bench.live_venue')[-1_000:]}")
            one.environment["POLYARB_SIMULATOR_PORT"] = port
            engine = _start(one, "tests.bench.live_engine", str(batches))
            if _line(engine) != "ready":
                said = one.log("tests.bench.live_engine")[-1_000:]
                raise RuntimeError(f"the engine never became able to trade: {said}")
            _tell(venue, "offer\n")
            took: dict[str, list[int]] = json.loads(_line(engine))
            for child in (engine, venue):
                child.communicate(timeout=30)
            return took
        finally:
            one.end()


def _start(one: Installation, module: str, argument: str) -> "subprocess.Popen[str]":
    with (one.directory / f"{module}.log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", module, argument],
            cwd=ROOT,
            env=one.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    one.started.append(child)
    return child


def _line(child: "subprocess.Popen[str]") -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def _tell(child: "subprocess.Popen[str]", text: str) -> None:
    assert child.stdin is not None
    child.stdin.write(text)
    child.stdin.flush()


def run(settings: Settings) -> Report:
    """Measure; a batch that did not leave is a problem."""
    report = Report()
    wanted = min(max(settings.frames // 1_000, BATCHES_MIN), BATCHES_MAX)
    took = measure(wanted)
    size = max(1, wanted // min(settings.rounds, ROUNDS))
    for part, name in PARTS.items():
        samples = took.get(part, [])[:wanted]
        rounds = [samples[at : at + size] for at in range(0, len(samples), size)]
        rounds = [one for one in rounds if len(one) == size]
        for percent in (50, 99):
            key = f"{name}_us_p{percent}"
            if rounds:
                report.measure(key, [percentile(one, percent) / 1_000 for one in rounds])
            else:
                report.values[key] = None
    report.values["live_batches"] = len(took.get("wire", []))
    if len(took.get("wire", [])) < wanted:
        report.problems.append(f"{len(took.get('wire', []))} of {wanted} batches left")
    return report
