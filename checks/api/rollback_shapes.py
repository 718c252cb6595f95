"""The shape of rollbacks and drills."""

from rest_framework import serializers

from checks.models import Drill, Rollback, RollbackStep
from polyarb_site.rest.serializers import REASON_LENGTH_MAX, Answer, Body, LineField, WholeField

CAUSES = tuple(Rollback.Cause.values)
ROLLBACK_STATES = tuple(Rollback.State.values)
STEP_STATES = tuple(RollbackStep.State.values)
DRILL_KINDS = tuple(Drill.Kind.values)


class KillVerdictRow(Answer):
    """One criterion that a rollback began with."""

    criterion = serializers.CharField()
    title = serializers.CharField()
    verdict = serializers.CharField()
    value = serializers.CharField(allow_blank=True)
    bound = serializers.CharField()
    reason = serializers.CharField()
    sample = serializers.IntegerField()
    evaluation = serializers.IntegerField()
    window_from = serializers.DateTimeField(allow_null=True)
    window_to = serializers.DateTimeField()


class RollbackStepRow(Answer):
    """One step, in the order in which they are done."""

    name = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=STEP_STATES)
    attempts = serializers.IntegerField(help_text="More than one: a process died in the middle.")
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    took_ms = serializers.IntegerField(allow_null=True)
    detail = serializers.CharField(allow_blank=True)
    remedy = serializers.CharField(allow_blank=True, help_text="What a person does instead.")
    facts = serializers.DictField()


class RollbackRow(Answer):
    """One way down."""

    id = serializers.IntegerField()
    account = serializers.CharField()
    phase_from = serializers.IntegerField()
    phase_to = serializers.IntegerField()
    venue = serializers.CharField()
    cause = serializers.ChoiceField(choices=CAUSES)
    reason = serializers.CharField()
    state = serializers.ChoiceField(choices=ROLLBACK_STATES)
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    took_ms = serializers.IntegerField(allow_null=True)
    by = serializers.CharField()
    incident = serializers.IntegerField(allow_null=True)
    verdicts = KillVerdictRow(many=True)
    steps = RollbackStepRow(many=True)


class PhaseRollbackBody(Body):
    """Why, and how far down; without `to` to the phase before."""

    reason = LineField(max_length=REASON_LENGTH_MAX)
    to = WholeField(required=False, min_value=0, max_value=2)


class DrillRow(Answer):
    """One drill, with each line of what was seen in its evidence."""

    id = serializers.IntegerField()
    account = serializers.CharField()
    kind = serializers.ChoiceField(choices=DRILL_KINDS)
    at = serializers.DateTimeField()
    passed = serializers.BooleanField()
    reason = serializers.CharField()
    config_sha256 = serializers.CharField(help_text="Of the profile: it counts for that alone.")
    software = serializers.CharField()
    evidence = serializers.DictField()
    by = serializers.CharField()


class DrillBody(Body):
    """What to drill."""

    kind = serializers.ChoiceField(choices=DRILL_KINDS, default=DRILL_KINDS[0])
