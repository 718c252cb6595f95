"""The strict reader of JSON bodies: each limit holds before anything is built from one."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from polyarb_site.rest.errors import ApiError, body_too_large

BODY_BYTES_MAX = 16 * 1024  # the largest honest body is a reason of 500 letters
DEPTH_MAX = 8


class StrictJSONParser(BaseParser):
    """JSON objects in UTF-8 and nothing more.

    Refused by name: a body above the limit, deep nesting, a key given twice (the second would
    silently win), NaN and Infinity, fractions (amounts are whole millionths or text).
    """

    media_type = "application/json"

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,  # noqa: ARG002 - the framework's signature
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Return the object in the body; raises ApiError or ParseError with the reason."""
        raw = stream.read(BODY_BYTES_MAX + 1)
        if len(raw) > BODY_BYTES_MAX:
            raise body_too_large()
        return read_object(raw)


def read_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in `raw`; raises ApiError or ParseError with the reason."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ParseError("the body is not UTF-8") from error
    if _depth(text) > DEPTH_MAX:
        raise ParseError(f"the body is nested deeper than {DEPTH_MAX} levels")
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object_without_duplicates,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except ValueError as error:
        raise ParseError("the body is not valid JSON") from error
    if not isinstance(value, dict):
        raise ParseError("the body is not a JSON object")
    return value


def _depth(text: str) -> int:
    """Return how deep brackets nest, those in strings not counted. One pass, no recursion."""
    deepest = depth = 0
    in_string = escaped = False
    for char in text:
        if in_string:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                in_string = False
        elif char == '"':
            in_string = True
        elif char in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "]}":
            depth -= 1
    return deepest


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ApiError(400, "DUPLICATE_KEY", "the body gives this key twice", field=name[:100])
        found[name] = value
    return found


def _refuse_number(text: str) -> NoReturn:
    raise ParseError(f"{text[:40]} is not a whole number; write amounts as text")
