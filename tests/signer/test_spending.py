"""The day's count on disk: never too little, whatever ends the process."""

import os

import pytest

from trading.signer.faults import StartRefusedError
from trading.signer.spending import SpendFile
from trading.signer.terms import DaySpend

BOUND = 20_000_000
STEP = 1_000_000


def spent(micro, day=7):
    return DaySpend(day=day, spent_micro=micro)


def opened(path):
    """Return a file and what counts; the file before it is dropped as a kill would drop it."""
    file = SpendFile(path, day_buy_micro_max=BOUND)
    return file, file.open()


def killed(file):
    os.close(file._lock)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "signer" / "spend.json"


def test_a_new_file_counts_nothing(path):
    assert opened(path)[1] == DaySpend(day=0, spent_micro=0)


@pytest.mark.parametrize("micro", [1, 999_999, 5_000_000, BOUND])
def test_after_a_kill_a_step_more_counts_and_never_less(path, micro):
    file, _ = opened(path)
    file.record(spent(micro))
    killed(file)

    found = opened(path)[1]

    assert micro <= found.spent_micro <= min(micro + STEP, BOUND)
    assert found.day == 7


def test_after_an_orderly_end_the_exact_sum_counts(path):
    file, _ = opened(path)
    file.record(spent(1_234_567))
    file.close(spent(1_234_567))

    assert opened(path)[1] == spent(1_234_567)


def test_the_disk_is_written_once_a_step(path):
    file, _ = opened(path)
    written = set()
    for micro in range(100_000, 3_000_001, 100_000):
        file.record(spent(micro))
        written.add(path.read_bytes())

    assert len(written) == 3


def test_the_next_day_is_written_though_it_is_less(path):
    file, _ = opened(path)
    file.record(spent(5_000_000))
    file.record(spent(1, day=8))
    killed(file)

    assert opened(path)[1] == spent(1_000_001, day=8)


def test_a_second_signer_on_the_same_file_does_not_start(path):
    file, _ = opened(path)

    with pytest.raises(StartRefusedError, match="another signer counts"):
        opened(path)

    file.close(spent(0))
    opened(path)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"day":7,"spent_micro":-1}', b"x"])
def test_a_damaged_file_is_not_taken_for_nothing_spent(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(StartRefusedError, match="is damaged"):
        opened(path)


def test_a_file_that_others_may_write_is_refused(path):
    path.parent.mkdir()
    path.write_bytes(b'{"day":7,"spent_micro":1}')
    path.chmod(0o644)

    with pytest.raises(StartRefusedError, match="chmod 600"):
        opened(path)


def test_nobody_else_may_read_it(path):
    file, _ = opened(path)
    file.record(spent(1))

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
