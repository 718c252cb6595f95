"""A damaged journal: every fault is noticed, named, and costs no more than it has to."""

import pytest

from tests.helpers.journals import a_journal, a_writer
from trading.journal import (
    FRAME,
    DamageKind,
    JournalDamagedError,
    JournalLimits,
    JournalReader,
    journal_directory,
    verify_journal,
)
from trading.journal import format as fmt

pytestmark = pytest.mark.slow


@pytest.fixture
def directory(tmp_path):
    return journal_directory(tmp_path, "main", "main-7")


class TestDamage:
    def test_every_flipped_bit_of_a_small_segment_is_noticed(self, directory):
        segment = a_journal(directory)
        whole = segment.read_bytes()
        assert len(whole) < 700
        kinds = set()
        for position in range(len(whole) * 8):
            broken = bytearray(whole)
            broken[position // 8] ^= 1 << position % 8
            segment.write_bytes(broken)

            report = verify_journal(directory)

            assert report.damage, f"bit {position} was flipped unseen"
            assert not report.torn_only, f"bit {position} passed for a torn tail"
            kinds.add(report.damage[0].kind)
        assert kinds == {DamageKind.FLIPPED_BIT}

    def test_a_tail_torn_at_any_byte_costs_only_the_unfinished_chunk(self, directory):
        segment = a_journal(directory)
        whole = segment.read_bytes()
        ends = self.chunk_ends(whole)
        for length in range(len(whole)):
            segment.write_bytes(whole[:length])

            reader = JournalReader(directory)
            sequences = [r.sequence for r in reader.records()]  # strict: a torn tail is tolerated

            complete = [last for end, last in ends if end <= length]
            assert sequences == list(range(1, (complete[-1] if complete else 0) + 1))
            boundary = length in {end for end, _ in ends} | {fmt.SEGMENT_HEADER_BYTES}
            assert [d.kind for d in reader.damage] == ([] if boundary else [DamageKind.TORN_TAIL])
            assert not reader.closed

    @staticmethod
    def chunk_ends(whole: bytes) -> list[tuple[int, int]]:
        offset, ends = fmt.SEGMENT_HEADER_BYTES, []
        while offset < len(whole):
            header = fmt.read_chunk_header(memoryview(whole), offset)
            offset += header.length
            ends.append((offset, header.last_sequence))
        return ends

    def test_an_end_of_zeros_after_a_loss_of_power_is_a_torn_tail(self, directory):
        segment = a_journal(directory)
        whole = segment.read_bytes()
        end = self.chunk_ends(whole)[-2][0]
        segment.write_bytes(whole[:end] + bytes(len(whole) - end))

        report = verify_journal(directory)

        assert [d.kind for d in report.damage] == [DamageKind.TORN_TAIL]
        assert report.records == 6

    def test_a_flipped_bit_says_where_and_stops_a_strict_reader(self, directory):
        segment = a_journal(directory)
        whole = bytearray(segment.read_bytes())
        first_end = self.chunk_ends(bytes(whole))[0][0]
        whole[first_end + fmt.CHUNK_HEADER_BYTES + 3] ^= 4
        segment.write_bytes(whole)

        with pytest.raises(JournalDamagedError) as caught:
            list(JournalReader(directory).records())

        damage = caught.value.damage
        assert (damage.segment, damage.offset, damage.sequence) == ("000001.journal", first_end, 3)
        assert "FLIPPED_BIT in 000001.journal at byte" in str(damage)

    def test_a_lenient_reader_goes_on_behind_the_damage_and_names_the_gap(self, directory):
        segment = a_journal(directory)
        whole = bytearray(segment.read_bytes())
        whole[self.chunk_ends(bytes(whole))[0][0] + fmt.CHUNK_HEADER_BYTES + 3] ^= 4
        segment.write_bytes(whole)
        reader = JournalReader(directory)

        sequences = [r.sequence for r in reader.records(strict=False)]

        assert sequences == [1, 2, 4, 5, 6, 7]
        assert [d.kind for d in reader.damage] == [DamageKind.FLIPPED_BIT, DamageKind.GAP]

    def test_a_chunk_that_was_cut_out_is_a_gap(self, directory):
        segment = a_journal(directory)
        whole = segment.read_bytes()
        first, second = (end for end, _ in self.chunk_ends(whole)[:2])
        segment.write_bytes(whole[:first] + whole[second:])

        with pytest.raises(JournalDamagedError, match=r"GAP .* record 4 follows 2"):
            list(JournalReader(directory).records())

    def test_a_chunk_that_stands_there_twice_is_a_gap_and_is_read_once(self, directory):
        segment = a_journal(directory)
        whole = segment.read_bytes()
        first, second = (end for end, _ in self.chunk_ends(whole)[:2])
        segment.write_bytes(whole[:second] + whole[first:second] + whole[second:])
        reader = JournalReader(directory)

        assert [r.sequence for r in reader.records(strict=False)] == [1, 2, 3, 4, 5, 6, 7]
        assert [d.kind for d in reader.damage] == [DamageKind.GAP]

    def test_a_missing_segment_and_a_torn_one_in_the_middle_are_no_torn_tails(self, directory):
        writer = a_writer(
            directory,
            limits=JournalLimits(
                chunk_bytes_max=1, segment_bytes_max=100, write_every_ms=1, disk_free_bytes_min=1
            ),
        )
        for _ in range(4):
            writer.append(FRAME, 1, b"x")
        writer.close(2)
        middle = directory / "000002.journal"
        whole = middle.read_bytes()

        middle.write_bytes(whole[:-1])
        torn = verify_journal(directory)
        middle.unlink()
        missing = verify_journal(directory)

        assert [d.kind for d in torn.damage] == [DamageKind.FLIPPED_BIT, DamageKind.GAP]
        assert missing.damage[0].kind is DamageKind.MISSING_SEGMENT
        assert not torn.torn_only
        assert not missing.torn_only

    def test_a_segment_of_another_session_is_refused(self, tmp_path, directory):
        a_journal(directory)
        other = directory.parent / "main-8"
        a_journal(other)
        (other / "000001.journal").write_bytes(
            (directory / "000001.journal").read_bytes().replace(b"main-7", b"main-8", 1)
        )
        (other / "000002.journal").write_bytes((directory / "000001.journal").read_bytes())

        report = verify_journal(other)

        # The first was edited without its checksum, the second is of another session.
        assert report.damage[0].kind is DamageKind.FLIPPED_BIT
        assert DamageKind.FOREIGN in {d.kind for d in report.damage}
