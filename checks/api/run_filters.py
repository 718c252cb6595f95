"""What the list of check runs can be narrowed to. `since` is included, `until` is not."""

import django_filters  # type: ignore[import-untyped] # no stubs exist

from checks.api.run_shapes import DECISIONS, RUN_STATES, VENUES
from checks.models import CheckRun
from polyarb_site.rest.filters import moment, one_of

PHASES = ("0", "1", "2", "3")
SINCE = "Only begun from this time on. Without a zone it is UTC."
UNTIL = "Only begun before this time. Without a zone it is UTC."


class RunFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of GET /api/checks/runs/."""

    phase = one_of("phase", PHASES, "That was asked about.")
    venue = one_of("venue", VENUES, "That was asked about.")
    state = one_of("state", RUN_STATES, "How far it is.")
    decision = one_of("decision", DECISIONS, "What was decided.")
    since = moment("started_at", "gte", SINCE)
    until = moment("started_at", "lt", UNTIL)

    class Meta:
        model = CheckRun
        fields: tuple[str, ...] = ()
