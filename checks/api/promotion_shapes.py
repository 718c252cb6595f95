"""The shape of promotions, approvals and starts, and of what may be sent about them."""

from rest_framework import serializers

from checks.models import Approval, Promotion
from polyarb_site.rest.serializers import REASON_LENGTH_MAX, Answer, Body, LineField, WholeField
from trading.services.live import LIVE_VENUES

STATES = tuple(Promotion.State.values)
ANSWERS = tuple(Approval.Answer.values)
PASSWORD_LENGTH_MAX = 4_096
COMMENT_LENGTH_MAX = 1_000


class PromotionRow(Answer):
    """A promotion as lists show it."""

    id = serializers.IntegerField()
    account = serializers.CharField()
    phase_from = serializers.IntegerField()
    phase = serializers.IntegerField(help_text="The target.")
    phase_name = serializers.CharField()
    renewal = serializers.BooleanField(help_text="The same phase with other content.")
    venue = serializers.ChoiceField(choices=LIVE_VENUES)
    state = serializers.ChoiceField(choices=STATES, help_text="What it is now.")
    state_name = serializers.CharField()
    end_reason = serializers.CharField(allow_blank=True)
    profile = serializers.CharField(help_text="Name and revision.")
    reason = serializers.CharField()
    requested_by = serializers.CharField()
    requested_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    approved_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class BoundItem(Answer):
    """One thing that a promotion is bound to."""

    what = serializers.CharField()
    name = serializers.CharField(help_text="For people.")
    short = serializers.CharField(allow_blank=True, help_text="The beginning of the hash.")
    sha256 = serializers.CharField(allow_blank=True, help_text="Empty for what is its own name.")


class ApprovalRow(Answer):
    """What one person answered."""

    by = serializers.CharField()
    answer = serializers.ChoiceField(choices=ANSWERS)
    comment = serializers.CharField()
    proof = serializers.CharField(help_text="How they proved who they are.")
    at = serializers.DateTimeField()
    counts = serializers.BooleanField(help_text="Whether it is a valid yes now.")


class ProfileChange(Answer):
    """One key that differs from the profile in force."""

    field = serializers.CharField()
    unit = serializers.CharField(allow_blank=True)
    before = serializers.CharField(allow_null=True)
    after = serializers.CharField()


class PromotionRisk(Answer):
    """One danger, in words."""

    code = serializers.CharField()
    text = serializers.CharField()


class PromotionAnswer(PromotionRow):
    """Everything about a promotion."""

    sentence = serializers.CharField(help_text="Where it stands.")
    in_force = serializers.BooleanField(help_text="The account may trade by it now.")
    binding_sha256 = serializers.CharField(help_text="Send it back when approving.")
    bound = BoundItem(many=True)
    approvers_needed = serializers.IntegerField()
    approvals_missing = serializers.IntegerField()
    approvals = ApprovalRow(many=True)
    voids = serializers.ListField(
        child=serializers.CharField(), help_text="What would end it; empty when it has ended."
    )
    changes = ProfileChange(many=True)
    risks = PromotionRisk(many=True)


class RequestBody(Body):
    """What is asked for. What is left out is what comes next."""

    phase = WholeField(
        required=False, min_value=1, max_value=3, help_text="The next phase, or the present one."
    )
    venue = serializers.ChoiceField(choices=LIVE_VENUES, required=False)
    profile = LineField(
        required=False, max_length=80, help_text="Its newest revision; usually that of the phase."
    )
    reason = LineField(max_length=REASON_LENGTH_MAX)


class ApproveBody(Body):
    """A yes to what was shown, by somebody who proves who they are."""

    comment = LineField(max_length=COMMENT_LENGTH_MAX)
    password = serializers.CharField(
        max_length=PASSWORD_LENGTH_MAX,
        trim_whitespace=False,
        help_text="Of the account that asks, also with a token. It is kept nowhere.",
    )
    binding_sha256 = serializers.RegexField(
        r"^[0-9a-f]{64}$", help_text="What you saw: `binding_sha256` of the promotion."
    )


class RejectBody(Body):
    """A no, with what is wrong."""

    comment = LineField(max_length=COMMENT_LENGTH_MAX)


class WithdrawBody(Body):
    """Why it is taken back."""

    reason = LineField(max_length=REASON_LENGTH_MAX)


class ApproversAnswer(Answer):
    """How many people have to approve, and who can."""

    account = serializers.CharField()
    needed = serializers.IntegerField()
    usual = serializers.IntegerField()
    lowered = serializers.BooleanField(help_text="Fewer than usual.")
    able = serializers.ListField(child=serializers.CharField())
    sentence = serializers.CharField()
    changed_by = serializers.CharField(allow_blank=True)
    changed_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)


class ApproversBody(Body):
    """How many people have to approve from now on."""

    approvers = WholeField(min_value=1, max_value=5)
    reason = LineField(max_length=REASON_LENGTH_MAX)


class LimitItem(Answer):
    """One value of the profile that runs."""

    name = serializers.CharField()
    value = serializers.CharField()


class StartAnswer(Answer):
    """What was started, and by what it was allowed."""

    account = serializers.CharField()
    phase = serializers.IntegerField()
    phase_name = serializers.CharField()
    venue = serializers.ChoiceField(choices=LIVE_VENUES)
    profile = serializers.CharField()
    promotion = serializers.IntegerField()
    restart = serializers.BooleanField(help_text="By the grant in force; nothing was consumed.")
    approvers = serializers.ListField(child=serializers.CharField())
    limits = LimitItem(many=True)
    risks = serializers.ListField(child=serializers.CharField())
    check_run = serializers.IntegerField(help_text="Made for this start.")
    backup = serializers.CharField(help_text="Taken for this start.")


class StartBody(Body):
    """What is expected to start: anything else is refused."""

    phase = WholeField(required=False, min_value=1, max_value=3)
    venue = serializers.ChoiceField(choices=LIVE_VENUES, required=False)
    reason = LineField(max_length=REASON_LENGTH_MAX, required=False, allow_blank=True)
