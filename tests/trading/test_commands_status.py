"""phase_status: what an account is."""

import json

import pytest

from tests.conftest import NOON
from tests.helpers.commands import run_command
from trading import services
from trading.selectors import report

pytestmark = pytest.mark.django_db


class TestPhaseStatus:
    def test_for_people(self, mandate, viewer):
        services.halt(mandate.account, by=viewer, code="MANUAL", reason="odd fills", at=NOON)
        status, out, _ = run_command("phase_status")

        assert status == 0
        assert "phase      0 Shadow Production" in out
        assert "engine     STOPPED" in out
        assert "by vera: MANUAL odd fills" in out
        assert "None" not in out

    def test_for_programs(self, mandate):
        status, out, _ = run_command("phase_status", "--json")

        assert status == 0
        assert json.loads(out)["phase"]["number"] == 0

    def test_an_unknown_account_is_1(self, db):
        status, _, err = run_command("phase_status", "--account", "other")

        assert status == 1
        assert "seed" in err

    def test_money_is_to_the_cent_with_sign_and_never_more_than_there_is(self):
        assert report.dollars(1_234_567_890) == "$1,234.56"
        assert report.dollars(-1) == "-$0.01"
        assert report.dollars(0) == "$0.00"
        assert report.dollars(None) == "-"

    def test_ages(self):
        assert [report.age(ms) for ms in (None, 400, 12_345, 720_000, 7_200_000)] == [
            "-",
            "0.4 s",
            "12.3 s",
            "12 min",
            "2 h",
        ]
