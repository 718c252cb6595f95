"""The ledger's thread: behind the journal, under the lease, and it loses nothing in trouble."""

import itertools
import time

import pytest
from django.db import OperationalError

from polyarb_site.clock import SystemClock
from polyarb_site.live.models import OutboxMessage
from tests.helpers.clocks import NOON
from tests.helpers.facts import KEY, a_session, note, opened, sample, seen, set_moves
from tests.helpers.journals import until
from trading.lease import Fenced
from trading.ledger import FactBatch, FactWriter, LedgerFailed, LedgerLimits, SessionReport
from trading.models import EngineLease, EngineNote, EngineSession, MetricSample, Opportunity

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

QUICK = LedgerLimits(write_every_ms=10)
TRADING = SessionReport(state="TRADING", reason="all is well", since=NOON, stats={"frames": 1})
STOPPED = SessionReport(state="STOPPED", reason="asked to", since=NOON)


class FakeJournal:
    """Says how far a journal is."""

    written_sequence = 0


@pytest.fixture
def session(profile):
    return a_session(profile)


@pytest.fixture
def journal():
    return FakeJournal()


@pytest.fixture
def writer(session, journal):
    made = []

    def make(**options):
        options.setdefault("limits", QUICK)
        options.setdefault("report", TRADING)
        one = FactWriter(session, journal=journal, clock=SystemClock(), **options)
        made.append(one)
        one.start()
        return one

    yield make
    for one in made:
        one.abandon()


def database_is_down(monkeypatch):
    """Let every write fail until the returned function is called."""
    real = FactBatch.write

    def write(self, at):
        raise OperationalError("connection refused\nmore of it")

    monkeypatch.setattr(FactBatch, "write", write)
    return lambda: monkeypatch.setattr(FactBatch, "write", real)


class TestSomebodyWaits:
    def test_a_fact_is_committed_long_before_its_time(self, writer, journal):
        one = writer(limits=LedgerLimits(write_every_ms=60_000))
        one.put(5, note(1))
        journal.written_sequence = 5

        one.hurry()

        until(lambda: one.committed_sequence >= 5)
        assert EngineNote.objects.filter(note_id=f"{KEY}-n1").exists()


class TestJournalFirst:
    def test_a_fact_waits_for_its_journal_record(self, writer, journal):
        one = writer()
        one.put(5, note(1))
        one.put(6, note(2))
        journal.written_sequence = 5
        until(EngineNote.objects.exists)
        time.sleep(0.05)

        assert list(EngineNote.objects.values_list("note_id", flat=True)) == [f"{KEY}-n1"]
        assert one.waiting == 1

        journal.written_sequence = 6
        until(lambda: one.waiting == 0)
        assert EngineNote.objects.count() == 2

    def test_the_session_says_up_to_which_record_its_facts_are_there(self, writer, journal):
        one = writer()
        one.put(5, note(1))
        journal.written_sequence = 40
        until(lambda: one.committed_sequence == 40)

        assert EngineSession.objects.get().journal_sequence == 40

    def test_a_full_batch_does_not_claim_more_than_it_wrote(self, writer, journal):
        one = writer(limits=LedgerLimits(write_every_ms=10, batch_max=10))
        for number in range(1, 36):
            one.put(number, note(number))
        journal.written_sequence = 99
        until(lambda: one.waiting == 0)

        assert EngineNote.objects.count() == 35
        assert one.commits >= 4
        assert EngineSession.objects.get().journal_sequence == 99


class TestSessionRow:
    def test_it_beats_once_a_second_without_any_fact(self, writer):
        one = writer(limits=LedgerLimits(write_every_ms=10, heartbeat_ms=100))
        time.sleep(0.55)

        assert 3 <= one.commits <= 9
        row = EngineSession.objects.get()
        assert (row.state, row.state_reason, row.stats) == ("TRADING", "all is well", {"frames": 1})
        assert (SystemClock().now() - row.heartbeat_at).total_seconds() < 1

    def test_a_new_state_does_not_wait_for_the_beat(self, writer):
        one = writer(limits=LedgerLimits(write_every_ms=10, heartbeat_ms=60_000))
        until(lambda: one.commits == 1)
        one.report = SessionReport(state="HALTED", reason="KILL_SWITCH", since=NOON)

        until(lambda: EngineSession.objects.get().state == "HALTED")

    def test_pages_hear_of_state_and_facts(self, writer, journal):
        one = writer()
        one.put(1, seen())
        one.put(2, opened())
        for move in set_moves("SEEN", "CONFIRMED"):
            one.put(3, move)
        journal.written_sequence = 3
        until(lambda: one.waiting == 0)
        until(lambda: OutboxMessage.objects.filter(topic="state").exists())

        (facts,) = OutboxMessage.objects.filter(topic="facts")
        assert [row["kind"] for row in facts.payload["rows"]] == ["opportunity", "set"]
        state = OutboxMessage.objects.filter(topic="state").first()
        assert state.payload["engine"]["session"] == KEY

    def test_closing_writes_what_is_left_and_the_last_state(self, writer, journal):
        one = writer(limits=LedgerLimits(write_every_ms=60_000))
        for number in range(1, 6):
            one.put(number, note(number))
        journal.written_sequence = 6

        one.close(STOPPED, ended=True)

        row = EngineSession.objects.get()
        assert (row.state, row.state_reason, row.journal_sequence) == ("STOPPED", "asked to", 6)
        assert row.ended_at is not None
        assert EngineNote.objects.count() == 5

    def test_a_session_can_be_left_open_for_whoever_recovers_it(self, writer):
        one = writer()
        one.close(STOPPED, ended=False)

        assert EngineSession.objects.get().ended_at is None


class TestFencing:
    def test_nothing_of_a_former_owner_is_written(self, writer, journal):
        EngineLease.objects.update(token=8)
        one = writer()
        one.put(1, note(1))
        journal.written_sequence = 1
        until(lambda: one.failure is not None)

        assert isinstance(one.failure, Fenced)
        assert EngineNote.objects.count() == 0
        assert OutboxMessage.objects.count() == 0
        assert EngineSession.objects.get().state == "STARTING"
        with pytest.raises(Fenced):
            one.put(2, note(2))
        with pytest.raises(Fenced):
            one.close(STOPPED, ended=True)

    def test_losing_the_lease_between_two_batches_stops_at_the_second(self, writer, journal):
        one = writer()
        one.put(1, note(1))
        journal.written_sequence = 1
        until(lambda: one.waiting == 0)
        EngineLease.objects.update(token=8)
        one.put(2, note(2))
        journal.written_sequence = 2
        until(lambda: one.failure is not None)

        assert EngineNote.objects.count() == 1
        assert EngineSession.objects.get().journal_sequence == 1


class TestTrouble:
    def test_facts_wait_while_the_database_is_down_and_none_is_lost(
        self, writer, journal, monkeypatch
    ):
        back = database_is_down(monkeypatch)
        one = writer()
        for number in range(1, 31):
            one.put(number, note(number))
        journal.written_sequence = 30
        time.sleep(0.3)
        assert (one.failure, one.waiting) == (None, 30)

        back()
        until(lambda: one.waiting == 0)

        assert EngineNote.objects.count() == 30
        one.check()

    def test_retries_back_off(self, writer, journal, monkeypatch):
        tries = []
        monkeypatch.setattr(
            FactBatch, "write", lambda self, at: tries.append(time.monotonic()) or _fail()
        )
        one = writer(limits=LedgerLimits(write_every_ms=10, retry_ms_max=200))
        one.put(1, note(1))
        journal.written_sequence = 1
        time.sleep(1.2)

        gaps = [later - earlier for earlier, later in itertools.pairwise(tries)]
        assert 4 <= len(tries) <= 10
        assert gaps[-1] > 0.15

    def test_a_full_queue_fails_the_ledger(self, writer, monkeypatch):
        database_is_down(monkeypatch)
        one = writer(limits=LedgerLimits(write_every_ms=10, queue_max=5))
        for number in range(1, 6):
            one.put(number, note(number))
        until(lambda: one._problem)

        with pytest.raises(LedgerFailed, match="5 facts wait for the database: connection refused"):
            one.put(6, note(6))
        with pytest.raises(LedgerFailed):
            one.check()

    def test_a_silent_database_fails_the_ledger(self, writer, monkeypatch):
        database_is_down(monkeypatch)
        one = writer(limits=LedgerLimits(write_every_ms=10, silence_ms_max=100))
        one.check()
        time.sleep(0.15)

        with pytest.raises(LedgerFailed, match=r"nothing could be committed for \d+ ms: conn"):
            one.check()

    def test_a_fact_that_the_database_does_not_take_fails_the_ledger(
        self, writer, journal, session
    ):
        one = writer()
        one.put(1, note(1))
        one.put(2, seen(gap_micro=None))
        journal.written_sequence = 2
        until(lambda: one.failure is not None)

        with pytest.raises(LedgerFailed, match="facts that the database does not take"):
            one.check()
        assert EngineNote.objects.count() == 0  # all of a batch or nothing

    def test_closing_while_the_database_is_down_says_so_in_time(self, writer, journal, monkeypatch):
        database_is_down(monkeypatch)
        one = writer()
        one.put(1, note(1))
        journal.written_sequence = 1
        began = time.monotonic()

        with pytest.raises(LedgerFailed, match="the database has not answered"):
            one.close(STOPPED, ended=True, timeout_s=0.5)

        assert time.monotonic() - began < 2

    def test_many_facts_go_through_quickly(self, writer, journal):
        one = writer()
        for number in range(1, 5_001):
            one.put(number, seen(number) if number % 3 else sample(number))
        journal.written_sequence = 5_000
        until(lambda: one.waiting == 0, seconds=20)

        assert Opportunity.objects.count() == 3_334
        assert MetricSample.objects.count() == 1_666


def _fail():
    raise OperationalError("database is locked")
