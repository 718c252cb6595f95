"""A journal replayed gives what it recorded, and a changed journal does not."""

import pytest

from polyarb_site.clock import SystemClock
from tests.helpers.facts import SECOND
from tests.helpers.journals import QUICK
from tests.helpers.recorded_sessions import Session
from trading.engine.shadow import ShadowEngine
from trading.journal import (
    TICK,
    JournalDamagedError,
    JournalLimits,
    JournalWriter,
    journal_directory,
    segments,
)
from trading.replaying import ReplayError, Scope, replay_journal
from trading.replaying.inputs import first_sequence_of


@pytest.fixture
def directory(tmp_path):
    return journal_directory(tmp_path, "main", "main-7")


def test_a_session_that_traded_is_reproduced_to_the_byte(directory):
    session = Session(directory).trade().close()
    kinds = {type(fact).__name__ for fact in session.facts}
    assert {"OpportunitySeen", "SetMoved", "OrderMoved", "TradeRecorded", "LedgerBooked"} <= kinds

    replay = replay_journal(directory)

    assert (replay.same, replay.complete, replay.differences) == (True, True, [])
    assert replay.facts == len(session.facts)
    assert replay.realised_micro == sum(getattr(f, "realised_micro", 0) for f in booked(session))
    assert replay.realised_micro > 0
    assert (replay.frames, replay.session_key) == (2, "main-7")
    assert replay.last_ns - replay.first_ns == SECOND


def booked(session):
    return [fact for fact in session.facts if type(fact).__name__ == "LedgerBooked"]


def test_twice_gives_the_same(directory):
    Session(directory).trade().close()

    assert replay_journal(directory) == replay_journal(directory)


def test_a_session_that_was_cut_off_is_the_same_as_far_as_it_goes(directory):
    session = Session(directory).trade()
    session.writer.stop()

    replay = replay_journal(directory)

    assert (replay.same, replay.complete) == (True, False)


@pytest.mark.parametrize(
    ("name", "twist"),
    [
        ("left out", lambda commands: commands[1:]),
        ("added", lambda commands: [*commands, *commands[:1]]),
        ("in another order", lambda commands: commands[::-1]),
        ("changed", lambda c: [body.replace(b"CASH", b"CASX") for body in c]),
    ],
)
def test_a_command_that_was_tampered_with_is_found(directory, name, twist):
    Session(directory, twist).trade().close()

    replay = replay_journal(directory)

    assert not replay.same
    first = replay.differences[0]
    assert first.sequence > 1
    assert first.recorded != first.produced


def test_of_very_many_differences_only_the_first_are_kept(directory):
    session = Session(directory, lambda commands: []).trade()
    for _ in range(40):
        session.tick(1_000)
    session.close()

    replay = replay_journal(directory)

    assert replay.different > 40
    assert len(replay.differences) == 20


def test_a_journal_without_a_beginning_cannot_be_replayed(directory):
    writer = JournalWriter(directory, "main-7", clock=SystemClock(), limits=QUICK)
    writer.start()
    writer.append(TICK, 1)
    writer.close(2)

    with pytest.raises(ReplayError, match="does not begin with what its session ran with"):
        replay_journal(directory)


def test_a_journal_that_is_not_there_cannot_be_replayed(directory):
    with pytest.raises(ReplayError):
        replay_journal(directory)


def test_damage_is_no_difference_but_an_error(directory):
    Session(directory).trade().close()
    segment = directory / "000001.journal"
    whole = bytearray(segment.read_bytes())
    whole[len(whole) // 2] ^= 1
    segment.write_bytes(whole)

    with pytest.raises(JournalDamagedError, match="FLIPPED_BIT"):
        replay_journal(directory)


class TestHashes:
    def test_recorded_and_replayed_commands_have_the_same_hash(self, directory):
        Session(directory).trade().close()

        replay = replay_journal(directory)

        assert replay.sha256 == replay.recorded_sha256
        assert len(replay.sha256) == 64

    def test_one_changed_command_changes_the_hash_of_what_was_recorded(self, directory):
        Session(directory, lambda c: [body.replace(b"CASH", b"CASX") for body in c]).trade().close()

        replay = replay_journal(directory)

        assert replay.sha256 != replay.recorded_sha256


class TestScope:
    def test_counts_what_lies_in_it_and_replays_all(self, directory):
        session = Session(directory).trade().close()
        whole = replay_journal(directory)
        middle = session.now_ns - SECOND // 2

        first = replay_journal(directory, Scope(end_ns=middle))
        second = replay_journal(directory, Scope(begin_ns=middle))

        assert first.same
        assert second.same
        for name in ("inputs", "commands", "facts", "realised_micro"):
            parts = getattr(first, name) + getattr(second, name)
            assert parts == getattr(whole, name), name
        assert first.inputs > 0 < second.inputs

    def test_money_counts_up_to_the_record_that_the_database_knows(self, directory):
        Session(directory).trade().close()
        whole = replay_journal(directory)

        nothing = replay_journal(directory, Scope(through=3))

        assert nothing.realised_micro == 0 < whole.realised_micro
        assert nothing.sha256 == whole.sha256

    def test_a_segment_is_counted_alone_behind_those_before_it(self, directory):
        limits = JournalLimits(
            chunk_bytes_max=1, segment_bytes_max=1, write_every_ms=1, disk_free_bytes_min=1
        )
        Session(directory, limits=limits).trade().close()
        whole, count = replay_journal(directory), len(segments(directory))
        assert count > 5

        parts = [
            replay_journal(
                directory,
                Scope(first_sequence=first_sequence_of(directory, number)),
                segments_max=number,
            )
            for number in range(1, count + 1)
        ]

        assert all(part.same for part in parts)
        for name in ("inputs", "commands", "facts", "realised_micro"):
            assert sum(getattr(part, name) for part in parts) == getattr(whole, name), name
        assert [part.complete for part in parts] == [False] * (count - 1) + [True]


class TestACrash:
    """An engine that failed on its last input has to fail on it again."""

    @pytest.fixture
    def crashed(self, directory, monkeypatch):
        session = Session(directory).trade()
        handle = ShadowEngine.handle

        def failing(self, event, now_ns):
            if now_ns == session.now_ns + 7:
                raise ZeroDivisionError("what a pity")
            return handle(self, event, now_ns)

        monkeypatch.setattr(ShadowEngine, "handle", failing)
        session.writer.append(TICK, session.now_ns + 7)
        return session

    def test_on_the_last_input_is_the_same(self, directory, crashed):
        crashed.writer.stop()

        replay = replay_journal(directory)

        assert (replay.same, replay.crash) == (True, "ZeroDivisionError: what a pity")

    def test_in_the_middle_is_a_difference(self, directory, crashed):
        crashed.writer.append(TICK, crashed.now_ns + 8)
        crashed.writer.stop()

        replay = replay_journal(directory)

        assert (replay.same, replay.crash) == (False, "")
        assert replay.differences[0].produced == (
            "the engine failed with ZeroDivisionError: what a pity"
        )

    def test_that_does_not_come_again_is_nothing_to_complain_of(
        self, directory, crashed, monkeypatch
    ):
        crashed.writer.stop()
        monkeypatch.undo()

        replay = replay_journal(directory)

        assert (replay.same, replay.crash) == (True, "")


def test_progress_is_told_in_bytes_of_the_journal(directory, monkeypatch):
    monkeypatch.setattr("trading.replaying.inputs.TELL_EVERY", 1)
    Session(directory).trade().close()
    told = []

    replay_journal(directory, on_progress=lambda done, total: told.append((done, total)))

    size = (directory / "000001.journal").stat().st_size
    assert {total for _, total in told} == {size}
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] > 0
