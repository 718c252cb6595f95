"""What the search that `/` opens finds beside the names of pages: ids, and markets by words."""

from django.http import HttpRequest
from django.urls import reverse
from unfold.dataclasses import SearchResult

from trading.selectors.pages import find


def search(request: HttpRequest, term: str) -> list[SearchResult]:
    """Return what this person may see of what was found."""
    return [
        SearchResult(
            title=title,
            description=kind,
            link=reverse(f"admin:trading_{model}_change", args=[number]),
            icon="data_object",
        )
        for model, number, title, kind in find(term)
        if request.user.has_perm(f"trading.view_{model}")
    ]
