"""The shape of reconciliations and incidents."""

from rest_framework import serializers

from polyarb_site.rest.serializers import Answer, Body, DecimalTextField, LineField, MicroField
from trading.models import Incident
from trading.reconciling.verdicts import Code, Verdict
from trading.services.incidents import NOTE_LENGTH_MAX, TITLE_LENGTH_MAX
from trading.services.security import DETAILS_LENGTH_MAX

REPORTABLE = (Incident.Kind.SECURITY.value,)  # what a person opens; others are found


class DifferenceRow(Answer):
    """One thing on which ledger, venue and chain do not agree; an empty text says nothing."""

    code = serializers.ChoiceField(choices=list(Code))
    subject = serializers.CharField(help_text="An order hash, a trade id, an asset, or a part.")
    text = serializers.CharField()
    ledger = serializers.CharField(allow_blank=True)
    venue = serializers.CharField(allow_blank=True)
    chain = serializers.CharField(allow_blank=True)
    difference_micro = MicroField(
        allow_null=True, help_text="What the other side has more than the ledger."
    )
    difference = DecimalTextField(allow_null=True)
    remedy = serializers.CharField()


class AssetRow(Answer):
    """One asset as all three see it; null was not read."""

    asset = serializers.CharField(help_text="pUSD, or a token id.")
    ledger_micro = MicroField()
    ledger = DecimalTextField()
    in_flight_micro = MicroField(help_text="What is on its way, and so not everywhere yet.")
    in_flight = DecimalTextField()
    venue_micro = MicroField(allow_null=True)
    venue = DecimalTextField(allow_null=True)
    chain_micro = MicroField(allow_null=True)
    chain = DecimalTextField(allow_null=True)
    difference_micro = MicroField(allow_null=True, help_text="What is left unexplained.")
    difference = DecimalTextField(allow_null=True)


class ReconciliationRow(Answer):
    """One comparison of ledger, venue and chain."""

    id = serializers.IntegerField()
    account = serializers.CharField()
    session = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField()
    at_start = serializers.BooleanField(help_text="Before trading, not while it went on.")
    verdict = serializers.ChoiceField(choices=list(Verdict))
    block_number = serializers.IntegerField(allow_null=True)
    ledger_sequence = serializers.IntegerField(help_text="Of the last entry compared.")
    order_count = serializers.IntegerField(help_text="Open orders that the venue told of.")
    trade_count = serializers.IntegerField(help_text="Trades that the venue told of.")
    took_ms = serializers.IntegerField()
    differences = DifferenceRow(many=True)
    assets = AssetRow(many=True)
    in_flight = serializers.ListField(
        child=serializers.CharField(), help_text="What explains the rest."
    )


class TimelineRow(Answer):
    """One moment of an incident."""

    at = serializers.DateTimeField()
    what = serializers.CharField()
    text = serializers.CharField()


class IncidentRow(Answer):
    """Something that a person has to clear up before trading goes on."""

    id = serializers.IntegerField()
    account = serializers.CharField()
    kind = serializers.ChoiceField(choices=Incident.Kind.values)
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=Incident.State.values)
    opened_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    seen_count = serializers.IntegerField()
    resolved_at = serializers.DateTimeField(allow_null=True)
    resolved_by = serializers.CharField(allow_blank=True)
    note = serializers.CharField(allow_blank=True)
    reconciliation = serializers.IntegerField(
        allow_null=True, help_text="Number of the run that saw it last; null: of another kind."
    )
    differences = DifferenceRow(many=True)
    evidence = serializers.DictField(
        help_text="What was seen, of an incident that no reconciliation opened."
    )
    timeline = TimelineRow(many=True)


class IncidentBody(Body):
    """A security incident: what is wrong, in a sentence, and what is known of it."""

    kind = serializers.ChoiceField(choices=REPORTABLE, default=Incident.Kind.SECURITY.value)
    title = LineField(max_length=TITLE_LENGTH_MAX)
    details = LineField(max_length=DETAILS_LENGTH_MAX, required=False, default="", allow_blank=True)


class ResolveBody(Body):
    """What was wrong, and what was done about it."""

    note = LineField(max_length=NOTE_LENGTH_MAX)
