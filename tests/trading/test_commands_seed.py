"""phase_status and seed: what an account is, and what a new installation needs."""

import json

import pytest

from polyarb_site import one_time_password
from polyarb_site.audit.models import AuditEvent
from tests.conftest import NOON
from tests.helpers.commands import run_command
from trading import services
from trading.management import report
from trading.models import Mandate, Profile

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


class TestSeed:
    def test_makes_everything_once(self, db, django_user_model):
        status, out, _ = run_command("seed")

        assert status == 0
        assert Mandate.objects.get().account == "main"
        assert Profile.objects.count() == 4
        admin = django_user_model.objects.get(is_superuser=True)
        password = next(line.rpartition(": ")[2] for line in out.splitlines() if "one-time" in line)
        assert admin.check_password(password)
        assert one_time_password.is_in_use(admin)

    def test_the_password_is_kept_nowhere(self, db):
        out = run_command("seed")[1]
        password = next(line.rpartition(": ")[2] for line in out.splitlines() if "one-time" in line)

        assert password not in repr(list(AuditEvent.objects.values()))

    def test_the_second_time_changes_nothing_and_prints_no_password(self, db):
        run_command("seed")
        events = AuditEvent.objects.count()
        status, out, _ = run_command("seed")

        assert (status, out) == (0, "seeded\n")
        assert AuditEvent.objects.count() == events

    def test_each_thing_made_is_audited(self, db):
        run_command("seed")

        actions = list(AuditEvent.objects.order_by("sequence").values_list("action", flat=True))
        assert actions == ["mandate.create", "profile.import", "account.create"]

    def test_where_there_is_a_superuser_none_is_made(self, db, django_user_model):
        django_user_model.objects.create_superuser("root", password="x")
        out = run_command("seed")[1]

        assert "password" not in out
        assert django_user_model.objects.count() == 1

    def test_a_name_that_is_taken_is_1(self, nobody, django_user_model):
        status, _, err = run_command("seed", "--admin", "nora")

        assert status == 1
        assert "--admin" in err
        assert not django_user_model.objects.filter(is_superuser=True).exists()
