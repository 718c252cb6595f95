"""`python -m tests.bench`: measure the engine, print a table, write build/bench.json.

Ends with 1 when a benchmark found something wrong (a frame lost, a gap missed); a slow machine is
no failure.
"""

import argparse
import json
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from tests.bench import (
    ROOT,
    Report,
    Settings,
    Value,
    alert_storm,
    backup,
    bundled_recording,
    cores,
    engine_path,
    kills,
    live_path,
    loopback,
    nautilus_path,
    replay_days,
    replay_speed,
    signing,
)

BENCHMARKS: dict[str, ModuleType] = {
    "engine_path": engine_path,
    "nautilus_path": nautilus_path,
    "loopback": loopback,
    "replay_speed": replay_speed,
    "signing": signing,
    "live": live_path,
    "alert_storm": alert_storm,
}


def machine() -> dict[str, Value]:
    """Return what the figures depend on, without naming the host."""
    cpu = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    return {
        "cpu": cpu,
        "cores": cores(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def revision() -> str:
    """Return the git revision, marked when the tree differs from it; empty without git."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def table(report: Report) -> str:
    """Return one line a figure: key, value, and the spread of its rounds."""
    lines = []
    for key, value in report.values.items():
        shown = f"{value:,}" if type(value) in (int, float) else str(value)
        spread = ""
        if key in report.spread:
            low, high, rounds = report.spread[key]
            spread = f"  {low:,} to {high:,} in {rounds} rounds"
        lines.append(f"  {key:40} {shown:>12}{spread}")
    lines += [f"  note: {remark}" for remark in report.remarks]
    lines += [f"  WRONG: {problem}" for problem in report.problems]
    return "\n".join(lines)


def arguments(words: list[str]) -> tuple[Settings, Path, list[str]]:
    """Return the settings, where the figures go, and which benchmarks are meant (none: all)."""
    plain = Settings()
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"default: all of {', '.join(BENCHMARKS)}")
    parser.add_argument("--frames", type=int, default=plain.frames)
    parser.add_argument("--markets", type=int, default=plain.markets)
    parser.add_argument("--rounds", type=int, default=plain.rounds)
    parser.add_argument("--seed", type=int, default=plain.seed)
    parser.add_argument("--recording", type=Path, default=bundled_recording())
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench.json")
    chosen = parser.parse_args(words)
    for name in chosen.names:
        if name not in BENCHMARKS:
            parser.error(f"there is no benchmark {name!r}")
    settings = Settings(
        frames=chosen.frames,
        markets=chosen.markets,
        rounds=chosen.rounds,
        seed=chosen.seed,
        recording=chosen.recording,
    )
    return settings, chosen.out, chosen.names


def heading(settings: Settings, words: list[str]) -> dict[str, object]:
    """Return what was run, where and when."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python -m tests.bench", *words]),
        "revision": revision(),
        "machine": machine(),
        "stream": {
            "frames": settings.frames,
            "markets": settings.markets,
            "seed": settings.seed,
            "rounds": settings.rounds,
            "recording": settings.recording.name if settings.recording else None,
        },
    }


def main(words: list[str]) -> int:
    """Run, print, write; return the exit code."""
    if words[:1] == ["kills"]:  # measures waiting, with options of its own
        return kills.main(words[1:])
    if words[:1] == ["backup"]:
        return backup.main(words[1:])
    if words[:1] == ["replay_days"]:
        return replay_days.main(words[1:])
    settings, out, names = arguments(words)
    total = Report()
    for name, module in BENCHMARKS.items():
        if names and name not in names:
            continue
        report = module.run(settings)
        sys.stdout.write(f"{name}\n{table(report)}\n")
        sys.stdout.flush()
        total.values |= report.values
        total.spread |= report.spread
        total.problems += report.problems
        total.remarks += report.remarks
    result = {
        **heading(settings, words),
        **total.values,
        "spread": total.spread,
        "remarks": total.remarks,
        "problems": total.problems,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n")
    sys.stdout.write(f"written to {out.name}\n")
    return 1 if total.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
