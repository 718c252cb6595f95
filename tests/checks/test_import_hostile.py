"""A folder that means harm: what is hostile is refused by file and reason, the rest is taken."""

import json
import os

import pytest

from checks.services import importing
from checks.services.foreign_files import Outcome
from checks.services.importing import import_folder
from polyarb_site.foreign_folder import FolderProblem, entries, read_bytes
from tests.checks.foreign_folder import build, write
from tests.conftest import NOON
from tests.helpers.commands import run_command
from trading.models import Market, Profile
from trading.services import Invalid

pytestmark = pytest.mark.django_db
BOMB = "a: &a [x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 8)}]\n" for n in range(8)
)


@pytest.fixture
def folder(tmp_path):
    return build(tmp_path / "polyarb-x")


@pytest.fixture
def outside(tmp_path):
    return write(tmp_path, "outside/secret.yaml", 'TRADE_SIZE: "19"\n')


def load(folder):
    return import_folder(folder, by_name="test", at=NOON)


def told(report, path):
    (one,) = [one for one in report.files if one.path == path]
    return one.outcome.value, "; ".join([*one.taken, *one.not_taken])


def refused(folder, path):
    """Import, check that one file alone was refused, and return why."""
    report = load(folder)
    assert [one.path for one in report.refused] == [path]
    assert told(report, "config/profiles/taker.yaml")[0] == "TAKEN"
    return told(report, path)[1]


class TestLinks:
    def test_to_a_file_outside_are_refused(self, folder, outside):
        (folder / "config/profiles/linked.yaml").symlink_to(outside)

        assert "is a link" in refused(folder, "config/profiles/linked.yaml")
        assert not Profile.objects.filter(name="linked").exists()

    def test_to_a_folder_outside_are_refused(self, folder, outside):
        (folder / "config/profiles/custom").symlink_to(outside.parent)

        assert "is a link" in refused(folder, "config/profiles/custom")
        assert not Profile.objects.filter(name="custom_secret").exists()

    def test_of_the_whole_folder_of_profiles_are_refused(self, folder, tmp_path):
        (folder / "config/profiles").rename(tmp_path / "elsewhere")
        (folder / "config/profiles").symlink_to(tmp_path / "elsewhere")
        report = load(folder)

        assert told(report, "config/profiles")[0] == "REFUSED"
        assert Profile.objects.count() == 0

    def test_to_themselves_are_refused(self, folder):
        (folder / "config/profiles/loop.yaml").symlink_to("loop.yaml")

        assert "is a link" in refused(folder, "config/profiles/loop.yaml")

    def test_put_there_after_the_look_are_not_followed(self, folder, outside, monkeypatch):
        really = importing.kinds

        def exchanged(found):
            file = folder / "config/profiles/sandbox.yaml"
            file.unlink()
            file.symlink_to(outside)
            return really(found)

        monkeypatch.setattr(importing, "kinds", exchanged)

        assert "cannot be read" in refused(folder, "config/profiles/sandbox.yaml")

    def test_put_above_after_the_look_are_not_followed(self, folder, outside):
        (folder / "up").symlink_to(outside.parent)

        with pytest.raises(FolderProblem):
            read_bytes(folder, "up/secret.yaml", bytes_max=100)


class TestFiles:
    def test_that_are_huge_are_refused(self, folder):
        write(folder, "config/profiles/huge.yaml", b"#" * (1024 * 1024 + 1))

        assert "is larger than 1048576 bytes" in refused(folder, "config/profiles/huge.yaml")

    def test_that_only_claim_to_be_huge_cost_nothing(self, folder):
        with (folder / "data/active_markets.json").open("r+b") as file:
            file.truncate(50_000_000_000)

        assert "is larger than" in refused(folder, "data/active_markets.json")
        assert Market.objects.count() == 0

    def test_that_are_binary_are_refused(self, folder):
        write(folder, "config/profiles/binary.yaml", bytes(range(256)))

        assert "is not UTF-8" in refused(folder, "config/profiles/binary.yaml")

    @pytest.mark.parametrize(
        "path", ["data/active_markets.json", "data/audit/config_changes.jsonl"]
    )
    def test_that_are_binary_where_json_belongs_are_refused(self, folder, path):
        write(folder, path, bytes(range(256)))

        assert "is not JSON in UTF-8" in refused(folder, path)

    @pytest.mark.parametrize(
        "content",
        [
            "[" * 200_000,
            "[" + "1" * 5_000 + "]",
            '[{"condition_id": NaN}]',
            json.dumps({"markets": []}),
            "",
        ],
        ids=["deep", "long number", "no number", "an object", "empty"],
    )
    def test_of_markets_that_are_no_such_list_are_refused(self, folder, content):
        write(folder, "data/active_markets.json", content)

        refused(folder, "data/active_markets.json")
        assert Market.objects.count() == 0

    def test_that_are_pipes_are_refused_without_waiting(self, folder):
        os.mkfifo(folder / "config/profiles/pipe.yaml")

        assert "is not a plain file" in refused(folder, "config/profiles/pipe.yaml")

    @pytest.mark.parametrize(
        "content",
        [BOMB, "a: " + "[" * 5_000, "{" * 5_000, "- x\n" * 30_000, "a: &a\n  <<: *a\n"],
        ids=["laughs", "deep list", "deep mapping", "long", "itself"],
    )
    def test_that_are_yaml_bombs_are_refused(self, folder, content):
        write(folder, "config/profiles/bomb.yaml", content)

        refused(folder, "config/profiles/bomb.yaml")

    def test_that_are_unreadable_are_refused_and_the_rest_is_taken(self, folder, monkeypatch):
        really = importing.read_bytes

        def fail(where, path, **limits):
            if path.endswith("config_changes.jsonl"):
                raise FolderProblem("cannot be read (Input/output error)")
            return really(where, path, **limits)

        monkeypatch.setattr(importing, "read_bytes", fail)

        assert "Input/output" in refused(folder, "data/audit/config_changes.jsonl")


class TestNames:
    @pytest.mark.parametrize(
        "name", ["..%2f..%2fx", "My Profile", "a" * 90, "x\ny", "\x1b[2J", "profil-é"]
    )
    def test_that_no_profile_may_have_are_refused(self, folder, name):
        write(folder, f"config/profiles/{name}.yaml", 'TRADE_SIZE: "3"\n')
        before = list(folder.parent.iterdir())
        report = load(folder)

        assert len(report.refused) == 1
        (one,) = report.refused
        assert "its name is none of a profile" in one.not_taken[0]
        assert one.path.isprintable()
        assert Profile.objects.count() == 11
        assert list(folder.parent.iterdir()) == before

    @pytest.mark.parametrize("path", ["../outside/secret.yaml", "/etc/passwd", "a/../../x", "./x"])
    def test_that_lead_elsewhere_are_never_opened(self, folder, outside, path):
        with pytest.raises(FolderProblem):
            read_bytes(folder, path, bytes_max=1_000)

    def test_said_inside_a_file_lead_nowhere(self, folder):
        write(
            folder,
            "config/profiles/paths.yaml",
            'PROFILE_NAME: "../../../etc/passwd"\nDATABASE_PATH: "../../x"\nTRADE_SIZE: "3"\n',
        )
        report = load(folder)

        assert told(report, "config/profiles/paths.yaml")[0] == "TAKEN"
        assert Profile.objects.get(name="paths").values["TRADE_SIZE"] == "3"

    def test_of_two_files_for_one_profile_are_refused(self, folder):
        write(folder, "config/profiles/custom/mine.yaml", 'TRADE_SIZE: "3"\n')
        write(folder, "config/profiles/custom_mine.yaml", 'TRADE_SIZE: "4"\n')
        report = load(folder)

        assert [told(report, one.path)[1] for one in report.refused] == [
            "another file has that name"
        ]


class TestFolder:
    def test_that_is_not_there_or_is_none_is_refused(self, tmp_path):
        for path in (tmp_path / "gone", write(tmp_path, "file", "x")):
            with pytest.raises(Invalid, match="it is no directory"):
                load(path)

    def test_with_nothing_of_polyarb_in_it_is_refused(self, tmp_path):
        write(tmp_path, "other/README.md", "x")
        with pytest.raises(Invalid, match="nothing in it"):
            load(tmp_path / "other")

    def test_what_is_not_known_is_listed(self, folder):
        report = load(folder)

        assert told(report, "README.md") == ("LEFT", "")
        assert told(report, "data/alerts/alerts_state.json") == ("LEFT", "")

    def test_what_programs_make_for_themselves_is_not_looked_into(self, folder):
        write(folder, ".git/objects/aa/x", "x")
        write(folder, "node_modules/a/config/profiles/x.yaml", "x: 1")
        report = load(folder)

        assert told(report, ".git") == ("LEFT", "is not looked into")
        assert not any(one.path.startswith("node_modules/") for one in report.files)

    def test_with_too_many_files_is_refused(self, folder, monkeypatch):
        monkeypatch.setattr("polyarb_site.foreign_folder.ENTRIES_MAX", 5)
        with pytest.raises(Invalid, match="more than 5 files"):
            load(folder)

    def test_that_is_very_deep_ends_somewhere(self, tmp_path):
        place = tmp_path / "deep"
        place.mkdir()
        (place / "/".join(["d"] * 40)).mkdir(parents=True)
        write(place, "/".join(["d"] * 40) + "/x", "x")

        found = entries(place)

        assert [one.problem for one in found] == ["lies too deep"]

    def test_a_file_that_fails_half_way_leaves_nothing_of_it(self, folder, monkeypatch):
        from checks.services import foreign_audit

        really, calls = foreign_audit.record, []

        def fail(*arguments, **fields):
            calls.append(fields)
            if len(calls) == 2:
                raise RuntimeError("the power went")
            return really(*arguments, **fields)

        monkeypatch.setattr(foreign_audit, "record", fail)
        with pytest.raises(RuntimeError):
            load(folder)

        from polyarb_site.audit.models import AuditEvent

        assert not AuditEvent.objects.filter(action="polyarb.config_change").exists()
        assert Profile.objects.count() == 11  # what came before it stays, as a whole


class TestCommand:
    def test_says_of_each_file_what_became_of_it(self, folder):
        status, out, err = run_command("import_polyarb", str(folder))

        assert (status, err) == (0, "")
        assert "taken      config/profiles/taker.yaml  (profile)" in out
        assert "+ profile taker r1, which is in force once somebody applies it" in out
        assert "left       .env  (may hold keys)" in out
        assert "left       README.md  (not known here)" in out

    def test_ends_with_1_when_a_file_was_refused(self, folder):
        write(folder, "config/profiles/bad.yaml", "x: [\n")
        status, out, err = run_command("import_polyarb", str(folder))

        assert status == 1
        assert "refused    config/profiles/bad.yaml" in out
        assert "1 of 20 files were refused" in err
        assert Profile.objects.count() == 11

    def test_ends_with_1_for_what_is_no_folder(self, tmp_path):
        status, _, err = run_command("import_polyarb", str(tmp_path / "gone"))

        assert status == 1
        assert "name a PolyArb-X folder" in err

    def test_a_dry_run_says_that_nothing_was_kept(self, folder):
        status, out, _ = run_command("import_polyarb", str(folder), "--dry-run")

        assert status == 0
        assert "a dry run: nothing was kept" in out
        assert Profile.objects.count() == 0

    def test_for_programs_it_is_json(self, folder):
        status, out, _ = run_command("import_polyarb", str(folder), "--json")
        told = json.loads(out)

        assert status == 0
        assert told["counts"] == {"taken": 15, "unchanged": 0, "refused": 0, "left": 4}
        assert {one["outcome"] for one in told["files"]} <= {one.value for one in Outcome}
