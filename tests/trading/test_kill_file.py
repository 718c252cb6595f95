"""The kill file alone, without a database."""

import os

import pytest

from tests.conftest import NOON
from trading import kill_file


class TestKillFile:
    def write(self, path, **changes):
        given = {"by_name": "me", "code": "X", "reason": "why", "at": NOON}
        return kill_file.halt_by_file_only(path, **{**given, **changes})

    def test_makes_its_directory_and_only_the_owner_may_read_it(self, tmp_path):
        path = tmp_path / "data" / "KILL"
        self.write(path)

        assert kill_file.is_set(path)
        assert path.stat().st_mode & 0o777 == 0o600

    def test_nothing_there_is_no_halt(self, tmp_path):
        assert kill_file.read(tmp_path / "KILL") is None

    @pytest.mark.parametrize(
        "content",
        [b"", b"stop!", b"\xff\xfe", b"[1]", b'"x"', b"{", b"null", b"[" * 60_000, b'{"by": 1}'],
    )
    def test_whatever_is_in_it_halts(self, tmp_path, content):
        path = tmp_path / "KILL"
        path.write_bytes(content)

        assert kill_file.read(path) is not None
        self.write(path)

    def test_a_directory_a_broken_link_and_a_pipe_halt_too(self, tmp_path):
        directory, link, pipe = (tmp_path / name for name in "abc")
        directory.mkdir()
        link.symlink_to(tmp_path / "nowhere" / "at all")
        os.mkfifo(pipe)

        for path in (directory, link, pipe):
            assert kill_file.read(path) is not None
            self.write(path)
            assert kill_file.is_set(path)

    def test_a_file_that_cannot_be_written_to_halts_all_the_same(self, tmp_path, monkeypatch):
        path = tmp_path / "KILL"
        path.touch()

        def full(*_args):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "write", full)
        self.write(path)

        assert kill_file.is_set(path)

    def test_raises_when_nothing_could_be_put_there(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(FileExistsError):
            self.write(tmp_path / "file" / "KILL")

    def test_does_not_grow_without_end(self, tmp_path):
        path = tmp_path / "KILL"
        for _ in range(200):
            self.write(path, reason="r" * 10_000)

        assert path.stat().st_size < kill_file.SIZE_BYTES_MAX + 4_000

    def test_removing_twice_is_fine(self, tmp_path):
        path = tmp_path / "KILL"
        self.write(path)
        kill_file.remove(path)
        kill_file.remove(path)

        assert not kill_file.is_set(path)
