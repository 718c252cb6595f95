"""The command: three statuses, JSON with exact keys, and a table that says what to fix first."""

import json
import re

import pytest

from checks.catalogue.base import Priority, Status
from checks.management.table import table
from checks.models import CheckRun
from checks.selectors.runs import run_dict
from tests.checks.s2a_building import check, says
from tests.helpers.checks import make_run
from tests.helpers.commands import run_command
from trading.models import Mandate

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def catalogue(monkeypatch):
    """Let the command run other checks than ours."""

    def put(*checks):
        monkeypatch.setattr("checks.catalogue.registry.CATALOGUE", checks)

    return put


@pytest.fixture(autouse=True)
def shadow(mandate, profile):
    Mandate.objects.filter(pk=mandate.pk).update(profile=profile)


class TestStatus:
    def test_go_is_0_also_with_warnings(self, catalogue):
        catalogue(
            check("security.one"),
            check("system.two", says(Status.FAIL), priority=Priority.P1),
            check("system.three", says(Status.UNKNOWN), priority=Priority.P2),
        )

        status, out, _ = run_command("go_no_go")

        assert status == 0
        assert out.startswith("GO  phase 0 on recorded")

    def test_no_go_is_1_and_says_why(self, catalogue):
        catalogue(check("security.one", says(Status.FAIL, "it is open")))

        status, out, said = run_command("go_no_go")

        assert status == 1
        assert out.startswith("NO-GO  phase 0 on recorded")
        assert "security.one" in said

    def test_a_run_that_failed_is_2(self, catalogue, monkeypatch):
        catalogue(check("security.one"))
        monkeypatch.setattr("checks.services.runs._store", lambda run, batch: [])

        status, _, said = run_command("go_no_go")

        assert status == 2
        assert "the run itself failed: 0 of 1 results were stored" in said

    @pytest.mark.parametrize(
        "wrong",
        [
            ("--account", "nobody"),
            ("--phase", "1", "--venue", "recorded"),
            ("--venue", "elsewhere"),
        ],
    )
    def test_what_is_not_there_is_2(self, catalogue, wrong):
        catalogue(check("security.one"))

        status, _, said = run_command("go_no_go", *wrong)

        assert status == 2
        assert "choose" in said or "seed" in said

    @pytest.mark.parametrize(
        "wrong", [("--phase", "4"), ("--phase", "x"), ("--category", "weather"), ("--nonsense",)]
    )
    def test_bad_arguments_are_2_for_a_shell(self, wrong):
        """call_command raises what a shell is told with status 2, as argparse ends."""
        from django.core.management import CommandError, call_command

        with pytest.raises((CommandError, TypeError)):
            call_command("go_no_go", *wrong)
        assert not CheckRun.objects.exists()

    def test_of_one_category_0_says_that_all_of_it_passed(self, catalogue):
        catalogue(check("security.one"), check("security.two"))
        status, out, _ = run_command("go_no_go", "--category", "security")
        assert (status, "no decision" in out) == (0, True)

        catalogue(check("security.one"), check("security.two", says(Status.FAIL)))
        assert run_command("go_no_go", "--category", "security")[0] == 1
        assert run_command("go_no_go", "--category", "system")[0] == 1  # no check at all


class TestForPrograms:
    def test_json_has_the_exact_keys(self, catalogue):
        catalogue(check("security.one"), check("system.two", says(Status.FAIL, "no", seen=1)))

        status, out, _ = run_command("go_no_go", "--json")

        told = json.loads(out)
        assert status == 1
        assert (told["decision"], told["phase"]) == ("NO_GO", 0)
        assert told["counts"]["P0"] == {"PASS": 1, "FAIL": 1, "UNKNOWN": 0}
        one = told["results"][1]
        assert {name: one[name] for name in ("id", "category", "priority", "status")} == {
            "id": "system.two",
            "category": "security",
            "priority": "P0",
            "status": "FAIL",
        }
        assert (one["reason"], one["evidence"], one["remedy"]) == (
            "no",
            {"seen": 1},
            "Put it right.",
        )


class TestForPeople:
    def test_what_to_fix_comes_first_gravest_first(self, catalogue):
        catalogue(
            check("security.p1", says(Status.FAIL), priority=Priority.P1),
            check("security.p0", says(Status.UNKNOWN, "nobody answered")),
            check("security.good"),
        )

        out = run_command("go_no_go")[1]

        assert out.index("Fix first") < out.index("security  1 of 3 passed")
        assert out.index("P0 UNKNOWN security.p0") < out.index("P1 FAIL    security.p1")
        assert "nobody answered" in out
        assert "-> Put it right." in out

    def test_nothing_is_painted_into_a_file(self, catalogue):
        catalogue(check("security.one"))

        assert "\x1b" not in run_command("go_no_go")[1]

    def test_on_a_terminal_it_is_painted_and_says_the_same(self):
        told = run_dict(make_run())

        painted, plain = (list(table(told, colours=colours)) for colours in (True, False))

        assert "\x1b[31mNO-GO\x1b[0m" in painted[0]
        assert [re.sub(r"\x1b\[[0-9]+m", "", line) for line in painted] == plain
