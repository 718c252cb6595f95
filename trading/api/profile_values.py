"""The values of a profile as programs send and read them: described from the one schema."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from polyarb_site.rest.serializers import REASON_LENGTH_MAX, Body, LineField, WholeField
from trading.config.keys import KEYS
from trading.selectors.configuration import KeyFacts, key_facts

VALUE_LENGTH_MAX = 100
NAMED_MAX = 20
REVISION_MAX = 2**31 - 1  # what the column holds


def _text(key: KeyFacts) -> str:
    unit = f" {key.unit}" if key.unit else ""
    if key.words:
        bounds = f"one of {', '.join(key.words)}"
    else:
        bounds = f"from {key.lowest} to {key.highest}{unit}"
    return f"{key.help} A {key.type}, {bounds}; by default {key.default}."


def _described(key: KeyFacts, *, words: bool) -> dict[str, Any]:
    choice = {"enum": list(key.words)} if words and key.words else {}
    return {"type": "string", "description": _text(key), "example": key.default, **choice}


def values_schema(*, sent: bool) -> dict[str, Any]:
    """Return the description: of what is sent, exactly the keys that there are.

    A stored revision may be of an older version, with other keys and words.
    """
    return {
        "type": "object",
        "properties": {key.name: _described(key, words=sent) for key in key_facts()},
        "additionalProperties": False if sent else {"type": "string"},
        **({"minProperties": 1} if sent else {}),
        "example": {"MAX_SLIPPAGE": "0.015"},
    }


@extend_schema_field(values_schema(sent=False))
class ValuesField(serializers.DictField):
    """Every key of a revision, as text."""


@extend_schema_field(values_schema(sent=True))
class NewValuesField(serializers.Field[Any, Any, Any, Any]):
    """Some keys with their new values as text. What they may be is asked of the service."""

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """Return the values; raises ValidationError for what is no object of texts."""
        if not isinstance(data, Mapping) or not data:
            raise serializers.ValidationError("Give at least one key with its value as text.")
        if len(data) > len(KEYS) + NAMED_MAX:
            raise serializers.ValidationError("These are more keys than there are.")
        odd = [
            str(name)[:60]
            for name, value in data.items()
            if not isinstance(value, str) or len(value) > VALUE_LENGTH_MAX
        ]
        if odd:
            named = ", ".join(odd[:NAMED_MAX])
            raise serializers.ValidationError(f"Write each value as short text: {named}.")
        return {str(name): value for name, value in data.items()}


class SaveProfileBody(Body):
    """What is changed, and why."""

    reason = LineField(max_length=REASON_LENGTH_MAX)
    values = NewValuesField(help_text="What is not named stays as in the newest revision.")
    after_revision = WholeField(
        min_value=0,
        max_value=REVISION_MAX,
        required=False,
        help_text="The revision that was seen, 0 for none: refused when there is a newer one.",
    )
