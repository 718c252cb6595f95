"""The description of the REST door: /api/schema/ for programs, /api/docs/ for people.

The page comes from this host alone, its script too, so that it opens offline and under a policy
that is stricter than the admin's: nothing inline runs, nothing is evaluated.
"""

import json
import threading
from typing import Any

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.http import HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.decorators import method_decorator
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from polyarb_site.rest.permissions import has_any_role
from polyarb_site.rest.views import ApiView

TITLE = "PolyArb portal: REST API"
PAGE_POLICY = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF, UNSAFE_INLINE],  # the page of the generator sets a few styles inline
    "img-src": [SELF, "data:"],
    "font-src": [SELF],
    "connect-src": [SELF],
    "frame-ancestors": [NONE],
    "base-uri": [NONE],
    "form-action": [NONE],
}

_lock = threading.Lock()
_made: dict[str, Any] = {}


def schema() -> dict[str, Any]:
    """Return the OpenAPI description; it is made once in each process."""
    with _lock:
        if not _made:
            generator = SchemaGenerator()  # type: ignore[no-untyped-call]
            described: Any = generator
            schema = described.get_schema(request=None, public=True)
            _made.update(schema)
        return _made


class SchemaView(ApiView):
    """GET /api/schema/."""

    rules = {"GET": has_any_role}

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        """Return the description as OpenAPI 3 in JSON."""
        del request
        return Response(schema())


def _asset(name: str) -> str:
    return static(f"drf_spectacular_sidecar/swagger-ui-dist/{name}")


@method_decorator(csp_replace(PAGE_POLICY), name="dispatch")
class DocsView(ApiView):
    """GET /api/docs/."""

    rules = {"GET": has_any_role}

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Return the page."""
        context = {
            "title": TITLE,
            "swagger_ui_css": _asset("swagger-ui.css"),
            "swagger_ui_bundle": _asset("swagger-ui-bundle.js"),
            "swagger_ui_standalone": _asset("swagger-ui-standalone-preset.js"),
            "favicon_href": _asset("favicon-32x32.png"),
            "script_url": reverse("api-docs-script"),
        }
        return render(request._request, "drf_spectacular/swagger_ui.html", context)


class DocsScriptView(ApiView):
    """GET /api/docs/start.js, which starts the page."""

    rules = {"GET": has_any_role}

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Return the script; requests tried from the page carry the CSRF token of the login."""
        context = {
            "schema_url": reverse("api-schema"),
            "settings": json.dumps({"deepLinking": True, "validatorUrl": None}),
            "oauth2_config": "",
            "csrf_header_name": "X-CSRFTOKEN",
            "schema_auth_names": "[]",
        }
        return render(
            request._request,
            "drf_spectacular/swagger_ui.js",
            context,
            content_type="application/javascript",
        )
