"""The journal: what was appended is read back, and nothing that is wrong with it goes unnoticed."""

import errno
import threading
import time
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.clocks import FixedClock
from tests.helpers.journals import KEY, a_journal, a_writer, until
from trading.journal import (
    COMMAND,
    EVENT,
    FRAME,
    TICK,
    JournalFailed,
    JournalLimits,
    JournalReader,
    journal_directory,
    set_aside,
    verify_journal,
    write_seal,
)
from trading.journal import format as fmt
from trading.journal.writer import DiskFile


@pytest.fixture
def directory(tmp_path):
    return journal_directory(tmp_path, "main", KEY)


class TestRoundTrip:
    def test_records_come_back_in_order_with_their_numbers_times_and_bodies(self, directory):
        writer = a_writer(directory)
        sent = [(FRAME, b"{}", 4), (TICK, b"", 0), (EVENT, b"event", 0), (COMMAND, b"x" * 999, 0)]
        numbers = [
            writer.append(kind, 10 + index, body, connection)
            for index, (kind, body, connection) in enumerate(sent)
        ]
        writer.close(99)

        read = list(JournalReader(directory).records())

        assert numbers == [1, 2, 3, 4]
        assert [(r.kind, r.body, r.connection) for r in read[:-1]] == sent
        assert [r.sequence for r in read] == [1, 2, 3, 4, 5]
        assert [r.now_ns for r in read] == [10, 11, 12, 13, 99]
        assert read[-1].kind == fmt.CLOSED

    def test_what_somebody_waits_for_is_on_the_disk_long_before_its_time(self, directory):
        limits = JournalLimits(write_every_ms=60_000, sync_every_ms=60_000)
        writer = a_writer(directory, limits=limits)
        sequence = writer.append(EVENT, 1, b"an order's hash")
        assert writer.synced_sequence < sequence

        writer.hurry()

        until(lambda: writer.synced_sequence >= sequence)
        writer.close(2)

    @settings(max_examples=30, deadline=None)
    @given(
        bodies=st.lists(st.binary(max_size=3_000), min_size=1, max_size=40),
        after=st.integers(min_value=0, max_value=45),
        chunk=st.sampled_from([1, 500, 5_000]),
        segment=st.sampled_from([400, 3_000, 10**9]),
    )
    def test_any_bodies_in_any_chunks_and_segments_come_back(
        self, tmp_path_factory, bodies, after, chunk, segment
    ):
        directory = tmp_path_factory.mktemp("journal") / "main" / KEY
        limits = JournalLimits(
            chunk_bytes_max=chunk,
            segment_bytes_max=segment,
            write_every_ms=1,
            disk_free_bytes_min=1,
        )
        writer = a_writer(directory, limits=limits)
        for body in bodies:
            writer.append(FRAME, 1, body)
        writer.close(2)

        report = verify_journal(directory)
        rest = list(JournalReader(directory).records(after))

        assert report.records == len(bodies) + 1 == report.last_sequence
        assert (report.damage, report.closed) == ((), True)
        assert [r.body for r in rest] == [*bodies, b""][after:]
        assert [r.sequence for r in rest] == list(range(after + 1, len(bodies) + 2))

    def test_the_reader_finds_what_the_writer_wrote_by_the_same_path(self, tmp_path):
        a_journal(journal_directory(tmp_path, "main", KEY))

        assert verify_journal(journal_directory(tmp_path, "main", KEY)).records == 7

    def test_a_journal_that_nobody_wrote_is_empty_and_not_closed(self, tmp_path):
        report = verify_journal(tmp_path / "nothing")

        assert (report.records, report.closed, report.damage) == (0, False, ())

    @pytest.mark.parametrize("chunk_bytes_max", [1, 40, 100, 10_000])
    def test_an_input_and_its_commands_are_never_cut_apart(self, directory, chunk_bytes_max):
        limits = JournalLimits(
            chunk_bytes_max=chunk_bytes_max, write_every_ms=1, disk_free_bytes_min=1
        )
        writer = a_writer(directory, limits=limits)
        assert writer.append(FRAME, 1, b"frame", commands=[b"first", b"second"]) == 1
        assert writer.append(TICK, 2, commands=[b"third"]) == 4
        assert writer.append(TICK, 3) == 6
        writer.close(9)
        whole = (directory / "000001.journal").read_bytes()

        kinds = [r.kind for r in JournalReader(directory).records()]
        assert kinds[:-1] == [FRAME, COMMAND, COMMAND, TICK, COMMAND, TICK]
        for length in range(len(whole)):
            (directory / "000001.journal").write_bytes(whole[:length])
            left = len(list(JournalReader(directory).records()))
            assert left in (0, 3, 5, 6)

    def test_numbers_are_known_before_they_are_written(self, directory):
        writer = a_writer(directory, limits=JournalLimits(write_every_ms=60_000))
        writer.append(FRAME, 1, b"x")

        assert (writer.next_sequence, writer.written_sequence) == (2, 0)
        assert writer.buffered_bytes > 0

        writer.close(2)
        assert writer.written_sequence == 2
        assert writer.buffered_bytes == 0

    def test_records_are_on_disk_within_the_interval(self, directory):
        writer = a_writer(directory, limits=JournalLimits(disk_free_bytes_min=1))
        began = time.monotonic()
        writer.append(FRAME, 1, b"x")
        until(lambda: writer.written_sequence == 1)

        assert time.monotonic() - began < 1.0
        assert verify_journal(directory).records == 1  # readable while it is being written
        writer.close(2)

    def test_a_full_chunk_does_not_wait_for_the_interval(self, directory):
        limits = JournalLimits(write_every_ms=60_000, chunk_bytes_max=1_000)
        writer = a_writer(directory, limits=limits)
        for _ in range(4):
            writer.append(FRAME, 1, b"x" * 400)

        until(lambda: writer.written_sequence >= 3)
        writer.close(2)


def append_until_it_fails(writer, body):
    for _ in range(2_000):
        writer.append(FRAME, 1, body)
        time.sleep(0.002)


class FullDisk(DiskFile):
    """Takes `room` bytes and then has none left, as a small disk does."""

    room = 0

    def write(self, data: bytes) -> int:
        if type(self).room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = super().write(data[: type(self).room])
        type(self).room -= done
        return done


class TestFailure:
    @pytest.mark.parametrize("room", [0, 50, 108, 120, 150, 200, 260])
    def test_a_full_disk_fails_the_journal_and_leaves_only_whole_chunks(self, directory, room):
        disk = type("Disk", (FullDisk,), {"room": room})
        writer = a_writer(directory, open_file=disk)

        with pytest.raises(JournalFailed, match="No space left on device"):
            append_until_it_fails(writer, bytes(range(100)))
        with pytest.raises(JournalFailed, match="No space left on device"):
            writer.close(2)
        report = verify_journal(directory)

        assert report.torn_only
        assert report.last_sequence == writer.written_sequence
        # A half chunk was cut off again; only a file without even a header counts as torn.
        empty = (directory / "000001.journal").stat().st_size == 0
        assert len(report.damage) == int(empty)

    def test_a_full_buffer_fails_the_journal_at_once(self, directory):
        stuck = threading.Event()

        class SlowDisk(DiskFile):
            def write(self, data):
                stuck.wait(10)
                return super().write(data)

        limits = JournalLimits(buffer_bytes_max=10_000, write_every_ms=1, disk_free_bytes_min=1)
        writer = a_writer(directory, limits=limits, open_file=SlowDisk)

        with pytest.raises(JournalFailed, match="the disk is too slow"):
            append_until_it_fails(writer, b"x" * 1_000)
        with pytest.raises(JournalFailed):
            writer.append(TICK, 1)  # once failed, always failed
        stuck.set()
        writer.stop()

    def test_a_disk_that_does_not_answer_is_noticed_by_the_tick(self, directory):
        stuck = threading.Event()

        class HungDisk(DiskFile):
            def write(self, data):
                stuck.wait(10)
                return super().write(data)

        limits = JournalLimits(stall_ms_max=50, write_every_ms=1, disk_free_bytes_min=1)
        writer = a_writer(directory, limits=limits, open_file=HungDisk)
        writer.append(TICK, 1)
        writer.check()
        time.sleep(0.1)
        writer.append(TICK, 2)

        with pytest.raises(JournalFailed, match=r"the disk has not answered for \d+ ms"):
            writer.check()
        stuck.set()
        writer.stop()

    def test_an_idle_journal_is_a_healthy_one(self, directory):
        clock = FixedClock()
        writer = a_writer(directory, clock=clock)
        clock._monotonic_ns += 3_600 * 10**9

        writer.check()
        writer.close(1)

    def test_nothing_is_written_once_the_lease_is_lost(self, directory):
        answers = deque(["", "the lease was lost"])
        writer = a_writer(directory, may_write=answers.popleft)
        writer.append(FRAME, 1, b"mine")
        until(lambda: writer.written_sequence == 1)
        writer.append(FRAME, 2, b"not mine any more")
        until(lambda: writer.failure is not None)

        with pytest.raises(JournalFailed, match="the lease was lost"):
            writer.check()
        writer.stop()
        assert verify_journal(directory).records == 1

    def test_a_start_is_refused_below_a_gibibyte_of_free_disk(self, directory, monkeypatch):
        usage = type("Usage", (), {"free": 1_073_741_823})
        monkeypatch.setattr("trading.journal.files.shutil.disk_usage", lambda _: usage)

        with pytest.raises(JournalFailed, match="only 1023 MiB are free"):
            a_writer(directory, limits=JournalLimits())

    def test_a_start_is_refused_when_all_journals_have_used_their_share(self, directory):
        a_journal(directory)
        limits = JournalLimits(bytes_max=100, disk_free_bytes_min=1)

        with pytest.raises(JournalFailed, match="all journals together take"):
            a_writer(directory.parent / "main-8", limits=limits)

    def test_the_share_is_looked_at_with_each_new_segment(self, directory):
        limits = JournalLimits(
            segment_bytes_max=1, bytes_max=500, write_every_ms=1, disk_free_bytes_min=1
        )
        writer = a_writer(directory, limits=limits)

        with pytest.raises(JournalFailed, match="all journals together take"):
            append_until_it_fails(writer, b"x")
        writer.stop()

    def test_an_existing_journal_is_never_written_over(self, directory):
        a_journal(directory)

        with pytest.raises(JournalFailed, match="File exists"):
            a_writer(directory)

        assert set_aside(directory).name == "main-7.replaced-1"
        a_writer(directory).close(1)
        assert verify_journal(directory.with_name("main-7.replaced-1")).records == 7


class TestSeal:
    def test_what_is_written_after_the_seal_counts_for_nothing(self, directory):
        a_journal(directory)
        write_seal(directory, 4, "main-8")

        report = verify_journal(directory)

        assert (report.last_sequence, report.records, report.after_seal) == (4, 4, 3)
        assert not report.closed

    def test_the_first_seal_stands(self, directory):
        a_journal(directory)

        assert write_seal(directory, 4, "main-8").last_sequence == 4
        assert write_seal(directory, 6, "main-9").by == "main-8"

    def test_a_writer_that_finds_its_journal_sealed_stops(self, directory):
        writer = a_writer(directory)
        writer.append(FRAME, 1, b"x")
        until(lambda: writer.written_sequence == 1)
        write_seal(directory, 1, "main-8")
        writer.append(FRAME, 2, b"too late")
        until(lambda: writer.failure is not None)

        assert "sealed" in str(writer.failure)
        writer.stop()
        assert verify_journal(directory).records == 1
