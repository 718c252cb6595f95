"""The portal's needs are stated once, explained and locked: pyproject.toml and the locks agree."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUN_LOCK = "requirements.lock"
DEV_LOCK = "requirements-dev.lock"
RELOCK = "say `make lock` and commit both locks"

RUN = [Requirement(text) for text in PYPROJECT["project"]["dependencies"]]
DEV = [Requirement(text) for text in PYPROJECT["dependency-groups"]["dev"]]


def entries(lock: str) -> list[str]:
    """Return the lock's entries, each with its hashes, one line each."""
    text = (ROOT / lock).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def pins(lock: str) -> dict[tuple[str, str], str]:
    """Return {(name, marker): version} of a lock."""
    found: dict[tuple[str, str], str] = {}
    for entry in entries(lock):
        requirement = Requirement(entry.split("--hash")[0])
        key = (canonicalize_name(requirement.name), str(requirement.marker or ""))
        found[key] = str(requirement.specifier)
    return found


def problems(required: list[Requirement], locked: dict[tuple[str, str], str]) -> list[str]:
    """Return each requirement that a lock does not hold, or holds in another version."""
    found = []
    for requirement in required:
        name = canonicalize_name(requirement.name)
        versions = [pin for (locked_name, _), pin in locked.items() if locked_name == name]
        if not versions:
            found.append(f"{name} is not locked")
        found.extend(
            f"{name} is locked at {pin}, pyproject.toml wants {requirement.specifier}"
            for pin in versions
            if not requirement.specifier.contains(Version(pin.removeprefix("==")))
        )
    return found


class TestLocks:
    @pytest.mark.parametrize("lock", [RUN_LOCK, DEV_LOCK])
    def test_every_dependency_is_locked_within_its_bounds(self, lock):
        required = RUN if lock == RUN_LOCK else RUN + DEV

        assert problems(required, pins(lock)) == [], RELOCK

    def test_a_missing_and_a_wrong_pin_are_seen(self):
        required = [Requirement("absent"), Requirement("present>=2")]

        assert problems(required, {("present", ""): "==1.9"}) == [
            "absent is not locked",
            "present is locked at ==1.9, pyproject.toml wants >=2",
        ]

    def test_development_runs_on_the_very_pins_of_running(self):
        run, dev = pins(RUN_LOCK), pins(DEV_LOCK)

        assert {key: pin for key, pin in run.items() if dev.get(key) != pin} == {}, RELOCK

    def test_running_does_not_carry_what_only_development_needs(self):
        names = {name for name, _ in pins(RUN_LOCK)}

        assert names.isdisjoint(canonicalize_name(requirement.name) for requirement in DEV)

    @pytest.mark.parametrize("lock", [RUN_LOCK, DEV_LOCK])
    def test_every_entry_is_an_exact_version_with_hashes(self, lock):
        exact = re.compile(
            r"[a-z0-9-]+==[0-9][0-9a-z.+!]*( ; [^-]+(-[^-]+)*?)?( +--hash=sha256:[0-9a-f]{64})+ *"
        )

        assert [entry for entry in entries(lock) if not exact.fullmatch(entry)] == [], RELOCK

    @pytest.mark.parametrize("lock", [RUN_LOCK, DEV_LOCK])
    def test_no_address_is_in_a_lock(self, lock):
        address = re.compile(
            r"://|--(extra-)?index|--find-links|--trusted-host|@|^-|/", re.MULTILINE
        )

        assert address.findall((ROOT / lock).read_text()) == [], RELOCK

    def test_the_python_bound_is_the_one_that_preflight_checks(self):
        bound = SpecifierSet(PYPROJECT["project"]["requires-python"])

        assert "3.11" in bound
        assert "3.13" in bound
        assert "3.10" not in bound


class TestReasons:
    LINE = re.compile(r'^    "(?P<requirement>[^"]+)",$')

    def lists(self) -> dict[str, list[str]]:
        """Return the lines of the two lists of dependencies as they are written."""
        text = (ROOT / "pyproject.toml").read_text()
        starts = {"run": "\ndependencies = [\n", "dev": "\ndev = [\n"}
        return {
            name: text.split(start, 1)[1].split("\n]\n", 1)[0].splitlines()
            for name, start in starts.items()
        }

    @pytest.mark.parametrize("name", ["run", "dev"])
    def test_each_dependency_says_in_one_line_why_it_is_there(self, name):
        lines = self.lists()[name]
        unexplained = [
            line.strip()
            for above, line in zip(["", *lines], lines, strict=False)
            if self.LINE.match(line) and not re.match(r"    # \S.{10,}", above)
        ]

        assert unexplained == [], "write the reason in a comment above each of them"

    @pytest.mark.parametrize(("name", "count"), [("run", len(RUN)), ("dev", len(DEV))])
    def test_every_dependency_stands_on_a_line_of_its_own(self, name, count):
        assert sum(bool(self.LINE.match(line)) for line in self.lists()[name]) == count > 0

    def test_no_dependency_is_named_twice(self):
        names = [canonicalize_name(requirement.name) for requirement in RUN + DEV]

        assert len(names) == len(set(names))


class TestRootFiles:
    def test_the_licence_names_the_recordings_and_their_source(self):
        text = (ROOT / "LICENSE").read_text()

        assert "MIT License" in text
        assert "trading/recordings/" in text
        assert (
            '"Polymarket order-book data from Resolved Markets (https://resolvedmarkets.com)"'
            in text
        )

    def test_the_changelog_has_an_unreleased_section(self):
        assert "\n## [Unreleased]\n" in (ROOT / "CHANGELOG.md").read_text()

    def test_make_alone_lists_every_target(self):
        text = (ROOT / "Makefile").read_text()
        phony = next(line for line in text.splitlines() if line.startswith(".PHONY:")).split()[1:]

        done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)

        listed = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
        assert sorted(listed) == sorted(phony)

    def test_the_command_line_says_what_to_do_where_nothing_is_installed(self):
        done = subprocess.run(
            [sys.executable, "-S", "manage.py"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 1
        assert "make install" in done.stderr
        assert "Traceback" not in done.stderr


def test_what_is_not_run_on_another_database_knows_none():
    line = re.search(r"^NO_DATABASE := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert line is not None
    files = [path for name in line[1].split() for path in (ROOT / "tests" / name).rglob("*.py")]
    found = [path for path in files if "django_db" in path.read_text()]

    assert files
    assert found == [], "take the folder out of NO_DATABASE in the Makefile"
