"""One shape for every error that leaves the REST door, whoever raised it.

    {"error": {"code", "message", "field"?, "remedy"?, "request_id"}}

`code` is stable and for programs, `message` and `remedy` are for people, `field` names the part of
the request that was wrong, and `request_id` finds the line in the log. Nothing else is told: an
unexpected exception is logged here and leaves only its request id.
"""

import logging
import math
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from django.conf import settings
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, ProgrammingError
from django.db.utils import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response

from polyarb_site import request_ids

logger = logging.getLogger(__name__)

MESSAGE_LENGTH_MAX = 500
DATABASE_RETRY_SECONDS = 5


class ApiError(Exception):
    """An answer other than success, in the words that the client is told."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str = "",
        remedy: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.remedy = remedy
        self.headers = dict(headers or {})


def invalid(field: str, message: str, *, remedy: str = "", code: str = "INVALID") -> ApiError:
    """Return the refusal of one part of the request."""
    return ApiError(400, code, message, field=field, remedy=remedy)


def database_unavailable() -> ApiError:
    """Return the answer while the database is away. Halting does not need it: say how."""
    return ApiError(
        503,
        "DATABASE_UNAVAILABLE",
        "the database does not answer",
        remedy=(
            "try again; to stop trading now, run `manage.py emergency_stop` on the portal's host "
            f"or make the file {settings.KILL_FILE.name} in its data directory"
        ),
        headers={"Retry-After": str(DATABASE_RETRY_SECONDS)},
    )


def is_database_down(error: BaseException | None) -> bool:
    """Say whether it is the database that is away, full, locked or damaged, and not our SQL."""
    if isinstance(error, OperationalError | InterfaceError):
        return True
    return isinstance(error, DatabaseError) and not isinstance(
        error, DataError | IntegrityError | ProgrammingError
    )


def refusal(error: Exception) -> ApiError | None:
    """Return what a service said when it refused, or None if `error` is no refusal.

    A service's refusal is an exception with `code`, `message` and `remedy`, and maybe `problems`,
    all of which are told. It is known by its shape: the services live in apps above this module.
    """
    parts = [getattr(error, name, None) for name in ("code", "message", "remedy")]
    if not all(isinstance(part, str) for part in parts):
        return None
    code, message, remedy = (str(part) for part in parts)
    problems = [str(one) for one in getattr(error, "problems", ())]
    if message in problems:
        message = "; ".join(problems)
    return ApiError(getattr(error, "status", 409), code, message, remedy=remedy)


def described(error: Exception) -> ApiError | None:
    """Translate an exception into its answer; None means that nobody expected it."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, exceptions.APIException):
        return _framework_error(error)
    if isinstance(error, Http404):
        return _not_found()
    if isinstance(error, DjangoPermissionDenied):
        return _not_allowed()
    if isinstance(error, RequestDataTooBig):
        return body_too_large()
    if isinstance(error, SuspiciousOperation | UnreadablePostError):
        return ApiError(400, "MALFORMED_REQUEST", "the request cannot be read")
    if is_database_down(error):
        return database_unavailable()
    return refusal(error)


def body_too_large() -> ApiError:
    """Return the answer to a body above the limit."""
    return ApiError(413, "BODY_TOO_LARGE", "the body is too large", remedy="send a shorter reason")


def method_not_allowed(headers: Mapping[str, str]) -> ApiError:
    """Return the answer to a method that an address does not know."""
    return ApiError(
        405, "METHOD_NOT_ALLOWED", "this address does not know the method", headers=headers
    )


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """Answer any exception of a REST view. Set as EXCEPTION_HANDLER by ApiView."""
    request = context["request"]
    answer = described(error)
    if answer is None:
        logger.error(
            "unexpected error in %s %s, request %s",
            request.method,
            request.path,
            request_ids.current.get(),
            exc_info=error,
        )
        answer = _internal_error()
    elif answer.status >= 500:
        logger.warning("%s in request %s", answer.code, request_ids.current.get(), exc_info=error)
    response = Response(body(answer), status=answer.status)
    for name, value in answer.headers.items():
        response[name] = value
    return response


def body(error: ApiError) -> dict[str, dict[str, str]]:
    """Return the error as it is sent; empty parts are left out."""
    parts = {
        "code": error.code,
        "message": error.message[:MESSAGE_LENGTH_MAX],
        "field": error.field[:100],
        "remedy": error.remedy[:MESSAGE_LENGTH_MAX],
    }
    # A name that the client made up may hold half a character, which nothing can send.
    shown = {name: text.encode("utf-8", "replace").decode() for name, text in parts.items() if text}
    return {"error": {**shown, "request_id": request_ids.current.get()}}


def answer_plain(error: ApiError) -> HttpResponse:
    """Return the same shape outside the REST framework: routing, middleware, plain views."""
    response = HttpResponse(
        msgspec.json.encode(body(error)),
        content_type="application/json",
        status=error.status,
        headers={"Cache-Control": "no-store"},
    )
    for name, value in error.headers.items():
        response[name] = value
    return response


# What polyarb_site.error_pages answers programs with, where no view of the framework was reached.


def handler400(_request: HttpRequest, _exception: Exception | None = None) -> HttpResponse:
    """Answer a request that Django itself refused to read, such as one for a foreign host name."""
    return answer_plain(ApiError(400, "MALFORMED_REQUEST", "the request cannot be read"))


def handler403(_request: HttpRequest, _exception: Exception | None = None) -> HttpResponse:
    """Answer a permission refused outside the REST framework."""
    return answer_plain(_not_allowed())


def handler404(_request: HttpRequest, _exception: Exception | None = None) -> HttpResponse:
    """Answer an address that does not exist."""
    return answer_plain(_not_found())


def handler500(_request: HttpRequest) -> HttpResponse:
    """Answer an exception outside the REST framework. Django has logged it."""
    down = is_database_down(sys.exc_info()[1])
    return answer_plain(database_unavailable() if down else _internal_error())


def _not_found() -> ApiError:
    return ApiError(404, "NOT_FOUND", "there is nothing at this address", remedy="see /api/docs/")


def _not_allowed() -> ApiError:
    return ApiError(
        403,
        "NOT_ALLOWED",
        "this account may not do that",
        remedy="ask an admin of the portal for the role that may",
    )


def _internal_error() -> ApiError:
    return ApiError(
        500,
        "INTERNAL_ERROR",
        "the portal failed to answer; the error is in its log",
        remedy="look for the request id in the log of the web process",
    )


def _framework_error(error: exceptions.APIException) -> ApiError:
    if isinstance(error, exceptions.ValidationError):
        return _validation_error(error.detail)
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return _unauthenticated(error)
    if isinstance(error, exceptions.PermissionDenied):
        return _not_allowed()
    if isinstance(error, exceptions.NotFound):
        return _not_found()
    if isinstance(error, exceptions.MethodNotAllowed):
        return method_not_allowed({})  # the view adds Allow itself
    if isinstance(error, exceptions.UnsupportedMediaType):
        return ApiError(
            415,
            "UNSUPPORTED_MEDIA_TYPE",
            "the body is not JSON",
            remedy="send JSON with the header Content-Type: application/json",
        )
    if isinstance(error, exceptions.Throttled):
        return _throttled(getattr(error, "wait", None))
    if isinstance(error, exceptions.ParseError):
        return ApiError(400, "MALFORMED_BODY", str(error.detail))
    return ApiError(error.status_code, str(error.default_code).upper(), str(error.detail))


def _unauthenticated(error: exceptions.APIException) -> ApiError:
    headers = {"WWW-Authenticate": str(getattr(error, "auth_header", "Token"))}
    if isinstance(error, exceptions.AuthenticationFailed):
        code, message = "BAD_CREDENTIALS", "the token is not valid"
    else:
        code, message = "NOT_AUTHENTICATED", "this address answers only to an account"
    return ApiError(
        401,
        code,
        message,
        remedy="send the header Authorization: Token YOUR_TOKEN; `manage.py api_token` makes one",
        headers=headers,
    )


def _throttled(wait_seconds: float | None) -> ApiError:
    seconds = max(1, math.ceil(wait_seconds or 1))
    return ApiError(
        429,
        "TOO_MANY_REQUESTS",
        "too many requests in a minute",
        remedy=f"try again in {seconds} s; halting is never limited",
        headers={"Retry-After": str(seconds)},
    )


def _validation_error(detail: Any) -> ApiError:
    """Return the first problem by name, and the names of the other fields that are wrong too."""
    problems = list(_problems(detail, ""))
    field, message = problems[0] if problems else ("", "the request is not valid")
    others = sorted({name for name, _ in problems if name != field})
    if others:
        message = f"{message} Also wrong: {', '.join(others)}."
    return ApiError(400, "INVALID", message, field=field)


def _problems(detail: Any, path: str) -> Iterable[tuple[str, str]]:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            inner_path = path if name == "non_field_errors" else f"{path}.{name}".lstrip(".")
            yield from _problems(inner, inner_path)
    elif isinstance(detail, list | tuple):
        for inner in detail:
            yield from _problems(inner, path)
    else:
        yield path, str(detail)
