"""JSON out, whatever the Accept header says: there is one format and nothing to negotiate."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from django.utils.functional import Promise
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


def plain(value: Any) -> Any:
    """Return what the encoder does not know as something it does: subclasses of str, lazy text."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, str | Promise):
        return str(value)
    raise TypeError(f"cannot send {type(value).__name__} as JSON")  # a bug of ours: answered as 500


class MsgspecRenderer(BaseRenderer):
    """JSON through msgspec: several times faster than the standard encoder on a page of rows."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,  # noqa: ARG002 - the framework's signature
        renderer_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> bytes:
        """Return the body; times are RFC 3339 with their zone."""
        return b"" if data is None else msgspec.json.encode(data, enc_hook=plain)


class OnlyRenderer(BaseContentNegotiation):
    """Take the view's first parser that fits the body, and its only renderer."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        """Return the parser of the body's media type, or None for a 415."""
        kind = (request.content_type or "").split(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == kind), None)

    def select_renderer(
        self,
        request: Request,  # noqa: ARG002 - the framework's signature
        renderers: Iterable[Any],
        format_suffix: str | None = None,  # noqa: ARG002
    ) -> tuple[Any, str]:
        """Return the first renderer."""
        renderer = next(iter(renderers))
        return renderer, renderer.media_type
