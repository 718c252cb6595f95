"""seed: what a new installation needs, made once and audited."""

import pytest

from alerts.selectors import rules_in_force
from polyarb_site import one_time_password
from polyarb_site.audit.models import AuditEvent
from tests.helpers.commands import run_command
from trading.models import Mandate, Profile

pytestmark = pytest.mark.django_db


class TestSeed:
    def test_makes_everything_once(self, db, django_user_model):
        status, out, _ = run_command("seed")

        assert status == 0
        assert Mandate.objects.get().account == "main"
        assert Profile.objects.count() == 5
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
        assert actions == [
            "mandate.create",
            "profile.import",
            "alert_rule.import",
            "account.create",
        ]

    def test_all_alert_rules_are_in_force(self, db):
        out = run_command("seed")[1]

        found = rules_in_force()
        assert len(found) == 19
        assert found.broken == {}
        assert "alert rule WS_DISCONNECTED r1: imported" in out

    def test_what_somebody_changed_of_a_rule_stays(self, admin_user):
        from alerts.services import save_rule

        run_command("seed")
        values = {**rules_in_force()["WS_DISCONNECTED"][0].values, "cooldown_seconds": 90}
        save_rule(values, by=admin_user, reason="it flaps at night")
        run_command("seed")

        assert rules_in_force()["WS_DISCONNECTED"][1].cooldown_ms == 90_000

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
