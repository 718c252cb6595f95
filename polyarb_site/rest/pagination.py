"""Keyset pages, newest first: page one thousand costs what page one costs.

A page continues below the last row that the client saw, by id, or by time and id when the request
bounds the time. Rows that arrive meanwhile are above it, so that no row is shown twice and none is
left out. A cursor belongs to the filters that it was made with and is refused with others.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from polyarb_site.rest.errors import ApiError, invalid

LIMIT_DEFAULT = 50
LIMIT_MAX = 500
ID_MAX = 2**63 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIME_MAX = datetime(9999, 12, 31, tzinfo=UTC)
TIME_BOUNDS = ("since", "until")
PAGE_PARAMETERS = ("cursor", "limit")

_CURSOR = re.compile(r"([0-9a-f]{12})\.([0-9]{1,19})(?:\.([0-9]{1,18}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Position:
    """The last row seen: pages go on strictly below it. `time` is None when ordered by id alone."""

    row_id: int = ID_MAX
    time: datetime | None = None


def fingerprint(path: str, query: Mapping[str, str]) -> str:
    """Return what binds a cursor to its list and filters; page size and position are no filters."""
    filters = sorted((name, text) for name, text in query.items() if name not in PAGE_PARAMETERS)
    return hashlib.sha256(repr((path.rstrip("/"), filters)).encode()).hexdigest()[:12]


def encode_cursor(position: Position, binding: str) -> str:
    """Return an opaque text for the client to send back."""
    text = f"{binding}.{position.row_id}"
    if position.time is not None:
        text += f".{(position.time - EPOCH) // timedelta(microseconds=1)}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(text: str, binding: str, *, by_time: bool) -> Position:
    """Return the position in a cursor of ours; raises ApiError for any other text."""
    try:
        padded = text + "=" * (-len(text) % 4)
        plain = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise _bad_cursor("is not a cursor") from error
    match = _CURSOR.fullmatch(plain)
    if match is None:
        raise _bad_cursor("is not a cursor")
    made_for, row_id, micros = match.groups()
    if made_for != binding or by_time != (micros is not None):
        raise _bad_cursor("belongs to a request with other filters")
    if int(row_id) > ID_MAX:
        raise _bad_cursor("is not a cursor")
    try:
        time = EPOCH + timedelta(microseconds=int(micros)) if micros else None
    except OverflowError as error:
        raise _bad_cursor("is not a cursor") from error
    return Position(row_id=int(row_id), time=time)


def below(queryset: QuerySet[Any, Any], position: Position, time_field: str) -> QuerySet[Any, Any]:
    """Return the rows below `position`, newest first, in the order of the index that finds them."""
    if position.time is None:
        return queryset.filter(id__lt=position.row_id).order_by("-id")
    before = Q(**{f"{time_field}__lt": position.time})
    same = Q(**{time_field: position.time, "id__lt": position.row_id})
    # The outer bound is implied by the inner ones, and it is what the index is searched with.
    outer = Q(**{f"{time_field}__lte": position.time})
    return queryset.filter(outer, before | same).order_by(f"-{time_field}", "-id")


class KeysetPagination(BasePagination):
    """Pages of plain dicts. The view names its `time_field`, which is among its columns."""

    next_cursor: str | None = None

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return one page of rows; `queryset` yields dicts with `id` and the time field."""
        query = request.query_params.dict()
        by_time = any(name in query for name in TIME_BOUNDS)
        binding = fingerprint(request.path, query)
        limit = _limit(query.get("limit"))
        if "cursor" in query:
            position = decode_cursor(query["cursor"], binding, by_time=by_time)
        else:
            position = Position(time=TIME_MAX if by_time else None)
        rows = list(below(queryset, position, view.time_field)[: limit + 1])
        if len(rows) > limit:
            rows.pop()
            last = rows[-1]
            seen = Position(row_id=last["id"], time=last[view.time_field] if by_time else None)
            self.next_cursor = encode_cursor(seen, binding)
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        """Return the page; `next_cursor` is null on the last one."""
        return Response({"items": data, "next_cursor": self.next_cursor})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe the page to OpenAPI."""
        return {
            "type": "object",
            "required": ["items", "next_cursor"],
            "additionalProperties": False,
            "properties": {
                "items": schema,
                "next_cursor": {
                    "type": "string",
                    "nullable": True,
                    "example": "NDJmMGM5YTFlYjdkLjQx",
                    "description": "Send it as `cursor` for the next page; null on the last one.",
                },
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Describe the two parameters to OpenAPI."""
        del view
        return [
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "`next_cursor` of the page before, with the same filters.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 80},
            },
            {
                "name": "limit",
                "in": "query",
                "required": False,
                "description": "Rows on a page.",
                "schema": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": LIMIT_MAX,
                    "default": LIMIT_DEFAULT,
                },
            },
        ]


def _limit(text: str | None) -> int:
    if text is None:
        return LIMIT_DEFAULT
    if not re.fullmatch(r"[0-9]{1,4}", text, re.ASCII) or not 1 <= int(text) <= LIMIT_MAX:
        raise invalid("limit", f"limit is a whole number from 1 to {LIMIT_MAX}")
    return int(text)


def _bad_cursor(what: str) -> ApiError:
    return invalid(
        "cursor",
        f"the cursor {what}",
        code="BAD_CURSOR",
        remedy="start again without a cursor",
    )
