"""What the jobs cluster does about backups, and what rules, header and first run see of it."""

from datetime import timedelta

import pytest
from django.conf import settings

from alerts.selectors.portal import PortalReadings
from polyarb_site import measured
from polyarb_site.clock import SystemClock
from polyarb_site.dashboard.first_run import first_run
from polyarb_site.live.backup_cells import backup_cells
from polyarb_site.live.cells import cells
from reports import tasks
from reports.models import BackupRun, RestoreDrill
from reports.selectors.backups import backup_age, backup_part
from reports.services import drill_restore, pin_backup, regular_backups, release_backup
from reports.services.asking import ask_for_backup, ask_for_verification
from tests.conftest import NOON
from tests.reports.taking import folder, left_behind, take
from trading.models import Incident
from trading.schedules import SCHEDULES
from trading.selectors import live_state
from trading.selectors.watched import watched
from trading.services.refusals import Invalid, NotPermitted, ServiceRefused

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def a_row(name="20260302_1000", state="VERIFIED", ago=2 * HOUR, **more):
    return BackupRun.objects.create(
        name=name, kind="DAILY", state=state, started_at=NOON - ago, created_by="t", **more
    )


@pytest.fixture
def queued(monkeypatch):
    """The tasks that were asked for."""
    found = []

    def keep(task, *arguments, **options):
        found.append((task, arguments))

    monkeypatch.setattr("reports.tasks.async_task", keep)
    monkeypatch.setattr("reports.services.asking.async_task", keep)
    return found


class TestRules:
    def test_the_age_is_that_of_the_newest_verified_backup(self, db):
        a_row()
        a_row("20260302_1100", state="FAILED", ago=HOUR)
        a_row("20260302_1130", state="TAKEN", ago=HOUR / 2)

        assert backup_age(NOON) == 2_000_000
        assert measured.read("backup_age", NOON) == 2_000_000

    def test_without_one_it_is_not_known(self, db):
        a_row(state="FAILED")

        assert measured.read("backup_age", NOON) is None

    def test_a_metric_that_nobody_measures_is_not_known(self):
        assert measured.read("weather", NOON) is None

    def test_two_cannot_measure_the_same(self):
        with pytest.raises(ValueError, match="measured already"):
            measured.register("backup_age", "reports.selectors.backups.backup_part")

    def test_the_rule_sees_it(self, db, mandate):
        a_row(ago=25 * HOUR)
        values = PortalReadings("main", NOON).take(watched("main"), NOON)

        assert values["backup_age"] == 25_000_000


class TestHeader:
    def test_a_fresh_one_is_good(self, db):
        a_row()
        found = backup_cells(backup_part("main", NOON), NOON.isoformat())

        assert (found["backup"]["text"], found["backup"]["tone"]) == ("verified", "good")
        assert found["backup_age"]["text"] == "2 h"

    def test_one_of_yesterday_is_overdue(self, db):
        a_row(ago=24 * HOUR)

        assert backup_cells(backup_part("main", NOON), NOON.isoformat())["backup"]["tone"] == "bad"

    def test_a_later_one_that_failed_is_said(self, db):
        a_row()
        a_row("20260302_1100", state="FAILED", ago=HOUR)
        found = backup_cells(backup_part("main", NOON), NOON.isoformat())["backup"]

        assert found["tone"] == "warn"
        assert "20260302_1100 failed" in found["title"]

    def test_none_is_a_dash_with_its_reason(self, db):
        found = cells(live_state("main", NOON))["values"]

        assert found["backup"]["reason"] == "no backup was verified yet"
        assert found["backup_age"]["text"] == ""


class TestFirstRun:
    def test_the_step_is_ticked_by_the_first_verification(self, db, rf, operator):
        request = rf.get("/admin/")
        request.user = operator

        def step():
            shown = first_run(request, "main")
            return next(one for one in shown["steps"] if one.title == "First backup verified")

        assert (step().done, step().disabled) == (False, "")
        a_row(verified_at=NOON)
        assert (step().done, step().done_at) == (True, NOON)

    def test_a_viewer_is_told_who_may(self, db, rf, viewer):
        request = rf.get("/admin/")
        request.user = viewer
        shown = first_run(request, "main")

        assert [one.disabled for one in shown["steps"]].count("needs the role operator") >= 1


class TestJob:
    def test_is_on_the_schedule(self):
        tasks_of = {one.name: one.task for one in SCHEDULES}

        assert tasks_of["backups"] == "reports.tasks.look_after_backups"
        assert tasks_of["audit"] == "reports.tasks.verify_audit"

    def test_asks_for_the_first_backup_at_once(self, place, db, queued):
        assert tasks.look_after_backups() == "all is well"

        assert queued == [("reports.tasks.backup", ("DAILY",))]

    def test_asks_for_a_drill_when_there_is_something_to_restore(self, place, db):
        a_row(ago=-timedelta(0))

        assert ("drill", ()) in regular_backups.due(NOON)
        RestoreDrill.objects.create(
            backup=BackupRun.objects.get(), at=NOON - DAY, took_ms=1, passed=True
        )
        assert ("drill", ()) not in regular_backups.due(NOON)

    def test_an_incident_has_a_backup_of_its_own(self, place, db):
        a_row(ago=timedelta(0))
        Incident.objects.create(
            account="main", kind="RECONCILIATION", title="x", opened_at=NOON, last_seen_at=NOON
        )
        assert ("backup", ("INCIDENT",)) in regular_backups.due(NOON + HOUR)

        BackupRun.objects.create(
            name="i", kind="INCIDENT", state="VERIFIED", started_at=NOON + HOUR / 2, created_by="t"
        )
        assert ("backup", ("INCIDENT",)) not in regular_backups.due(NOON + HOUR)
        assert ("backup", ("INCIDENT",)) not in regular_backups.due(NOON + 3 * DAY)

    @pytest.mark.parametrize(
        ("state", "more", "said"),
        [
            ("FAILED", {"problem": "DISK: full"}, "DISK: full"),
            ("VERIFIED", {"second_target": "failed: DISK: gone"}, "DISK: gone"),
        ],
    )
    def test_fails_while_the_newest_backup_is_not_right(self, place, db, queued, state, more, said):
        a_row(state=state, **more)

        with pytest.raises(tasks.JobFailed, match=said):
            tasks.look_after_backups()

    def test_fails_while_the_newest_drill_failed(self, place, db, queued):
        RestoreDrill.objects.create(
            backup=a_row(), at=NOON, took_ms=1, passed=False, problem="ROWS: fewer"
        )

        with pytest.raises(tasks.JobFailed, match="ROWS: fewer"):
            tasks.look_after_backups()

    def test_a_task_that_the_queue_gives_twice_takes_one_backup(self, portal):
        assert "VERIFIED" in tasks.backup("DAILY")
        assert tasks.backup("DAILY") == "no longer due"

        assert BackupRun.objects.count() == 1

    def test_old_ones_go_with_the_next_and_their_rows_stay(self, portal):
        old = take()
        BackupRun.objects.update(started_at=SystemClock().now() - 8 * DAY)
        pinned = take("INCIDENT")
        BackupRun.objects.filter(pk=pinned.pk).update(started_at=SystemClock().now() - 9 * DAY)
        tasks.backup("DAILY")

        assert BackupRun.objects.get(pk=old.pk).state == "PRUNED"
        assert not folder(old).exists()
        assert folder(pinned).exists()
        assert left_behind() == []


class TestPins:
    def test_are_set_and_released_with_a_reason(self, portal, operator):
        row = take()
        assert pin_backup(row.name, by=operator, reason="the day it went wrong").pinned
        assert not release_backup(row.name, by=operator, reason="cleared up").pinned

    def test_are_refused_without_one_and_twice(self, portal, operator):
        row = take()
        with pytest.raises(Invalid):
            pin_backup(row.name, by=operator, reason=" ")
        with pytest.raises(ServiceRefused, match="not pinned"):
            release_backup(row.name, by=operator, reason="x")

    def test_are_not_for_viewers(self, portal, viewer):
        with pytest.raises(NotPermitted):
            pin_backup(take().name, by=viewer, reason="x")


class TestDrills:
    def test_are_kept_with_their_duration(self, portal):
        take()
        drill = drill_restore(by_name="test")

        assert (drill.passed, drill.problem) == (True, "")
        assert drill.took_ms > 0

    def test_fail_for_a_damaged_backup_which_then_does_not_count(self, portal):
        row = take()
        (folder(row) / "config.tar.zst").write_bytes(b"")
        drill = drill_restore(by_name="test")

        assert not drill.passed
        assert "config.tar.zst" in drill.problem
        row.refresh_from_db()
        assert row.state == "FAILED"

    def test_of_an_encrypted_one_need_its_key_and_say_so(self, portal, settings):
        from reports.backups.members import new_identity

        identity, recipient = new_identity()
        settings.BACKUP_RECIPIENT = str(recipient)
        row = take()
        drill = drill_restore(by_name="test")
        assert not drill.passed
        assert "give its identity file" in drill.problem
        row.refresh_from_db()
        assert row.state == "VERIFIED"  # it was proven when it was made

        settings.BACKUP_IDENTITY_FILE = portal / "identity"
        settings.BACKUP_IDENTITY_FILE.write_text(f"{identity}\n")
        assert drill_restore(by_name="test").passed

    def test_need_something_to_restore(self, portal):
        with pytest.raises(ServiceRefused, match="no verified backup"):
            drill_restore(by_name="test")


class TestSecondPlace:
    def test_gets_a_copy_that_was_compared(self, portal, settings):
        settings.BACKUP_COPY_DIR = portal / "second"
        row = take()

        assert row.second_target.startswith("copied to")
        names = sorted(path.name for path in (portal / "second" / row.name).iterdir())
        assert names == sorted(path.name for path in folder(row).iterdir())

    def test_that_cannot_be_written_is_said_and_the_backup_still_counts(self, portal, settings):
        (portal / "file").write_text("in the way")
        settings.BACKUP_COPY_DIR = portal / "file"
        row = take()

        assert row.state == "VERIFIED"
        assert row.second_target.startswith("failed: DISK")


class TestAsking:
    def test_queues_it_after_the_commit_and_writes_it_down(
        self, place, db, operator, queued, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            ask_for_backup(by=operator, reason="before the upgrade")

        assert queued == [("reports.tasks.backup_asked", ("otto", "before the upgrade"))]

    def test_twice_in_a_moment_is_refused(self, place, db, operator, queued):
        ask_for_backup(by=operator)
        with pytest.raises(ServiceRefused, match="a moment ago"):
            ask_for_backup(by=operator)

    def test_is_not_for_viewers(self, place, db, viewer, queued):
        row = a_row()
        with pytest.raises(NotPermitted):
            ask_for_backup(by=viewer)
        with pytest.raises(NotPermitted):
            ask_for_verification(row.name, by=viewer)

        assert queued == []

    def test_the_tasks_do_it(self, portal):
        assert "VERIFIED" in tasks.backup_asked("otto", "why")
        name = BackupRun.objects.get().name
        assert "VERIFIED" in tasks.verify_asked(name, "otto")
        assert "is not known" in tasks.verify_asked("20200101_0000", "otto")


class TestPages:
    def test_every_page_is_shown(self, portal, client, operator):
        row = take()
        a_row("20260301_0010", state="FAILED", problem="DISK: full")
        client.force_login(operator)
        base = "/admin/reports/backuprun/"
        for address, text in (
            (base, "Back up now"),
            (base, "DISK: full"),
            (f"{base}{row.pk}/change/", row.sha256),
            (f"{base}{row.pk}/preview/", "Rows then"),
            (f"{base}{row.pk}/pin/", "It is kept until somebody releases it"),
            (f"{base}{row.pk}/verify/", "restores it into a scratch database"),
            (f"{base}take/", "A job copies database"),
        ):
            answer = client.get(address)
            assert answer.status_code == 200, address
            assert text in answer.content.decode(), address

    def test_an_act_does_what_it_says_and_goes_back(self, portal, client, operator, queued):
        row = take()
        client.force_login(operator)
        answer = client.post(
            f"/admin/reports/backuprun/{row.pk}/pin/", {"reason": "the day it went wrong"}
        )

        assert answer.status_code == 302
        row.refresh_from_db()
        assert row.pinned_reason == "the day it went wrong"

    def test_a_refusal_is_shown_with_its_remedy(self, portal, client, operator):
        row = take()
        client.force_login(operator)
        answer = client.post(f"/admin/reports/backuprun/{row.pk}/pin/", {"reason": ""})

        assert answer.status_code == 400
        assert "say in a sentence why" in answer.content.decode()

    def test_a_viewer_sees_and_does_nothing(self, portal, client, viewer):
        row = take()
        client.force_login(viewer)
        base = "/admin/reports/backuprun/"
        assert "needs the role operator" in client.get(base).content.decode()
        assert client.get(f"{base}{row.pk}/preview/").status_code == 403
        assert client.post(f"{base}{row.pk}/pin/", {"reason": "x"}).status_code == 403
        row.refresh_from_db()
        assert not row.pinned

    def test_a_stranger_sees_nothing(self, portal, client, nobody):
        nobody.is_staff = True
        nobody.save()
        client.force_login(nobody)

        assert client.get("/admin/reports/backuprun/").status_code == 403
        assert client.get("/admin/reports/backuprun/take/").status_code == 403


def test_the_folder_of_the_backups_is_a_setting():
    assert settings.BACKUP_DIR.name == "backups"
