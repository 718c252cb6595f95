"""What the gates cost, on a portal after days of shadow in fast time.

    python -m tests.bench.gates [--days 7]

Prints JSON: judging all criteria of phase 0 and its kill criteria alone, asking a live mandate anew
as each opening batch does, and `manage.py go_no_go --json` from start to end, nothing else running.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]


def main():
    """Play, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        print(json.dumps(_inside()))
        return
    with tempfile.TemporaryDirectory() as home:
        environment = {
            **{name: text for name, text in os.environ.items() if name != "DATABASE_URL"},
            "POLYARB_DATA_DIR": home,
            "DJANGO_SETTINGS_MODULE": "polyarb_site.settings",
        }
        for words in (["migrate", "-v0"], ["seed"]):
            _run(["manage.py", *words], environment)
        _run(["-m", "tests.helpers.fast_week", str(options.days)], environment)
        figures = json.loads(_run(["-m", "tests.bench.gates", "--inside"], environment))
        figures["go_no_go_s"] = [_timed(environment) for _ in range(3)]
    print(json.dumps({"days": options.days, **figures}, indent=2))


def _run(words, environment, ends=(0,)):
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in ends:
        raise SystemExit(done.stderr)
    return done.stdout


def _timed(environment):
    began = time.monotonic()
    _run(["manage.py", "go_no_go", "--json"], environment, ends=(0, 1))
    return round(time.monotonic() - began, 2)


def _inside():
    import django

    django.setup()
    from checks.services.evaluations import evaluate
    from polyarb_site.clock import SystemClock
    from tests.helpers.grants import put_in_force
    from trading.models import Mandate, MetricSample, Profile
    from trading.runtime.permission import why_not

    now = SystemClock().now()
    figures = {"samples": MetricSample.objects.count()}
    for scope in ("ALL", "KILL"):
        figures[f"{scope.lower()}_ms"] = _ms(
            lambda scope=scope: evaluate("main", scope=scope, by_name="bench", at=now), 15
        )
    profile = Profile.objects.get(name="live_safe_atomic_v1")
    put_in_force("main", profile, at=now)
    revision = Mandate.objects.get().revision
    figures["permission_ms"] = _ms(lambda: why_not("main", revision), 200)
    assert why_not("main", revision) == ""
    return figures


def _ms(work, times):
    """Return median and maximum in milliseconds."""
    took = []
    for _ in range(times):
        began = time.monotonic()
        work()
        took.append((time.monotonic() - began) * 1_000)
    return {"p50": round(median(took), 2), "max": round(max(took), 2)}


if __name__ == "__main__":
    main()
