"""Checks of the papers: that they are there and of this version, and what people state of them."""

from collections.abc import Callable

from django.conf import settings
from django.utils.module_loading import import_string

from checks.catalogue.base import (
    Category,
    Check,
    Priority,
    Scene,
    Seen,
    everywhere,
    failed,
    passed,
    unknown,
)
from checks.models import Attestation
from polyarb_site import formats

Kind = Attestation.Kind
DOCUMENTS = ("PRODUCTION_PLAN.md", "GO_NO_GO_CHECKLIST.md", "PRODUCTION_RUNBOOK.md")
DOCUMENT_BYTES_MIN = 200  # a page that says nothing is not there
SCALED_LIVE = 3
DRIFT = "checks.documents.drift"
VALID = "checks.selectors.attestations.valid_attestation"


def present(scene: Scene) -> Seen:
    """Open each of the three documents."""
    del scene
    sizes: dict[str, int | None] = {}
    for name in DOCUMENTS:
        try:
            sizes[name] = len((settings.BASE_DIR / "docs" / name).read_text("utf-8"))
        except (OSError, UnicodeDecodeError):
            sizes[name] = None
    missing = [name for name, size in sizes.items() if (size or 0) < DOCUMENT_BYTES_MIN]
    if missing:
        return failed(f"not there, or empty: {', '.join(missing)}", characters=sizes)
    return passed(f"{len(DOCUMENTS)} documents are there", characters=sizes)


def of_this_version(scene: Scene) -> Seen:
    """Compare the generated documents with what they are generated from."""
    del scene
    try:
        drift = import_string(DRIFT)  # late: the generator reads the catalogue that this is in
    except ImportError:
        return unknown("this version has nothing to compare the documents with")
    found = drift()
    if found:
        return failed(f"other than this version says: {'; '.join(found)}"[:500], drift=found[:20])
    return passed("plan and checklist say what phases and checks say now", drift=[])


def attested(kind: Kind) -> Callable[[Scene], Seen]:
    """Return a look for a statement that is in force."""

    def look(scene: Scene) -> Seen:
        try:
            valid_attestation = import_string(VALID)
        except ImportError:
            return unknown("this version cannot read statements")
        found = valid_attestation(scene.account, kind, scene.now)
        if found is None:
            return failed(f"nobody states it: {kind.label}", kind=kind.value)
        return passed(
            f"{found.by_name} stated it, until {formats.utc(found.expires_at)}",
            kind=kind.value,
            attestation=found.pk,
            at=found.at.isoformat(),
            expires_at=found.expires_at.isoformat(),
        )

    return look


def _attestation(
    kind: Kind, name: str, title: str, remedy: str, phases: dict[int, Priority]
) -> Check:
    return Check(
        id=f"documents.{name}",
        category=Category.DOCUMENTS,
        title=title,
        needed="a statement of a named person that has not expired",
        remedy=remedy,
        runbook="attestations",
        priorities=phases,
        look=attested(kind),
    )


CHECKS: tuple[Check, ...] = (
    Check(
        id="documents.present",
        category=Category.DOCUMENTS,
        title="Plan, checklist and runbook are there",
        needed=", ".join(f"docs/{name}" for name in DOCUMENTS),
        remedy="Bring the folder docs back as this version has it: git status docs.",
        runbook="documents",
        priorities=everywhere(Priority.P1),
        look=present,
    ),
    Check(
        id="documents.of_this_version",
        category=Category.DOCUMENTS,
        title="Plan and checklist are of this version",
        needed="the text that config/phases.yaml and the check catalogue give now",
        remedy="Generate them anew: manage.py write_documents.",
        runbook="documents",
        priorities=everywhere(Priority.P1),
        look=of_this_version,
    ),
    _attestation(
        Kind.RUNBOOK_READ,
        "runbook_read",
        "The runbook was read",
        "Read docs/PRODUCTION_RUNBOOK.md, then state it on the page Attestations.",
        dict(everywhere(Priority.P2)),
    ),
    _attestation(
        Kind.CONTACTS_SET,
        "contacts_set",
        "The emergency contacts are set",
        "Write down who is called when, then state it on the page Attestations.",
        dict(everywhere(Priority.P2)),
    ),
    _attestation(
        Kind.EMERGENCY_PLAN,
        "emergency_plan",
        "The emergency plan is known",
        "Go through the runbook's chapter on emergencies, then state it on the page Attestations.",
        {SCALED_LIVE: Priority.P1},
    ),
)
