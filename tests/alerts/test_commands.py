"""The commands of alerts: import_alerts, alerts, acknowledge_alert, resolve_alert."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings

from alerts.models import Alert, RuleRevision, Watch
from alerts.selectors import rules_in_force
from polyarb_site.audit.models import AuditEvent
from polyarb_site.clock import SystemClock
from polyarb_site.commands import shell_name
from tests.api.alert_building import make_alert
from tests.conftest import NOON
from tests.helpers.commands import run_command

pytestmark = pytest.mark.django_db
OURS = settings.CONFIG_DIR / "alerts.production.yaml"
THEIRS = Path(__file__).with_name("polyarb_x") / "alerts.production.yaml"


@pytest.fixture
def judged(mandate):
    """The rules were judged a moment ago."""
    return Watch.objects.create(name="JUDGE", beat_at=SystemClock().now())


class TestImportAlerts:
    def test_our_file_is_taken_once(self, mandate):
        first = run_command("import_alerts", str(OURS))
        second = run_command("import_alerts", str(OURS))

        assert first[0] == second[0] == 0
        assert "imported   WS_DISCONNECTED r1" in first[1]
        assert second[1].splitlines().count("unchanged  WS_DISCONNECTED") == 1
        assert RuleRevision.objects.count() == 19
        assert {row.author_name for row in RuleRevision.objects.all()} == {shell_name()}

    def test_one_problem_in_a_file_of_ours_refuses_it_all_and_every_problem_is_said(
        self, mandate, tmp_path
    ):
        path = tmp_path / "rules.yaml"
        text = OURS.read_text().replace("severity: INFO", "severity: LOUD")
        path.write_text(text)

        status, _, err = run_command("import_alerts", str(path))

        assert status == 1
        assert "TRADE_EXECUTED: severity" in err
        assert "OPPORTUNITY_DETECTED: severity" in err
        assert "nothing changed" in err
        assert RuleRevision.objects.count() == 0

    @pytest.mark.parametrize("text", ["", "rules: 1", "rules: []", "[1]", "rules: [\n"])
    def test_what_is_no_file_of_rules_is_1(self, text, mandate, tmp_path):
        path = tmp_path / "rules.yaml"
        path.write_text(text)

        assert run_command("import_alerts", str(path))[0] == 1
        assert run_command("import_alerts", str(path), "--polyarb")[0] == 1

    def test_a_file_that_is_not_there_is_1(self, mandate, tmp_path):
        status, _, err = run_command("import_alerts", str(tmp_path / "none.yaml"))

        assert status == 1
        assert "none.yaml" in err

    def test_of_a_file_of_polyarb_x_each_rule_stands_for_itself(self, mandate):
        status, out, err = run_command("import_alerts", str(THEIRS), "--polyarb")

        assert status == 1  # one was refused
        assert "1 refused" in err
        taken = [line.split()[1] for line in out.splitlines() if line.startswith("imported")]
        assert taken == ["WS_DISCONNECTED", "LIVE_NO_FILLS", "REFUSALS", "RPC_TROUBLE", "WALLET"]
        assert "CPU_HOT: query.metric 'cpu_temperature' is no metric" in out
        assert "rpc_errors is called rpc_error_count here" in out
        assert "evaluation_interval_seconds: not taken" in out
        rules = {rule_id: rule for rule_id, (_, rule) in rules_in_force().items()}
        assert (rules["WS_DISCONNECTED"].window_ms, rules["WALLET"].bound) == (20_000, 12_500_000)
        assert rules["REFUSALS"].bound == 125_000
        assert rules["LIVE_NO_FILLS"].modes == {"LIVE"}
        assert not rules["RPC_TROUBLE"].enabled

    def test_an_address_in_it_gets_nowhere(self, mandate):
        said = run_command("import_alerts", str(THEIRS), "--polyarb")

        kept = str([*RuleRevision.objects.values(), *AuditEvent.objects.values()])
        assert "INVENTED-SECRET" not in kept + "".join(map(str, said))
        assert "make a channel with it" in said[1]

    def test_for_programs(self, mandate):
        status, out, _ = run_command("import_alerts", str(THEIRS), "--polyarb", "--json")

        told = json.loads(out)
        assert status == 1
        assert set(told) == {"imported", "unchanged", "notes", "refused"}
        assert told["imported"][0] == {"rule_id": "WS_DISCONNECTED", "revision": 1}


class TestAlerts:
    def test_nothing_is_0(self, judged):
        assert run_command("alerts") == (0, "nothing fires\n", "")

    @pytest.mark.parametrize(
        ("level", "state", "status"),
        [
            ("CRITICAL", "FIRING", 1),
            ("WARNING", "FIRING", 1),
            ("INFO", "FIRING", 0),
            ("CRITICAL", "ACKED", 0),
            ("CRITICAL", "PENDING", 0),
        ],
    )
    def test_the_status_says_whether_somebody_has_to_act(self, level, state, status, judged):
        make_alert(level=level, state=state)

        found, out, _ = run_command("alerts")

        assert found == status
        assert level in out

    def test_that_nobody_judges_the_rules_is_2(self, judged):
        Watch.objects.update(beat_at=NOON - timedelta(days=1))

        status, _, err = run_command("alerts")

        assert status == 2
        assert "not known" in err

    def test_shows_a_table(self, judged):
        make_alert(state="ACKED", acked_by="otto", ack_comment="the venue is down")
        make_alert("LOW_BALANCE", level="WARNING", state="RESOLVED", resolved_at=NOON)

        out = run_command("alerts")[1]
        more = run_command("alerts", "--all")[1]

        assert out.splitlines()[0].split()[:4] == ["ID", "LEVEL", "STATE", "RULE"]
        assert "otto: the venue is down" in out
        assert "LOW_BALANCE" not in out
        assert "LOW_BALANCE" in more

    def test_for_programs_is_what_rest_answers(self, judged):
        make_alert()

        status, out, _ = run_command("alerts", "--json")

        told = json.loads(out)
        assert status == 1
        assert told["alerts"][0]["rule_id"] == "WS_DISCONNECTED"
        assert told["counts"]["critical"] == 1


class TestActing:
    def test_an_alert_is_acknowledged_and_resolved_in_the_name_of_the_shell(self, judged):
        number = str(make_alert().pk)

        acked = run_command("acknowledge_alert", number, "--comment", "I watch")
        Alert.objects.update(quiet_since=NOON)
        resolved = run_command("resolve_alert", number, "--note", "a switch was replaced")

        assert acked == (0, f"alert {number} WS_DISCONNECTED: ACKED\n", "")
        assert resolved == (0, f"alert {number} WS_DISCONNECTED: RESOLVED\n", "")
        row = Alert.objects.get()
        assert (row.acked_by, row.resolve_note) == (shell_name(), "a switch was replaced")

    @pytest.mark.parametrize(
        "arguments", [("acknowledge_alert", "--comment"), ("resolve_alert", "--note")]
    )
    def test_refusals_are_1(self, arguments, judged):
        name, option = arguments
        number = str(make_alert(state="ACKED").pk)

        refused = run_command(name, number, option, "x")
        absent = run_command(name, "99", option, "x")
        empty = run_command(name, number, option, " ")

        assert [one[0] for one in (refused, absent, empty)] == [1, 1, 1]
        assert "there is no alert of that number" in absent[2]
        assert Alert.objects.get().state == "ACKED"
