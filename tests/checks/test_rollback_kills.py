"""kill -9 in the middle of each step of a rollback: another process ends it, and nothing is twice.

An installation in phase 1 on the local venue, of which no process runs but the one that dies.
"""

import json
import os
import signal
import subprocess
import sys
import uuid

import pytest

from tests.helpers.installation import ROOT, Installation

pytestmark = pytest.mark.slow

BEFORE, AFTER = "before", "after"
STEPS = "checks.services.rollback_steps"
# In the middle: what the step is for was done, and nobody has written down that it was.
POINTS = [
    ("checks.services.rollbacks:halt", AFTER, 1),
    ("checks.services.carrying:begin", AFTER, 1),  # HALT
    (f"{STEPS}:stop_new_orders", AFTER, 1),
    (f"{STEPS}:cancel_orders", AFTER, 1),
    (f"{STEPS}:close_sets", AFTER, 1),
    (f"{STEPS}:set_dry_run", AFTER, 1),
    ("reports.services.backups:move", BEFORE, 1),
    ("reports.services.backups:move", AFTER, 1),
    (f"{STEPS}:take_incident_backup", AFTER, 1),
    (f"{STEPS}:open_incident", AFTER, 1),
    (f"{STEPS}:report", AFTER, 1),
    (f"{STEPS}:step_down", AFTER, 1),
    (f"{STEPS}:tell_notice", AFTER, 1),
    ("checks.services.carrying:finish", BEFORE, 1),
]
COMMAND = ("roll_back", "--reason", "the fills look wrong")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    made = Installation(tmp_path_factory.mktemp("prepared"), f"down_{uuid.uuid4().hex[:12]}")
    made.manage("migrate", "-v0")
    made.manage("seed")
    subprocess.run(
        [sys.executable, "-m", "tests.checks.in_phase_1"],
        cwd=ROOT,
        env=made.environment,
        check=True,
    )
    yield made
    made.end()


@pytest.fixture
def place(prepared, tmp_path):
    made = Installation(tmp_path / "data", f"down_{uuid.uuid4().hex[:12]}", prepared)
    yield made
    made.end()


def dies_at(place, point):
    done = subprocess.run(
        [sys.executable, "-m", "tests.checks.dying", *map(str, point), *COMMAND],
        cwd=ROOT,
        env=place.environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point[1]}-{point[0]}-{point[2]}")
def test_another_process_ends_it_and_nothing_is_done_twice(place, point):
    dies_at(place, point)
    assert os.path.lexists(place.directory / "KILL")  # whatever happened, trading is halted
    # The dead process' lease has run out.
    place.database.rows("UPDATE alerts_watch SET expires_at = NULL")
    place.manage(*COMMAND, seconds=120)

    rows = place.database.rows
    assert rows("SELECT state, phase_from, phase_to FROM checks_rollback") == [("FINISHED", 1, 0)]
    states = rows('SELECT name, state FROM checks_rollbackstep ORDER BY "order"')
    assert [state for _, state in states] == ["DONE"] * 8, states
    assert rows("SELECT phase, mode, desired, halt_code FROM trading_mandate") == [
        (0, "SHADOW", "STOP", "ROLLBACK")
    ]
    assert rows("SELECT kind, state, seen_count FROM trading_incident") == [("ROLLBACK", "OPEN", 1)]
    verified = (
        "SELECT COUNT(*) FROM reports_backuprun WHERE kind = 'INCIDENT' AND state = 'VERIFIED'"
    )
    assert rows(verified) == [(1,)]
    assert rows("SELECT COUNT(*) FROM alerts_delivery") == [(1,)]
    assert _audited(place, "mandate.step_down") == 1
    assert _audited(place, "incident.open") == 1
    halts = [line for line in (place.directory / "KILL").read_text().splitlines() if line]
    assert {json.loads(line)["code"] for line in halts} == {"ROLLBACK"}


def _audited(place, action):
    sql = f"SELECT COUNT(*) FROM audit_auditevent WHERE action = '{action}'"
    return place.database.rows(sql)[0][0]
