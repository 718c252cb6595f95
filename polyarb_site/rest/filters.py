"""Filters that refuse what they do not understand; none of them guesses or ignores."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any

import django_filters  # type: ignore[import-untyped] # no stubs exist
from django import forms
from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema_field

YEAR_MIN, YEAR_MAX = 2000, 2199
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?",
    re.ASCII,
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]*", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,19}", re.ASCII)


class MomentField(forms.Field):
    """An ISO 8601 time or date. Without a zone it is UTC."""

    def to_python(self, value: Any) -> datetime | None:
        """Return the moment in UTC; raises ValidationError for any other text."""
        if not value:
            return None
        text = str(value)
        try:
            moment = datetime.fromisoformat(text) if _MOMENT.fullmatch(text) else None
        except ValueError:
            moment = None
        if moment is None or not YEAR_MIN <= moment.year <= YEAR_MAX:
            raise ValidationError(  # django-filter formats every message, hence the doubled sign
                f"Give a time such as 2026-10-01T12:00:00Z, from {YEAR_MIN} to {YEAR_MAX}; "
                "a + in an address has to be written %%2B."
            )
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC)


class MomentFilter(django_filters.Filter):  # type: ignore[misc]
    """Rows from or until a time."""

    field_class = MomentField


class WordField(forms.CharField):
    """An id or code: letters, digits, and : . _ - between them."""

    def validate(self, value: Any) -> None:
        """Raise ValidationError for text that cannot be an id, so that no database is asked."""
        super().validate(value)
        if value and not _WORD.fullmatch(value):
            raise ValidationError("This is not an id: it has letters, digits and : . _ - only.")


class WordFilter(django_filters.CharFilter):  # type: ignore[misc]
    """Rows with exactly this id or code."""

    field_class = WordField


class WholeField(forms.Field):
    """A whole number from 1 on."""

    def __init__(self, *, highest: int, **more: Any) -> None:
        super().__init__(**more)
        self._highest = highest

    def to_python(self, value: Any) -> int | None:
        """Return the number; raises ValidationError for what no column can hold."""
        if not value:
            return None
        text = str(value)
        if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= self._highest:
            raise ValidationError(f"Give a whole number from 1 to {self._highest}.")
        return int(text)


class DayField(forms.Field):
    """A day in UTC."""

    def to_python(self, value: Any) -> date | None:
        """Return the day; raises ValidationError for any other text."""
        if not value:
            return None
        text = str(value)
        try:
            day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
        except ValueError:
            day = None
        if day is None or not YEAR_MIN <= day.year <= YEAR_MAX:
            raise ValidationError(f"Give a day such as 2026-10-01, from {YEAR_MIN} to {YEAR_MAX}.")
        return day


class DayFilter(django_filters.Filter):  # type: ignore[misc]
    """Rows of exactly this day."""

    field_class = DayField


class WholeFilter(django_filters.Filter):  # type: ignore[misc]
    """Rows with exactly this number."""

    field_class = WholeField


class TextFilter(django_filters.CharFilter):  # type: ignore[misc]
    """Rows with exactly this name, which may hold any letters."""


def moment(field: str, lookup: str, help_text: str) -> django_filters.Filter:
    """Return a bound on a time column."""
    found = MomentFilter(field_name=field, lookup_expr=lookup)
    return _described(found, {"type": "string", "format": "date-time"}, help_text)


def day(field: str, help_text: str) -> django_filters.Filter:
    """Return an exact match of a column of days."""
    found = DayFilter(field_name=field)
    return _described(found, {"type": "string", "format": "date"}, help_text)


def word(field: str, length_max: int, help_text: str) -> django_filters.Filter:
    """Return an exact match of an id or code column."""
    found = WordFilter(field_name=field, max_length=length_max, strip=False)
    schema = {"type": "string", "maxLength": length_max, "pattern": f"^{_WORD.pattern}$"}
    return _described(found, schema, help_text)


def whole(field: str, highest: int, help_text: str) -> django_filters.Filter:
    """Return an exact match of a column of numbers."""
    found = WholeFilter(field_name=field, highest=highest)
    return _described(found, {"type": "integer", "minimum": 1, "maximum": highest}, help_text)


def name_of(field: str, length_max: int, help_text: str) -> django_filters.Filter:
    """Return an exact match of a column of names, which may hold any letters."""
    found = TextFilter(field_name=field, max_length=length_max, strip=False)
    return _described(found, {"type": "string", "maxLength": length_max}, help_text)


def one_of(
    field: str,
    words: Iterable[str],
    help_text: str,
    *,
    method: Callable[[Any, str, str], Any] | str | None = None,
) -> django_filters.Filter:
    """Return an exact match of a column that holds one of few words.

    `method(rows, field, word)`, or the filter set's own of that name, chooses the rows instead,
    where no column holds the word.
    """
    known = [str(item) for item in words]
    choices = [(item, item) for item in known]
    found = django_filters.ChoiceFilter(field_name=field, choices=choices, method=method)
    return _described(found, {"type": "string", "enum": known}, help_text)


def flag(field: str, help_text: str) -> django_filters.Filter:
    """Return an exact match of a true or false column."""
    found = django_filters.TypedChoiceFilter(
        field_name=field,
        choices=[("true", "true"), ("false", "false")],
        coerce=lambda text: text == "true",
    )
    return _described(found, {"type": "boolean"}, help_text)


def _described(
    found: django_filters.Filter, schema: dict[str, Any], help_text: str
) -> django_filters.Filter:
    described: django_filters.Filter = extend_schema_field({**schema, "description": help_text})(
        found
    )
    return described
