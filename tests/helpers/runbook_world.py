"""The installation that the commands of the runbook are run against, and how they are run."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection

from alerts.models import Alert, Watch
from polyarb_site.clock import SystemClock
from polyarb_site.rest import tokens
from polyarb_site.roles import Role, give_role
from polyarb_site.yaml_files import read_yaml
from reports.services import take_backup
from tests.api.alert_building import make_alert, make_channel, make_delivery
from tests.api.building import (
    make_incident,
    make_note,
    make_opportunity,
    make_reconciliation,
    make_sample,
    make_set,
    make_trades,
)
from tests.helpers.clocks import NOON, to_ns
from tests.helpers.commands import run_command
from tests.helpers.facts import a_session
from tests.helpers.installation import Installation, wait_for
from tests.helpers.recorded_sessions import Session
from tests.helpers.runbook import HOST, sections
from tests.reconciling.rows import a_ledger
from trading import services
from trading.journal import journal_directory
from trading.ledger import FactBatch
from trading.models import ArbitrageSet, EngineSession, Mandate, Profile, ReconciliationRun
from trading.models import WalletCheck as WalletCheckRow

ROOT = Path(settings.BASE_DIR)
RULES = {
    one["id"]: one for one in read_yaml(settings.CONFIG_DIR / "alerts.production.yaml")["rules"]
}
ALERTS_CHAPTER = "3. Alert handling"
# Where nothing runs yet, or no longer.
STOPPED = ("Start in shadow", "Rehearse with play money", "Change a profile", "Restore a backup")
# Where a day is replayed and journals are read.
RECORDED = ("Journal", "Every week", "Find what a limit costs")
WALLET_READY = ("Go live",)
# What a person sets once in their shell.
PREAMBLE = [
    command.text
    for section in sections()
    if section.title == "Before anything else"
    for block in section.commands()
    for command in block
    if command.assigns
]
UP_SECONDS = 60


def free_port():
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def places(home):
    """Give the portal folders of its own, which a test may fill and a restore may exchange."""
    data = home / "data"
    data.mkdir()
    shutil.copytree(settings.CONFIG_DIR, data / "config-files")
    changed = {
        "DATA_DIR": data,
        "CONFIG_DIR": data / "config-files",
        "JOURNAL_DIR": data / "journal",
        "BACKUP_DIR": data / "backups",
        "BACKUP_COPY_DIR": None,
        "BACKUP_RECIPIENT": "",
        "BACKUP_IDENTITY_FILE": None,
        "RUN_DIR": data / "run",
        "REPORTS_DIR": data / "reports",
        "KILL_FILE": data / "KILL",
    }
    (data / "journal").mkdir()
    (data / "channels.key").write_text("an invented key")
    shutil.copytree(ROOT / "tests" / "trading" / "polyarb_x", home / "PolyArb-X")
    return changed


class World:
    """An account and everything that a section looks at; in chapter 3 an alert fires."""

    def __init__(self, section, home, address):
        self.section, self.home, self.now = section, home, SystemClock().now()
        self._address = address  # called when something is asked of the server
        self.session = self.alert = self.incident = self.backup = None
        assert run_command("seed")[0] == 0
        self._reader()
        if section.title in STOPPED:
            services.apply_profile("live_shadow_atomic_v1", by=None, by_name="test", reason="test")
        elif section.title in RECORDED:
            self._recorded()
        else:
            self._trading()
        Watch.objects.create(name="JUDGE", beat_at=self.now)
        if section.is_rule or section.chapter == ALERTS_CHAPTER:
            self._alert(section.title if section.is_rule else "WS_DISCONNECTED")
        elif "$INCIDENT" in section.text:
            self.incident = make_incident(self.session)
        if "$BACKUP" in section.text:
            self.backup = take_backup("MANUAL", by=None, by_name="test")
        self.values = {
            "$ALERT": self.alert.pk if self.alert else 0,
            "$INCIDENT": self.incident.pk if self.incident else 0,
            "$BACKUP": self.backup.name if self.backup else "",
            "$DAY": f"{NOON:%Y%m%d}",
            "$NAME": "otto",
        }
        self.environment = {
            **os.environ,
            "HOME": str(home),
            "POLYARB_DATA_DIR": str(settings.DATA_DIR),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def _reader(self):
        reader = User.objects.create(username="otto")
        give_role(reader, Role.ADMIN if self.section.title == "Change a profile" else Role.OPERATOR)
        (self.home / ".polyarb-token").write_text(tokens.issue(reader, by_name="test"))

    def _trading(self):
        profile = Profile.objects.get(name="simulated_atomic_v1")
        Mandate.objects.update(mode="LIVE", feed="simulator", desired="RUN", profile=profile)
        self.session = a_ledger(profile)
        EngineSession.objects.update(
            state="TRADING", heartbeat_at=self.now, started_at=self.now, state_since=self.now
        )
        endpoint = {"name": "rpc.one", "requests": 40, "errors": 9, "block": 77}
        make_sample(self.session, at=self.now, rpc=[endpoint])
        make_trades(self.session, 2, first=5, state="FAILED", paper=False)
        for number, state in enumerate(("EXPOSED", "UNWOUND", "SETTLED", "MERGED"), 20):
            make_set(self.session, number, state=state, paper=False)
        make_opportunity(self.session)
        make_note(self.session)
        make_delivery(make_channel(), outcome="HTTP 503", tries=2)
        ready = self.section.title in WALLET_READY
        line = {"id": "gas", "title": "Gas", "seen": "0", "needed": "1", "why": "Fees."}
        line |= {"next_step": "Top it up.", "status": "ok" if ready else "failed"}
        WalletCheckRow.objects.create(
            account="main", at=self.now, kind="DEPOSIT", phase=1, feed="simulator", ok=ready,
            lines=[line], by_name="test",
        )  # fmt: skip
        if self.section.title != "RECONCILIATION_MISMATCH":
            make_reconciliation(self.session, at=self.now, verdict="MATCH", differences=[])

    def _recorded(self):
        """A session that traded on paper, with its journal and its rows."""
        services.apply_profile("live_shadow_atomic_v1", by=None, by_name="test", reason="test")
        profile = Profile.objects.get(name="live_shadow_atomic_v1")
        directory = journal_directory(settings.JOURNAL_DIR, "main", "main-7")
        recorded = Session(directory, start_ns=to_ns(NOON)).trade().close()
        self.session = a_session(
            profile,
            started_at=NOON,
            ended_at=NOON + timedelta(seconds=2),
            journal_sequence=recorded.writer.written_sequence,
        )
        batch = FactBatch(self.session.pk, "main")
        for fact in recorded.facts:
            batch.add(fact)
        batch.write(NOON)

    def _alert(self, rule):
        if rule == "RECONCILIATION_MISMATCH":
            make_reconciliation(self.session, at=self.now)
            self.incident = make_incident(self.session)
        self.alert = make_alert(rule, level=RULES[rule]["severity"])
        if RULES[rule]["severity"] == "CRITICAL":
            services.halt("main", by=None, by_name="alert rules", code=rule, reason="the test")

    def mend(self):
        """The remedy has worked: the condition has ended, and nothing else is wrong."""
        ended = {"resolved_at": self.now, "quiet_since": self.now}
        Alert.objects.update(state="RESOLVED", **ended)
        ArbitrageSet.objects.filter(state="EXPOSED").update(state="UNWOUND", realised_micro=-5)
        if ReconciliationRun.objects.first().verdict != "MATCH":
            later = self.now + timedelta(seconds=1)
            make_reconciliation(self.session, at=later, verdict="MATCH", differences=[])
        Watch.objects.update(beat_at=SystemClock().now())

    def run(self, blocks):
        """Run every command of these blocks in order, each with the status that it is said."""
        for block in blocks:
            before = []
            for command in block:
                if command.assigns:
                    before.append(command.text)
                if command.not_yet or self._cannot(command):
                    continue
                status, said = self._run(command.text, before)
                assert status == command.status, f"{command.text}\nended with {status}: {said}"

    def _cannot(self, command):
        """A restore exchanges a file; the database of a test on PostgreSQL is in use by it."""
        exchanges = command.manage == "restore_state" and "--yes" in command.text
        return exchanges and connection.vendor != "sqlite"

    def _run(self, text, before):
        for name, value in self.values.items():
            text = text.replace(name, str(value))
        if text == "python manage.py up":
            return self._up()
        command, _, target = text.partition(" > ")
        if not command.startswith("python manage.py "):
            return self._shell([*before, text])
        words = [re.sub("^~", str(self.home), word) for word in shlex.split(command)[2:]]
        status, out, err = run_command(*words)
        if target:
            path = self._shell([*before, f"echo {target}"])[1].strip()
            Path(path).write_text(out)
        return status, out + err

    def _shell(self, lines):
        script = "\n".join(["set -euo pipefail", *PREAMBLE, *lines])
        if HOST in script or "polyarb " in lines[-1]:
            script = script.replace(HOST, self._address())
        done = subprocess.run(
            ["bash", "-c", script],
            env=self.environment, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def _up(self):
        """Start a portal of its own as said, wait until it answers, and end it with Ctrl-C."""
        portal = Installation(self.home / "own", f"runbook_{os.getpid()}")
        port, venue = free_port(), free_port()
        try:
            child = portal.start(
                "up", log="up", POLYARB_PORT=str(port), POLYARB_SIMULATOR_PORT=str(venue)
            )
            ask = ["curl", "-sf", f"http://127.0.0.1:{port}/healthz"]

            def answers():
                assert child.poll() is None, portal.log("up")
                return subprocess.run(ask, capture_output=True, check=False).returncode == 0

            wait_for(answers, UP_SECONDS, "an answer of the portal")
            child.send_signal(signal.SIGINT)
            return child.wait(UP_SECONDS), portal.log("up")
        finally:
            portal.end()
            Watch.objects.update(beat_at=SystemClock().now())
