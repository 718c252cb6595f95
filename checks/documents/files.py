"""The documents that are made: which there are, what each should hold now, and whether it does."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from checks.catalogue.base import Check
from checks.documents.checklist import render_checklist
from checks.documents.configuration import render_configuration
from checks.documents.plan import render_plan
from polyarb_site.yaml_files import read_yaml
from trading.selectors.configuration import key_facts

REMEDY = "manage.py write_documents"


@dataclass(frozen=True, slots=True)
class Made:
    """One document: its file's name below docs/, and what makes its text."""

    name: str
    text: Callable[[], str]


def plan_text() -> str:
    """Return the production plan as it should be. Raises ConfigError for a file that is no file."""
    phases: Any = read_yaml(settings.CONFIG_DIR / "phases.yaml")["phases"]
    return render_plan(_listed(phases))


def checklist_text() -> str:
    """Return the checklist as it should be."""
    # Asked for late: one of the checks of the catalogue asks whether this document has drifted.
    catalogue: Iterable[Check] = import_string("checks.catalogue.registry.CATALOGUE")
    return render_checklist(catalogue)


def configuration_text() -> str:
    """Return the configuration reference as it should be."""
    return render_configuration(key_facts())


DOCUMENTS = (
    Made("PRODUCTION_PLAN.md", plan_text),
    Made("GO_NO_GO_CHECKLIST.md", checklist_text),
    Made("CONFIGURATION.md", configuration_text),
)


def folder() -> Path:
    """Return where they are."""
    return Path(settings.BASE_DIR) / "docs"


def drift(documents: Iterable[Made] = DOCUMENTS) -> list[str]:
    """Return one sentence for each document that is not what this version would write."""
    found = [(made, _kept(folder() / made.name), made.text()) for made in documents]
    return [_difference(made.name, kept, text) for made, kept, text in found if kept != text]


def write(documents: Iterable[Made] = DOCUMENTS) -> list[str]:
    """Write each that differs, and return the names of those."""
    written = []
    for made in documents:
        text, path = made.text(), folder() / made.name
        if _kept(path) != text:
            path.write_text(text, encoding="utf-8")
            written.append(made.name)
    return written


def _kept(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _difference(name: str, kept: str | None, text: str) -> str:
    """Say where the two part, so that a reader sees which change was not written down."""
    if kept is None:
        return f"docs/{name} is not there; write it: {REMEDY}"
    old, new = kept.splitlines(), text.splitlines()
    number = next(
        (at for at, pair in enumerate(zip(old, new, strict=False), 1) if pair[0] != pair[1]),
        min(len(old), len(new)) + 1,
    )
    return f"docs/{name} differs from line {number} on; write it again: {REMEDY}"


def _listed(phases: Any) -> list[Mapping[str, Any]]:
    return [phase for phase in phases if isinstance(phase, Mapping)]
