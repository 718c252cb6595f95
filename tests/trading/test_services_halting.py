"""Halting, which nothing can refuse, and resuming, which is the hard way."""

import json
import threading
from datetime import timedelta

import pytest
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from polyarb_site.audit.models import AuditEvent
from polyarb_site.live.models import OutboxMessage
from tests.conftest import NOON
from tests.helpers.audit import last_event, only_event
from trading import kill_file, services
from trading.models import Mandate
from trading.services import halting

pytestmark = pytest.mark.django_db

KEY = "0x8f2a55949038a9610f50fb23b5883af3b4ecb3c3bb792cbcefbd1542c692be63"


@pytest.fixture
def database_down(monkeypatch):
    """Let every statement of the service fail, as with a database that went away."""

    def fail(*_args, **_kwargs):
        raise OperationalError("server closed the connection unexpectedly")

    return lambda: monkeypatch.setattr(halting, "_close_mandate", fail)


@pytest.fixture
def disk_broken(monkeypatch):
    """Let the kill file fail to be written."""

    def fail(*_args, **_kwargs):
        raise OSError(5, "Input/output error")

    return lambda: monkeypatch.setattr(kill_file, "_append", fail)


def halt(account, by=None, **changes):
    given = {"by": by, "by_name": "" if by else "test", "reason": "odd fills", "at": NOON}
    return services.halt(account, **{**given, **changes})


class TestHalt:
    def test_halts_the_mandate_and_writes_the_file(self, mandate, operator, settings):
        result = halt(mandate.account, operator, code="MANUAL")

        row = Mandate.objects.get()
        assert result.file_written
        assert result.recorded
        assert not result.already_halted
        assert result.mandate == row
        assert (row.halted, row.halt_code, row.halt_reason) == (True, "MANUAL", "odd fills")
        assert (row.halted_by, row.halted_at) == ("otto", NOON)
        assert row.revision == mandate.revision + 1
        said = json.loads(settings.KILL_FILE.read_text())
        assert said == {
            "by": "otto",
            "code": "MANUAL",
            "reason": "odd fills",
            "at": "2026-03-02T12:00:00+00:00",
        }

    def test_is_audited_and_told_to_the_pages(self, mandate, operator):
        halt(mandate.account, operator)

        event = only_event()
        assert (event.action, event.actor, event.reason) == ("mandate.halt", operator, "odd fills")
        assert (event.before["halted"], event.after["halted"]) == (False, True)
        assert OutboxMessage.objects.get().payload["what"] == "mandate.halt"

    @pytest.mark.parametrize("role", ["viewer", "operator", "approver", "admin_user", "nobody"])
    def test_everybody_with_an_account_may(self, mandate, role, request):
        halt(mandate.account, request.getfixturevalue(role))

        assert Mandate.objects.get().halted

    def test_needs_no_reason(self, mandate, viewer):
        assert halt(mandate.account, viewer, reason="").recorded

    def test_halting_what_is_halted_succeeds_and_keeps_the_first_cause(self, mandate, viewer):
        halt(mandate.account, viewer, code="PNL_DRAWDOWN", reason="lost 3 %")
        later = NOON + timedelta(minutes=5)
        result = halt(mandate.account, viewer, code="MANUAL", reason="me too", at=later)

        row = Mandate.objects.get()
        assert result.already_halted
        assert (row.halt_code, row.halt_reason, row.halted_at) == ("PNL_DRAWDOWN", "lost 3 %", NOON)
        assert row.revision == mandate.revision + 2
        assert [event.reason for event in AuditEvent.objects.all()] == ["me too", "lost 3 %"]

    def test_both_halts_are_in_the_file_the_first_one_first(self, mandate, viewer, settings):
        halt(mandate.account, viewer, reason="first")
        halt(mandate.account, viewer, reason="second")

        lines = settings.KILL_FILE.read_text().splitlines()
        assert [json.loads(line)["reason"] for line in lines] == ["first", "second"]
        note = kill_file.read(settings.KILL_FILE)
        assert note is not None
        assert note.reason == "first"

    def test_an_account_that_was_never_seeded_is_halted_too(self, db, viewer):
        halt("main", viewer)

        assert Mandate.objects.get(account="main").halted

    @pytest.mark.parametrize("error", [OperationalError, InterfaceError, DatabaseError])
    def test_works_with_the_database_down(self, mandate, monkeypatch, settings, error):
        def fail(*_args, **_kwargs):
            raise error("gone")

        monkeypatch.setattr(halting, "_close_mandate", fail)
        result = halt(mandate.account)

        assert result.file_written
        assert not result.recorded
        assert "database does not answer" in result.message
        assert kill_file.is_set(settings.KILL_FILE)

    def test_the_file_is_there_before_the_database_is_asked(self, mandate, monkeypatch, settings):
        seen = []
        close = halting._close_mandate

        def look(*args, **kwargs):
            seen.append(kill_file.is_set(settings.KILL_FILE))
            return close(*args, **kwargs)

        monkeypatch.setattr(halting, "_close_mandate", look)
        halt(mandate.account)

        assert seen == [True]

    def test_works_with_the_disk_broken_and_says_so(self, mandate, disk_broken):
        disk_broken()
        result = halt(mandate.account)

        assert Mandate.objects.get().halted
        assert not result.file_written
        assert "Input/output error" in result.message

    def test_with_both_broken_it_says_that_nothing_was_halted(
        self, mandate, disk_broken, database_down
    ):
        disk_broken()
        database_down()
        with pytest.raises(services.HaltFailed, match="by hand"):
            halt(mandate.account)

    def test_a_key_in_the_reason_is_kept_nowhere(self, mandate, viewer, settings):
        halt(mandate.account, viewer, reason=f"my key {KEY} leaked")

        assert KEY not in settings.KILL_FILE.read_text()
        assert KEY not in Mandate.objects.get().halt_reason
        assert KEY not in only_event().reason
        assert "leaked" in Mandate.objects.get().halt_reason

    @pytest.mark.parametrize("reason", ["x" * 5_000, "a\0b", "half \ud800 a character", "\n\t"])
    def test_no_text_keeps_it_from_halting(self, mandate, viewer, reason):
        halt(mandate.account, viewer, reason=reason, code="C" * 300)

        assert Mandate.objects.get().halted
        assert len(Mandate.objects.get().halt_reason) <= 500

    def test_a_bug_in_the_audit_still_leaves_the_file(self, mandate, monkeypatch, settings):
        def fail(_event):
            raise RuntimeError

        monkeypatch.setattr(AuditEvent, "append", fail)
        with pytest.raises(RuntimeError):
            halt(mandate.account)

        assert kill_file.is_set(settings.KILL_FILE)
        assert not Mandate.objects.get().halted


class TestResume:
    def resume(self, mandate, by, **changes):
        return services.resume(mandate.account, **{"by": by, "reason": "books are back", **changes})

    def test_opens_both_locks_and_keeps_why(
        self, mandate, operator, settings, django_capture_on_commit_callbacks
    ):
        halt(mandate.account, operator)
        with django_capture_on_commit_callbacks(execute=True):
            resumed = self.resume(mandate, operator, at=NOON + timedelta(hours=1))

        assert not resumed.halted
        assert (resumed.halt_code, resumed.halt_reason, resumed.halted_at) == ("", "", None)
        assert not kill_file.is_set(settings.KILL_FILE)
        event = last_event()
        assert (event.action, event.reason) == ("mandate.resume", "books are back")
        assert event.before["halt_reason"] == "odd fills"
        assert event.after["kill_file"]["by"] == "otto"

    def test_keeps_the_file_until_the_database_has_committed(self, mandate, operator, settings):
        """Whatever happens before the commit, this machine stays halted."""
        halt(mandate.account, operator)
        self.resume(mandate, operator)

        assert kill_file.is_set(settings.KILL_FILE)

    def test_ends_a_halt_that_is_only_a_file(
        self, mandate, operator, settings, django_capture_on_commit_callbacks
    ):
        settings.KILL_FILE.touch()
        with django_capture_on_commit_callbacks(execute=True):
            self.resume(mandate, operator)

        assert not kill_file.is_set(settings.KILL_FILE)
        assert only_event().after["kill_file"] == {
            "by": "",
            "code": "",
            "reason": "",
            "at": "",
        }

    @pytest.mark.parametrize("role", ["viewer", "approver", "nobody"])
    def test_needs_the_role_operator(self, mandate, operator, settings, role, request):
        halt(mandate.account, operator)
        with pytest.raises(services.NotPermitted):
            self.resume(mandate, request.getfixturevalue(role))

        assert Mandate.objects.get().halted
        assert kill_file.is_set(settings.KILL_FILE)

    def test_an_admin_may(self, mandate, admin_user):
        halt(mandate.account, admin_user)

        assert not self.resume(mandate, admin_user).halted

    @pytest.mark.parametrize("reason", ["", "   ", "\n"])
    def test_needs_a_reason(self, mandate, operator, reason):
        halt(mandate.account, operator)
        with pytest.raises(services.Invalid) as caught:
            self.resume(mandate, operator, reason=reason)

        assert caught.value.code == "REASON_MISSING"
        assert Mandate.objects.get().halted

    def test_is_refused_when_nothing_is_halted(self, mandate, operator):
        with pytest.raises(services.ServiceRefused) as caught:
            self.resume(mandate, operator)

        assert caught.value.code == "NOT_HALTED"
        assert AuditEvent.objects.count() == 0

    def test_a_file_that_cannot_be_removed_is_said_and_stays(
        self, mandate, operator, settings, django_capture_on_commit_callbacks
    ):
        halt(mandate.account, operator)
        settings.KILL_FILE.unlink()
        settings.KILL_FILE.mkdir()
        try:
            with (
                pytest.raises(services.ServiceRefused) as caught,
                django_capture_on_commit_callbacks(execute=True),
            ):
                self.resume(mandate, operator)
        finally:
            settings.KILL_FILE.rmdir()

        assert caught.value.code == "KILL_FILE_STAYS"
        assert str(settings.KILL_FILE) in caught.value.remedy

    def test_after_resuming_the_next_halt_has_its_own_cause(self, mandate, operator):
        halt(mandate.account, operator, code="A", reason="first")
        self.resume(mandate, operator)
        halt(mandate.account, operator, code="B", reason="second")

        assert Mandate.objects.get().halt_code == "B"


@pytest.mark.django_db(transaction=True)
class TestForReal:
    """Committed, as outside of a test."""

    def test_halt_and_resume(self, mandate, operator, settings):
        halt(mandate.account, operator)
        services.resume(mandate.account, by=operator, reason="ok", at=NOON)

        assert not Mandate.objects.get().halted
        assert not kill_file.is_set(settings.KILL_FILE)

    @pytest.mark.postgres
    def test_somebody_who_holds_the_row_does_not_hold_up_a_halt(
        self, mandate, settings, monkeypatch
    ):
        if connection.vendor != "postgresql":
            return  # on SQLite the connection itself gives up after five seconds
        monkeypatch.setattr(halting, "LOCK_WAIT_MS", 200)
        held, done = threading.Event(), threading.Event()

        def hold():
            with transaction.atomic():
                Mandate.objects.select_for_update().get(pk=mandate.pk)
                held.set()
                done.wait(30)
            connection.close()

        holder = threading.Thread(target=hold)
        holder.start()
        try:
            assert held.wait(10)
            result = halt(mandate.account)
        finally:
            done.set()
            holder.join()

        assert result.file_written
        assert not result.recorded
        assert halt(mandate.account).recorded

    def test_a_resume_that_fails_leaves_both_locks_closed(
        self, mandate, operator, settings, monkeypatch
    ):
        halt(mandate.account, operator)

        def fail(_event):
            raise OperationalError("disk full")

        monkeypatch.setattr(AuditEvent, "append", fail)
        with pytest.raises(OperationalError):
            services.resume(mandate.account, by=operator, reason="ok", at=NOON)

        assert Mandate.objects.get().halted
        assert kill_file.is_set(settings.KILL_FILE)
