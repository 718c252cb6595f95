"""Pages over tables of millions of rows: counting stops early."""

from typing import Any

from django.core.paginator import Paginator
from django.utils.functional import cached_property

ROWS_COUNTED_MAX = 10_000


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts and pages at most ROWS_COUNTED_MAX rows. Beyond, a filter leads further.

    A full count reads the whole table, and a far page skips everything before it.
    """

    template_name = "admin/trading/parts/pagination.html"

    @cached_property
    def count(self) -> int:
        """Return the number of rows that can be paged through."""
        return min(self._counted, ROWS_COUNTED_MAX)

    @cached_property
    def more(self) -> bool:
        """Return whether there are rows that were not counted."""
        return self._counted > ROWS_COUNTED_MAX

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        counted: int = rows.order_by()[: ROWS_COUNTED_MAX + 1].count()
        return counted
