"""A run: every check within its time, nothing hangs, nothing leaks, one decision, one record."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections

from checks.catalogue.base import Category, Priority, Status
from checks.models import CheckResult, CheckRun
from checks.selectors.bindings import run_sha256
from checks.selectors.runs import valid_go
from checks.services import runs
from checks.services.runs import ask_for_run, run_checks, sweep
from checks.tasks import run_asked
from polyarb_site.audit.models import AuditEvent
from polyarb_site.live.models import OutboxMessage
from tests.checks.s2a_building import check, says
from tests.conftest import NOON
from trading.models import Mandate
from trading.services.refusals import NotPermitted, ServiceRefused

pytestmark = pytest.mark.django_db(transaction=True)
CANARY = "0x" + "c0ffee" * 10 + "abcd"
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def nothing_is_queued(monkeypatch):
    """Take note of what would be queued."""
    queued = []
    monkeypatch.setattr(runs, "async_task", lambda *task, **options: queued.append(task))
    return queued


@pytest.fixture
def shadow(mandate, profile):
    """An account in phase 0 with its profile."""
    Mandate.objects.filter(pk=mandate.pk).update(profile=profile)
    return mandate


def run(*checks, **options):
    return run_checks("main", by_name="test", at=NOON, catalogue=checks, **options)


class TestOneRun:
    def test_it_stores_what_each_check_saw_and_decides(self, shadow, profile):
        done = run(
            check("security.one"),
            check("system.two", says(Status.FAIL, "it is not so", seen=3), priority=Priority.P1),
        )

        assert (done.state, done.decision, done.planned) == ("FINISHED", "GO", 2)
        assert done.counts["P1"] == {"PASS": 0, "FAIL": 1, "UNKNOWN": 0}
        assert done.profile == str(profile)
        assert done.profile_sha256 == profile.sha256
        assert done.sha256 == run_sha256(done)
        one, two = done.results.order_by("order")
        assert (one.check_id, one.status, one.remedy) == ("security.one", "PASS", "")
        assert (two.reason, two.evidence, two.remedy) == (
            "it is not so",
            {"seen": 3},
            "Put it right.",
        )

    def test_a_failed_critical_check_is_no_go(self, shadow):
        done = run(check("security.one"), check("security.two", says(Status.FAIL)))

        assert done.decision == "NO_GO"
        assert "security.two" in done.sentence

    def test_a_check_that_the_phase_does_not_ask_is_not_made(self, shadow):
        done = run(check("security.one"), check("security.live", says(Status.FAIL), phases=(1, 2)))

        assert done.planned == 1
        assert done.decision == "GO"

    def test_a_run_without_any_check_is_no_go(self, shadow):
        done = run()

        assert (done.state, done.decision) == ("FINISHED", "NO_GO")

    def test_one_category_decides_nothing(self, shadow):
        done = run(
            check("security.one"),
            check("system.two", says(Status.FAIL), category=Category.SYSTEM),
            category="security",
        )

        assert (done.decision, done.planned) == ("", 1)
        assert "decides nothing" in done.sentence
        assert valid_go("main", 0, "recorded", NOON + MINUTE) is None

    def test_it_leaves_one_record_with_the_decision(self, shadow):
        done = run(check("security.one"))

        event = AuditEvent.objects.get()
        assert (event.action, event.target) == ("check_run.finish", f"check_run:{done.pk}")
        assert event.after["decision"] == "GO"
        assert event.after["sha256"] == done.sha256

    def test_pages_hear_of_each_step(self, shadow):
        done = run(check("security.one"))

        told = list(OutboxMessage.objects.order_by("id").values_list("payload", flat=True))
        assert told[0]["done"] == 1
        assert told[-1]["state"] == "FINISHED"
        assert {one["run"] for one in told} == {done.pk}

    def test_whoever_watches_is_told_each_result(self, shadow):
        heard = []
        run(check("security.one"), check("security.two"), on_result=heard.append)

        assert {one.check_id for one in heard} == {"security.one", "security.two"}


class TestWhatHangsOrBreaks:
    def test_a_check_that_hangs_is_unknown_and_the_run_ends(self, shadow):
        """Defect G4: nothing was recorded, and the script hung with its network."""
        let_go = threading.Event()

        def hang(_scene):
            let_go.wait(30)
            return says(Status.PASS)(None)

        done = run(check("security.one"), check("security.slow", hang, time_ms_max=60))
        let_go.set()

        slow = done.results.get(check_id="security.slow")
        assert (slow.status, slow.reason) == ("UNKNOWN", "did not answer within 60 ms")
        assert done.results.get(check_id="security.one").status == "PASS"
        assert (done.state, done.decision) == ("FINISHED", "NO_GO")

    def test_an_answer_that_comes_late_is_ignored(self, shadow):
        answered = threading.Event()

        def late(_scene):
            answered.wait(0.15)
            answered.set()
            return says(Status.PASS)(None)

        def patient(_scene):
            answered.wait(5)
            return says(Status.PASS)(None)

        done = run(
            check("security.late", late, time_ms_max=40),
            check("security.patient", patient, time_ms_max=5_000),
        )

        assert done.results.get(check_id="security.late").status == "UNKNOWN"
        assert done.results.get(check_id="security.patient").status == "PASS"
        assert done.results.count() == 2

    def test_all_hang_and_the_run_ends_in_its_time(self, shadow, monkeypatch):
        monkeypatch.setattr(runs, "RUN_MS_MAX", 200)
        let_go = threading.Event()
        slow = [
            check(f"security.s{n}", lambda _s: let_go.wait(30), time_ms_max=150) for n in range(40)
        ]
        done = run(*slow)
        let_go.set()

        reasons = set(done.results.values_list("reason", flat=True))
        assert done.results.filter(status="UNKNOWN").count() == 40
        assert "its turn did not come within 200 ms" in reasons
        assert done.state == "FINISHED"

    def test_a_check_that_raises_is_unknown_without_its_secret(self, shadow):
        def broken(_scene):
            raise ValueError(f"the key {CANARY} of postgres://portal:hunter2@db/x is bad")

        done = run(check("security.one"), check("security.broken", broken))

        row = done.results.get(check_id="security.broken")
        assert row.status == "UNKNOWN"
        assert row.reason.startswith("the check itself failed: ValueError: ")
        assert CANARY[2:] not in row.reason
        assert "hunter2" not in row.reason
        assert done.decision == "NO_GO"

    def test_evidence_never_holds_a_secret_or_a_float(self, shadow):
        seen = {"private_key": CANARY, "note": f"key {CANARY}", "share": 0.5, "deep": [1.5]}
        run(check("security.one", says(Status.PASS, **seen)))

        evidence = CheckResult.objects.get().evidence
        assert CANARY[2:] not in str(evidence)
        assert evidence["share"] == "0.5"
        assert evidence["deep"] == ["1.5"]

    def test_a_check_that_says_nothing_known_is_unknown(self, shadow):
        done = run(check("security.one", lambda _scene: None), check("security.two"))

        assert done.results.get(check_id="security.one").status == "UNKNOWN"

    def test_each_check_has_a_connection_of_its_own(self, shadow):
        ours = connection.connection
        seen = []

        def look(_scene):
            assert Mandate.objects.count() == 1
            seen.append((connections["default"], connection.connection))
            return says(Status.PASS)(None)

        run(check("security.one", look), check("security.two", look))

        assert len({id(one) for _, one in seen}) == 2
        assert ours not in [one for _, one in seen]
        assert [wrapper.connection for wrapper, _ in seen] == [None, None]  # closed


class TestAsking:
    def test_the_row_is_there_at_once_and_the_work_is_queued(
        self, shadow, operator, nothing_is_queued
    ):
        asked = ask_for_run("main", by=operator, at=NOON)

        assert (asked.state, asked.by_name, asked.planned) == ("RUNNING", "otto", 0)
        assert nothing_is_queued == [("checks.tasks.run_asked", asked.pk)]
        assert AuditEvent.objects.get().action == "check_run.ask"

    def test_asking_again_while_it_runs_gives_the_same_run(
        self, shadow, operator, nothing_is_queued
    ):
        first = ask_for_run("main", by=operator, at=NOON)

        assert ask_for_run("main", by=operator, at=NOON + MINUTE).pk == first.pk
        assert len(nothing_is_queued) == 1
        assert ask_for_run("main", phase=1, by=operator, at=NOON + MINUTE).pk != first.pk

    def test_a_task_that_comes_twice_runs_once(self, shadow, operator, monkeypatch):
        monkeypatch.setattr("checks.catalogue.registry.CATALOGUE", (check("security.one"),))
        asked = ask_for_run("main", by=operator)

        assert run_asked(asked.pk).endswith("GO")
        assert "not begun again" in run_asked(asked.pk)

        assert CheckResult.objects.count() == 1
        assert AuditEvent.objects.filter(action="check_run.finish").count() == 1

    def test_a_run_that_another_worker_has_begun_is_left(self, shadow, operator):
        asked = ask_for_run("main", by=operator)
        CheckRun.objects.filter(pk=asked.pk).update(planned=7)

        assert run_asked(asked.pk).endswith("RUNNING, not begun again")
        assert not CheckResult.objects.exists()

    def test_who_may_not_run_checks_is_refused(self, shadow, viewer):
        with pytest.raises(NotPermitted):
            ask_for_run("main", by=viewer)
        with pytest.raises(NotPermitted):
            run_checks("main", by=viewer)
        assert not CheckRun.objects.exists()

    @pytest.mark.parametrize(
        "wrong",
        [
            {"phase": 4},
            {"phase": -1},
            {"venue": "nowhere"},
            {"phase": 1, "venue": "recorded"},
            {"category": "weather"},
        ],
    )
    def test_what_is_not_there_is_refused(self, shadow, wrong):
        with pytest.raises(ServiceRefused):
            run_checks("main", by_name="test", **wrong)
        assert not CheckRun.objects.exists()

    def test_a_live_phase_is_asked_about_on_the_real_venue_by_default(self, shadow):
        assert run(check(), phase=1).venue == "polymarket"
        assert run(check()).venue == "recorded"


class TestCrashes:
    def crashed(self, **values):
        at = values.pop("at", NOON)
        given = {"account": "main", "phase": 0, "venue": "recorded", "software": "x"}
        return CheckRun.objects.create(**given, started_at=at, by_name="test", **values)

    def test_the_next_run_marks_a_run_failed_whose_process_was_killed(self, shadow):
        old = self.crashed(at=NOON - timedelta(minutes=3), planned=5)

        run(check("security.one"))

        old.refresh_from_db()
        assert old.state == "FAILED"
        assert "the process that ran it ended" in old.problem
        assert AuditEvent.objects.filter(action="check_run.fail").count() == 1

    def test_a_run_that_no_worker_took_is_marked_too(self, shadow):
        old = self.crashed()

        assert sweep(NOON + timedelta(minutes=3)) == [old]
        old.refresh_from_db()
        assert "no worker took it" in old.problem

    def test_a_run_that_runs_is_left(self, shadow):
        self.crashed(planned=5)

        assert sweep(NOON + MINUTE) == []

    def test_an_interrupted_run_is_no_go_for_nobody(self, shadow):
        def stop(_result):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run(check("security.one"), on_result=stop)

        left = CheckRun.objects.get()
        assert (left.state, left.decision) == ("FAILED", "")

    def test_results_that_were_lost_fail_the_run(self, shadow):
        with pytest.raises(AssertionError):
            run(check("security.one"), on_result=_lose)


def _lose(result):
    CheckResult.objects.filter(pk=result.pk).delete()
    raise AssertionError("lost")
