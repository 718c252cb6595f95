"""The shape of what is sent and taken. Answers are described here and sent as they come."""

from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers

from polyarb_site.rest.serializers import (
    REASON_LENGTH_MAX,
    Answer,
    Body,
    DecimalTextField,
    FlagField,
    LineField,
    MicroField,
    WholeField,
)
from trading.api.filters import NOTE_LEVELS
from trading.api.profile_values import REVISION_MAX, ValuesField
from trading.config.profiles import RiskCode
from trading.engine.codes import Mode, SetState, Side, Stage, Strategy, TradeState
from trading.models import Mandate, Money, Phase
from trading.services.mandates import FEED_OPTIONS, SHADOW_PROFILE, SIMULATED_PROFILE

MONEY_KINDS = tuple(Money.values)


class MoneyKindField(serializers.ChoiceField):
    """Whose money amounts are."""

    def __init__(self, **more: Any) -> None:
        text = "PAPER, PLAY on the local venue, or REAL."
        super().__init__(choices=MONEY_KINDS, help_text=text, **more)


class TradeRow(Answer):
    """One fill of one order. A match is not a fill until its state is CONFIRMED."""

    id = serializers.IntegerField(help_text="Grows with each recorded fill.")
    trade_id = serializers.CharField()
    order_id = serializers.CharField()
    set_id = serializers.CharField()
    session = serializers.CharField(help_text="Key of the run of the engine: account and token.")
    condition_id = serializers.CharField()
    token_id = serializers.CharField(help_text="A number too large for JSON, hence text.")
    side = serializers.ChoiceField(choices=list(Side))
    price_micro = MicroField(help_text="Dollars per share.")
    price = DecimalTextField()
    size_micro = MicroField(help_text="Shares.")
    size = DecimalTextField()
    fee_micro = MicroField(help_text="Dollars.")
    fee = DecimalTextField()
    state = serializers.ChoiceField(choices=list(TradeState))
    paper = serializers.BooleanField()
    money = MoneyKindField()
    matched_at = serializers.DateTimeField()
    moved_at = serializers.DateTimeField()


class PlannedLeg(Answer):
    """One leg of a set as planned."""

    token_id = serializers.CharField()
    order_id = serializers.CharField()
    limit_micro = MicroField()
    size_micro = MicroField()
    cost_micro = MicroField()
    fee_micro = MicroField()


class SetRow(Answer):
    """One attempt to buy a complete set."""

    id = serializers.IntegerField()
    set_id = serializers.CharField()
    opportunity_id = serializers.CharField()
    session = serializers.CharField()
    condition_id = serializers.CharField()
    strategy = serializers.ChoiceField(choices=list(Strategy))
    state = serializers.ChoiceField(choices=list(SetState))
    reason = serializers.CharField(allow_blank=True)
    opened_at = serializers.DateTimeField()
    moved_at = serializers.DateTimeField()
    size_micro = MicroField(help_text="How many sets.")
    size = DecimalTextField()
    cost_micro = MicroField()
    cost = DecimalTextField()
    payout_micro = MicroField(help_text="What one set pays.")
    payout = DecimalTextField()
    expected_net_micro = MicroField()
    expected_net = DecimalTextField()
    realised_micro = MicroField(
        allow_null=True, help_text="Null until the set is merged, redeemed or sold."
    )
    realised = DecimalTextField(allow_null=True)
    paper = serializers.BooleanField()
    money = MoneyKindField()
    raised = serializers.BooleanField(
        help_text="A paper size that was raised to the venue's smallest set."
    )
    legs = PlannedLeg(many=True)


class QuotedLeg(Answer):
    """One leg of an opportunity at the moment it was judged."""

    token_id = serializers.CharField()
    ask_micro = MicroField()
    size_micro = MicroField()
    venue_ms = serializers.IntegerField(help_text="The venue's time of this book.")


class OpportunityRow(Answer):
    """A gap in local state and what became of it."""

    id = serializers.IntegerField()
    opportunity_id = serializers.CharField()
    set_id = serializers.CharField(allow_blank=True, help_text="Empty when nothing was bought.")
    session = serializers.CharField()
    condition_id = serializers.CharField()
    strategy = serializers.ChoiceField(choices=list(Strategy))
    seen_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    frames = serializers.IntegerField(help_text="For how many frames it stood.")
    stage = serializers.ChoiceField(choices=list(Stage))
    refusal = serializers.CharField(allow_blank=True, help_text="Empty when it was submitted.")
    reason = serializers.CharField(allow_blank=True)
    gap_micro = MicroField(help_text="Per set, before fees.")
    gap = DecimalTextField()
    edge_micro = MicroField(
        allow_null=True, help_text="Per set, after fees; null while the fee is unknown."
    )
    edge = DecimalTextField(allow_null=True)
    size_micro = MicroField()
    size = DecimalTextField()
    cost_micro = MicroField()
    cost = DecimalTextField()
    fee_micro = MicroField()
    fee = DecimalTextField()
    net_micro = MicroField()
    net = DecimalTextField()
    raised = serializers.BooleanField()
    legs = QuotedLeg(many=True)
    ladder = serializers.ListField(
        child=serializers.ListField(
            child=serializers.ListField(
                child=serializers.IntegerField(), min_length=2, max_length=2
            )
        ),
        help_text="The best asks of each leg as pairs of price and size in millionths.",
    )


class EventRow(Answer):
    """An event of the engine worth reading."""

    id = serializers.IntegerField()
    note_id = serializers.CharField()
    session = serializers.CharField()
    at = serializers.DateTimeField()
    level = serializers.ChoiceField(choices=list(NOTE_LEVELS))
    code = serializers.CharField()
    text = serializers.CharField()
    condition_id = serializers.CharField(allow_blank=True)


class ConfigChangeRow(Answer):
    """One audit record of a change of configuration."""

    sequence = serializers.IntegerField(help_text="Position in the hash chain.")
    at = serializers.DateTimeField()
    actor = serializers.CharField()
    action = serializers.CharField()
    target = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True)
    request_id = serializers.CharField(allow_blank=True)
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    sha256 = serializers.CharField()


class AppliedProfile(Answer):
    """Which revision, and the hash of its content."""

    name = serializers.CharField()
    revision = serializers.IntegerField()
    sha256 = serializers.CharField()


class MandateAnswer(Answer):
    """What the engine of the account may do now."""

    account = serializers.CharField()
    phase = serializers.IntegerField(min_value=0, max_value=3)
    phase_name = serializers.ChoiceField(choices=Phase.labels)
    mode = serializers.ChoiceField(choices=list(Mode))
    feed = serializers.CharField()
    desired = serializers.ChoiceField(choices=list(Mandate.Desired))
    halted = serializers.BooleanField()
    halt_code = serializers.CharField(allow_blank=True)
    halt_reason = serializers.CharField(allow_blank=True)
    halted_by = serializers.CharField(allow_blank=True)
    halted_at = serializers.DateTimeField(allow_null=True)
    profile = AppliedProfile(allow_null=True)
    mandate_revision = serializers.IntegerField(help_text="Grows with each change.")
    changed_at = serializers.DateTimeField(allow_null=True)


class HaltAnswer(Answer):
    """What a halt did."""

    halted = serializers.BooleanField(help_text="Always true; everything else is an error.")
    already_halted = serializers.BooleanField()
    kill_file_written = serializers.BooleanField(help_text="Stops the engines of this machine.")
    recorded = serializers.BooleanField(help_text="In the database: stops all other engines too.")
    message = serializers.CharField()
    ignored = serializers.CharField(
        allow_blank=True, help_text="What of the body could not be used; empty when all was."
    )


class RevisionRow(AppliedProfile):
    """One immutable revision of a profile."""

    author = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    source = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    created_at = serializers.DateTimeField()
    applied = serializers.BooleanField(help_text="Whether it is in force.")


class ProfileListAnswer(Answer):
    """The newest revision of each profile."""

    items = RevisionRow(many=True)


class ProfileAnswer(RevisionRow):
    """One revision with its values."""

    values = ValuesField(help_text="Every key of the schema, as text.")
    base_values = ValuesField(help_text="The base configuration that it was made over.")


class FieldChangeRow(Answer):
    """One key whose value would differ."""

    field = serializers.CharField()
    unit = serializers.CharField(allow_blank=True)
    before = serializers.CharField(allow_null=True, help_text="Null when nothing was in force.")
    after = serializers.CharField()


class RiskRow(Answer):
    """What is dangerous about a change."""

    code = serializers.ChoiceField(choices=list(RiskCode))
    text = serializers.CharField()


class ApplyAnswer(Answer):
    """What applying changes, and whether it was done."""

    applied = serializers.BooleanField(help_text="False for a dry run.")
    profile = AppliedProfile()
    changes = FieldChangeRow(many=True)
    risks = RiskRow(many=True)
    mandate_revision = serializers.IntegerField()


class ReasonBody(Body):
    """Why something is done; it goes into the audit."""

    reason = LineField(max_length=REASON_LENGTH_MAX)


class OptionalReasonBody(Body):
    """Why something is done, if there is more to say than that it is done."""

    reason = LineField(max_length=REASON_LENGTH_MAX, required=False, allow_blank=True)


class StartShadowBody(OptionalReasonBody):
    """What shadow runs on."""

    profile = LineField(max_length=80, default=SHADOW_PROFILE)
    feed = serializers.ChoiceField(choices=list(FEED_OPTIONS), default="recorded")
    recording = LineField(
        max_length=100,
        validators=[RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")],
        required=False,
        help_text="Name of a recording that came with the portal; only for the feed recorded.",
    )
    speed = LineField(
        max_length=12,
        validators=[RegexValidator(r"^[0-9]{1,5}(\.[0-9]{1,6})?$")],
        required=False,
        help_text="Times faster than real time, as text; only for the feed recorded.",
    )


class StartSimulatedBody(OptionalReasonBody):
    """What trades with play money."""

    profile = LineField(max_length=80, default=SIMULATED_PROFILE)


class ApplyBody(Body):
    """Which revision is applied and why."""

    reason = LineField(max_length=REASON_LENGTH_MAX)
    revision = WholeField(
        min_value=1, max_value=REVISION_MAX, required=False, help_text="The newest by default."
    )
    dry_run = FlagField(
        default=False, help_text="True shows the differences and risks and changes nothing."
    )
    mandate_revision = WholeField(
        min_value=1,
        max_value=2**63 - 1,
        required=False,
        help_text="What the dry run said: refused when anything has changed since.",
    )


class RollbackBody(Body):
    """Why, and if it is not the step before the present one, to which revision."""

    reason = LineField(max_length=REASON_LENGTH_MAX)
    name = LineField(max_length=80, required=False)
    revision = WholeField(min_value=1, max_value=REVISION_MAX, required=False)


class HaltBody(OptionalReasonBody):
    """Why trading is halted. Whatever is wrong with it, trading is halted."""
