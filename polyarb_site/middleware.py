"""Who is asking: an id for each request, and nobody without an account.

Both classes serve sync and async stacks and never touch the answer's body, so streams stay streams.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.db import Error as DatabaseProblem
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase

from polyarb_site import one_time_password, recent_accounts, request_ids
from polyarb_site.rest.authentication import OfflineAccount
from polyarb_site.rest.errors import is_database_down

GetResponse = Callable[[HttpRequest], Any]  # the answer, or a coroutine of it

HEADER = "X-Request-ID"
ATTRIBUTE = "request_id"  # on the request, for error answers
PASSWORD_CHANGE_URL = "/admin/password_change/"  # noqa: S105 - an address
LOGOUT_URL = "/admin/logout/"
HALT_URL = "/admin/halt/"
# The only pages for people without an account. Each is compared whole.
PUBLIC_PATHS = ("/healthz", "/healthz/", LOGOUT_URL)
# These answer a program: they ask for the token themselves and say 401 instead of sending a robot
# to a login page. A test asks each of their addresses without an account.
OWN_AUTHENTICATION_PATHS = ("/metrics", "/metrics/")
OWN_AUTHENTICATION_BELOW = "/api/"


class _Middleware:
    """The shape that Django asks of a middleware that is called directly or awaited."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            # The stubs know functions only; Django marks its own middleware in the same way.
            markcoroutinefunction(self)  # type: ignore[type-var]


class RequestIdMiddleware(_Middleware):
    """Takes the id of a proxy or makes one; the audit writes it, the answer repeats it."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer the request under its id."""
        request_id = request_ids.accept_or_make(request.headers.get(HEADER, ""))
        setattr(request, ATTRIBUTE, request_id)
        if self.is_async:
            return self._answer_async(request, request_id)
        token = request_ids.current.set(request_id)
        try:
            response: HttpResponseBase = self.get_response(request)
        finally:
            request_ids.current.reset(token)
        response[HEADER] = request_id
        return response

    async def _answer_async(self, request: HttpRequest, request_id: str) -> HttpResponseBase:
        token = request_ids.current.set(request_id)
        try:
            response: HttpResponseBase = await self.get_response(request)
        finally:
            request_ids.current.reset(token)
        response[HEADER] = request_id
        return response


class LoginEverywhereMiddleware(_Middleware):
    """Lets nobody past the login page without an account, on any page that is there or to come."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer the request, or send the person to the page that must come first."""
        if self.is_async:
            return self._answer_async(request)
        if not is_public(request.path):
            try:
                redirect = first_page(request, request.user)
            except DatabaseProblem as error:
                redirect = None
                raise_unless_halting(request, error)
            if redirect:
                return redirect
        response: HttpResponseBase = self.get_response(request)
        return response

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        if not is_public(request.path):
            try:
                redirect = first_page(request, await request.auser())
            except DatabaseProblem as error:
                redirect = None
                raise_unless_halting(request, error)
            if redirect:
                return redirect
        response: HttpResponseBase = await self.get_response(request)
        return response


def is_public(path: str) -> bool:
    """Return whether this address is none of the login middleware's business."""
    return path in (
        *PUBLIC_PATHS,
        *OWN_AUTHENTICATION_PATHS,
        settings.LOGIN_URL,
    ) or path.startswith((settings.STATIC_URL, OWN_AUTHENTICATION_BELOW))


def first_page(request: HttpRequest, user: Any) -> HttpResponseRedirect | None:
    """Return the redirect to the login or to the password change, None when neither is due.

    A form that a logged-out page posts is lost: afterwards the person lands on the start page. A
    user with a one-time password is only kept from reading pages: halting must work at once.
    """
    reads = request.method in ("GET", "HEAD")
    if not user.is_authenticated:
        there = request.get_full_path() if reads else settings.LOGIN_REDIRECT_URL
        return HttpResponseRedirect(f"{settings.LOGIN_URL}?{urlencode({'next': there})}")
    recent_accounts.sessions.remember(session_of(request), user.get_username())
    if reads and request.path != PASSWORD_CHANGE_URL and one_time_password.is_in_use(user):
        return HttpResponseRedirect(PASSWORD_CHANGE_URL)
    return None


def raise_unless_halting(request: HttpRequest, error: DatabaseProblem) -> None:
    """Let a halt through while nobody can be looked up, and raise the error for all else.

    Whose session was good in the last minutes is known by name here, and that is enough to halt.
    """
    name = recent_accounts.sessions.recall(session_of(request))
    is_halt = request.method == "POST" and request.path == HALT_URL
    if name is None or not is_halt or not is_database_down(error):
        raise error
    # Typed for accounts; this one is known by its name alone.
    request.user = OfflineAccount(name)  # type: ignore[assignment]


def session_of(request: HttpRequest) -> str:
    """Return what the browser shows to be known again, empty when it shows nothing."""
    return request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
