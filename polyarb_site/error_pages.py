"""What an error looks like: JSON to a program, a page to a person.

Which of the two is asking is told by the address, as in the login middleware.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views import defaults

from polyarb_site.middleware import OWN_AUTHENTICATION_BELOW, OWN_AUTHENTICATION_PATHS
from polyarb_site.rest import errors

Handler = Callable[..., HttpResponseBase]


def is_for_programs(path: str) -> bool:
    """Return whether the address answers programs."""
    return (
        path.startswith(OWN_AUTHENTICATION_BELOW)
        or path in OWN_AUTHENTICATION_PATHS
        or path.rstrip("/") == "/healthz"
    )


def handler400(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """Answer a request that cannot be read."""
    return _choose(request, errors.handler400, defaults.bad_request, exception)


def handler403(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """Answer a refused permission."""
    return _choose(request, errors.handler403, defaults.permission_denied, exception)


def handler404(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """Answer an address that does not exist."""
    return _choose(request, errors.handler404, defaults.page_not_found, exception)


def handler500(request: HttpRequest) -> HttpResponseBase:
    """Answer when we failed."""
    return _choose(request, errors.handler500, defaults.server_error)


def _choose(
    request: HttpRequest, program: Handler, person: Handler, *exceptions: Any
) -> HttpResponseBase:
    # Not the resolver: the address may be why there is an error.
    return (program if is_for_programs(request.path) else person)(request, *exceptions)
