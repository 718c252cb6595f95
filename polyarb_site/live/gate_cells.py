"""Cells of the gates: the last go/no-go, and what the next step waits for."""

from polyarb_site import formats
from polyarb_site.live.cell import Cell, Part, age_cell, cell, epoch_ms, missing, part_of

_WAITS = {"REQUESTED": "promotion waits for a yes", "APPROVED": "approved, start it"}


def gate_cells(part: Part, as_of: object) -> dict[str, Cell]:
    """Return the cells of the state's part "gates", as checks.selectors.gate_part makes it."""
    return {**_decision(part, as_of), "criteria": _step(part)}


def _decision(part: Part, as_of: object) -> dict[str, Cell]:
    told = part_of(part, "go_no_go")
    if not told.get("decision"):
        reason = part.get("reason") or "the last run came to no decision"
        return {"go_no_go": missing(reason), "go_no_go_age": cell("")}
    go = told["decision"] == "GO"
    title = f"For phase {told.get('phase')}: {told.get('sentence') or 'no reason was kept'}"
    word, tone = ("GO", "good") if go else ("NO-GO", "bad")
    if not told.get("valid"):  # a NO-GO stays one; a GO that is too old allows nothing any more
        word, tone = f"{word}, too old", "warn" if go else "bad"
    age = age_cell(epoch_ms(told.get("at")), formats.moment_of(as_of))
    return {"go_no_go": cell(word, tone=tone, title=title), "go_no_go_age": age}


def _step(part: Part) -> Cell:
    told = part_of(part, "step")
    if not told:
        return missing("no criterion was judged yet")
    waits = _WAITS.get(told.get("promotion") or "")
    if waits:
        return cell(waits, tone="warn")
    asked, lacking = int(told.get("asked") or 0), int(told.get("missing") or 0)
    title = f"Criteria of phase {told.get('phase')}, judged {told.get('at')}"
    if not asked:
        return missing("this phase asks for nothing more")
    if lacking:
        return cell(f"{lacking} of {asked} criteria missing", title=title)
    return cell("every criterion is met", tone="good", title=title)
