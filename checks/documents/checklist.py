"""docs/GO_NO_GO_CHECKLIST.md: what is asked before trading may start, from the catalogue itself."""

from collections.abc import Iterable, Sequence

from checks.catalogue.base import ALL_PHASES, Category, Check
from checks.documents.markdown import code, joined, table
from polyarb_site.markdown import RULE_ANCHOR

RUNBOOK = "PRODUCTION_RUNBOOK.md"
INTRODUCTION = (
    "# PolyArb go/no-go checklist",
    "",
    "Everything that is asked before trading may start or go on to the next phase. The machine",
    "asks it: `python manage.py go_no_go`, the page *Go/No-Go*, or `POST /api/checks/runs/`. What",
    "only a person can know is an attestation with a name and an end.",
)
DECISION = (
    "## How it is decided",
    "",
    "**GO** needs every check of priority P0 to pass, and of P1 all but two. P2 and P3 never hold",
    "anything up. A check that could not be made is Unknown and counts as failed. A decision is",
    "valid for 24 hours. `go_no_go` ends with 0 for GO, with 1 for NO-GO, and with 2 when the run",
    "itself failed, which is no decision.",
)
END = (
    "This text is made from the catalogue of checks by `manage.py write_documents`. Change the",
    "check, not this file.",
)
NAMES = ("Shadow Production", "Micro-Live", "Constrained-Live", "Scaled-Live")
HEADS = ("check", "priority", "what is asked", "what is needed", "how to put it right", "more")


def render_checklist(catalogue: Iterable[Check]) -> str:
    """Return the document."""
    checks = list(catalogue)
    return joined(
        INTRODUCTION,
        DECISION,
        ("## How many there are",),
        table(
            ("phase", "P0", "P1", "P2", "P3"),
            [_counts(checks, phase) for phase in ALL_PHASES],
        ),
        *(part for phase in ALL_PHASES for part in _phase(checks, phase)),
        END,
    )


def runbook_link(anchor: str) -> str:
    """Return the link to a section as a viewer of the repository wants it."""
    if not anchor:
        return ""
    slug = anchor.removeprefix("#")
    return f"[runbook]({RUNBOOK}#{slug.removeprefix(RULE_ANCHOR)})"


def _counts(checks: Sequence[Check], phase: int) -> list[str]:
    asked = [check.priorities[phase].value for check in checks if phase in check.priorities]
    return [f"{phase}, {NAMES[phase]}", *(str(asked.count(f"P{n}")) for n in range(4))]


def _phase(checks: Sequence[Check], phase: int) -> list[Sequence[str]]:
    parts: list[Sequence[str]] = [(f"## Phase {phase}: {NAMES[phase]}",)]
    for category in Category:
        asked = [one for one in checks if one.category is category and phase in one.priorities]
        if not asked:
            continue
        parts.append((f"### {category.value.capitalize()} in phase {phase}",))
        parts.append(table(HEADS, [_row(check, phase) for check in _gravest(asked, phase)]))
    return parts


def _gravest(asked: list[Check], phase: int) -> list[Check]:
    """Return them with the gravest first, else as the catalogue has them."""
    return sorted(asked, key=lambda check: check.priorities[phase].value)


def _row(check: Check, phase: int) -> tuple[str, ...]:
    return (
        code(check.id),
        check.priorities[phase].value,
        check.title,
        check.needed,
        check.remedy,
        runbook_link(check.runbook),
    )
