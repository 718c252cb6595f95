"""The shape of check runs, the catalogue and attestations."""

from rest_framework import serializers

from checks.catalogue.base import Category, Priority, Status
from checks.models import Attestation, CheckRun
from polyarb_site.rest.serializers import REASON_LENGTH_MAX, Answer, Body, LineField, WholeField

CATEGORIES = tuple(one.value for one in Category)
PRIORITIES = tuple(one.value for one in Priority)
CHECK_STATUSES = tuple(one.value for one in Status)
RUN_STATES = tuple(CheckRun.State.values)
DECISIONS = tuple(CheckRun.Decision.values)
ATTESTATION_KINDS = tuple(Attestation.Kind.values)
VENUES = ("recorded", "simulator", "polymarket")
DAYS_MAX = 365


class StatusCounts(Answer):
    """How many results of one priority there are of each status."""

    PASS = serializers.IntegerField(default=0)
    FAIL = serializers.IntegerField(default=0)
    UNKNOWN = serializers.IntegerField(default=0)


class PriorityCounts(Answer):
    """How many results there are, by priority and status; empty until the run has ended."""

    P0 = StatusCounts(required=False)
    P1 = StatusCounts(required=False)
    P2 = StatusCounts(required=False)
    P3 = StatusCounts(required=False)


class RunRow(Answer):
    """One run without its results."""

    id = serializers.IntegerField()
    account = serializers.CharField()
    phase = serializers.IntegerField(help_text="That was asked about.")
    venue = serializers.ChoiceField(choices=list(VENUES))
    category = serializers.ChoiceField(
        choices=list(CATEGORIES), allow_null=True, help_text="Null: all, and a decision."
    )
    state = serializers.ChoiceField(choices=list(RUN_STATES))
    decision = serializers.ChoiceField(
        choices=list(DECISIONS),
        allow_null=True,
        help_text="Null while it runs, of one category, and when the run itself failed.",
    )
    sentence = serializers.CharField(allow_blank=True)
    counts = PriorityCounts()
    planned = serializers.IntegerField(help_text="How many checks it has; 0: it has not begun.")
    profile = serializers.CharField(allow_null=True)
    profile_sha256 = serializers.CharField(allow_null=True)
    config_sha256 = serializers.CharField(allow_null=True)
    software = serializers.CharField()
    sha256 = serializers.CharField(allow_null=True, help_text="Of the run with all its results.")
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    valid_until = serializers.DateTimeField(
        allow_null=True, help_text="Of a Go: while profile, configuration and software stay."
    )
    by = serializers.CharField()


class ResultRow(Answer):
    """What one check saw."""

    id = serializers.CharField()
    category = serializers.ChoiceField(choices=list(CATEGORIES))
    priority = serializers.ChoiceField(choices=list(PRIORITIES))
    status = serializers.ChoiceField(choices=list(CHECK_STATUSES), help_text="UNKNOWN is no pass.")
    title = serializers.CharField()
    reason = serializers.CharField()
    needed = serializers.CharField(allow_blank=True)
    evidence = serializers.JSONField(help_text="What was seen, as plain data.")
    remedy = serializers.CharField(allow_blank=True, help_text="Empty when nothing is to be done.")
    runbook = serializers.CharField(allow_blank=True, help_text="Anchor of a section.")
    took_ms = serializers.IntegerField()


class RunAnswer(RunRow):
    """One run with its results so far, in the order of the catalogue."""

    results = ResultRow(many=True)


class CheckPriorities(Answer):
    """The priority of a check in each phase; null: the phase does not ask it."""

    phase_0 = serializers.ChoiceField(choices=list(PRIORITIES), allow_null=True)
    phase_1 = serializers.ChoiceField(choices=list(PRIORITIES), allow_null=True)
    phase_2 = serializers.ChoiceField(choices=list(PRIORITIES), allow_null=True)
    phase_3 = serializers.ChoiceField(choices=list(PRIORITIES), allow_null=True)


class CheckRow(Answer):
    """One check of the catalogue."""

    id = serializers.CharField()
    category = serializers.ChoiceField(choices=list(CATEGORIES))
    title = serializers.CharField()
    needed = serializers.CharField()
    remedy = serializers.CharField()
    runbook = serializers.CharField()
    priorities = CheckPriorities()
    time_ms_max = serializers.IntegerField()


class Catalogue(Answer):
    """All checks, in the order in which they are shown."""

    items = CheckRow(many=True)


class AttestationRow(Answer):
    """What a person stated, or null everywhere while nobody has stated it."""

    kind = serializers.ChoiceField(choices=list(ATTESTATION_KINDS))
    title = serializers.CharField()
    in_force = serializers.BooleanField()
    id = serializers.IntegerField(allow_null=True)
    note = serializers.CharField(allow_null=True)
    by = serializers.CharField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    revoked_by = serializers.CharField(allow_null=True)


class Attestations(Answer):
    """Each kind of statement."""

    items = AttestationRow(many=True)


class RunBody(Body):
    """What to ask about; what is left out is as it is now."""

    phase = WholeField(required=False, min_value=0, max_value=3)
    venue = serializers.ChoiceField(choices=list(VENUES), required=False)
    category = serializers.ChoiceField(choices=list(CATEGORIES), required=False)


class AttestBody(Body):
    """What is stated, what was looked at, and for how many days it holds."""

    kind = serializers.ChoiceField(choices=list(ATTESTATION_KINDS))
    note = LineField(max_length=REASON_LENGTH_MAX)
    days = WholeField(required=False, min_value=1, max_value=DAYS_MAX)


class RevokeBody(Body):
    """Why it is taken back."""

    reason = LineField(max_length=REASON_LENGTH_MAX)
