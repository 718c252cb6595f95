"""Who is asking: a token for programs, the portal's own login for its pages."""

from collections import OrderedDict
from typing import Any

from django.contrib.auth.models import User
from django.db import Error as DatabaseProblem
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from polyarb_site import one_time_password
from polyarb_site.clock import Clock, SystemClock
from polyarb_site.rest import tokens
from polyarb_site.rest.errors import ApiError, is_database_down
from polyarb_site.rest.throttles import FAILED_LOGINS_MAX, MinuteWindow

REMEMBERED_MAX = 64
REMEMBERED_SECONDS = 900

# Names of accounts by token hash, from the last good look into the database: see also_offline.
_remembered: OrderedDict[str, tuple[int, str]] = OrderedDict()


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Token polyarb_...`, or Bearer in place of Token.

    `also_offline` is for halting alone: a token that was good in the last 15 minutes still counts
    when the database does not answer. One taken away in these minutes can stop trading once more,
    which harms nobody; an operator who cannot stop it does.
    """

    clock: Clock = SystemClock()

    def __init__(self, *, also_offline: bool = False) -> None:
        self._also_offline = also_offline

    def authenticate(self, request: Request) -> tuple[Any, str] | None:
        """Return the account of the token; None when no token was sent.

        Raises AuthenticationFailed, after many in a minute from one address Throttled. A good token
        is never locked out by the bad ones of its neighbours.
        """
        token = presented_token(request)
        if token is None:
            return None
        user = self.look_up(token)
        if user is not None:
            return user, "token"
        window = MinuteWindow(self.clock)
        if window.count(f"failed:{request.META.get('REMOTE_ADDR', '')}") > FAILED_LOGINS_MAX:
            raise Throttled(window.seconds_left())
        raise AuthenticationFailed

    def look_up(self, token: str) -> Any:
        """Return the account of the token, or None; the remembered one while it may be asked."""
        try:
            user = tokens.owner(token)
        except DatabaseProblem as error:
            name = _recall(token, self.clock.monotonic_ns()) if self._also_offline else None
            if name is None or not is_database_down(error):
                raise
            return OfflineAccount(name)
        if user is not None:
            _remember(token, user.get_username(), self.clock.monotonic_ns())
        return user

    def authenticate_header(self, request: Request) -> str:
        """Return what a 401 asks for."""
        del request
        return "Token"


class OfflineAccount:
    """An account that halts while the database is away: known by name, good for nothing else."""

    is_authenticated = True
    is_active = True
    is_anonymous = False
    pk = None

    def __init__(self, username: str) -> None:
        self.username = username

    def get_username(self) -> str:
        """Return the name that the log and the kill file will carry."""
        return self.username


class SessionAuthentication(BaseAuthentication):
    """The login of the portal's pages, with the CSRF check that cookies need."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """Return the logged-in account; raises ApiError when a write carries no CSRF token."""
        user = getattr(request._request, "user", None)
        if user is None or not user.is_active:
            return None
        if CsrfCheck.problem(request):
            raise ApiError(
                403,
                "CSRF_FAILED",
                "the request did not come from a page of the portal",
                remedy="send the CSRF token of the page as X-CSRFToken, or use an API token",
            )
        reads = request.method in ("GET", "HEAD", "OPTIONS")
        if reads and one_time_password.is_in_use(user):
            raise ApiError(
                403,
                "PASSWORD_CHANGE_REQUIRED",
                "this account still has its first password",
                remedy="choose another one at /admin/password_change/",
            )
        return user, None


class CsrfCheck(CSRFCheck):
    """Django's own check, asked for its verdict."""

    @classmethod
    def problem(cls, request: Request) -> Any:
        """Return why the request is not trusted, None when it is."""
        check = cls(lambda _request: None)  # type: ignore[arg-type] # never called
        check.process_request(request._request)
        verdict: Any = check.process_view(request._request, None, (), {})  # type: ignore[arg-type]
        return verdict  # the framework's check answers with the reason, not with a page


def presented_token(request: Request) -> str | None:
    """Return the token in the Authorization header, None when it holds something else."""
    return tokens.presented(str(request.META.get("HTTP_AUTHORIZATION", "")))


def _remember(token: str, username: str, now_ns: int) -> None:
    key = tokens.digest(token)
    _remembered.pop(key, None)
    _remembered[key] = (now_ns, username)
    while len(_remembered) > REMEMBERED_MAX:
        _remembered.popitem(last=False)


def _recall(token: str, now_ns: int) -> str | None:
    at_ns, username = _remembered.get(tokens.digest(token), (0, ""))
    fresh = username and now_ns - at_ns <= REMEMBERED_SECONDS * 1_000_000_000
    return username if fresh else None
