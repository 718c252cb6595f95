"""The shape of GET /api/status. Null is not known; the part's `reason` says why."""

from rest_framework import serializers

from polyarb_site.rest.serializers import Answer, DecimalTextField, MicroField
from trading.api.serializers import MoneyKindField
from trading.engine.codes import BreakerState, Mode
from trading.models import EngineSession, Mandate
from trading.reconciling.verdicts import Verdict

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


class AccessPart(Part):
    """Whether live orders can be sent now; null on paper and while nobody knows."""

    works = serializers.BooleanField(allow_null=True)
    problem = serializers.CharField(
        allow_null=True, help_text="Code of what stands against new sets, such as SIGNER_DOWN."
    )
    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    meaning = serializers.CharField(allow_null=True)
    remedy = serializers.CharField(allow_null=True)


class ProgressPart(Part):
    """How far this session has come, counted since it started."""

    markets = serializers.IntegerField(allow_null=True)
    gaps_seen = serializers.IntegerField(allow_null=True)
    sets_submitted = serializers.IntegerField(allow_null=True)
    sets_completed = serializers.IntegerField(allow_null=True)


class OrdersPart(Part):
    """How long this session's live orders took from the decision to the wire."""

    sent_p50_us = serializers.IntegerField(allow_null=True)
    sent_p99_us = serializers.IntegerField(allow_null=True)
    batches_sent = serializers.IntegerField(allow_null=True)
    followed = serializers.IntegerField(
        allow_null=True, help_text="Orders whose end is not known yet."
    )


class MoneyPart(Part):
    """Dollars; `kind` says whose, `paper` only whether they are nobody's."""

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
    kind = MoneyKindField(allow_null=True)
    exposure_as_of = serializers.DateTimeField(allow_null=True)


class FunnelPart(Part):
    """How far the gaps of this UTC day came, counted in frames."""

    seen = serializers.IntegerField(allow_null=True)
    confirmed = serializers.IntegerField(allow_null=True)
    allowed = serializers.IntegerField(allow_null=True)
    submitted = serializers.IntegerField(allow_null=True)
    completed = serializers.IntegerField(allow_null=True, help_text="Sets, not frames.")
    commonest_refusal = serializers.CharField(allow_null=True)


class ExposedPart(Part):
    """Half-filled sets that could be neither completed nor sold back; `reason` is the engine's."""

    sets = serializers.IntegerField(allow_null=True)
    number = serializers.IntegerField(allow_null=True, help_text="Of the first one's page.")
    set_id = serializers.CharField(allow_null=True)
    remedy = serializers.CharField(allow_null=True)


class BreakerPart(Part):
    """The circuit breaker."""

    state = serializers.ChoiceField(choices=list(BreakerState), allow_null=True)


class HaltPart(Part):
    """Whether trading is halted, by whom and why."""

    halted = serializers.BooleanField(allow_null=True)
    code = serializers.CharField(allow_null=True)
    label = serializers.CharField(  # type: ignore[assignment]
        allow_null=True, help_text="The code in words."
    )
    told = serializers.CharField(allow_null=True, help_text="The reason in words.")
    since = serializers.CharField(allow_null=True, help_text="As the kill file says, if by it.")
    by = serializers.CharField(allow_null=True)
    by_file = serializers.BooleanField()
    incident = serializers.IntegerField(
        allow_null=True, help_text="Number of the incident that has to be resolved first."
    )
    remedy = serializers.CharField(
        allow_null=True, help_text="What has to be done before trading can go on."
    )


class ReconciliationPart(Part):
    """The newest comparison of ledger, venue and chain; null when there was none."""

    verdict = serializers.ChoiceField(choices=list(Verdict), allow_null=True)
    age_ms = serializers.IntegerField(allow_null=True)
    block_number = serializers.IntegerField(allow_null=True)
    differences = serializers.IntegerField(allow_null=True)
    incident = serializers.IntegerField(allow_null=True, help_text="Number of the open one.")


class AlertPart(Part):
    """How many alerts are firing, and how many of them somebody has acknowledged."""

    critical = serializers.IntegerField(allow_null=True)
    warning = serializers.IntegerField(allow_null=True)
    info = serializers.IntegerField(allow_null=True)
    acked = serializers.IntegerField(allow_null=True)


class BackupPart(Part):
    """The newest backup that was restored into a scratch database and compared."""

    name = serializers.CharField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True, help_text="When it was taken.")
    failed = serializers.CharField(allow_null=True, help_text="A later one, which failed.")


class DecisionOfChecks(Answer):
    """The newest run of all checks that has ended."""

    decision = serializers.CharField(help_text="GO or NO_GO.")
    phase = serializers.IntegerField(help_text="That it was asked for.")
    sentence = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True, help_text="When it ended.")
    valid = serializers.BooleanField(help_text="It is younger than 24 h.")


class NextStep(Answer):
    """How far the next phase is: what the newest evaluation of all criteria says."""

    phase = serializers.IntegerField(help_text="Whose criteria.")
    asked = serializers.IntegerField()
    missing = serializers.IntegerField(help_text="How many of them do not pass.")
    promotion = serializers.CharField(allow_null=True, help_text="State of the one that is open.")
    at = serializers.DateTimeField()


class GatesPart(Part):
    """The last go/no-go, and what is missing for the next phase."""

    go_no_go = DecisionOfChecks(allow_null=True)
    step = NextStep(allow_null=True)


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
    access = AccessPart()
    progress = ProgressPart()
    orders = OrdersPart()
    money = MoneyPart()
    funnel = FunnelPart()
    exposed = ExposedPart()
    breaker = BreakerPart()
    halted = HaltPart()
    reconciliation = ReconciliationPart()
    alerts = AlertPart()
    backup = BackupPart()
    gates = GatesPart()
