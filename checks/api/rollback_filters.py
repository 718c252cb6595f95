"""Filters of the lists of rollbacks and drills."""

import django_filters  # type: ignore[import-untyped] # no stubs exist

from checks.api.rollback_shapes import CAUSES, DRILL_KINDS, ROLLBACK_STATES
from checks.models import Drill, Rollback
from polyarb_site.rest.filters import moment, one_of

FROM, BEFORE = "Not before this moment.", "Before this moment."


class RollbackFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of GET /api/rollbacks."""

    state = one_of("state", ROLLBACK_STATES, "Whether it has ended.")
    cause = one_of("cause", CAUSES, "What it began with.")
    since = moment("started_at", "gte", FROM)
    until = moment("started_at", "lt", BEFORE)

    class Meta:
        model = Rollback
        fields: tuple[str, ...] = ()


class DrillFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of GET /api/drills."""

    kind = one_of("kind", DRILL_KINDS, "What was drilled.")
    since = moment("at", "gte", FROM)
    until = moment("at", "lt", BEFORE)

    class Meta:
        model = Drill
        fields: tuple[str, ...] = ()
