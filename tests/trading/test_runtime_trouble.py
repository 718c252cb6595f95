"""A shift in trouble: whatever breaks, trading stops, nothing is lost, and somebody is told."""

import errno
import threading
import time

import pytest
from django.db import OperationalError

from polyarb_site.audit.models import AuditEvent
from tests.helpers.clocks import NOON
from tests.helpers.journals import until
from tests.helpers.shifts import QUICK, RunningShift, shift
from trading import kill_file
from trading.adapters import codec
from trading.engine.commands import RecordFact, StopTrading
from trading.engine.shadow import ShadowEngine
from trading.journal import COMMAND, JournalReader, journal_directory, verify_journal
from trading.journal.writer import DiskFile
from trading.ledger import FactBatch
from trading.models import (
    ArbitrageSet,
    EngineLease,
    EngineNote,
    EngineSession,
    LedgerEntry,
    Mandate,
    MetricSample,
    Opportunity,
    SetMove,
)
from trading.replaying import replay_journal
from trading.runtime import Ending
from trading.runtime.keeper import LeaseKeeper
from trading.services import halt

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def session(key="main-1"):
    return EngineSession.objects.get(key=key)


def trading(one, key="main-1"):
    until(lambda: one.feed.sink is not None)
    one.feed.calm()
    until(lambda: EngineSession.objects.filter(key=key, state="TRADING").exists(), seconds=10)


def facts_in_journal(place, key):
    """The ids of all facts in a journal, by kind."""
    found = {}
    for record in JournalReader(journal_directory(place / "journal", "main", key)).records():
        message = codec.from_msgpack(record.body) if record.kind == COMMAND else None
        if isinstance(message, RecordFact):
            found.setdefault(type(message.fact).__name__, []).append(message.fact)
    return found


def database_agrees_with_journal(place, key):
    """Every fact of the journal is in the database, once, and nothing else is."""
    facts = facts_in_journal(place, key)
    of = {"session__key": key}
    expected = {fact.opportunity_id for fact in facts.get("OpportunitySeen", [])}
    found = Opportunity.objects.filter(**of).values_list("opportunity_id", flat=True)
    assert sorted(found) == sorted(expected)
    expected = {(fact.set_id, fact.sequence) for fact in facts.get("SetMoved", [])}
    sets = {fact.set_id for fact in facts.get("SetMoved", [])}
    found = SetMove.objects.filter(set_id__in=sets).values_list("set_id", "sequence")
    assert expected <= set(found)
    entries = LedgerEntry.objects.filter(**of).count()
    assert entries == len({fact.entry_id for fact in facts.get("LedgerBooked", [])})
    samples = MetricSample.objects.filter(**of).count()
    assert samples == len(facts.get("MetricSample", []))
    notes = EngineNote.objects.filter(**of).exclude(note_id__endswith="recovered").count()
    assert notes == len(facts.get("EngineNoted", []))


class TestEngineFaults:
    def test_a_bug_in_the_engine_ends_the_shift_and_names_itself(self, wanted, place, monkeypatch):
        real = ShadowEngine.handle

        def handle(self, event, now_ns):
            if getattr(event, "token_id", "") == "bomb":
                raise ZeroDivisionError("what a pity")
            return real(self, event, now_ns)

        monkeypatch.setattr(ShadowEngine, "handle", handle)
        with shift() as one:
            trading(one)
            one.feed.frame(
                b'{"event_type":"book","market":"0xabc","asset_id":"bomb",'
                b'"timestamp":"1772452800000","bids":[],"asks":[]}'
            )
            result = one.join()

        assert result.ending is Ending.CRASHED
        row = session()
        assert row.state == "CRASHED"
        assert row.state_reason == "CRASHED: ZeroDivisionError: what a pity"
        assert row.ended_at is not None
        database_agrees_with_journal(place, "main-1")
        replayed = replay_journal(journal_directory(place / "journal", "main", "main-1"))
        assert (replayed.same, replayed.crash) == (True, "ZeroDivisionError: what a pity")

    def test_an_engine_that_crashes_again_and_again_is_started_ever_more_slowly(
        self, wanted, monkeypatch
    ):
        def handle(self, event, now_ns):
            raise ZeroDivisionError("at once")

        monkeypatch.setattr(ShadowEngine, "handle", handle)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            one = RunningShift()
            until(lambda one=one: one.result is not None or time.monotonic() > deadline, 10)
            one.end()

        assert 2 <= EngineSession.objects.count() <= 3  # not dozens
        assert set(EngineSession.objects.values_list("state", flat=True)) == {"CRASHED"}

    def test_an_engine_that_halts_itself_halts_the_mandate(self, wanted, monkeypatch):
        real = ShadowEngine.handle
        fuse = threading.Event()

        def handle(self, event, now_ns):
            commands = real(self, event, now_ns)
            if fuse.is_set():
                fuse.clear()
                commands.append(StopTrading(code="LEDGER_CONTRADICTION", reason="1 is not 2"))
            return commands

        monkeypatch.setattr(ShadowEngine, "handle", handle)
        with shift() as one:
            trading(one)
            fuse.set()
            until(lambda: Mandate.objects.get().halted)
            until(lambda: session().state == "HALTED")

        mandate = Mandate.objects.get()
        assert (mandate.halt_code, mandate.halt_reason) == ("LEDGER_CONTRADICTION", "1 is not 2")
        assert mandate.halted_by == "engine main-1"


class TestJournalFaults:
    def test_a_full_disk_ends_the_shift_halts_the_account_and_loses_nothing(
        self, wanted, place, monkeypatch
    ):
        full = threading.Event()

        def write(self, data, real=DiskFile.write):
            if full.is_set():
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(self, data)

        monkeypatch.setattr(DiskFile, "write", write)
        with shift() as one:
            trading(one)
            one.feed.gap()
            until(ArbitrageSet.objects.exists)
            full.set()
            result = one.join()

        assert result.ending is Ending.JOURNAL_FAILED
        assert "No space left on device" in session().state_reason
        assert session().state == "CRASHED"
        assert Mandate.objects.get().halt_code == "JOURNAL_FAILED"
        report = verify_journal(journal_directory(place / "journal", "main", "main-1"))
        assert report.torn_only
        assert session().journal_sequence <= report.last_sequence
        database_agrees_with_journal(place, "main-1")

    def test_the_next_engine_starts_halted_after_that(self, wanted, monkeypatch):
        monkeypatch.setattr(
            DiskFile, "write", lambda self, data: (_ for _ in ()).throw(OSError(5, "I/O error"))
        )
        assert RunningShift().join().ending is Ending.JOURNAL_FAILED
        monkeypatch.undo()

        with shift() as one:
            until(lambda: EngineSession.objects.filter(key="main-2", state="HALTED").exists())
            one.feed.gap()
            time.sleep(0.2)
            assert ArbitrageSet.objects.count() == 0


class TestDatabaseFaults:
    def test_facts_that_could_not_be_committed_are_brought_in_by_the_next_shift(
        self, wanted, place, monkeypatch
    ):
        down = threading.Event()

        def write(self, at, real=FactBatch.write):
            if down.is_set():
                raise OperationalError("connection refused")
            return real(self, at)

        monkeypatch.setattr(FactBatch, "write", write)
        from dataclasses import replace

        from trading.ledger import LedgerLimits

        limits = LedgerLimits(write_every_ms=20, heartbeat_ms=200, silence_ms_max=2_000)
        times = replace(QUICK, ledger=limits, close_ms_max=500)
        with shift(times=times) as one:
            trading(one)
            down.set()
            one.feed.gap()
            result = one.join()
        assert result.ending is Ending.LEDGER_FAILED
        assert session().ended_at is None
        assert ArbitrageSet.objects.count() == 0
        assert Mandate.objects.get().halt_code == "LEDGER_FAILED"

        down.clear()
        with shift():
            until(lambda: session().ended_at is not None)

        assert ArbitrageSet.objects.count() == 1
        database_agrees_with_journal(place, "main-1")

    def test_a_short_outage_is_survived(self, wanted, place, monkeypatch):
        down = threading.Event()

        def write(self, at, real=FactBatch.write):
            if down.is_set():
                raise OperationalError("database is locked")
            return real(self, at)

        monkeypatch.setattr(FactBatch, "write", write)
        with shift() as one:
            trading(one)
            down.set()
            one.feed.gap()
            time.sleep(0.8)
            down.clear()
            until(lambda: ArbitrageSet.objects.filter(state="MERGED").exists(), seconds=10)

        assert one.result.ending is Ending.PROCESS_STOPPED
        database_agrees_with_journal(place, "main-1")


class TestFencing:
    def test_whoever_lost_its_lease_stops_and_writes_nothing_more(self, wanted, place):
        with shift() as one:
            trading(one)
            EngineLease.objects.update(token=2, owner="elsewhere:1:1:x", host="elsewhere")
            before = EngineSession.objects.values().get(key="main-1")
            result = one.join()

        assert result.ending is Ending.FENCED
        after = EngineSession.objects.values().get(key="main-1")
        assert after["ended_at"] is None
        assert after["journal_sequence"] == before["journal_sequence"]
        assert EngineLease.objects.get().owner == "elsewhere:1:1:x"

    def test_open_sets_of_a_lost_session_are_carried_on_by_the_next(self, wanted, place):
        with shift() as one:
            trading(one)
            one.feed.gap()
            until(ArbitrageSet.objects.exists)
            EngineLease.objects.update(token=2, owner="", host="")
            one.join()
        assert ArbitrageSet.objects.get().state != "MERGED"

        with shift() as two:
            until(lambda: two.feed.sink is not None)
            two.feed.calm()
            until(lambda: ArbitrageSet.objects.exclude(state="SEEN").exists())
            until(
                lambda: ArbitrageSet.objects.get().state in ("MERGED", "ABANDONED", "UNWOUND"), 10
            )

        row = ArbitrageSet.objects.get()
        moves = list(SetMove.objects.order_by("sequence").values_list("state_to", flat=True))
        assert moves[-1] == row.state
        assert session().state == "CRASHED"

    def test_a_process_that_cannot_renew_in_time_stops_before_anybody_else_starts(
        self, wanted, monkeypatch
    ):
        def renew(self):
            raise OperationalError("connection refused")

        with shift() as one:
            trading(one)
            monkeypatch.setattr("trading.lease.LeaseHolder.renew", renew)
            began = time.monotonic()
            result = one.join()
            took = time.monotonic() - began

        assert (result.ending, result.reason) == (
            Ending.FENCED,
            "the lease could not be renewed in time",
        )
        ttl_s = QUICK.lease.ttl_ms / 1_000
        assert took < ttl_s  # a quarter before the end


def test_a_shift_whose_cluster_died_ends_itself(wanted, monkeypatch):
    with shift() as one:
        trading(one)
        monkeypatch.setattr("trading.runtime.keeper.os.getppid", lambda: 1)

        assert one.join().ending is Ending.ORPHANED
    assert EngineLease.objects.get().owner == ""


def test_a_loop_that_hangs_loses_the_account(wanted, monkeypatch):
    exits = []
    monkeypatch.setattr(
        LeaseKeeper.__init__, "__kwdefaults__", {"exit_process": exits.append}, raising=True
    )
    real = ShadowEngine.handle
    hang = threading.Event()

    def handle(self, event, now_ns):
        if hang.is_set():
            time.sleep(9)  # longer than the lease
        return real(self, event, now_ns)

    monkeypatch.setattr(ShadowEngine, "handle", handle)
    with shift() as one:
        trading(one)
        hang.set()
        until(lambda: exits, seconds=20)
        hang.clear()

        assert one.join().ending is Ending.FENCED
    assert exits[0] == 70


class TestAHaltThatTheDatabaseNeverHeardOf:
    def test_reaches_the_mandate_with_the_next_session(self, wanted, settings):
        # Its session was fenced before the database answered: only this machine's file says it.
        kill_file.halt_by_file_only(
            settings.KILL_FILE,
            by_name="alert in main-0",
            code="WS_DISCONNECTED",
            reason="ws_connected is false",
            at=NOON,
        )
        with shift() as one:
            until(lambda: one.feed.sink is not None)
            until(lambda: Mandate.objects.get().halted)

        mandate = Mandate.objects.get()
        assert mandate.halt_code == "WS_DISCONNECTED"
        assert "ws_connected is false" in mandate.halt_reason

    def test_one_that_it_knows_is_recorded_once(self, wanted):
        halt("main", by=None, by_name="test", code="MANUAL", reason="a bad feeling")
        with shift() as one:
            until(lambda: EngineSession.objects.filter(state="HALTED").exists())
            one.join_not(0.3)

        assert AuditEvent.objects.filter(action="mandate.halt").count() == 1
