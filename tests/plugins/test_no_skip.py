"""In CI a skipped test fails the run and is named with its reason."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PASSING = "def test_that_passes(): pass\n"
SKIPPED = """\
import pytest

@pytest.mark.skip(reason="no moon tonight")
def test_that_is_skipped(): pass
"""
MODULE_SKIPPED = 'import pytest\npytest.skip("no sun either", allow_module_level=True)\n'
XFAILED = """\
import pytest

@pytest.mark.xfail(reason="known")
def test_that_fails_as_expected(): assert False
"""


def run(directory: Path, source: str, *options: str) -> subprocess.CompletedProcess[str]:
    (directory / "test_passing.py").write_text(PASSING)
    (directory / "test_invented.py").write_text(source)
    (directory / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-c", str(directory / "pytest.ini")]
    # Without the installed plugins a run takes half a second instead of three.
    plain = ["-p", "xdist", "-p", "no:cacheprovider", "-o", f"pythonpath={ROOT}", *options]
    return subprocess.run(
        [*command, *plain, str(directory)],
        cwd=ROOT,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("workers", ["0", pytest.param("1", marks=pytest.mark.slow)])
class TestWithThePlugin:
    def test_a_skipped_test_fails_the_run_and_is_named(self, tmp_path, workers):
        done = run(tmp_path, SKIPPED, "-p", "tests.plugins.no_skip", "-n", workers)

        assert done.returncode == 1
        assert "test_invented.py::test_that_is_skipped: Skipped: no moon tonight" in done.stdout
        assert "1 passed, 1 skipped" in done.stdout

    def test_a_skipped_module_fails_the_run_and_is_named(self, tmp_path, workers):
        done = run(tmp_path, MODULE_SKIPPED, "-p", "tests.plugins.no_skip", "-n", workers)

        assert done.returncode == 1
        assert "test_invented.py: Skipped: no sun either" in done.stdout

    def test_an_expected_failure_is_no_skip(self, tmp_path, workers):
        done = run(tmp_path, XFAILED, "-p", "tests.plugins.no_skip", "-n", workers)

        assert done.returncode == 0
        assert "1 passed, 1 xfailed" in done.stdout


class TestWithoutThePlugin:
    def test_a_skipped_test_does_not_fail_the_run(self, tmp_path):
        done = run(tmp_path, SKIPPED, "-n", "0")

        assert done.returncode == 0
        assert "1 passed, 1 skipped" in done.stdout
