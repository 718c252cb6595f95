"""A list as a CSV file: streamed page by page, complete or refused, and safe to open."""

import csv
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from rest_framework.request import Request

from polyarb_site.rest.errors import ApiError
from polyarb_site.rest.pagination import TIME_MAX, Position, below

ROWS_MAX = 250_000
PAGE_ROWS = 2_000
# A spreadsheet takes a text that starts with one of these for a formula and runs it.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"-[0-9]+(\.[0-9]+)?", re.ASCII)


def csv_response(
    request: Request, view: Any, *, names: Sequence[str], file_name: str
) -> StreamingHttpResponse:
    """Return all rows of a KeysetListView as one file, newest first.

    Raises ApiError when there are more than ROWS_MAX: a file that ends early without saying so is a
    wrong file.
    """
    rows = view.rows()
    if rows.order_by("-id")[: ROWS_MAX + 1].count() > ROWS_MAX:
        raise ApiError(
            400,
            "TOO_MANY_ROWS",
            f"the file would have more than {ROWS_MAX:,} lines",
            remedy="narrow it with since and until",
        )
    by_time = any(name in request.query_params for name in ("since", "until"))
    return streamed(request._request, _pages(view, rows, names, by_time=by_time), file_name)


def streamed(request: HttpRequest, pages: Iterator[str], file_name: str) -> StreamingHttpResponse:
    """Return a file whose pages are made while it is read."""
    # Each kind of server reads its own kind of iterator; the other kind would be read whole first.
    stream = _awaited(pages) if isinstance(request, ASGIRequest) else pages
    return StreamingHttpResponse(
        stream,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file_name}"'},
    )


def cell(value: Any) -> Any:
    """Return a value as it stands in the file."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return value if _NUMBER.fullmatch(value) else f"'{value}"
    return value


def _pages(view: Any, rows: Any, names: Sequence[str], *, by_time: bool) -> Iterator[str]:
    yield lines([names])
    position = Position(time=TIME_MAX if by_time else None)
    while True:
        page = list(below(rows, position, view.time_field)[:PAGE_ROWS])
        if page:
            last = page[-1]
            position = Position(row_id=last["id"], time=last[view.time_field] if by_time else None)
            sent = [view.row(values) for values in page]
            yield lines([[cell(row[name]) for name in names] for row in sent])
        if len(page) < PAGE_ROWS:
            return


async def _awaited(pages: Iterator[str]) -> AsyncIterator[str]:
    def following() -> str | None:
        return next(pages, None)

    while (page := await sync_to_async(following)()) is not None:
        yield page


def lines(rows: Sequence[Sequence[Any]]) -> str:
    """Return rows as a part of the file."""
    buffer = StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()
