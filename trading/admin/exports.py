"""A list as a file: what the filters show, all of it, safe to open in a spreadsheet."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse

from polyarb_site.rest.exports import PAGE_ROWS, ROWS_MAX, cell, lines, streamed


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
    return streamed(request, _pages(newest, names), file_name)


def _pages(rows: QuerySet[Any], names: Sequence[str]) -> Iterator[str]:
    yield lines([names])
    last: Any = None
    while True:
        below = rows if last is None else rows.filter(pk__lt=last)
        page = list(below.values_list("pk", *names)[:PAGE_ROWS])
        if page:
            last = page[-1][0]
            yield lines([[cell(value) for value in row[1:]] for row in page])
        if len(page) < PAGE_ROWS:
            return
