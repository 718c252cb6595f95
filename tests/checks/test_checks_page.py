"""The page Go/no-go and the statements on it, without a browser."""

import re
from datetime import timedelta

import pytest

from checks.models import CheckRun
from tests.browser.gating import add_run, begin_run, state_it
from tests.checks.pages import CHECKS, calls, now, page_of, text, world

__all__ = ["calls", "world"]
pytestmark = pytest.mark.django_db


class TestGoNoGo:
    def test_it_says_no_go_with_its_reason_and_what_to_fix_first(self, client, operator, world):
        page = page_of(client, operator, CHECKS)

        assert "NO-GO" in page
        assert "2 of 7 P0 do not pass" in page
        assert re.findall(r'data-fix="([\w.]+)"', page) == [
            "data.backup_verified", "operations.rpc_one", "security.wallet_balance"
        ]  # fmt: skip
        assert 'href="/admin/reports/backuprun/take/">Back up now</a>' in page
        assert "took 7.0 s" in page

    def test_a_go_of_yesterday_is_called_too_old(self, client, viewer, mandate):
        add_run(now() - timedelta(hours=25), good=True)

        assert "but too old: run it again" in page_of(client, viewer, CHECKS)

    def test_a_run_that_goes_on_shows_what_it_has_and_how_much_is_left(
        self, client, viewer, mandate
    ):
        begin_run(now())

        page = page_of(client, viewer, CHECKS)

        assert 'data-running="1"' in page
        assert "0 of 10 checks" in page

    def test_a_run_that_failed_is_no_decision(self, client, viewer, mandate):
        run = begin_run(now())
        CheckRun.objects.filter(pk=run.pk).update(
            state="FAILED", problem="the jobs cluster died", finished_at=now()
        )

        page = page_of(client, viewer, CHECKS)

        assert "No decision" in page
        assert "The jobs cluster died" in page

    def test_it_is_compared_with_the_run_before(self, client, viewer, world):
        page = page_of(client, viewer, CHECKS)

        assert "Against the run before" in page
        assert "pass → fail" in page
        assert "pass → unknown" in page

    def test_running_asks_for_the_chosen_phase(self, client, approver, world, calls):
        calls.stand_in("ask_for_run")
        client.force_login(approver)

        answered = client.post(f"{CHECKS}run/", {"phase": "1"})

        assert answered.url == f"{CHECKS}?phase=1"
        assert calls.made == [("ask_for_run", ("main",), {"phase": 1, "by": approver})]

    def test_running_for_no_phase_is_refused(self, client, approver, world, calls):
        calls.stand_in("ask_for_run")
        client.force_login(approver)

        assert client.post(f"{CHECKS}run/", {"phase": "7"}).status_code == 400
        assert calls.made == []

    def test_a_viewer_is_told_which_role_runs_and_states(self, client, viewer, world):
        page = page_of(client, viewer, CHECKS)

        assert "Running: your account needs the role operator or approver." in page
        assert "Stating and taking back: your account needs the role" in page


class TestStatements:
    def test_each_is_there_with_who_when_and_until(self, client, operator, world):
        page = page_of(client, operator, CHECKS)

        kinds = re.findall(r'<li data-kind="(\w+)">(.*?)</li>\s*(?=<li data-kind|</ul>)', page,
                           re.DOTALL)  # fmt: skip
        told = dict(kinds)
        assert len(told) == 6
        assert "made on 12 November" in told["DEDICATED_WALLET"]
        assert "Take back" in told["DEDICATED_WALLET"]
        assert "expired" in told["EMERGENCY_PLAN"]
        assert "nobody has stated it" in told["RUNBOOK_READ"]

    def test_it_is_stated_with_note_and_days(self, client, operator, world, calls):
        calls.stand_in("attest")
        client.force_login(operator)

        told = {"kind": "RUNBOOK_READ", "note": "all eight chapters", "days": "7"}
        page = text(client.post(f"{CHECKS}attest/", told, follow=True))

        ((_, args, more),) = calls.made
        assert args == ("main", "RUNBOOK_READ")
        assert (more["note"], more["days"], more["by"]) == ("all eight chapters", 7, operator)
        assert "Stated under your name: The runbook was read." in page

    def test_refused_the_note_stays_where_it_was_typed(self, client, operator, world, calls):
        calls.stand_in("attest")
        calls.refuse("NOTE_TOO_SHORT", "the note says nothing", "say how you know")
        client.force_login(operator)

        told = {"kind": "RUNBOOK_READ", "note": "yes", "days": "30"}
        page = text(client.post(f"{CHECKS}attest/", told))

        assert "the note says nothing" in page
        assert re.search(r'id="pa-note-RUNBOOK_READ"[^>]*>yes</textarea>', page)
        assert not re.search(r'id="pa-note-CONTACTS_SET"[^>]*>yes</textarea>', page)

    def test_an_unknown_kind_is_refused_before_the_service(self, client, operator, world, calls):
        calls.stand_in("attest")
        client.force_login(operator)

        assert client.post(f"{CHECKS}attest/", {"kind": "X", "days": "1"}).status_code == 400
        assert calls.made == []

    def test_it_is_taken_back(self, client, operator, world, calls):
        row = state_it(now(), "CONTACTS_SET", "Anna and Otto")
        calls.stand_in("revoke")
        client.force_login(operator)

        answered = client.post(f"{CHECKS}attestations/{row.pk}/revoke/")

        assert answered.status_code == 302
        assert calls.made[0][1] == (row,)

    def test_one_of_another_account_is_not_taken_back(self, client, operator, world, calls):
        row = state_it(now(), "CONTACTS_SET", "Anna and Otto")
        type(row).objects.filter(pk=row.pk).update(account="other")
        calls.stand_in("revoke")
        client.force_login(operator)

        assert client.post(f"{CHECKS}attestations/{row.pk}/revoke/").status_code == 404
        assert calls.made == []
