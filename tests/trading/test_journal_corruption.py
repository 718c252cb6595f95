"""A thousand random corruptions of a journal, and a writer that is killed: all found, none lost."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers.journals import a_journal
from trading.journal import (
    FRAME,
    DamageKind,
    JournalDamagedError,
    JournalReader,
    SealDamaged,
    journal_directory,
    read_seal,
    verify_journal,
    write_seal,
)
from trading.journal import format as fmt

pytestmark = pytest.mark.slow

ROUNDS = 1_000
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Original:
    """A journal of several segments, as it was written. `chunks`: start, first number by file."""

    segments: dict[str, bytes]
    chunks: dict[str, list[tuple[int, int]]]
    last_sequence: int


@pytest.fixture(scope="module")
def original():
    """Six segments of six chunks, put together by hand so that each run has the same bytes."""
    chance, packer = random.Random(5), fmt.ChunkPacker()
    segments, sequence = {}, 1
    for number in range(1, 7):
        data = fmt.segment_header("main-7", number, sequence)
        for _ in range(6):
            entries = [
                fmt.Entry(FRAME, 1, 1_000, chance.randbytes(chance.randrange(120)))
                for _ in range(chance.randrange(1, 9))
            ]
            data += packer.pack(sequence, entries)
            sequence += len(entries)
        if number == 6:
            data += packer.pack(sequence, [fmt.Entry(fmt.CLOSED, 0, 2_000, b"")])
        segments[f"{number:06d}.journal"] = data
    chunks = {name: list(chunks_of(data)) for name, data in segments.items()}
    return Original(segments, chunks, sequence)


def chunks_of(data):
    offset = fmt.SEGMENT_HEADER_BYTES
    while offset < len(data):
        header = fmt.read_chunk_header(memoryview(data), offset)
        yield offset, header.first_sequence
        offset += header.length


# Each changes the files a little, somewhere.


def flip_a_bit(files, chance, name):
    at = chance.randrange(len(files[name]))
    files[name] = change(
        files[name], at, at + 1, bytes([files[name][at] ^ 1 << chance.randrange(8)])
    )


def write_over(files, chance, name):
    start, end = run_of(files[name], chance)
    files[name] = change(files[name], start, end, chance.randbytes(end - start))


def write_zeros(files, chance, name):
    start, end = run_of(files[name], chance)
    files[name] = change(files[name], start, end, bytes(end - start))


def cut_out(files, chance, name):
    files[name] = change(files[name], *run_of(files[name], chance), b"")


def insert(files, chance, name):
    start, _ = run_of(files[name], chance)
    files[name] = change(files[name], start, start, chance.randbytes(chance.randrange(1, 60)))


def repeat(files, chance, name):
    start, end = run_of(files[name], chance)
    files[name] = change(files[name], start, start, files[name][start:end])


def cut_short(files, chance, name):
    files[name] = files[name][: chance.randrange(len(files[name]))]


def remove_a_segment(files, chance, name):
    del files[name]


def swap_two_segments(files, chance, name):
    other = chance.choice(sorted(files))
    files[name], files[other] = files[other], files[name]


def remove_a_chunk(files, chance, name):
    starts = [at for at, _ in chunks_of(files[name])]
    at = chance.randrange(len(starts))
    end = starts[at + 1] if at + 1 < len(starts) else len(files[name])
    files[name] = change(files[name], starts[at], end, b"")


def repeat_a_chunk(files, chance, name):
    starts = [*(at for at, _ in chunks_of(files[name])), len(files[name])]
    at = chance.randrange(len(starts) - 1)
    copy = files[name][starts[at] : starts[at + 1]]
    files[name] = change(files[name], starts[at + 1], starts[at + 1], copy)


def swap_two_chunks(files, chance, name):
    data = files[name]
    starts = [*(at for at, _ in chunks_of(data)), len(data)]
    at = chance.randrange(max(len(starts) - 2, 1))
    if at + 2 < len(starts):
        first, second, third = starts[at : at + 3]
        files[name] = change(data, first, third, data[second:third] + data[first:second])


CORRUPTIONS = (
    *(flip_a_bit, write_over, write_zeros, cut_out, insert, repeat, cut_short, remove_a_segment),
    *(swap_two_segments, remove_a_chunk, repeat_a_chunk, swap_two_chunks),
)


def change(data, start, end, new):
    return data[:start] + new + data[end:]


def run_of(data, chance):
    start = chance.randrange(len(data))
    return start, min(start + chance.randrange(1, 80), len(data))


def first_difference(original, files):
    """Return the file and byte at which the two part first, None when they are the same."""
    for name, data in original.segments.items():
        found = files.get(name)
        if found is None:
            return name, 0
        for at, (before, now) in enumerate(zip(data, found, strict=False)):
            if before != now:
                return name, at
        if len(data) != len(found):
            return name, min(len(data), len(found))
    return None


def place_of(original, name, at):
    """Return where the part of a byte begins, and the number of its first record."""
    chunks = original.chunks[name]
    if at < fmt.SEGMENT_HEADER_BYTES:
        return 0, chunks[0][1]
    if at >= len(original.segments[name]):  # something was put behind the last chunk
        names = sorted(original.segments)
        following = names.index(name) + 1
        if following < len(names):
            return at, original.chunks[names[following]][0][1]
        return at, original.last_sequence + 1
    return max(chunk for chunk in chunks if chunk[0] <= at)


def test_a_thousand_random_corruptions_are_all_found_and_their_place_is_named(original, tmp_path):
    directory = journal_directory(tmp_path, "main", "main-7")
    directory.mkdir(parents=True)
    chance = random.Random(2_026)
    kinds, done = set(), 0
    while done < ROUNDS:
        corrupt = CORRUPTIONS[done % len(CORRUPTIONS)]
        files = dict(original.segments)
        corrupt(files, chance, chance.choice(sorted(files)))
        different = first_difference(original, files)
        if different is None:
            continue  # it happened to change nothing
        done += 1
        for path in directory.iterdir():
            path.unlink()
        for name, data in files.items():
            (directory / name).write_bytes(data)

        report = verify_journal(directory, known=original.last_sequence)

        name, at = different
        place = f"{corrupt.__name__} in {name} at {at}"
        assert report.damage, f"{place} was not found"
        first = report.damage[0]
        kinds.add(first.kind)
        begins, sequence = place_of(original, name, at)
        assert first.sequence == sequence, f"{place}: {first}"
        if first.kind in (DamageKind.FLIPPED_BIT, DamageKind.TORN_TAIL, DamageKind.FOREIGN):
            assert (first.segment, first.offset) == (name, begins), f"{place}: {first}"
    assert kinds == set(DamageKind) - {DamageKind.SEAL}


def test_an_untouched_journal_has_no_fault(original, tmp_path):
    directory = journal_directory(tmp_path, "main", "main-7")
    directory.mkdir(parents=True)
    for name, data in original.segments.items():
        (directory / name).write_bytes(data)

    report = verify_journal(directory, known=original.last_sequence)

    assert (report.damage, report.closed) == ((), True)
    assert report.last_sequence == original.last_sequence


class TestTheEnd:
    """Whole chunks that are missing at the end leave no trace in what is left."""

    @pytest.fixture
    def directory(self, tmp_path):
        directory = journal_directory(tmp_path, "main", "main-7")
        segment = a_journal(directory)
        data = segment.read_bytes()
        starts = [at for at, _ in chunks_of(data)]
        segment.write_bytes(data[: starts[-1]])
        return directory

    def test_is_missed_by_whoever_knows_how_far_it_went(self, directory):
        assert verify_journal(directory).damage == ()
        assert verify_journal(directory, known=6).damage == ()

        (damage,) = verify_journal(directory, known=7).damage

        assert (damage.kind, damage.sequence) == (DamageKind.CUT_OFF, 7)
        assert "the database knows record 7" in damage.text

    def test_is_missed_by_the_seal(self, directory):
        write_seal(directory, 7, "main-8")

        with pytest.raises(JournalDamagedError, match=r"CUT_OFF .* the seal knows record 7"):
            list(JournalReader(directory).records())


class TestTheSeal:
    @pytest.fixture
    def directory(self, tmp_path):
        directory = journal_directory(tmp_path, "main", "main-7")
        a_journal(directory)
        write_seal(directory, 4, "main-8")
        return directory

    def test_every_flipped_bit_of_it_is_noticed(self, directory):
        seal = directory / "sealed.json"
        whole = seal.read_bytes()
        for position in range(len(whole) * 8):
            broken = bytearray(whole)
            broken[position // 8] ^= 1 << position % 8
            seal.write_bytes(broken)
            if json_of(broken) == json_of(whole):
                continue  # a space became another space: it says what it said

            with pytest.raises(SealDamaged):
                read_seal(directory)
            assert verify_journal(directory).damage[0].kind is DamageKind.SEAL

    def test_one_that_nobody_can_read_is_replaced_and_a_good_one_stands(self, directory):
        (directory / "sealed.json").write_bytes(b"{")

        assert write_seal(directory, 6, "main-9").last_sequence == 6
        assert write_seal(directory, 7, "main-10").last_sequence == 6
        assert sorted(p.name for p in directory.iterdir()) == ["000001.journal", "sealed.json"]


def json_of(data):
    try:
        return json.loads(bytes(data))
    except ValueError:
        return None


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.helpers.journals import a_writer
from trading.journal import FRAME, JournalLimits
writer = a_writer(
    Path(sys.argv[1]),
    limits=JournalLimits(
        chunk_bytes_max=5_000, segment_bytes_max=60_000, write_every_ms=1, disk_free_bytes_min=1
    ),
)
while True:
    number = writer.append(FRAME, 1, b"%d " % writer.next_sequence * 40)
    writer.check()
    if number % 50 == 0:
        print(writer.written_sequence, writer.next_sequence, flush=True)
"""


@pytest.mark.timeout(120)
def test_a_kill_in_the_middle_of_writing_loses_only_what_was_not_acknowledged(tmp_path):
    chance = random.Random(9)
    for trial in range(8):
        directory = journal_directory(tmp_path, "main", f"trial-{trial}")
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(directory), str(ROOT)], stdout=subprocess.PIPE
        )
        with child, child.stdout as heard:
            heard.readline()
            time.sleep(chance.uniform(0.02, 0.3))
            os.kill(child.pid, signal.SIGKILL)
            told = heard.read().split(b"\n")
        acknowledged = int(told[-2].split()[0]) if len(told) > 1 else 0
        reader = JournalReader(directory)

        records = list(reader.records())  # strict: nothing but a torn tail is tolerated

        assert reader.last_sequence >= acknowledged
        assert [r.sequence for r in records] == list(range(1, reader.last_sequence + 1))
        assert all(r.body == b"%d " % r.sequence * 40 for r in records)
