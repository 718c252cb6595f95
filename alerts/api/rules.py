"""The rules of alerts: those in force, their revisions, and saving a new one."""

from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from alerts.api import examples, shapes
from alerts.api.bodies import DryRunBody, RuleBody
from alerts.models import RuleRevision
from alerts.rules.rule import Rule
from alerts.selectors import rule_history, rules_in_force
from alerts.selectors.dryrun import Spell, dry_run
from alerts.selectors.rules import find_rule
from alerts.selectors.state import runbook_path
from alerts.services import save_rule
from alerts.services.rules import parsed
from polyarb_site.rest.describe import READ, WRITE, curl, endpoint
from polyarb_site.rest.permissions import may
from polyarb_site.rest.views import ApiView, person


def revision_answer(row: RuleRevision) -> dict[str, Any]:
    """Return one revision without its values."""
    return {
        "revision": row.revision,
        "sha256": row.sha256,
        "author": row.author_name,
        "reason": row.reason,
        "source": row.source,
        "created_at": row.created_at,
    }


def rule_answer(row: RuleRevision, rule: Rule) -> dict[str, Any]:
    """Return a rule as it is in force."""
    return {
        **revision_answer(row),
        "rule_id": row.rule_id,
        "stops_trading": rule.stops_trading,
        "runbook": runbook_path(row.rule_id),
        "values": row.values,
    }


class RuleListView(ApiView):
    """GET and POST /api/alerts/rules."""

    rules = {"GET": may("alerts.view_rulerevision"), "POST": may("alerts.save_rule")}

    @endpoint(
        "listAlertRules",
        "List the alert rules",
        tag="alerts",
        example_call=curl("/api/alerts/rules"),
        answer=shapes.RuleListAnswer,
        example=examples.RULES,
    )
    def get(self, request: Request) -> Response:
        """The newest revision of each rule, which is the one in force, also of those that are off.

        `broken` names rules that this version cannot read; they are not judged.
        """
        del request
        found = rules_in_force()
        return Response(
            {
                "items": [rule_answer(row, rule) for row, rule in found.values()],
                "broken": [
                    {"rule_id": rule_id, "problem": problem}
                    for rule_id, problem in sorted(found.broken.items())
                ],
            }
        )

    @endpoint(
        "saveAlertRule",
        "Save an alert rule",
        tag="alerts",
        example_call=curl(
            "/api/alerts/rules",
            body='{"reason": "it flaps at night", "rule": {"id": "LATENCY_P95_HIGH", '
            '"severity": "WARNING", "query": {"metric": "latency_p95", "operator": ">=", '
            '"value": 500, "window_seconds": 300}}}',
        ),
        body=RuleBody,
        answer=shapes.RuleAnswer,
        example=examples.RULE_ANSWER,
        refusals=WRITE,
    )
    def post(self, request: Request) -> Response:
        """Save a rule as a new revision, in force from then on; a new id makes a new rule.

        The whole rule is given: what is left out has its usual value. One that says the same as its
        newest revision is refused. Numbers with a fraction are given as text.
        """
        said = self.body(RuleBody)
        row = save_rule(
            said["rule"], by=person(request), reason=said["reason"], at=self.clock.now()
        )
        return Response(_with_history(row.rule_id))


class RuleView(ApiView):
    """GET /api/alerts/rules/{rule}."""

    rules = {"GET": may("alerts.view_rulerevision")}

    @endpoint(
        "getAlertRule",
        "Show an alert rule",
        tag="alerts",
        example_call=curl("/api/alerts/rules/WS_DISCONNECTED"),
        answer=shapes.RuleAnswer,
        example=examples.RULE_ANSWER,
        refusals=(*READ, 404),
    )
    def get(self, request: Request, rule: str) -> Response:
        """A rule as it is in force, and who changed it when and why."""
        del request
        return Response(_with_history(rule))


class DryRunView(ApiView):
    """POST /api/alerts/rules/dry_run."""

    rules = {"POST": may("alerts.view_rulerevision")}  # it only looks

    @endpoint(
        "dryRunAlertRule",
        "Try an alert rule on what was recorded",
        tag="alerts",
        example_call=curl(
            "/api/alerts/rules/dry_run", body='{"rule_id": "LATENCY_P95_HIGH", "hours": 24}'
        ),
        body=DryRunBody,
        answer=shapes.DryRunAnswer,
        example=examples.DRY_RUN,
        refusals=(*WRITE, 404),
    )
    def post(self, request: Request) -> Response:
        """When a rule would have fired within the last hours, without any effect.

        Give a whole `rule` that is not saved yet, or the `rule_id` of one in force. Time without
        samples says nothing, and `reason` says why when nothing at all can be said.
        """
        del request
        said = self.body(DryRunBody)
        rule = parsed(said["rule"]) if "rule" in said else find_rule(said["rule_id"])[1]
        found = dry_run(rule, settings.ACCOUNT, self.clock.now(), said["hours"])
        return Response(
            {
                "rule_id": rule.rule_id,
                "since": found.since,
                "until": found.until,
                "count": found.count,
                "spells": [_spell(one) for one in found.spells],
                "samples": found.samples,
                "covered_seconds": found.covered_s,
                "reason": found.reason,
            }
        )


def _spell(one: Spell) -> dict[str, Any]:
    names = ("fired_at", "ended_at", "value", "reason", "unknown")
    return {name: getattr(one, name) for name in names}


def _with_history(rule_id: str) -> dict[str, Any]:
    row, rule = find_rule(rule_id)
    revisions = [revision_answer(one) for one in rule_history(row.rule_id)]
    return {**rule_answer(row, rule), "history": revisions}
