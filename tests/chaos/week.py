"""A portal after a week of shadow in fast time, and the people who take it live. REST alone."""

import shutil
import subprocess
import sys
import time

import httpx

from polyarb_site.locks import FileLock
from tests.chaos.live import Live
from tests.helpers.installation import POSTGRES, ROOT, wait_for
from tests.helpers.receivers import HttpReceiver

PEOPLE = """
from django.contrib.auth.models import User
from polyarb_site.rest import tokens
from polyarb_site.roles import Role, give_role
for name, role in (("otto", "operator"), ("anna", "approver"), ("bert", "approver")):
    user = User.objects.create_user(name, password=f"{name}-reads-the-books")
    give_role(user, Role(role))
    print(name, tokens.issue(user, by_name="test"))
boss = User.objects.get(username="admin")
boss.set_password("adam-reads-the-books")
boss.save()
print("admin", tokens.issue(boss, by_name="test"))
"""
SIZE = "6"  # the most that phase 1 may have: the venue's smallest set costs about 4.90
SAFE = "live_safe_atomic_v1"
TRIES = 6
PLAYED_S_MAX = 600
ASKED_EVERY_S = 1  # the API answers one account no more than so often a minute


class Week(Live):
    """Played, started, and asked over its API."""

    def __init__(self, directory, name, kept, days=7):
        """Play the week, or take the one that lies in `kept` since another test played it."""
        super().__init__(directory, name)
        self.phone = HttpReceiver()
        self.environment["POLYARB_HEARTBEAT_URL"] = self.phone.url
        lock = FileLock(kept.with_suffix(".lock"))
        wait_for(lock.acquire, PLAYED_S_MAX, "a week that another test plays")
        try:
            if kept.exists():
                shutil.copytree(kept, directory, dirs_exist_ok=True)
            else:
                self.play(days)
                if not POSTGRES:
                    shutil.copytree(directory, kept)
        finally:
            lock.release()
        told = self.manage("shell", "-v0", "-c", PEOPLE)
        self.tokens = dict(line.split() for line in told.splitlines() if " " in line)

    def play(self, days):
        """Play so many days of shadow in fast time, from the first migration on."""
        self.manage("migrate", "-v0")
        self.manage("seed")
        said = subprocess.run(
            [sys.executable, "-m", "tests.helpers.fast_week", str(days)],
            cwd=ROOT,
            env={**self.environment, "DJANGO_SETTINGS_MODULE": "polyarb_site.settings"},
            capture_output=True,
            text=True,
            check=False,
            timeout=PLAYED_S_MAX,
        )
        assert said.returncode == 0, said.stderr[-2_000:]

    def start_week(self):
        """Start everything, in shadow on the local venue."""
        words = ("up", "--port", str(self.web_port), "--feed", "simulator", "--shadow", "--drills")
        self.up = self.start(*words, log="up")

        def is_up():
            assert self.up.poll() is None, self.log("up")
            return "Ctrl-C stops" in self.log("up")

        wait_for(is_up, 120, "the start")

    # The API

    def call(self, path, *, who="otto", body=None, ends=(200, 202)):
        """Return the answer of an endpoint; with a body it is posted."""
        url = f"http://127.0.0.1:{self.web_port}/api/{path}"
        headers = {"Authorization": f"Token {self.tokens[who]}"}
        if body is None:
            answer = httpx.get(url, headers=headers, timeout=60)
        else:
            answer = httpx.post(url, headers=headers, json=body, timeout=90)
        assert answer.status_code in ends, f"{path}: {answer.status_code} {answer.text[:2_000]}"
        return answer.json()

    def prepare(self):
        """Do what a promotion wants done: drill, attest, tell a channel, raise the size."""
        self.call("drills", body={"kind": "BREAKER"})
        for kind in ("DEDICATED_WALLET", "RUNBOOK_READ", "CONTACTS_SET"):
            self.call("checks/attestations", body={"kind": kind, "note": "the play wallet"})
        address = {"url": self.phone.url, "key": "a key that the receiver knows too"}
        made = self.call(
            "alerts/channels",
            who="admin",
            body={"name": "phone", "kind": "WEBHOOK", "address": address, "level_min": "CRITICAL"},
        )
        self.call(f"alerts/channels/{made['id']}/test", who="admin", body={})
        values = {"TRADE_SIZE": SIZE}
        body = {"values": values, "reason": "the smallest set costs more than two dollars"}
        self.call(f"profiles/{SAFE}", who="admin", body=body)

    def judged(self):
        """Have the criteria judged; return (what is not met, the answer)."""
        found = self.call("phases/evaluate", body={})
        bad = [
            (one["id"], one["verdict"], one["reason"])
            for one in found["verdicts"]
            if one["verdict"] != "PASS" and one["id"] != "RPC_FAILURES"
        ]
        return bad, found

    def go(self, phase=1):
        """Have the checks run until they say Go: a busy machine is not fit at once."""
        for _ in range(TRIES):
            run = self.call("checks/runs", body={"phase": phase, "venue": "simulator"})

            def done(number=run["id"]):
                found = self.call(f"checks/runs/{number}")
                return found if found["state"] != "RUNNING" else None

            found, _ = wait_for(done, 60, "a finished run", ASKED_EVERY_S)
            if found["decision"] == "GO":
                return found
            time.sleep(2)
        bad = [(one["id"], one["reason"]) for one in found["results"] if one["status"] != "PASS"]
        raise AssertionError(f"{found['sentence']} {bad}")

    def end(self):
        super().end()
        self.phone.close()

    # The way up and down

    def promote(self):
        """Ask, and have two others say yes; return the promotion."""
        asked = self.call("promotions", body={"venue": "simulator", "reason": "seven quiet days"})
        seen = asked["binding_sha256"]
        for who in ("anna", "bert"):
            self.call(
                f"promotions/{asked['id']}/approve",
                who=who,
                body={
                    "comment": "I read each day",
                    "password": f"{who}-reads-the-books",
                    "binding_sha256": seen,
                },
            )
        return self.call(f"promotions/{asked['id']}")

    def backed_up(self):
        """Wait for a verified backup."""

        def look():
            return self.call("backups?state=VERIFIED&limit=1")["items"]

        return wait_for(look, 120, "a verified backup", ASKED_EVERY_S)[0][0]

    def rolled_back(self, seconds=120):
        """Wait for a rollback that has ended."""

        def look():
            rows = self.call("rollbacks?limit=1")["items"]
            return rows[0] if rows and rows[0]["state"] != "RUNNING" else None

        return wait_for(look, seconds, "a rollback that has ended", ASKED_EVERY_S)[0]

    def stopped(self):
        """Wait for the end of the engine, which was asked for."""

        def look():
            return self.call("status")["engine"]["state"] == "STOPPED"

        wait_for(look, 60, "a stopped engine", ASKED_EVERY_S)

    def live_merged(self):
        """Return how many sets of live sessions have merged."""
        rows = self.ask(
            "SELECT COUNT(*) FROM trading_arbitrageset s JOIN trading_enginesession e"
            " ON e.id = s.session_id WHERE s.state = 'MERGED' AND e.mode = 'LIVE'",
        )
        return rows[0][0]
