"""Several writers at once: still one chain without gaps."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.db import connection, transaction

from polyarb_site.audit.chain import verify_chain
from polyarb_site.audit.models import AuditEvent
from polyarb_site.audit.recorder import record

ROOT = Path(__file__).resolve().parents[2]
WRITERS, EACH = 4, 25

# A database with nothing but the audit, in a file as on a real machine.
PREPARE = """
import django; django.setup()
from django.db import connection
from polyarb_site.audit import append_only
from polyarb_site.audit.models import AuditEvent
with connection.schema_editor() as editor:
    editor.create_model(AuditEvent)
append_only.install(connection)
"""
WRITE = """
import sys
import django; django.setup()
from django.db import transaction
from polyarb_site.audit.recorder import record
for number in range(int(sys.argv[1])):
    with transaction.atomic():
        record("test.done", actor=None, actor_name=f"writer {sys.argv[2]}", reason=str(number))
"""
READ = """
import django; django.setup()
from polyarb_site.audit.chain import verify_chain
from polyarb_site.audit.models import AuditEvent
report = verify_chain(AuditEvent.objects.order_by("sequence"))
print(report.checked, report.broken)
"""


def start(code, directory, *arguments):
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "polyarb_site.settings",
        "POLYARB_DATA_DIR": str(directory),
        "DATABASE_URL": "",
    }
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_processes_that_share_a_file(tmp_path):
    out, _ = (prepared := start(PREPARE, tmp_path)).communicate(timeout=60)
    assert prepared.returncode == 0, out
    writers = [start(WRITE, tmp_path, str(EACH), str(number)) for number in range(WRITERS)]
    for writer in writers:
        out, _ = writer.communicate(timeout=60)
        assert writer.returncode == 0, out
    out, _ = start(READ, tmp_path).communicate(timeout=60)

    assert out.strip() == f"{WRITERS * EACH} None"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_connections_to_a_server():
    """Under READ COMMITTED, two that read the last row together would take the same number."""
    if connection.vendor != "postgresql":
        return  # the file above is SQLite's case
    failed = []

    def write(name):
        try:
            for number in range(EACH):
                with transaction.atomic():
                    record("test.done", actor=None, actor_name=name, reason=str(number))
        except Exception as error:  # noqa: BLE001 - a thread's failure has to reach the test
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(f"writer {n}",)) for n in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    report = verify_chain(AuditEvent.objects.order_by("sequence"))
    assert (report.checked, report.broken) == (WRITERS * EACH, None)
