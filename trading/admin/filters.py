"""Filters of the lists. Each is a parameter of the address, so that a view can be shared."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.contrib.admin import FieldListFilter
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter, RangeDateTimeFilter

from trading.engine.codes import SetState, Stage
from trading.engine.legs import SET_ENDS
from trading.models import Market, Money, rows_with, sessions_with
from trading.selectors.figures import COMPLETED, STAGES
from trading.selectors.gaps import reached
from trading.selectors.period_money import CLOSED, ORDER_OUTCOMES
from trading.wording import STAGES as STAGE_WORDS
from trading.wording import Wording

MARKETS_LISTED_MAX = 100
ANY: list[Any] = ["", "All"]


class ChoiceFilter(DropdownFilter):
    """A choice out of fixed codes, in words."""

    choices_of: ClassVar[Mapping[Any, Wording]] = {}
    all_option = ANY

    def lookups(self, *_: Any) -> list[tuple[str, str]]:
        """Return every code with its label."""
        return [(str(code), words.label) for code, words in self.choices_of.items()]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows with the chosen code."""
        value = self.value()
        return queryset.filter(**{str(self.parameter_name): value}) if value else queryset


def choice(field: str, title: str, table: Mapping[Any, Wording]) -> type[ChoiceFilter]:
    """Return a filter by a field that holds codes."""
    return type(
        f"{field.title()}Filter",
        (ChoiceFilter,),
        {"parameter_name": field, "title": title, "choices_of": table},
    )


def words_filter(field: str, title: str, values: Iterable[str]) -> type[ChoiceFilter]:
    """Return a filter by a field that holds one of a few plain words."""
    return choice(field, title, {value: Wording(value.lower(), "") for value in values})


class YesNoFilter(DropdownFilter):
    """A choice between two kinds of rows."""

    yes, no = "Yes", "No"
    all_option = ANY

    def lookups(self, *_: Any) -> list[tuple[str, str]]:
        """Return both kinds."""
        return [("1", self.yes), ("0", self.no)]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of the chosen kind."""
        if self.value() not in ("0", "1"):
            return queryset
        return queryset.filter(**{str(self.parameter_name): self.value() == "1"})


class MoneyFilter(DropdownFilter):
    """Paper, play money or real money, of rows that say whether they are paper."""

    parameter_name, title = "money", "money"
    all_option = ANY

    def lookups(self, *_: Any) -> list[tuple[str, str]]:
        """Return every kind."""
        return [(money.value, money.label.capitalize()) for money in Money]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows with the chosen kind."""
        if self.value() not in Money.values:
            return queryset
        return queryset.filter(self.condition(Money(str(self.value()))))

    def condition(self, money: Money) -> Q:
        """Return how the rows say it."""
        return rows_with(money)


class SessionMoneyFilter(MoneyFilter):
    """The same of rows that have only their session to tell it by."""

    def condition(self, money: Money) -> Q:
        """Return how their sessions say it."""
        return sessions_with(money, to="session__")


class RaisedFilter(YesNoFilter):
    """Whether a paper size was raised to the venue's smallest set."""

    parameter_name, title = "raised", "size"
    yes, no = "Raised to the venue's minimum", "As planned"


class OpenFilter(YesNoFilter):
    """Whether a set still holds or reserves anything: the open ones are the positions."""

    parameter_name, title = "open", "ended"
    yes, no = "Still open", "Ended"

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the sets that have ended, or that have not."""
        if self.value() not in ("0", "1"):
            return queryset
        ended = Q(state__in=SET_ENDS)
        return queryset.filter(~ended if self.value() == "1" else ended)


class MarketFilter(DropdownFilter):
    """One market out of those seen last. Any other comes by its condition in the address."""

    parameter_name, title = "condition_id", "market"
    all_option = ANY

    def lookups(self, *_: Any) -> list[tuple[str, str]]:
        """Return the markets by name."""
        rows = Market.objects.order_by("-seen_at", "-id")[:MARKETS_LISTED_MAX]
        return sorted(((row.condition_id, str(row)[:80]) for row in rows), key=lambda one: one[1])

    def has_output(self) -> bool:
        """Show it always, or a chosen market could not be given up."""
        return True

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of the chosen market."""
        return queryset.filter(condition_id=self.value()) if self.value() else queryset


class ReachedStageFilter(DropdownFilter):
    """Gaps that came at least as far as a step of the funnel."""

    parameter_name, title = "reached", "came at least to"
    all_option = ANY

    def lookups(self, *_: Any) -> list[tuple[str, str]]:
        """Return the steps."""
        return [(stage.value, STAGE_WORDS[stage].label) for stage in STAGES]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the gaps of this step and the later ones."""
        value = self.value()
        if value not in STAGES:
            return queryset
        return queryset.filter(stage__in=STAGES[STAGES.index(Stage(str(value))) :])


class ReachedStateFilter(DropdownFilter):
    """Sets that ever came to a step of the funnel."""

    parameter_name, title = "reached", "came to"
    all_option = ANY

    def lookups(self, *_: Any) -> list[tuple[str, str]]:
        """Return both steps of sets."""
        return [("MATCHED", "Every leg matched"), ("MERGED", "Merged or redeemed")]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the sets that came there."""
        if self.value() == "MATCHED":
            return queryset.filter(reached(SetState.BOTH_MATCHED))
        if self.value() == "MERGED":
            return queryset.filter(state__in=COMPLETED)
        return queryset


class EndedFilter(DropdownFilter):
    """Sets that ended with a result, and how. What was abandoned never bought anything."""

    parameter_name, title = "ended", "result"
    all_option = ANY
    _SIGNS: ClassVar[dict[str, Q]] = {
        "CLOSED": Q(),
        "WON": Q(realised_micro__gt=0),
        "LOST": Q(realised_micro__lt=0),
    }

    def lookups(self, *_: Any) -> list[tuple[str, str]]:
        """Return all that ended, and both signs."""
        return [("CLOSED", "Any result"), ("WON", "A profit"), ("LOST", "A loss")]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the sets with this result."""
        sign = self._SIGNS.get(str(self.value()))
        return queryset if sign is None else queryset.filter(sign, state__in=CLOSED)


class OutcomeFilter(DropdownFilter):
    """What became of orders, as reports count them."""

    parameter_name, title = "outcome", "outcome"
    all_option = ANY

    def lookups(self, *_: Any) -> list[tuple[str, str]]:
        """Return every outcome."""
        return [
            ("SENT", "Sent"),
            ("FULL", "Filled in full"),
            ("PART", "Filled in part"),
            ("REFUSED", "Refused"),
            ("UNMATCHED", "Ended without a match"),
        ]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the orders with this outcome."""
        condition = ORDER_OUTCOMES.get(str(self.value()))
        return queryset if condition is None else queryset.filter(condition)


class TimeRangeFilter(RangeDateTimeFilter):
    """From a moment to another, both in UTC."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = f"{self.title} (UTC)"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows from the first moment to before the second."""
        name = str(self.parameter_name)
        since, until = chosen_range(request, name)
        if since is not None:
            queryset = queryset.filter(**{f"{name}__gte": since})
        if until is not None:
            queryset = queryset.filter(**{f"{name}__lt": until})
        return queryset


def time_range(field: str) -> tuple[str, type[FieldListFilter]]:
    """Return a filter by a time, as `list_filter` takes it."""
    return (field, TimeRangeFilter)


def range_query(field: str, since: datetime, until: datetime) -> dict[str, str]:
    """Return the parameters of an address that choose a time."""
    start, end = since.astimezone(UTC), until.astimezone(UTC)
    return {
        f"{field}_from_0": start.strftime("%Y-%m-%d"),
        f"{field}_from_1": start.strftime("%H:%M:%S"),
        f"{field}_to_0": end.strftime("%Y-%m-%d"),
        f"{field}_to_1": end.strftime("%H:%M:%S"),
    }


def chosen_range(request: HttpRequest, field: str) -> tuple[datetime | None, datetime | None]:
    """Return the time that the address chooses; None where it chooses none or makes no sense."""
    return _moment(request, f"{field}_from"), _moment(request, f"{field}_to")


def _moment(request: HttpRequest, name: str) -> datetime | None:
    day, clock = request.GET.get(f"{name}_0", ""), request.GET.get(f"{name}_1") or "00:00:00"
    try:
        return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=UTC)
    except ValueError:
        return None


def model_has(model: type[Model], field: str) -> bool:
    """Return whether a table has a column of this name."""
    return any(column.name == field for column in model._meta.get_fields())
