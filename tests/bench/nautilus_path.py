"""The same frames through nautilus_trader and through us, in turns.

nautilus lives in its own environment and process (nautilus_worker.py); rounds alternate, so that
only one of the two works at a time. What is measured of it is decoding, books and a comparison of
best asks. `books_vs_nautilus_ratio` is the same job on our side; `engine_vs_nautilus_ratio` has all
of ours on one side: integrity checks, walks, risk and paper orders too. Without that environment
the figures are empty and the reason is told: a ratio is measured or it is not there.
"""

import json
import subprocess

from tests.bench import ROOT, Report, Settings, pinned
from tests.bench.engine_path import time_books, time_engine
from tests.bench.stream import generate, write

KEYS = (
    "engine_vs_nautilus_ratio",
    "books_vs_nautilus_ratio",
    "nautilus_frames_per_s",
    "nautilus_p50_us",
    "nautilus_p99_us",
    "nautilus_version",
)
ROUNDS_MAX = 5


class WorkerError(Exception):
    """The other engine cannot be measured; says why."""


class Worker:
    """The other process. Ends with the `with` block."""

    def __init__(self, settings: Settings, path) -> None:
        if not settings.nautilus_python.is_file():
            raise WorkerError("nautilus_trader is not installed; `make bench` installs it")
        script = ROOT / "tests" / "bench" / "nautilus_worker.py"
        self._process = subprocess.Popen(
            [settings.nautilus_python, script, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            self._line()
        except WorkerError:
            self.close()
            raise

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def ask(self, what: str) -> dict:
        """Ask for one round and return the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        answer: dict = json.loads(self._line())
        if answer["errors"]:
            raise WorkerError(f"nautilus_trader reported {answer['errors']}: {answer['error']}")
        return answer

    def close(self) -> None:
        """End the process."""
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        self._process.terminate()
        self._process.wait()

    def _line(self) -> str:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        line = self._process.stdout.readline()
        if not line:
            last = (self._process.stderr.read().strip().splitlines() or ["it said nothing"])[-1]
            raise WorkerError(f"nautilus_trader did not run: {last[:200]}")
        return line


def version(settings: Settings) -> str:
    """Return the version that is installed in its environment."""
    code = "from importlib.metadata import version; print(version('nautilus_trader'))"
    return subprocess.run(
        [settings.nautilus_python, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def run(settings: Settings) -> Report:
    """Measure both over the first frames of the stream."""
    report = Report(values=dict.fromkeys(KEYS))
    count = min(settings.frames, settings.nautilus_frames)
    stream = generate(count, markets=settings.markets, seed=settings.seed)
    path = settings.build / "bench-frames.jsonl"
    write(stream, path)
    ours, books, theirs = [], [], []
    try:
        with pinned(1), Worker(settings, path) as worker:
            for _ in range(min(settings.rounds, ROUNDS_MAX)):
                ours.append(time_engine(stream).frames)
                theirs.append(worker.ask("round"))
                books.append(time_books(stream))
            each = [worker.ask("each") for _ in range(min(settings.rounds, 3))]
    except WorkerError as error:
        report.remarks.append(f"engine_vs_nautilus_ratio was not measured: {error}")
        return report
    finally:
        path.unlink()
    if not theirs[0]["gaps"]:
        report.problems.append("nautilus: no gap was found, so its path did not really run")
    for key, spans in (("engine", ours), ("books", books)):
        pairs = zip(spans, theirs, strict=True)
        ratios = [its["core_ns"] / our.core_ns for our, its in pairs]
        report.measure(f"{key}_vs_nautilus_ratio", ratios)
    report.measure("nautilus_frames_per_s", [count * 1e9 / its["wall_ns"] for its in theirs])
    report.measure("nautilus_p50_us", [its["p50_us"] for its in each])
    report.measure("nautilus_p99_us", [its["p99_us"] for its in each])
    report.values["nautilus_version"] = version(settings)
    return report
