"""What every endpoint tells OpenAPI: a sentence, a curl line to copy, its answers and refusals."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from polyarb_site.rest.serializers import ErrorAnswer

Method = TypeVar("Method", bound=Callable[..., Any])

JSON = "application/json"
HOST = "http://127.0.0.1:8083"
REFUSALS = {
    400: "Something in the request is wrong; `field` names it.",
    401: "No token, or not a valid one.",
    403: "This account may not do that, or the CSRF token is missing.",
    404: "There is nothing of that name.",
    409: "Refused: `code` says why, `remedy` what would change it. Nothing was changed.",
    411: "The body came without its length.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    429: "Too many requests in a minute; the header Retry-After says when to try again.",
    500: "The portal failed; the error is in its log under the request id.",
    503: "The database does not answer; the remedy says how to halt without it.",
}
READ = (400, 401, 403, 429, 500, 503)
WRITE = (400, 401, 403, 409, 411, 413, 415, 429, 500, 503)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer of an address that only asks for something, which a job then does: 202."""

    answer: Any


def curl(path: str, *, body: str = "", method: str = "") -> str:
    """Return the line to copy; TOKEN is what `manage.py api_token` printed."""
    method = method or ("POST" if body else "GET")
    parts = [f"curl -X {method} {HOST}{path}"] if method != "GET" else [f"curl '{HOST}{path}'"]
    parts.append('-H "Authorization: Token $TOKEN"')
    if body:
        parts += ['-H "Content-Type: application/json"', f"-d '{body}'"]
    return " \\\n  ".join(parts)


def endpoint(
    operation_id: str,
    summary: str,
    *,
    tag: str,
    example_call: str,
    answer: Any,
    example: Any = None,
    body: Any = None,
    refusals: Iterable[int] = READ,
    parameters: Iterable[OpenApiParameter] = (),
    media_type: str = JSON,
) -> Callable[[Method], Method]:
    """Describe one method of a view. Its docstring follows the summary."""
    status = 200
    if isinstance(answer, Accepted):
        status, answer = 202, answer.answer
    # The generator sees that an answer is a list only when it is not wrapped.
    responses: dict[Any, Any] = {status if media_type == JSON else (status, media_type): answer}
    for refused in refusals:
        responses[refused] = OpenApiResponse(ErrorAnswer, description=REFUSALS[refused])
    examples = []
    if example is not None:
        examples.append(
            OpenApiExample("Answer", value=example, response_only=True, status_codes=[str(status)])
        )

    def decorate(method: Method) -> Method:
        told = " ".join((method.__doc__ or "").split())
        decorated: Method = extend_schema(
            operation_id=operation_id,
            summary=summary,
            description=f"{told}\n\n```shell\n{example_call}\n```",
            tags=[tag],
            request=body,
            responses=responses,
            parameters=list(parameters),
            examples=examples,
        )(method)
        return decorated

    return decorate


def query(name: str, schema: Mapping[str, Any], description: str) -> OpenApiParameter:
    """Return an optional query parameter."""
    return OpenApiParameter(
        name, dict(schema), OpenApiParameter.QUERY, required=False, description=description
    )


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How tokens look to OpenAPI."""

    target_class = "polyarb_site.rest.authentication.TokenAuthentication"
    match_subclasses = True
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the scheme. Token works as well as Bearer; OpenAPI can state only one."""
        del auto_schema
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "`manage.py api_token USERNAME` prints a token once.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the login looks to OpenAPI."""

    target_class = "polyarb_site.rest.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the scheme."""
        del auto_schema
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
