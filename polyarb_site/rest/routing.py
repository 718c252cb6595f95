"""Addresses that answer with and without a slash at the end, and redirect neither.

A redirect would turn a POST into a GET, and the halt of somebody in a hurry into nothing.
"""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern
from django.urls.resolvers import RoutePattern


class EitherSlash(RoutePattern):
    """A route that ignores one slash at the end of the address."""

    def match(self, path: str) -> Any:
        """Return the match of the address without its last slash, None when there is none."""
        return super().match(path.removesuffix("/"))


def route(address: str, view: Callable[..., Any], name: str) -> URLPattern:
    """Return the pattern of an address, written without the slash."""
    return URLPattern(EitherSlash(address, name=name, is_endpoint=True), view, None, name)
