"""Rules as revisions: our file, an edit, an import again, and files of PolyArb-X."""

import pytest
from django.conf import settings

from alerts.models import RuleRevision
from alerts.rules.parse import parse_rule
from alerts.selectors import rule_history, rules_in_force, rules_stamp
from alerts.services import import_rules, save_rule
from polyarb_site.audit.models import AuditEvent
from tests.alerts.rules import values
from tests.conftest import NOON
from trading.services import Invalid, NotPermitted

pytestmark = pytest.mark.django_db
OURS = settings.CONFIG_DIR / "alerts.production.yaml"
HOW = {"by": None, "by_name": "test", "at": NOON}

POLYARB = """
rules:
  - id: "WS_DISCONNECTED"
    name: "feed"
    enabled: true
    severity: "CRITICAL"
    query:
      metric: "ws_connected"
      operator: "=="
      value: false
      window_seconds: 10
    thresholds:
      duration_seconds: 10
    cooldown_seconds: 60
    actions:
      - type: "stop_trading"
      - type: "webhook"
        url: "https://hooks.example/T0P/SECRET"
      - type: "log"
  - id: "HIGH_REJECT_RATE"
    severity: "WARNING"
    query:
      metric: "reject_rate"
      operator: ">"
      value: 0.05
      window_seconds: 300
    notify_channels: ["ui", "webhook"]
  - id: "LATENCY_P95_HIGH"
    severity: "WARNING"
    query:
      metric: "latency_p95_ms"
      operator: ">"
      value: 500
      window_seconds: 300
  - id: "LUCK"
    severity: "WARNING"
    query: {metric: "luck", operator: ">", value: 1, window_seconds: 0}
webhook:
  enabled: false
  url: "${ALERT_WEBHOOK_URL}"
evaluation_interval_seconds: 5
"""


class TestOurFile:
    def test_it_is_loaded_once_and_each_rule_is_in_force(self, rules):
        assert len(rules.created) == 19
        assert set(rules_in_force()) == {row.rule_id for row in rules.created}
        again = import_rules(OURS, **HOW)
        assert (again.created, len(again.unchanged)) == ([], 19)
        assert AuditEvent.objects.filter(action="alert_rule.import").count() == 1

    def test_importing_it_again_does_not_undo_an_edit(self, rules):
        before = rules_in_force()["WS_DISCONNECTED"][0]
        edited = {**before.values, "cooldown_seconds": 90}
        save_rule(edited, reason="it flaps at night", **HOW)
        import_rules(OURS, **HOW)
        assert rules_in_force()["WS_DISCONNECTED"][1].cooldown_ms == 90_000

    def test_one_problem_refuses_the_whole_file(self, tmp_path, db):
        path = tmp_path / "rules.yaml"
        path.write_text(OURS.read_text().replace("severity: INFO", "severity: LOUD", 1))
        with pytest.raises(Invalid) as caught:
            import_rules(path, **HOW)
        assert "TRADE_EXECUTED: severity" in str(caught.value)
        assert RuleRevision.objects.count() == 0

    def test_a_rule_that_is_there_twice_is_refused(self, tmp_path, db):
        path = tmp_path / "rules.yaml"
        text = OURS.read_text()
        path.write_text(text + text[text.index("  - id: OPPORTUNITY") :])
        with pytest.raises(Invalid, match="is there twice"):
            import_rules(path, **HOW)


class TestFilesOfPolyArbX:
    def test_what_fits_is_taken_and_all_else_is_said(self, tmp_path, db):
        path = tmp_path / "alerts.production.yaml"
        path.write_text(POLYARB)
        report = import_rules(path, strict=False, **HOW)
        assert [row.rule_id for row in report.created] == [
            "WS_DISCONNECTED",
            "HIGH_REJECT_RATE",
            "LATENCY_P95_HIGH",
        ]
        said = "\n".join(report.warnings)
        assert "latency_p95_ms is called latency_p95 here" in said
        assert "thresholds was left out" in said
        assert "the address of its webhook was not taken; make a channel with it" in said
        assert "webhook: not taken" in said
        assert report.refused[0].startswith("alerts.production.yaml: rules[3]: LUCK: query.metric")
        rate = rules_in_force()["HIGH_REJECT_RATE"][1]
        assert (rate.bound, rate.aggregate) == (50_000, "QUOTIENT")

    def test_its_secrets_get_nowhere(self, tmp_path, db):
        path = tmp_path / "alerts.yaml"
        path.write_text(POLYARB)
        report = import_rules(path, strict=False, **HOW)
        kept = str(list(RuleRevision.objects.values())) + str(list(AuditEvent.objects.values()))
        assert "SECRET" not in kept + str(report)


class TestEdits:
    def test_an_edit_is_a_revision_with_its_audit(self, rules, admin_user):
        before = rules_in_force()["WS_DISCONNECTED"][0]
        stamp = rules_stamp()
        edited = {**before.values, "cooldown_seconds": 90}
        row = save_rule(edited, by=admin_user, reason="it flaps at night", at=NOON)
        assert (row.revision, row.author_name) == (2, "adam")
        assert rules_stamp() > stamp
        assert [one.revision for one in rule_history("WS_DISCONNECTED")] == [2, 1]
        event = AuditEvent.objects.latest("sequence")
        assert (event.action, event.reason) == ("alert_rule.save", "it flaps at night")
        assert event.before["cooldown_seconds"] == 60
        assert event.after["cooldown_seconds"] == 90

    def test_only_who_may_and_only_with_a_reason_and_a_change(self, rules, operator, admin_user):
        row = rules_in_force()["WS_DISCONNECTED"][0]
        edited = {**row.values, "cooldown_seconds": 90}
        with pytest.raises(NotPermitted):
            save_rule(edited, by=operator, reason="I like it", at=NOON)
        with pytest.raises(Invalid, match="needs a reason"):
            save_rule(edited, by=admin_user, reason=" ", at=NOON)
        with pytest.raises(Invalid, match="already"):
            save_rule(row.values, by=admin_user, reason="again", at=NOON)
        with pytest.raises(Invalid) as caught:
            save_rule({**edited, "inhibits": ["NOBODY"]}, by=admin_user, reason="x", at=NOON)
        assert "is no rule" in caught.value.problems[0]
        assert RuleRevision.objects.count() == 19

    def test_what_another_version_saved_and_this_cannot_read_is_named(self, rules):
        RuleRevision.objects.create(
            rule_id="OLD_RULE",
            revision=1,
            values={**values("OLD_RULE"), "surprise": 1},
            sha256="0" * 64,
            author_name="test",
            reason="test",
            created_at=NOON,
        )
        found = rules_in_force()
        assert "OLD_RULE" not in found
        assert "surprise" in found.broken["OLD_RULE"]
        assert parse_rule(values("NEW_RULE")).rule_id == "NEW_RULE"
