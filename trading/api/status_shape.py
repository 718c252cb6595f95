"""The shape of GET /api/status. Null is not known; the part's `reason` says why."""

from rest_framework import serializers

from polyarb_site.rest.serializers import Answer, DecimalTextField, MicroField
from trading.engine.codes import BreakerState, Mode
from trading.models import EngineSession, Mandate

LABELS = ("RECORDED", "SIMULATED", "SHADOW", "LIVE")
# What a session says of itself, and two things that are only seen from outside.
ENGINE_STATES = (*EngineSession.State.values, "STALE", "WAITING")


class Part(Answer):
    """A part of the state, from when it is, and why something in it is not known."""

    reason = serializers.CharField(allow_null=True, allow_blank=True)
    as_of = serializers.DateTimeField(allow_null=True)


class PhasePart(Part):
    """The stage of going live."""

    number = serializers.IntegerField(allow_null=True)
    name = serializers.CharField(allow_null=True)


class ProfilePart(Part):
    """The revision in force."""

    name = serializers.CharField(allow_null=True)
    revision = serializers.IntegerField(allow_null=True)
    sha256 = serializers.CharField(allow_null=True)


class EnginePart(Part):
    """The engine; STALE is one that was not heard of for 15 s, WAITING one that has to start."""

    state = serializers.ChoiceField(choices=ENGINE_STATES)
    since = serializers.DateTimeField(allow_null=True)
    heartbeat_age_ms = serializers.IntegerField(allow_null=True)
    session = serializers.CharField(allow_null=True)
    token = serializers.IntegerField(allow_null=True)
    standby = serializers.JSONField(allow_null=True)
    desired = serializers.ChoiceField(choices=list(Mandate.Desired), allow_null=True)


class FeedPart(Part):
    """The market feed."""

    name = serializers.CharField(allow_null=True)
    connected = serializers.BooleanField(allow_null=True)
    age_ms = serializers.IntegerField(allow_null=True)


class DecisionPart(Part):
    """How long decisions took in the last second."""

    p50_us = serializers.IntegerField(allow_null=True)
    p99_us = serializers.IntegerField(allow_null=True)


class MoneyPart(Part):
    """Dollars, paper or real as `paper` says."""

    realised_today_micro = MicroField(allow_null=True)
    realised_today = DecimalTextField(allow_null=True)
    realised_phase_micro = MicroField(allow_null=True)
    realised_phase = DecimalTextField(allow_null=True)
    exposure_micro = MicroField(allow_null=True)
    exposure = DecimalTextField(allow_null=True)
    worst_case_micro = MicroField(allow_null=True)
    worst_case = DecimalTextField(allow_null=True)
    limit_micro = MicroField(allow_null=True, help_text="Largest loss of a day.")
    limit = DecimalTextField(allow_null=True)
    position_limit_micro = MicroField(allow_null=True)
    position_limit = DecimalTextField(allow_null=True)
    paper = serializers.BooleanField(allow_null=True)
    exposure_as_of = serializers.DateTimeField(allow_null=True)


class FunnelPart(Part):
    """How far the gaps of this UTC day came, counted in frames."""

    seen = serializers.IntegerField(allow_null=True)
    confirmed = serializers.IntegerField(allow_null=True)
    allowed = serializers.IntegerField(allow_null=True)
    submitted = serializers.IntegerField(allow_null=True)
    completed = serializers.IntegerField(allow_null=True, help_text="Sets, not frames.")
    commonest_refusal = serializers.CharField(allow_null=True)


class BreakerPart(Part):
    """The circuit breaker."""

    state = serializers.ChoiceField(choices=list(BreakerState), allow_null=True)


class HaltPart(Part):
    """Whether trading is halted, by whom and why."""

    halted = serializers.BooleanField(allow_null=True)
    code = serializers.CharField(allow_null=True)
    since = serializers.CharField(allow_null=True, help_text="As the kill file says, if by it.")
    by = serializers.CharField(allow_null=True)
    by_file = serializers.BooleanField()


class AlertPart(Part):
    """How many alerts are firing."""

    critical = serializers.IntegerField(allow_null=True)
    warning = serializers.IntegerField(allow_null=True)
    info = serializers.IntegerField(allow_null=True)


class StatusAnswer(Answer):
    """Everything that the header and the dashboard show of the account."""

    account = serializers.CharField()
    as_of = serializers.DateTimeField()
    # The framework calls an attribute of its fields so; here it is a field.
    label = serializers.ChoiceField(choices=LABELS, allow_null=True)  # type: ignore[assignment]
    mode = serializers.ChoiceField(choices=list(Mode), allow_null=True)
    phase = PhasePart()
    profile = ProfilePart()
    engine = EnginePart()
    feed = FeedPart()
    decision = DecisionPart()
    money = MoneyPart()
    funnel = FunnelPart()
    breaker = BreakerPart()
    halted = HaltPart()
    alerts = AlertPart()
