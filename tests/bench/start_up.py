"""What it costs to start a process of the portal, in seconds of processor time.

    python -m tests.bench.start_up [--times 5]

Prints JSON with the median of each start, on an installed data directory of its own.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
STARTS = {
    "django.setup()": ["-c", "import django; django.setup()"],
    "verify_audit": ["manage.py", "verify_audit"],
    "backup_state --json": ["manage.py", "backup_state", "--json"],
    "web": ["-c", "import polyarb_site.asgi"],
}


def main():
    """Start each so many times, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        environment = {
            **{name: text for name, text in os.environ.items() if name != "DATABASE_URL"},
            "POLYARB_DATA_DIR": home,
            "DJANGO_SETTINGS_MODULE": "polyarb_site.settings",
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for words in (["migrate", "-v0"], ["seed"]):
            _seconds(["manage.py", *words], environment)
        figures = {
            name: median(_seconds(words, environment) for _ in range(options.times))
            for name, words in STARTS.items()
        }
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


def _seconds(words, environment):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environment, check=True, capture_output=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
