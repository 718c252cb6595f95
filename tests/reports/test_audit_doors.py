"""Verifying the audit: the first broken record is named, also when the tail was cut off."""

import json

import pytest
from django.db import connection, transaction

from polyarb_site.audit import append_only
from polyarb_site.audit.models import ChainCheck
from reports import tasks
from reports.models import DailyReport
from tests.conftest import NOON
from tests.helpers.audit import note
from tests.helpers.commands import run_command
from tests.reports.taking import take


@pytest.fixture
def records(place, db):
    for number in range(9):
        note(after={"n": number})


def tamper(*statements):
    with append_only.lifted(connection), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


EDIT = "UPDATE audit_auditevent SET reason = 'forged' WHERE sequence = 4"
REMOVE = "DELETE FROM audit_auditevent WHERE sequence = 4"
INSERT = (
    "UPDATE audit_auditevent SET sequence = sequence + 100 WHERE sequence >= 4",
    "UPDATE audit_auditevent SET sequence = sequence - 99 WHERE sequence >= 104",
    (
        "INSERT INTO audit_auditevent (sequence, at, actor_name, request_id, action, target,"
        " reason, previous_sha256, sha256) SELECT 4, at, actor_name, '', 'forged', '', '',"
        " previous_sha256, sha256 FROM audit_auditevent WHERE sequence = 3"
    ),
)
SWAP = (
    "UPDATE audit_auditevent SET sequence = 100 WHERE sequence = 4",
    "UPDATE audit_auditevent SET sequence = 4 WHERE sequence = 6",
    "UPDATE audit_auditevent SET sequence = 6 WHERE sequence = 100",
)


class TestCommand:
    def test_a_whole_chain_ends_with_0(self, records):
        status, out, _ = run_command("verify_audit")

        assert status == 0
        assert "9 hold" in out
        assert "no head was noted elsewhere" in out

    @pytest.mark.parametrize(
        ("statements", "fault"),
        [((EDIT,), "EDITED"), ((REMOVE,), "REMOVED"), (INSERT, "INSERTED"), (SWAP, "SWAPPED")],
        ids=["edited", "removed", "inserted", "swapped"],
    )
    def test_the_first_broken_record_is_named_and_it_ends_with_1(self, records, statements, fault):
        tamper(*statements)
        status, out, err = run_command("verify_audit", "--json")

        assert status == 1
        assert "record 4" in err
        assert json.loads(out)["broken"]["fault"] == fault
        assert json.loads(out)["broken"]["sequence"] == 4

    def test_a_tail_that_was_cut_off_is_found_by_a_head_that_a_report_noted(self, records):
        head = run_json()["head_sha256"]
        DailyReport.objects.create(
            account="main",
            day=NOON.date(),
            figures={},
            markdown="",
            sha256="",
            audit_sequence=9,
            audit_sha256=head,
            created_at=NOON,
            created_by="test",
        )
        assert run_json()["anchors"] == 1
        tamper("DELETE FROM audit_auditevent WHERE sequence > 6")
        status, _, err = run_command("verify_audit")

        assert status == 1
        assert "record 7: REMOVED" in err

    def test_it_ends_with_2_when_it_cannot_be_read(self, records, monkeypatch):
        from django.db import OperationalError

        from polyarb_site.audit import verifying

        def fail(*_args):
            raise OperationalError("gone")

        monkeypatch.setattr(verifying, "verify_audit", fail)
        assert run_command("verify_audit")[0] == 2


def run_json():
    return json.loads(run_command("verify_audit", "--json")[1])


class TestBackupsAsAnchors:
    def test_a_tail_that_was_cut_off_is_found_by_a_head_that_a_backup_noted(self, portal):
        take()
        assert run_json()["anchors"] == 1
        tamper("DELETE FROM audit_auditevent WHERE sequence > 3")
        status, _, err = run_command("verify_audit")

        assert status == 1
        assert "record 4: REMOVED" in err

    def test_a_restore_that_nobody_recorded_sets_nothing_aside(self, portal):
        """Whoever puts an older database in place by hand is found out."""
        take()
        tamper("DELETE FROM audit_auditevent WHERE sequence > 3")
        with transaction.atomic():
            note("backup.restore", after={"backup": {}}, at=NOON)  # older than the backup's head

        assert run_command("verify_audit")[0] == 1


class TestJobAndPage:
    def test_the_hourly_job_fails_when_the_chain_is_broken(self, records):
        assert "9 records" in tasks.verify_audit()
        tamper(EDIT)
        with pytest.raises(tasks.JobFailed, match="broken at record 4"):
            tasks.verify_audit()

    def test_old_walks_are_thinned_and_broken_ones_stay(self, records):
        from datetime import timedelta

        from django.utils import timezone

        long_ago = timezone.now() - timedelta(days=100)
        for whole in (True, False):
            ChainCheck.objects.create(at=long_ago, whole=whole, checked=1, took_ms=1)
        tasks.verify_audit()

        assert list(ChainCheck.objects.filter(at=long_ago).values_list("whole", flat=True)) == [
            False
        ]

    def test_the_page_says_how_the_chain_is(self, records, client, viewer):
        client.force_login(viewer)
        assert "Not verified yet" in page(client)
        tasks.verify_audit()
        text = page(client)

        assert "Whole" in text
        assert ChainCheck.objects.get().head_sha256[:8] in text

    def test_the_page_says_so_when_it_is_broken(self, records, client, viewer):
        client.force_login(viewer)
        tamper(EDIT)
        with pytest.raises(tasks.JobFailed):
            tasks.verify_audit()

        assert "Broken at record" in page(client)


def page(client):
    answer = client.get("/admin/audit/auditevent/")
    assert answer.status_code == 200
    return answer.content.decode()
