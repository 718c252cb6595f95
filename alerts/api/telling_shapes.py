"""The shape of silences, channels and deliveries, and of what may be sent about them."""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from alerts.api.shapes import LEVELS
from alerts.models import Channel, Delivery, Silence
from polyarb_site.rest import filters
from polyarb_site.rest.serializers import (
    REASON_LENGTH_MAX,
    Answer,
    Body,
    FlagField,
    LineField,
    WholeField,
)

SILENCE_KINDS = tuple(Silence.Kind.values)
SILENCE_STATES = ("UPCOMING", "ACTIVE", "ENDED")
CHANNEL_KINDS = tuple(Channel.Kind.values)
DELIVERY_KINDS = tuple(Delivery.Kind.values)
DELIVERY_STATES = tuple(Delivery.State.values)
TIER_MAX = 9
ITEMS_MAX = 100


class SilenceRow(Answer):
    """What keeps alerts from being told. They are kept and shown, and trading is stopped anyway."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=SILENCE_KINDS)
    state = serializers.ChoiceField(choices=SILENCE_STATES)
    account = serializers.CharField(allow_blank=True, help_text="Empty: of every account.")
    rule_ids = serializers.ListField(
        child=serializers.CharField(), help_text="Empty: alerts of every rule."
    )
    levels = serializers.ListField(
        child=serializers.ChoiceField(choices=LEVELS), help_text="Empty: of every level."
    )
    reason = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    weekdays = serializers.ListField(
        child=serializers.IntegerField(), help_text="Of a maintenance window: 0 is Monday, in UTC."
    )
    from_minute = serializers.IntegerField(help_text="Of a window: minute of the UTC day.")
    minutes = serializers.IntegerField(help_text="Of a window: how long it is.")
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    ended_by = serializers.CharField(allow_blank=True, help_text="Who ended it before its time.")
    ended_at = serializers.DateTimeField(allow_null=True)


@extend_schema_field({"type": "string", "format": "date-time"})
class MomentField(serializers.Field[Any, Any, Any, Any]):
    """A time as text. Without a zone it is UTC."""

    def to_internal_value(self, data: Any) -> datetime:
        """Return the moment; raises ValidationError for anything else."""
        try:
            moment = filters.MomentField().to_python(data) if isinstance(data, str) else None
        except ValidationError:
            moment = None
        if moment is None:
            raise serializers.ValidationError("Give a time such as 2026-10-01T12:00:00Z.")
        return moment


class SilenceBody(Body):
    """What is muted, why, and until when: an end has to be given."""

    kind = serializers.ChoiceField(choices=SILENCE_KINDS, default=SILENCE_KINDS[0])
    account = LineField(max_length=60, required=False, allow_blank=True)
    rule_ids = serializers.ListField(
        child=LineField(max_length=40), required=False, max_length=ITEMS_MAX
    )
    levels = serializers.ListField(
        child=serializers.ChoiceField(choices=LEVELS), required=False, max_length=len(LEVELS)
    )
    reason = LineField(max_length=REASON_LENGTH_MAX)
    starts_at = MomentField(required=False, help_text="Now by default.")
    ends_at = MomentField(help_text="Within 30 days of the start; a window's within a year.")
    weekdays = serializers.ListField(
        child=WholeField(min_value=0, max_value=6), required=False, max_length=7
    )
    from_minute = WholeField(min_value=0, max_value=1_439, required=False)
    minutes = WholeField(min_value=1, max_value=1_440, required=False)


class EndingBody(Body):
    """Why it is done; it goes into the audit."""

    reason = LineField(max_length=REASON_LENGTH_MAX)


class EmptyBody(Body):
    """Nothing has to be said."""


class ChannelRow(Answer):
    """One way to reach people. Its address and keys are never shown."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=CHANNEL_KINDS)
    enabled = serializers.BooleanField()
    level_min = serializers.ChoiceField(choices=LEVELS, help_text="This level and graver ones.")
    tier = serializers.IntegerField(
        help_text="1 hears at once, higher ones of a CRITICAL that nobody acknowledged."
    )
    tell_resolved = serializers.BooleanField()
    shown = serializers.CharField(help_text="What of its address may be seen.")
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()
    tested_at = serializers.DateTimeField(allow_null=True, help_text="A test arrived.")
    delivered_at = serializers.DateTimeField(allow_null=True)
    latency_ms = serializers.IntegerField(allow_null=True)
    failing_since = serializers.DateTimeField(allow_null=True)
    problem = serializers.CharField(allow_blank=True)


class ChannelListAnswer(Answer):
    """All channels, those first that hear first."""

    items = ChannelRow(many=True)


@extend_schema_field(
    {
        "oneOf": [{"type": "string"}, {"type": "object", "additionalProperties": True}],
        "writeOnly": True,
    }
)
class AddressField(serializers.Field[Any, Any, Any, Any]):
    """An address: a URL as text, or the fields of its kind. No refusal repeats it."""

    def to_internal_value(self, data: Any) -> Any:
        """Return it as it came; raises ValidationError for what is neither."""
        if not isinstance(data, str | dict):
            raise serializers.ValidationError("Give an address as text or as an object.")
        return data


class ChannelBody(Body):
    """A channel; one of that name is changed."""

    name = LineField(max_length=60)
    kind = serializers.ChoiceField(choices=CHANNEL_KINDS)
    address = AddressField(
        required=False,
        help_text=(
            "A URL; of an e-mail host, port, security, user, password, from, to; of a webhook "
            "url and key, which signs. Left out: the channel keeps its own."
        ),
    )
    enabled = FlagField(default=True)
    level_min = serializers.ChoiceField(choices=LEVELS, default="WARNING")
    tier = WholeField(min_value=1, max_value=TIER_MAX, default=1)
    tell_resolved = FlagField(default=True)


class RemovedAnswer(Answer):
    """A channel is gone."""

    removed = serializers.BooleanField(help_text="Always true; everything else is an error.")
    name = serializers.CharField()


class DeliveryRow(Answer):
    """One message to one channel."""

    id = serializers.IntegerField()
    channel = serializers.CharField(help_text="Its name; the channel may be gone.")
    kind = serializers.ChoiceField(choices=DELIVERY_KINDS)
    state = serializers.ChoiceField(choices=DELIVERY_STATES)
    level = serializers.ChoiceField(choices=LEVELS)
    title = serializers.CharField()
    alert_ids = serializers.ListField(child=serializers.IntegerField())
    created_at = serializers.DateTimeField()
    next_try_at = serializers.DateTimeField(help_text="Of one that waits.")
    expires_at = serializers.DateTimeField(help_text="Then it is given up.")
    tries = serializers.IntegerField()
    started_at = serializers.DateTimeField(allow_null=True, help_text="Of the try that runs.")
    sent_at = serializers.DateTimeField(allow_null=True)
    latency_ms = serializers.IntegerField(allow_null=True, help_text="From created to sent.")
    outcome = serializers.CharField(allow_blank=True, help_text="Of the newest try.")
    repeated = serializers.BooleanField(
        help_text="It may have been sent before, by a process that died then."
    )
