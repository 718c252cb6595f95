"""The shape of phases, criteria and evaluations."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from checks.criteria.definitions import Kind, Unit
from polyarb_site.rest.serializers import Answer, Body, DecimalTextField, MicroField

RESULTS = ("PASS", "FAIL", "UNKNOWN")
STATES = ("past", "present", "next", "later")
KILL_HELP = "Of a rollback criterion PASS means that its condition is not met."
ROWS_HELP = "Ranges of ids by model: [first, last] of each run of rows that was read."


@extend_schema_field({"type": "object", "additionalProperties": {"type": "array"}})
class RowsField(serializers.JSONField):
    """Ranges of ids by model."""


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "additionalProperties": {"type": "integer"},
        },
    }
)
class CountsField(serializers.JSONField):
    """How many verdicts of each kind came out how."""


class JudgedPart(Answer):
    """What a criterion said; everything is null while it has not been judged."""

    verdict = serializers.ChoiceField(choices=list(RESULTS), allow_null=True, help_text=KILL_HELP)
    value = serializers.CharField(allow_null=True, help_text="With its unit, as people read it.")
    value_micro = MicroField(allow_null=True, help_text="In millionths of the unit; % of one.")
    reason = serializers.CharField(allow_null=True)
    window_from = serializers.DateTimeField(allow_null=True)
    window_to = serializers.DateTimeField(allow_null=True)
    sample = serializers.IntegerField(allow_null=True)
    restarted = serializers.CharField(
        allow_null=True, help_text="Why the window begins later than it would."
    )
    rows = RowsField(allow_null=True, help_text=ROWS_HELP)
    judged_at = serializers.DateTimeField(allow_null=True)
    verdict_id = serializers.IntegerField(allow_null=True)


class CriterionRow(JudgedPart):
    """One criterion of a phase with what it said last."""

    id = serializers.CharField()
    kind = serializers.ChoiceField(choices=[one.value for one in Kind])
    text = serializers.CharField()
    metric = serializers.CharField()
    unit = serializers.ChoiceField(choices=[one.value for one in Unit])
    bound = serializers.CharField()
    window = serializers.CharField(help_text="A number of days, or phase, ever, now.")
    sample_min = serializers.IntegerField()
    coverage_percent = serializers.IntegerField()
    restarts_on = serializers.ListField(child=serializers.CharField())
    distance = serializers.CharField(
        allow_null=True, help_text="How far from its bound; of a rollback criterion the room left."
    )


class CriteriaPart(Answer):
    """The criteria of a phase by what they are for."""

    success = CriterionRow(many=True)
    kill = CriterionRow(many=True)
    exit = CriterionRow(many=True)
    entry = CriterionRow(many=True)


class PhaseAnswer(Answer):
    """One rung of the ladder."""

    number = serializers.IntegerField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=list(STATES))
    mode = serializers.ChoiceField(choices=["SHADOW", "LIVE"])
    profile = serializers.CharField()
    trade_size_micro = MicroField()
    trade_size = DecimalTextField()
    trade_size_max_micro = MicroField()
    trade_size_max = DecimalTextField()
    planned = serializers.CharField()
    days_min = serializers.IntegerField()
    days_max = serializers.IntegerField(allow_null=True, help_text="Null: open-ended.")
    since = serializers.DateTimeField(allow_null=True)
    days_micro = MicroField(allow_null=True, help_text="Days in the phase, in millionths.")
    goals = serializers.ListField(child=serializers.CharField())
    entry_checks = serializers.ListField(
        child=serializers.CharField(), help_text="What the go/no-go looks at before it begins."
    )
    criteria = CriteriaPart()


class EvaluationPart(Answer):
    """One evaluation without its verdicts."""

    id = serializers.IntegerField()
    scope = serializers.ChoiceField(choices=["ALL", "KILL"])
    at = serializers.DateTimeField()
    age_ms = serializers.IntegerField()
    old = serializers.BooleanField()
    counts = CountsField()
    sha256 = serializers.CharField()
    config_sha256 = serializers.CharField(help_text="Of phases.yaml and venues.yaml.")
    criteria_sha256 = serializers.CharField(help_text="Of the phase as it was judged.")
    software = serializers.CharField()
    by = serializers.CharField()
    took_ms = serializers.IntegerField()


class LadderAnswer(Answer):
    """Where an account is, and what is missing for the next phase."""

    account = serializers.CharField()
    as_of = serializers.DateTimeField()
    phase = serializers.IntegerField()
    name = serializers.CharField()
    venue = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    sentence = serializers.CharField()
    missing = serializers.ListField(child=serializers.CharField())
    evaluation = EvaluationPart(allow_null=True)
    phases = PhaseAnswer(many=True)


class VerdictRow(JudgedPart):
    """One verdict of an evaluation."""

    kind = serializers.ChoiceField(choices=[one.value for one in Kind])
    id = serializers.CharField()
    text = serializers.CharField()
    bound = serializers.CharField()
    sample_min = serializers.IntegerField()


class EvaluationAnswer(EvaluationPart):
    """One evaluation with everything that it said."""

    account = serializers.CharField()
    phase = serializers.IntegerField()
    venue = serializers.CharField()
    phase_since = serializers.DateTimeField(allow_null=True)
    verdicts = VerdictRow(many=True)


class EvaluateBody(Body):
    """Nothing: the account's own phase is judged."""
