"""How a restore ends: with the question whether trading may start, asked of whoever is named."""

import json

import pytest
from django.db import connection

from checks.models import CheckRun
from checks.services import restored
from reports.services.restoring import ask_after_restore
from tests.conftest import NOON
from tests.helpers.commands import run_command
from tests.reports.taking import take
from trading.models import Mandate

HERE = "tests.reports.test_after_restore"


def says_go(account):
    return "GO", f"every check of {account} passed"


def says_no(account):
    return "NO_GO", f"the workers of {account} do not run"


def falls_over(account):
    raise RuntimeError(f"no catalogue for {account}")


@pytest.fixture
def here(portal, settings):
    """A portal whose data directory is the test's own."""
    settings.DATA_DIR = portal
    settings.KILL_FILE = portal / "KILL"
    return portal


def restore(settings, hook, *words):
    """Restore for real where the database is a file; elsewhere only ask what comes after it."""
    settings.AFTER_RESTORE = [f"{HERE}.{hook}"] if hook else []
    row = take()
    return run_command("restore_state", row.name, "--yes", "--reason", "a drill", *words)


def test_the_product_asks_the_checks(settings):
    from polyarb_site import settings as ours

    assert ours.AFTER_RESTORE == ["checks.services.restored.after_restore"]


def test_each_account_is_asked_about(here, settings):
    Mandate.objects.create(account="other", changed_at=NOON)
    settings.AFTER_RESTORE = [f"{HERE}.says_go"]

    assert [(one.account, one.decision) for one in ask_after_restore()] == [
        ("main", "GO"),
        ("other", "GO"),
    ]


@pytest.mark.slow
class TestTheCommand:
    @pytest.fixture(autouse=True)
    def only_a_file_is_exchanged(self, here):
        self.exchanged = connection.vendor == "sqlite"

    def test_go_ends_with_0_and_says_why(self, settings):
        if not self.exchanged:
            return
        status, out, _ = restore(settings, "says_go")

        assert status == 0
        assert "go/no-go of main: GO, every check of main passed" in out

    def test_no_go_ends_with_3_and_the_restore_is_done(self, settings):
        if not self.exchanged:
            return
        status, out, err = restore(settings, "says_no")

        assert status == 3
        assert "restored" in out
        assert "go/no-go of main: NO-GO, the workers of main do not run" in out
        assert "nothing may be started yet" in err

    def test_one_that_falls_over_is_unknown_which_is_no_go(self, settings):
        if not self.exchanged:
            return
        status, out, _ = restore(settings, "falls_over")

        assert status == 3
        assert "restored" in out
        assert "go/no-go: UNKNOWN, it could not be run (RuntimeError: no catalogue for" in out
        assert Mandate.objects.get().halted

    def test_nobody_to_be_asked_ends_with_0(self, settings):
        if not self.exchanged:
            return
        assert restore(settings, "")[0] == 0

    def test_is_told_to_programs(self, settings):
        if not self.exchanged:
            return
        status, out, _ = restore(settings, "says_no", "--json")
        told = json.loads(out[out.index("{") :])

        assert status == 3
        assert told["go_no_go"] == [
            {
                "account": "main",
                "decision": "NO_GO",
                "sentence": "the workers of main do not run",
            }
        ]


class TestTheChecks:
    """What the product's own answer is: one run of the whole catalogue, as things are now."""

    def run(self, monkeypatch, **values):
        asked = []

        def run_checks(account, **given):
            asked.append((account, given))
            return CheckRun(account=account, phase=0, venue="simulator", **values)

        monkeypatch.setattr(restored, "run_checks", run_checks)
        return restored.after_restore("main"), asked

    def test_is_the_decision_of_a_run_by_the_shell(self, monkeypatch):
        answer, asked = self.run(
            monkeypatch, state="FINISHED", decision="NO_GO", sentence="2 P0 fail"
        )

        assert answer == ("NO_GO", "2 P0 fail")
        assert asked[0][0] == "main"
        assert asked[0][1]["by_name"].startswith("restore_state (shell:")

    def test_a_run_that_failed_has_none(self, monkeypatch):
        answer, _ = self.run(monkeypatch, state="FAILED", problem="out of memory")

        assert answer == ("UNKNOWN", "out of memory")
