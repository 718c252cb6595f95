"""`python -m tests.bench.report`: the report of a day of a million events, its time and memory.

Fills a database of its own with an invented day, then makes the report in a process of its own, as
`manage.py daily_report` does, twice: the second one has to be the same, byte for byte. Writes
build/report.json and ends with 1 when it is not, or when a bound is broken.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import ROOT

SECONDS_MAX = 10
MIB_MAX = 500
COPIES = 50  # of an invented day that is a fiftieth of it, made by the database itself
# Ids are made of texts or point to rows: each copy gets its own.
OWN = {
    "trading_opportunity": ("opportunity_id",),
    "trading_arbitrageset": ("set_id", "opportunity_id"),
    "trading_setmove": ("set_id",),
    "trading_order": ("order_id", "set_id"),
    "trading_trade": ("trade_id", "order_id", "set_id"),
    "trading_ledgerentry": ("entry_id", "set_id"),
    "trading_ledgerposting": (),
}


def fill(sets, gaps, samples):
    """Store the day; return how many rows there are."""
    import django

    django.setup()
    from django.core.management import call_command

    from tests.helpers.days import Shape, invent, session_of
    from trading import models

    call_command("migrate", verbosity=0)
    call_command("seed", verbosity=0, stdout=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    session = session_of(models.Profile.objects.order_by("pk").first())
    invent(session, Shape(sets=sets // COPIES, gaps=gaps // COPIES, samples=samples))
    multiply()
    tables = (
        *(models.Opportunity, models.ArbitrageSet, models.SetMove, models.Order, models.Trade),
        *(models.LedgerEntry, models.LedgerPosting, models.MetricSample),
    )
    return {model.__name__: model.objects.count() for model in tables}


def multiply():
    """Let the database copy the day, each copy with ids of its own."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        highest = {}
        for table in OWN:
            cursor.execute(f"SELECT MAX(id) FROM {table}")
            highest[table] = cursor.fetchone()[0]
        for table, texts in OWN.items():
            cursor.execute(f"PRAGMA table_info({table})")
            columns = [row[1] for row in cursor.fetchall()]
            entry = highest["trading_ledgerentry"]
            for copy in range(1, COPIES):
                shown = {name: f'"{name}"' for name in columns}
                shown["id"] = f"id + {copy * highest[table]}"
                shown |= {name: f"\"{name}\" || '-c{copy}'" for name in texts}
                if table == "trading_ledgerposting":
                    shown["entry_id"] = f"entry_id + {copy * entry}"
                names = ", ".join(f'"{name}"' for name in columns)
                cursor.execute(
                    f"INSERT INTO {table} ({names}) SELECT {', '.join(shown.values())} "
                    f"FROM {table} WHERE id <= {highest[table]}"
                )


def report():
    """Make the report in another process; return (seconds, MiB at most, the JSON)."""
    began_s = time.monotonic()
    command = [sys.executable, "manage.py", "daily_report", "--date", "20260302", "--json"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    out, _ = process.communicate()
    took_s = time.monotonic() - began_s
    if process.returncode:
        raise SystemExit(f"the report failed with {process.returncode}")
    return took_s, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, json.loads(out)


def main():
    """Fill, report, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=50_000)
    parser.add_argument("--gaps", type=int, default=1_000_000)
    parser.add_argument("--samples", type=int, default=86_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "POLYARB_DATA_DIR": folder,
            "DJANGO_SETTINGS_MODULE": "polyarb_site.settings",
        }
        rows = fill(chosen.sets, chosen.gaps, chosen.samples)
        runs = [report() for _ in range(3)]
    said = {
        "rows": rows,
        "rows_total": sum(rows.values()),
        "process_s": [round(took_s, 1) for took_s, _, _ in runs],
        "report_ms": runs[0][2]["took_ms"],
        "memory_mib": round(max(mib for _, mib, _ in runs)),
        "same": len({one["sha256"] for _, _, one in runs}) == 1,
        "load": round(os.getloadavg()[0], 1),
    }
    problems = [] if said["same"] else ["the same day gave another report"]
    if min(said["process_s"]) > SECONDS_MAX:
        problems.append(f"slower than {SECONDS_MAX} s")
    if said["memory_mib"] > MIB_MAX:
        problems.append(f"more than {MIB_MAX} MiB")
    print(json.dumps({**said, "problems": problems}, indent=1))
    (ROOT / "build").mkdir(exist_ok=True)
    Path(ROOT / "build" / "report.json").write_text(json.dumps(said, indent=1) + "\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
