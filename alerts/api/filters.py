"""What the lists of alerts can be narrowed to. `since` is included, `until` is not."""

from typing import Any

import django_filters  # type: ignore[import-untyped] # no stubs exist
from django.db.models import Q

from alerts.api.shapes import LEVELS, STATES
from alerts.api.telling_shapes import (
    DELIVERY_KINDS,
    DELIVERY_STATES,
    SILENCE_KINDS,
    SILENCE_STATES,
)
from alerts.models import Alert, AlertMove, Delivery, Silence
from polyarb_site.rest.filters import moment, name_of, one_of, whole, word

SINCE = "Only from this time on. Without a zone it is UTC."
UNTIL = "Only before this time. Without a zone it is UTC."
RULE = "Id of the rule."
ID_MAX = 2**63 - 1


class AlertFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of GET /api/alerts."""

    rule = word("rule_id", 40, RULE)
    level = one_of("level", LEVELS, "How grave it is.")
    state = one_of("state", STATES, "Where it is in its life.")
    since = moment("opened_at", "gte", SINCE)
    until = moment("opened_at", "lt", UNTIL)

    class Meta:
        model = Alert
        fields: tuple[str, ...] = ()


class HistoryFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of GET /api/alerts/history."""

    alert = whole("alert_id", ID_MAX, "Number of the alert.")
    rule = word("alert__rule_id", 40, RULE)
    level = one_of("alert__level", LEVELS, "How grave the alert is.")
    state = one_of("state_to", STATES, "The state that it moved to.")
    since = moment("at", "gte", SINCE)
    until = moment("at", "lt", UNTIL)

    class Meta:
        model = AlertMove
        fields: tuple[str, ...] = ()


class SilenceFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of GET /api/alerts/silences."""

    kind = one_of("kind", SILENCE_KINDS, "A silence, or a recurring maintenance window.")
    state = one_of("state", SILENCE_STATES, "Whether it is in force.", method="in_state")
    since = moment("starts_at", "gte", SINCE)
    until = moment("starts_at", "lt", UNTIL)

    def in_state(self, rows: Any, _name: str, value: str) -> Any:
        """Return the rows that are in a state at the moment that the view's clock shows."""
        now = self.request.parser_context["view"].clock.now()
        ended = Q(ended_at__isnull=False) | Q(ends_at__lte=now)
        if value == "ENDED":
            return rows.filter(ended)
        bound = "starts_at__lte" if value == "ACTIVE" else "starts_at__gt"
        return rows.filter(~ended, **{bound: now})

    class Meta:
        model = Silence
        fields: tuple[str, ...] = ()


class DeliveryFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of GET /api/alerts/deliveries."""

    channel = name_of("channel_name", 60, "Name of the channel.")
    state = one_of("state", DELIVERY_STATES, "How far it came.")
    kind = one_of("kind", DELIVERY_KINDS, "What it tells.")
    level = one_of("level", LEVELS, "How grave it is.")
    since = moment("created_at", "gte", SINCE)
    until = moment("created_at", "lt", UNTIL)

    class Meta:
        model = Delivery
        fields: tuple[str, ...] = ()
