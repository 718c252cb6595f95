"""After a crash, what the journal knows comes into the database, once; a torn end is no loss."""

import pytest

from polyarb_site.clock import SystemClock
from tests.helpers.clocks import NOON
from tests.helpers.facts import NOON_NS, SECOND, a_session, a_whole_set, market, note
from tests.helpers.journals import QUICK, until
from trading.adapters import codec
from trading.engine.commands import CancelAll, RecordFact
from trading.journal import (
    COMMAND,
    MARKET,
    TICK,
    JournalWriter,
    journal_directory,
    read_seal,
    verify_journal,
)
from trading.lease import Fenced, Taken
from trading.ledger import FactBatch, recover, unclosed_sessions
from trading.ledger import recovery as recovery_module
from trading.models import (
    ArbitrageSet,
    EngineLease,
    EngineNote,
    EngineSession,
    LedgerEntry,
    Market,
    SetMove,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def session(profile):
    return a_session(profile)


@pytest.fixture
def directory(tmp_path, session):
    return journal_directory(tmp_path, "main", session.key)


@pytest.fixture
def journal(directory):
    """Write inputs with their facts, one input per group of facts; the process then dies."""

    def write(*groups, markets=(), closed=False):
        writer = JournalWriter(directory, "main-7", clock=SystemClock(), limits=QUICK)
        writer.start()
        for record in markets:
            writer.append(MARKET, NOON_NS, codec.to_msgpack(record))
        for number, facts in enumerate(groups):
            commands = [codec.to_msgpack(RecordFact(fact=fact)) for fact in facts]
            commands.append(codec.to_msgpack(CancelAll(reason="a command that is no fact")))
            writer.append(TICK, NOON_NS + number * SECOND, commands=commands)
            until(lambda: writer.buffered_bytes == 0)
        if closed:
            writer.close(NOON_NS + 99 * SECOND)
        else:
            writer.stop()
        return writer.next_sequence - 1

    return write


@pytest.fixture
def next_owner(session):
    """The lease has gone to token 8."""
    EngineLease.objects.update(token=8, owner="host:2:2:8")


@pytest.fixture
def bring_in(session, tmp_path, next_owner):
    def bring_in(token=8, taken=Taken.DEAD_LOCAL):
        session.refresh_from_db()
        return recover(
            session, token=token, taken=taken, journal_root=tmp_path, clock=SystemClock()
        )

    return bring_in


class TestRecovery:
    def test_facts_that_only_the_journal_knows_are_brought_in(self, journal, bring_in, session):
        last = journal(a_whole_set(), [note(2)], markets=[market()])

        found = bring_in()

        assert (found.facts, found.last_sequence) == (len(a_whole_set()) + 2, last)
        assert (found.damage, found.torn) == ("", False)
        assert ArbitrageSet.objects.get().state == "MERGED"
        assert Market.objects.get().condition_id == "0xabc"
        session.refresh_from_db()
        assert (session.state, session.state_reason) == ("CRASHED", "its process died")
        assert session.journal_sequence == last
        assert session.ended_at == NOON.replace(second=1)

    def test_a_note_says_what_was_found(self, journal, bring_in):
        journal([note(1), note(2)])
        bring_in()

        said = EngineNote.objects.get(code="RECOVERED")
        assert said.level == "WARNING"
        assert "2 facts brought in from its journal" in said.text

    @pytest.mark.parametrize("committed", range(0, 40, 3))
    def test_it_goes_on_where_the_database_stopped(self, journal, bring_in, session, committed):
        facts = a_whole_set()
        journal(*[[fact] for fact in facts])
        batch = FactBatch(session.pk, "main")
        for fact in facts[: committed // 3]:  # each input is a tick, a fact, and another command
            batch.add(fact)
        batch.write(NOON)
        EngineSession.objects.update(journal_sequence=committed)

        found = bring_in()

        assert found.facts == len(facts) - committed // 3
        assert SetMove.objects.count() == 9
        assert LedgerEntry.objects.count() == 3
        assert ArbitrageSet.objects.get().realised_micro == 44_000

    def test_doing_it_twice_changes_nothing(self, journal, bring_in, session):
        journal(a_whole_set())
        bring_in()
        before = list(SetMove.objects.values()) + list(LedgerEntry.objects.values())
        EngineSession.objects.update(journal_sequence=0, ended_at=None)

        bring_in()

        assert list(SetMove.objects.values()) + list(LedgerEntry.objects.values()) == before

    def test_a_torn_tail_costs_its_last_input_and_is_noted(self, journal, bring_in, directory):
        journal([note(1)], [note(2)])
        segment = directory / "000001.journal"
        segment.write_bytes(segment.read_bytes()[:-3])

        found = bring_in()

        assert (found.facts, found.torn, found.damage) == (1, True, "")
        said = EngineNote.objects.get(code="RECOVERED").text
        assert "its last chunk was torn" in said

    def test_damage_is_critical_and_what_can_be_read_is_brought_in(
        self, journal, bring_in, directory
    ):
        journal([note(1)], [note(2)], [note(3)])
        segment = directory / "000001.journal"
        whole = bytearray(segment.read_bytes())
        second = whole.index(b"PAJC", whole.index(b"PAJC") + 4)
        whole[second + 50] ^= 1
        segment.write_bytes(whole)

        found = bring_in()

        assert found.facts == 2
        assert "FLIPPED_BIT" in found.damage
        assert EngineNote.objects.get(code="JOURNAL_DAMAGED").level == "CRITICAL"

    def test_a_journal_that_is_behind_the_database_is_damage(self, journal, bring_in):
        journal([note(1)])
        EngineSession.objects.update(journal_sequence=500)

        assert "it ends at record 3, the database knows 500" in bring_in().damage

    def test_a_journal_that_is_gone_is_damage_but_no_obstacle(self, bring_in, session):
        EngineSession.objects.update(journal_sequence=5)

        assert bring_in().damage == "the journal is not there"
        session.refresh_from_db()
        assert session.ended_at is not None

    def test_a_session_that_never_wrote_anything_is_just_closed(self, bring_in, session):
        assert bring_in().damage == ""
        session.refresh_from_db()
        assert session.state == "CRASHED"

    def test_a_session_that_lost_its_lease_is_called_fenced(self, journal, bring_in, session):
        journal([note(1)])
        bring_in(taken=Taken.EXPIRED)

        session.refresh_from_db()
        assert session.state == "FENCED"


class TestZombies:
    def test_what_a_thawed_process_adds_later_counts_for_nothing(
        self, journal, bring_in, directory
    ):
        last = journal([note(1)])
        segment = directory / "000001.journal"
        chunk = segment.read_bytes()[-60:]
        bring_in()
        assert read_seal(directory).last_sequence == last

        from trading.journal import format as fmt

        late = fmt.ChunkPacker().pack(
            last + 1,
            [fmt.Entry(COMMAND, 0, 1, codec.to_msgpack(RecordFact(fact=note(2))))],
        )
        segment.write_bytes(segment.read_bytes() + late)
        EngineSession.objects.update(ended_at=None)
        bring_in()

        assert EngineNote.objects.filter(note_id__endswith="n2").count() == 0
        assert verify_journal(directory).after_seal == 1
        assert chunk in segment.read_bytes()

    def test_only_the_owner_of_the_lease_recovers(self, journal, bring_in, session):
        journal([note(1)])

        with pytest.raises(Fenced):
            bring_in(token=9)

        assert EngineNote.objects.count() == 0
        session.refresh_from_db()
        assert session.ended_at is None

    def test_an_owner_that_dies_while_recovering_leaves_the_rest_to_the_next(
        self, journal, bring_in, session, monkeypatch
    ):
        journal(*[[note(number)] for number in range(10)])
        monkeypatch.setattr(recovery_module, "BATCH_MAX", 4)
        monkeypatch.setattr(
            recovery_module, "_close", lambda *a, **k: (_ for _ in ()).throw(Fenced("died"))
        )
        with pytest.raises(Fenced, match="died"):
            bring_in()
        session.refresh_from_db()
        assert EngineNote.objects.count() == 8
        assert 0 < session.journal_sequence < 30
        monkeypatch.undo()

        bring_in()

        assert EngineNote.objects.filter(code="MANDATE").count() == 10


def test_only_sessions_that_nobody_closed_are_recovered(profile):
    first = a_session(profile, token=5)
    a_session(profile, token=6, ended_at=NOON)
    second = a_session(profile, token=7)
    a_session(profile, token=8)
    a_session(profile, token=1, account="other")

    assert unclosed_sessions("main", 8) == [first, second]
