"""What stops a start, and what each refusal tells the person to do."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

import pytest

from polyarb_site import preflight
from polyarb_site.preflight import (
    check_all,
    check_data_dir,
    check_disk,
    check_port,
    check_python,
    nearest_existing,
)

ROOT = Path(__file__).resolve().parents[2]
Usage = namedtuple("Usage", "total used free")


def codes(problems: list[preflight.Problem]) -> list[str]:
    return [problem.code for problem in problems]


@pytest.fixture
def taken_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        yield server.getsockname()[1]


@pytest.fixture
def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


class TestPython:
    @pytest.mark.parametrize("version", [(3, 11, 0), (3, 13, 2), (4, 0, 0)])
    def test_a_new_enough_one_is_fine(self, version):
        assert check_python(version) == []

    def test_the_one_running_these_tests_is_fine(self):
        assert check_python() == []

    @pytest.mark.parametrize("version", [(3, 10, 14), (2, 7, 18)])
    def test_an_older_one_is_refused_by_its_version(self, version):
        (problem,) = check_python(version)

        assert problem.code == "PYTHON_TOO_OLD"
        assert f"{version[0]}.{version[1]}" in problem.message


class TestPort:
    def test_a_free_one_is_fine_and_stays_free(self, free_port):
        assert check_port("127.0.0.1", free_port) == []
        assert check_port("127.0.0.1", free_port) == []

    def test_a_taken_one_is_refused_with_another_to_take(self, taken_port):
        (problem,) = check_port("127.0.0.1", taken_port)

        assert problem.code == "PORT_TAKEN"
        assert f"port {taken_port} on 127.0.0.1" in problem.message
        assert "make run" in problem.remedy

    def test_the_proposal_for_the_default_port_is_the_next_one(self, monkeypatch):
        def taken(*_: object) -> None:
            raise OSError(98, "Address already in use")

        monkeypatch.setattr(socket.socket, "bind", taken)

        (problem,) = check_port("127.0.0.1", 8083)

        assert problem.remedy.endswith("PORT=8084 make run")

    def test_a_port_that_was_just_closed_is_fine(self, free_port):
        with socket.socket() as server, socket.socket() as client:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(("127.0.0.1", free_port))
            server.listen(1)
            client.connect(("127.0.0.1", free_port))
            accepted, _ = server.accept()
            accepted.close()  # the server closes first, so its side fades out for a minute

        assert check_port("127.0.0.1", free_port) == []

    @pytest.mark.parametrize("port", [0, -1, 65536])
    def test_a_number_that_is_no_port_is_refused(self, port):
        assert codes(check_port("127.0.0.1", port)) == ["PORT_INVALID"]

    def test_an_address_of_another_machine_is_refused(self, free_port):
        assert codes(check_port("192.0.2.1", free_port)) == ["HOST_INVALID"]

    def test_a_name_that_is_no_address_is_refused(self, free_port):
        assert codes(check_port("256.0.0.1.invalid", free_port)) == ["HOST_INVALID"]

    def test_a_port_of_the_system_is_refused_to_plain_users(self, monkeypatch):
        def forbidden(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(socket.socket, "bind", forbidden)

        assert codes(check_port("127.0.0.1", 80)) == ["PORT_FORBIDDEN"]


class TestDataDir:
    def test_an_existing_one_is_fine_and_left_empty(self, tmp_path):
        assert check_data_dir(tmp_path) == []
        assert list(tmp_path.iterdir()) == []

    def test_a_missing_one_is_fine_and_not_made(self, tmp_path):
        assert check_data_dir(tmp_path / "data" / "deep") == []
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("below", ["", "data"])
    def test_a_file_in_its_place_is_refused(self, tmp_path, below):
        (tmp_path / "file").write_text("in the way")

        (problem,) = check_data_dir(tmp_path / "file" / below)

        assert problem.code == "DATA_DIR_NOT_A_DIRECTORY"
        assert str(tmp_path / "file") in problem.message

    def test_a_dangling_link_in_its_place_is_refused(self, tmp_path):
        (tmp_path / "data").symlink_to(tmp_path / "nowhere")

        assert codes(check_data_dir(tmp_path / "data")) == ["DATA_DIR_NOT_A_DIRECTORY"]

    def test_one_that_cannot_be_written_is_refused(self):
        # Even the superuser cannot make a file here, so the test holds for every user.
        (problem,) = check_data_dir(Path("/proc/self/task"))

        assert problem.code == "DATA_DIR_NOT_WRITABLE"
        assert "POLYARB_DATA_DIR" in problem.remedy

    def test_one_whose_quota_is_used_up_is_refused(self, monkeypatch, tmp_path):
        full = Path("/dev/full")
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full.open("wb"))

        (problem,) = check_data_dir(tmp_path)

        assert "No space left on device" in problem.message


class TestDisk:
    def free(self, monkeypatch, free_bytes: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, free_bytes))

    def test_exactly_enough_is_fine(self, monkeypatch, tmp_path):
        self.free(monkeypatch, 200 * 2**20)

        assert check_disk(tmp_path) == []

    def test_one_byte_less_is_refused(self, monkeypatch, tmp_path):
        self.free(monkeypatch, 200 * 2**20 - 1)

        (problem,) = check_disk(tmp_path)

        assert problem.code == "DISK_FULL"
        assert "only 199 MiB free" in problem.message
        assert "200 MiB are needed" in problem.message

    def test_the_disk_of_a_missing_directory_is_that_of_its_parent(self, tmp_path):
        assert check_disk(tmp_path / "not" / "yet", 1) == []
        assert codes(check_disk(tmp_path / "not" / "yet", 2**62)) == ["DISK_FULL"]

    def test_a_disk_that_does_not_answer_is_refused(self, monkeypatch, tmp_path):
        def broken(_: object) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(shutil, "disk_usage", broken)

        assert codes(check_disk(tmp_path)) == ["DISK_UNKNOWN"]


class TestAll:
    def test_a_good_machine_has_no_problem(self, tmp_path, free_port):
        assert check_all(host="127.0.0.1", port=free_port, data_dir=tmp_path / "data") == []

    def test_every_problem_is_told_at_once(self, tmp_path, taken_port):
        (tmp_path / "file").write_text("in the way")

        problems = check_all(host="127.0.0.1", port=taken_port, data_dir=tmp_path / "file")

        assert codes(problems) == ["PORT_TAKEN", "DATA_DIR_NOT_A_DIRECTORY"]

    def test_it_runs_where_nothing_is_installed(self):
        code = "import sys, polyarb_site.preflight; sys.exit('django' in sys.modules)"

        done = subprocess.run(
            [
                sys.executable,
                "-I",
                "-S",
                "-c",
                f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}",
            ],
            check=False,
        )

        assert done.returncode == 0


class TestNearestExisting:
    def test_a_relative_path_is_taken_from_the_working_directory(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)

        assert nearest_existing(Path("data/journal")) == Path(os.path.realpath(tmp_path))
