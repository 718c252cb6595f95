"""What all lists of facts share: nothing changes, everything can be found and taken along."""

from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path
from unfold.admin import ModelAdmin

from polyarb_site.clock import SystemClock
from polyarb_site.rest.exports import ROWS_MAX
from trading.admin.cells import list_url
from trading.admin.exports import TooManyRowsError, csv_response
from trading.admin.filters import model_has
from trading.admin.paging import BoundedPaginator
from trading.models import Market
from trading.selectors.books import markets_by_condition

MARKETS_SEARCHED_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    """What stands where no rows are: why, and where to look instead."""

    title: str
    text: str
    link: str = ""
    link_text: str = ""


class PageAdmin(ModelAdmin):
    """The look that all our pages share."""

    list_fullwidth = True
    compressed_fields = True
    warn_unsaved_form = False

    class Media:
        css: ClassVar[dict[str, list[str]]] = {"all": ["polyarb/pages.css"]}


class ReadOnlyAdmin(PageAdmin):
    """Nothing is added, changed or deleted here, by nobody."""

    actions = None
    list_filter_submit = True
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    paginator = BoundedPaginator

    def has_add_permission(self, *_: Any) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, *_: Any, **__: Any) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, *_: Any, **__: Any) -> bool:
        """Refuse."""
        return False


class FactAdmin(ReadOnlyAdmin):
    """A table of facts. `natural_key` also finds a record, `export_fields` go into the file."""

    natural_key = ""
    export_fields: ClassVar[tuple[str, ...]] = ()
    change_list_template = "admin/trading/change_list.html"
    ordering: ClassVar[tuple[str, ...]] = ("-id",)

    def get_urls(self) -> list[URLPattern]:
        """Add the file of the list."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        own = path("export.csv", self.admin_site.admin_view(self.export_view), name=name)
        return [own, *super().get_urls()]

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Model | None:
        """Return a record by its number, or by the id that other records know it by."""
        if self.natural_key and from_field is None and not object_id.isdecimal():
            found: Model | None = (
                self.get_queryset(request).filter(**{self.natural_key: object_id}).first()
            )
            return found
        record: Model | None = super().get_object(request, object_id, from_field)
        return record

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave the session's own figures out where rows are read together with their session."""
        rows: QuerySet[Any] = super().get_queryset(request)
        joined = self.list_select_related
        if isinstance(joined, tuple) and "session" in joined:
            return rows.defer("session__stats")
        return rows

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list with what its rows need beside themselves, read at once."""
        changes = super().get_changelist_instance(request)
        changes.result_list = list(changes.result_list)
        self.complete(changes.result_list)
        return changes

    def complete(self, rows: list[Any]) -> None:
        """Give each row its market, with one query for the page."""
        if not model_has(self.model, "condition_id"):
            return
        markets = markets_by_condition(row.condition_id for row in rows)
        for row in rows:
            row.market_row = markets.get(row.condition_id)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find by the ids of the search fields, and by words of the market's question."""
        found, duplicates = super().get_search_results(request, queryset, search_term)
        words = search_term.split()
        if not words or not model_has(self.model, "condition_id") or self.model is Market:
            return found, duplicates
        named = Q()
        for word in words:
            named &= Q(question__icontains=word)
        conditions = Market.objects.filter(named).values_list("condition_id", flat=True)
        listed = list(conditions[:MARKETS_SEARCHED_MAX])
        return (found | queryset.filter(condition_id__in=listed) if listed else found), duplicates

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Return the list, or what it says when there is nothing in it."""
        own: Any = {
            "view_url": request.build_absolute_uri(),
            "export_url": f"{list_url(self.model)}export.csv?{request.GET.urlencode()}",
            "empty": self.empty() if not self._any_rows() else None,
            "rows_max": ROWS_MAX,
        }
        return super().changelist_view(request, {**own, **(extra_context or {})})

    def empty(self) -> Empty:
        """Return what to say while the table has no row at all."""
        name = self.opts.verbose_name_plural
        return Empty(title=f"No {name} yet", text="They appear here as the engine writes them.")

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Return the filtered list as a file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        self.request = request  # unfold's own filters ask for it
        try:
            rows = self.get_changelist_instance(request).get_queryset(request)
            now = SystemClock().now()
            name = f"{self.opts.model_name}-{now:%Y%m%d-%H%M%S}.csv"
            return csv_response(request, rows, self.export_fields, name)
        except IncorrectLookupParameters:
            text = "This address filters by something that is not in the list."
        except TooManyRowsError:
            text = f"The file would have more than {ROWS_MAX:,} lines. Choose a shorter time first."
        messages.error(request, text)
        return HttpResponseRedirect(f"{list_url(self.model)}?{request.GET.urlencode()}")

    def _any_rows(self) -> bool:
        return bool(self.model._default_manager.exists())
