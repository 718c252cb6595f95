"""The shape of alerts, their moves and their rules, as they are answered."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from alerts.models import Alert
from alerts.rules.metrics import METRICS
from alerts.rules.rule import ENGINE_MODES, Action, Aggregate, Comparison, Counting
from polyarb_site.rest.serializers import Answer

STATES = tuple(Alert.State.values)
LEVELS = tuple(Alert.Level.values)
MODES = ENGINE_MODES
METRIC_NAMES = tuple(METRICS)
COMPARISONS = tuple(Comparison)
COUNTINGS = tuple(Counting)
AGGREGATES = tuple(Aggregate)
ACTIONS = tuple(Action)


class StopRow(Answer):
    """How the engine stopped trading for this alert, measured inside its process; null: unknown."""

    session = serializers.CharField(allow_null=True)
    cause_at = serializers.DateTimeField(
        allow_null=True, help_text="From when on the rule held: its window was over."
    )
    judged_at = serializers.DateTimeField(allow_null=True)
    judging_us = serializers.IntegerField(allow_null=True)
    last_order_at = serializers.DateTimeField(
        allow_null=True, help_text="The last order that left after the cause; null: none did."
    )
    stopped_us = serializers.IntegerField(
        allow_null=True, help_text="From the cause until no order left any more."
    )
    halted_already = serializers.BooleanField(allow_null=True)
    orders_followed = serializers.IntegerField(
        allow_null=True, help_text="Live orders whose end was not known."
    )
    complete = serializers.BooleanField(
        allow_null=True, help_text="Whether the last order is known yet."
    )


class AlertRow(Answer):
    """One spell of one rule's condition."""

    id = serializers.IntegerField()
    account = serializers.CharField()
    rule_id = serializers.CharField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=STATES)
    severity = serializers.ChoiceField(choices=LEVELS, help_text="The same as `level`.")
    level = serializers.ChoiceField(choices=LEVELS)
    value = serializers.CharField(allow_blank=True, help_text="Newest, with its unit.")
    bound = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True)
    unknown = serializers.BooleanField(help_text="Raised because its metric is not known.")
    count = serializers.IntegerField(help_text="How often it began to fire.")
    since = serializers.DateTimeField(help_text="The condition turned bad.")
    fired_at = serializers.DateTimeField(allow_null=True, help_text="Null while only pending.")
    last_fired_at = serializers.DateTimeField(allow_null=True)
    last_seen_at = serializers.DateTimeField()
    quiet_since = serializers.DateTimeField(
        allow_null=True, help_text="The condition seems to have ended."
    )
    resolved_at = serializers.DateTimeField(allow_null=True)
    acked_by = serializers.CharField(allow_blank=True)
    acked_at = serializers.DateTimeField(allow_null=True)
    ack_comment = serializers.CharField(allow_blank=True)
    resolve_note = serializers.CharField(allow_blank=True)
    muted_by = serializers.CharField(
        allow_blank=True, help_text="Why nobody is told of it; empty: people are."
    )
    suppressed = serializers.IntegerField(help_text="How often nobody was told, all in all.")
    notified_at = serializers.DateTimeField(allow_null=True)
    notified_count = serializers.IntegerField()
    escalations = serializers.IntegerField()
    stop = StopRow(allow_null=True)
    advice = serializers.CharField(allow_blank=True, help_text="The first thing to do.")
    rule_revision = serializers.IntegerField(help_text="The rule as it was when it last fired.")
    runbook = serializers.CharField(help_text="The section on this rule, within the portal.")


class MoveRow(Answer):
    """One transition of an alert. A comment moves nothing: its two states are the same."""

    id = serializers.IntegerField()
    sequence = serializers.IntegerField()
    state_from = serializers.CharField(allow_blank=True, help_text="Empty for a new alert.")
    state_to = serializers.ChoiceField(choices=STATES)
    at = serializers.DateTimeField()
    by = serializers.CharField()
    value = serializers.CharField(allow_blank=True)
    comment = serializers.CharField(allow_blank=True)


class HistoryRow(MoveRow):
    """One transition, with the alert that it belongs to."""

    alert = serializers.IntegerField()
    account = serializers.CharField()
    rule_id = serializers.CharField()
    level = serializers.ChoiceField(choices=LEVELS)


class AlertAnswer(AlertRow):
    """One alert with its moves, newest first, at most 200."""

    moves = MoveRow(many=True)


class CountsPart(Answer):
    """How many fire, by level; null while nobody knows."""

    critical = serializers.IntegerField(allow_null=True)
    warning = serializers.IntegerField(allow_null=True)
    info = serializers.IntegerField(allow_null=True)
    acked = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField(
        allow_null=True, help_text="Why the counts may be old; null while they are not."
    )
    as_of = serializers.DateTimeField()


class StateAnswer(Answer):
    """What is wrong now."""

    alerts = AlertRow(many=True)
    counts = CountsPart()
    as_of = serializers.DateTimeField()


@extend_schema_field({"oneOf": [{"type": "boolean"}, {"type": "string"}]})
class BoundField(serializers.Field[Any, Any, Any, Any]):
    """A bound: true or false, a word, or a decimal number as text."""


class RuleQuery(Answer):
    """When it is bad."""

    metric = serializers.ChoiceField(choices=METRIC_NAMES)
    operator = serializers.ChoiceField(choices=COMPARISONS)
    value = BoundField()
    window_seconds = serializers.IntegerField()
    counting = serializers.ChoiceField(choices=COUNTINGS)
    aggregate = serializers.ChoiceField(choices=AGGREGATES, required=False)
    missing_seconds = serializers.IntegerField()


class RuleAction(Answer):
    """One thing that it does when it fires."""

    type = serializers.ChoiceField(choices=ACTIONS)


class RuleValues(Answer):
    """A rule. The keys are those of a PolyArb-X alert file, and ours beside them."""

    id = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    description = serializers.CharField(allow_blank=True)
    enabled = serializers.BooleanField()
    severity = serializers.ChoiceField(choices=LEVELS)
    query = RuleQuery()
    values_by_phase = serializers.DictField(child=BoundField())
    cooldown_seconds = serializers.IntegerField()
    phases = serializers.ListField(child=serializers.IntegerField())
    modes = serializers.ListField(child=serializers.ChoiceField(choices=MODES))
    actions = RuleAction(many=True)
    channels = serializers.ListField(child=serializers.CharField())
    inhibits = serializers.ListField(child=serializers.CharField())
    escalate_seconds = serializers.IntegerField()
    message = serializers.CharField(allow_blank=True, help_text="The first thing to do.")


class RuleRevisionRow(Answer):
    """One immutable revision of a rule, without its values."""

    revision = serializers.IntegerField()
    sha256 = serializers.CharField()
    author = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    source = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    created_at = serializers.DateTimeField()


class RuleRow(RuleRevisionRow):
    """A rule as it is in force."""

    rule_id = serializers.CharField()
    stops_trading = serializers.BooleanField()
    runbook = serializers.CharField()
    values = RuleValues()


class BrokenRule(Answer):
    """A rule that another version saved and that cannot be judged."""

    rule_id = serializers.CharField()
    problem = serializers.CharField()


class RuleListAnswer(Answer):
    """All rules in force, also those that are off."""

    items = RuleRow(many=True)
    broken = BrokenRule(many=True)


class RuleAnswer(RuleRow):
    """One rule with its revisions, newest first, at most 100."""

    history = RuleRevisionRow(many=True)


class SpellRow(Answer):
    """One time that the rule would have fired."""

    fired_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True, help_text="Null: it still would fire.")
    value = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True)
    unknown = serializers.BooleanField(help_text="For a metric that was not known.")


class DryRunAnswer(Answer):
    """What a rule would have done over what was recorded."""

    rule_id = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    count = serializers.IntegerField(help_text="How often it would have fired.")
    spells = SpellRow(many=True)
    samples = serializers.IntegerField(help_text="How many were judged, one a second.")
    covered_seconds = serializers.IntegerField(help_text="How much of the time has samples.")
    reason = serializers.CharField(
        allow_blank=True, help_text="Why nothing can be said; empty when something can."
    )
