"""What may be sent about alerts and rules."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from alerts.api.shapes import RuleQuery, RuleValues
from alerts.selectors.dryrun import HOURS_MAX
from polyarb_site.rest.errors import invalid
from polyarb_site.rest.serializers import REASON_LENGTH_MAX, Body, LineField, WholeField

CONTROL = {*map(chr, range(32)), "\x7f"}


class CommentBody(Body):
    """What is to be said about an alert; it goes into its history and the audit."""

    comment = LineField(max_length=REASON_LENGTH_MAX)


class NoteBody(Body):
    """What it was and what was done."""

    note = LineField(max_length=REASON_LENGTH_MAX)


class GivenQuery(RuleQuery):
    """When it is bad. What is left out has the usual value of its metric."""

    def get_fields(self) -> dict[str, Any]:
        """Return the fields of a query, of which three are needed."""
        return _needed(super().get_fields(), ("metric", "operator", "value"))


class GivenRule(RuleValues):
    """A rule as it is sent: id, severity and query, and whatever differs from the usual."""

    query = GivenQuery()

    def get_fields(self) -> dict[str, Any]:
        """Return the fields of a rule, of which three are needed."""
        return _needed(super().get_fields(), ("id", "severity", "query"))


@extend_schema_field(GivenRule)
class RuleField(serializers.Field[Any, Any, Any, Any]):
    """A rule as plain data: the service reads it. Here only what no text may hold is refused."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the object; raises ValidationError for what is none or holds no plain text."""
        if not isinstance(data, Mapping):
            raise serializers.ValidationError("Give the rule as an object.")
        if not all(_is_plain(text) for text in _texts(data)):
            raise serializers.ValidationError("Texts are one line without control characters.")
        return dict(data)


class RuleBody(Body):
    """The rule and why it changes."""

    rule = RuleField()
    reason = LineField(max_length=REASON_LENGTH_MAX)


class DryRunBody(Body):
    """A rule as it would be, or the id of one that is in force, and how far to look back."""

    rule = RuleField(required=False)
    rule_id = LineField(max_length=40, required=False)
    hours = WholeField(min_value=1, max_value=HOURS_MAX, default=HOURS_MAX)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the values; raises ApiError unless exactly one rule is given."""
        if ("rule" in attrs) == ("rule_id" in attrs):
            raise invalid("rule", "give either a rule or the id of one", code="RULE_MISSING")
        return attrs


def _needed(fields: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    for name, field in fields.items():
        field.required = name in names
    return fields


def _texts(data: Any) -> list[str]:
    """Return every text in nested data; the reader of bodies has bounded its depth."""
    if isinstance(data, str):
        return [data]
    if isinstance(data, Mapping):
        return [text for pair in data.items() for part in pair for text in _texts(part)]
    return [text for item in data for text in _texts(item)] if isinstance(data, list) else []


def _is_plain(text: str) -> bool:
    surrogates = any("\ud800" <= character <= "\udfff" for character in text)
    return not surrogates and CONTROL.isdisjoint(text)
