"""Bodies and answers, described once for the reader of a request and for OpenAPI.

Amounts are given twice: `price_micro` is a whole number of millionths, exact and for programs;
`price` is the same amount as decimal text, for people. Neither is ever a float.
"""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from polyarb_site.rest.errors import invalid

REASON_LENGTH_MAX = 500
DECIMAL_PATTERN = r"^-?[0-9]+(\.[0-9]{1,6})?$"
_CONTROL = {*map(chr, range(32)), "\x7f"}


class Body(serializers.Serializer[Any]):
    """A JSON object that holds what it names and nothing else."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the checked values; raises ApiError for a key that is not known."""
        if isinstance(data, Mapping):
            for name in data:
                if name not in self.fields:
                    raise invalid(
                        str(name),
                        "the body has a key that is not known here",
                        code="UNKNOWN_KEY",
                        remedy=f"it knows {', '.join(self.fields) or 'none'}",
                    )
        return super().to_internal_value(data)


class Answer(serializers.Serializer[Any]):
    """What is sent. Never serialises: rows go out as they come, and OpenAPI tells their shape."""


class ClosedObject(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Tells OpenAPI that bodies and answers have no other keys than those named."""

    target_class = "polyarb_site.rest.serializers.Answer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Return the usual description, closed."""
        schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**schema, "additionalProperties": False}


class ClosedBody(ClosedObject):  # type: ignore[no-untyped-call]
    """The same for bodies."""

    target_class = "polyarb_site.rest.serializers.Body"


class LineField(serializers.CharField):
    """One line of text for people: really text, no control characters."""

    def to_internal_value(self, data: Any) -> str:
        """Return the text; raises ValidationError for anything else."""
        if not isinstance(data, str):
            self.fail("invalid")
        text = super().to_internal_value(data)
        if not _CONTROL.isdisjoint(text):
            raise serializers.ValidationError("Use one line without control characters.")
        return text


class WholeField(serializers.IntegerField):
    """A JSON number without a fraction: neither text nor true."""

    def to_internal_value(self, data: Any) -> int:
        """Return the number; raises ValidationError for anything else."""
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class FlagField(serializers.BooleanField):
    """Exactly true or false."""

    def to_internal_value(self, data: Any) -> bool:
        """Return the flag; raises ValidationError for "yes", 1 and their like."""
        if type(data) is not bool:
            self.fail("invalid", input=data)
        return data


class MicroField(serializers.IntegerField):
    """A whole number of millionths."""


@extend_schema_field({"type": "string", "pattern": DECIMAL_PATTERN, "example": "0.48"})
class DecimalTextField(serializers.CharField):
    """The same amount as exact decimal text."""


class ErrorPart(Answer):
    """What went wrong."""

    code = serializers.CharField(help_text="Stable, for programs.")
    message = serializers.CharField(help_text="One sentence, for people.")
    field = serializers.CharField(required=False, help_text="The part of the request.")
    remedy = serializers.CharField(required=False, help_text="What to do about it.")
    request_id = serializers.CharField(
        allow_blank=True, help_text="Also in the header X-Request-ID and in the log."
    )


class ErrorAnswer(Answer):
    """The one shape of every error."""

    error = ErrorPart()
