"""What the list of promotions can be narrowed to. `since` is included, `until` is not."""

import django_filters  # type: ignore[import-untyped] # no stubs exist

from checks.api.promotion_shapes import STATES
from checks.models import Promotion
from polyarb_site.rest.filters import moment, one_of

SINCE = "Only asked for from this time on. Without a zone it is UTC."
UNTIL = "Only asked for before this time. Without a zone it is UTC."


class PromotionFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of GET /api/promotions."""

    state = one_of(
        "state", STATES, "As it was last stored: what has ended by itself is stored in a minute."
    )
    since = moment("requested_at", "gte", SINCE)
    until = moment("requested_at", "lt", UNTIL)

    class Meta:
        model = Promotion
        fields: tuple[str, ...] = ()
