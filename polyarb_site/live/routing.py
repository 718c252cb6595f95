"""Routing of WebSockets: pages of our own hosts with a session, and programs with a token."""

from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import path

from polyarb_site.live.consumers import LiveConsumer
from polyarb_site.live.listening import presented_token

websocket_urlpatterns = [path("ws/live/", LiveConsumer.as_asgi())]  # type: ignore[no-untyped-call]

_programs = URLRouter(websocket_urlpatterns)
_pages = AllowedHostsOriginValidator(AuthMiddlewareStack(_programs))


async def websocket_application(scope: Any, receive: Any, send: Any) -> None:
    """Answer one connection.

    A program has no origin that could be compared, and needs none: no page of another host can
    make a browser send a token in this header.
    """
    chosen = _pages if presented_token(scope) is None else _programs
    await chosen(scope, receive, send)
