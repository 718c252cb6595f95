"""The base of every REST view: strict in what it takes, one shape in what it says."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django_filters.rest_framework import (  # type: ignore[import-untyped] # no stubs exist
    DjangoFilterBackend,
)
from rest_framework.exceptions import NotAuthenticated
from rest_framework.generics import GenericAPIView
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from polyarb_site.clock import Clock, SystemClock
from polyarb_site.rest import authentication, pagination, parsers, renderers, throttles
from polyarb_site.rest.errors import ApiError, exception_handler, invalid

# Says whether an account may: a function of polyarb_site.roles.
Rule = Callable[[Any], bool]


def person(request: Request) -> User:
    """Return the account that asks; ApiView has let nobody else in."""
    return cast("User", request.user)


class ApiView(APIView):
    """Answers JSON to accounts, and to nobody else.

    `rules` gives the rule of each method; a method without one asks for an account only. Query
    parameters are those in `query_names`, given once and not empty; others are refused by name,
    because a misspelt filter that is silently ignored shows the wrong rows.
    """

    authentication_classes = (
        authentication.TokenAuthentication,
        authentication.SessionAuthentication,
    )
    permission_classes = ()
    throttle_classes: tuple[type[BaseThrottle], ...] = (throttles.AccountThrottle,)
    parser_classes = (parsers.StrictJSONParser,)
    renderer_classes = (renderers.MsgspecRenderer,)
    content_negotiation_class = renderers.OnlyRenderer
    http_method_names = ("get", "head", "post")  # OPTIONS would only repeat /api/schema/
    rules: Mapping[str, Rule] = {}
    query_names: tuple[str, ...] = ()
    clock: Clock = SystemClock()

    def get_exception_handler(self) -> Callable[..., Response]:
        """Return the one that speaks our shape, whatever the settings say."""
        return exception_handler

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Ask who it is, how often, whether they may, and what; in this order."""
        del args, kwargs
        renderer, media_type = self.perform_content_negotiation(request, force=True)
        request.accepted_renderer, request.accepted_media_type = renderer, media_type
        self.perform_authentication(request)
        if not request.user.is_authenticated:
            raise NotAuthenticated
        self.check_throttles(request)
        method = "GET" if request.method == "HEAD" else str(request.method)
        rule = self.rules.get(method)
        if rule is not None and not rule(request.user):
            self.permission_denied(request)
        if not hasattr(self, str(request.method).lower()):
            self.http_method_not_allowed(request)
        self.check_query(request)

    def known_query_names(self) -> tuple[str, ...]:
        """Return the query parameters that this view reads."""
        return self.query_names

    def check_query(self, request: Request) -> None:
        """Raise ApiError for a parameter that is unknown, given twice or empty."""
        known = self.known_query_names()
        for name, values in request.query_params.lists():
            if name not in known:
                raise invalid(
                    name,
                    "this address does not know the query parameter",
                    code="UNKNOWN_PARAMETER",
                    remedy=f"it knows {', '.join(known) or 'none'}",
                )
            if len(values) > 1:
                raise invalid(name, "the query parameter is given twice")
            if not values[0]:
                raise invalid(name, "the query parameter is empty", remedy="leave it out")

    def body(self, kind: type[BaseSerializer[Any]]) -> dict[str, Any]:
        """Return the checked body; raises ApiError or ValidationError naming what is wrong."""
        if "HTTP_TRANSFER_ENCODING" in self.request.META:
            # The framework would take a body of unknown length for none at all.
            raise ApiError(
                411,
                "LENGTH_REQUIRED",
                "the length of the body is not known",
                remedy="send the header Content-Length instead of Transfer-Encoding: chunked",
            )
        serializer = kind(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Forbid every cache on the way: what is shown depends on who asks and when."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer


class KeysetListView(ApiView, GenericAPIView[Any]):
    """A list of facts, newest first, one query per page whatever its depth.

    A subclass names `columns`, `filterset_class`, `time_field` and makes each row's answer.
    """

    filter_backends = (DjangoFilterBackend,)
    pagination_class: type[BasePagination] | None = pagination.KeysetPagination
    filterset_class: Any = None
    time_field = ""
    columns: tuple[str, ...] = ()

    def known_query_names(self) -> tuple[str, ...]:
        """Return the filters and the two parameters of the page."""
        return (*sorted(self.filterset_class.base_filters), *pagination.PAGE_PARAMETERS)

    def rows(self) -> QuerySet[Any, dict[str, Any]]:
        """Return the filtered rows as dicts, without an order."""
        rows = self.get_queryset()
        # Making the filters costs as much as reading a page: not for a request without any.
        if not self.filterset_class.base_filters.keys().isdisjoint(self.request.query_params):
            rows = self.filter_queryset(rows)
        return rows.order_by().values(*self.columns)

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return what is sent of one row."""
        return values

    def get(self, request: Request) -> Response:
        """Return one page."""
        del request
        page = self.paginate_queryset(self.rows())
        return self.get_paginated_response([self.row(values) for values in page or []])
