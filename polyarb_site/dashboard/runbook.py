"""Runbook and documents inside the portal: the texts of the repository, with anchors and links."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from polyarb_site.markdown import Document, render

FOLDER = settings.BASE_DIR / "docs"
FILE = FOLDER / "PRODUCTION_RUNBOOK.md"
# What /admin/documents/ shows, by the name in the address: title and file.
DOCUMENTS = {
    "plan": ("Production plan", FOLDER / "PRODUCTION_PLAN.md"),
    "checklist": ("Go/no-go checklist", FOLDER / "GO_NO_GO_CHECKLIST.md"),
    "configuration": ("Configuration", FOLDER / "CONFIGURATION.md"),
}


@lru_cache(maxsize=1)
def document() -> Document:
    """Return the runbook, made once: it is part of the version that runs."""
    return render(FILE.read_text(encoding="utf-8"), _links())


@lru_cache(maxsize=len(DOCUMENTS))
def made_document(path: Path) -> Document:
    """Return another document, whose links to the runbook lead to its page."""
    return render(path.read_text(encoding="utf-8"), {**_links(), **_runbook_links()})


@require_safe
def runbook_page(request: HttpRequest) -> HttpResponseBase:
    """Show the runbook to whoever may read the portal."""
    _refuse_strangers(request)
    return _page(request, "Runbook", "", document())


@require_safe
def document_page(request: HttpRequest, name: str) -> HttpResponseBase:
    """Show one of the other documents."""
    _refuse_strangers(request)
    title, path = DOCUMENTS.get(name, ("", None))
    if path is None or not path.is_file():
        raise Http404
    return _page(request, title, name, made_document(path))


def _refuse_strangers(request: HttpRequest) -> None:
    if not admin.site.has_permission(request):
        raise PermissionDenied


def _page(request: HttpRequest, title: str, name: str, found: Document) -> HttpResponseBase:
    request.current_app = admin.site.name
    context = {
        **admin.site.each_context(request),
        "title": title,
        "tabs": [("Runbook", _address(""), not name)]
        + [(words, _address(one), one == name) for one, (words, _) in DOCUMENTS.items()],
        "headings": [one for one in found.headings if one.level in (2, 3)],
        # Made from our own file by a renderer that takes no HTML.
        "body": mark_safe(found.html),  # noqa: S308
    }
    return TemplateResponse(request, "polyarb/runbook.html", context)


def _address(name: str) -> str:
    return reverse("dashboard:document", args=[name]) if name else reverse("dashboard:runbook")


def _links() -> Mapping[str, str]:
    """Return where links from one document to another lead."""
    others = {path.name: _address(name) for name, (_, path) in DOCUMENTS.items()}
    return {FILE.name: _address(""), **others}


def _runbook_links() -> Mapping[str, str]:
    """Return where links to a section of the runbook lead, alert rules among them."""
    return {
        f"{FILE.name}#{one.slug}": f"{_address('')}#{one.anchor}" for one in document().headings
    }
