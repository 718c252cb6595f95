"""A list as a file: what the filters show, all of it, safe to open in a spreadsheet."""

import csv
from collections.abc import AsyncIterator, Iterator, Sequence
from io import StringIO
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse

from polyarb_site.rest.exports import PAGE_ROWS, ROWS_MAX, cell


class TooManyRowsError(Exception):
    """The file would have more than ROWS_MAX lines. A file that ends early is a wrong file."""


def csv_response(
    request: HttpRequest, rows: QuerySet[Any], names: Sequence[str], file_name: str
) -> StreamingHttpResponse:
    """Return the rows as a file, newest first, read page by page. Raises TooManyRowsError.

    Amounts are whole millionths, as their names say: a spreadsheet must not round them.
    """
    newest = rows.order_by("-pk")
    if newest[: ROWS_MAX + 1].count() > ROWS_MAX:
        raise TooManyRowsError
    pages = _pages(newest, names)
    # Each kind of server reads its own kind of iterator; the other kind would be read whole first.
    stream = _awaited(pages) if isinstance(request, ASGIRequest) else pages
    return StreamingHttpResponse(
        stream,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file_name}"'},
    )


def _pages(rows: QuerySet[Any], names: Sequence[str]) -> Iterator[str]:
    yield _lines([names])
    last: Any = None
    while True:
        below = rows if last is None else rows.filter(pk__lt=last)
        page = list(below.values_list("pk", *names)[:PAGE_ROWS])
        if page:
            last = page[-1][0]
            yield _lines([[cell(value) for value in row[1:]] for row in page])
        if len(page) < PAGE_ROWS:
            return


async def _awaited(pages: Iterator[str]) -> AsyncIterator[str]:
    while (page := await sync_to_async(_next)(pages)) is not None:
        yield page


def _next(pages: Iterator[str]) -> str | None:
    return next(pages, None)


def _lines(rows: Sequence[Sequence[Any]]) -> str:
    buffer = StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()
