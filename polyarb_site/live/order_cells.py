"""Cells about live orders and the truth of the books: access, latency, reconciliation."""

from polyarb_site import formats
from polyarb_site.live.cell import (
    FIGURES_STALE_MS,
    Cell,
    Part,
    cell,
    epoch_ms,
    missing,
    part_of,
)
from polyarb_site.live.engine_cells import no_access_tone

RECONCILED_STALE_MS = 150_000  # due every minute
_VERDICTS = {"MATCH": ("match", "good"), "MISMATCH": ("mismatch", "bad")}


def order_cells(state: Part) -> dict[str, Cell]:
    """Return the cells of access, order latency and reconciliation."""
    return {"access": _access(state), **_latency(state), **_reconciliation(state)}


def _access(state: Part) -> Cell:
    access = part_of(state, "access")
    if access.get("works") is None:
        return missing(access.get("reason"))
    at = epoch_ms(access.get("as_of"))
    if access["works"]:
        return cell("can be sent", tone="good", at=at, stale_ms=FIGURES_STALE_MS)
    why = f"{access.get('reason') or access.get('meaning') or ''} {access.get('remedy') or ''}"
    label = str(access.get("label") or access.get("problem")).lower()
    tone = no_access_tone(part_of(state, "engine"), formats.moment_of(state.get("as_of")))
    return cell(label, tone=tone, title=why.strip(), at=at, stale_ms=FIGURES_STALE_MS)


def _latency(state: Part) -> dict[str, Cell]:
    orders = part_of(state, "orders")
    sent, at = orders.get("batches_sent"), epoch_ms(orders.get("as_of"))
    found = {}
    for key, label in (("p50", "half"), ("p99", "99 of 100")):
        us = orders.get(f"sent_{key}_us")
        found[f"order_{key}"] = (
            missing(orders.get("reason"))
            if us is None
            else cell(
                formats.micros(us),
                title=f"{label} of the {formats.plural(sent, 'batch', 'batches')} of this session "
                f"left at most {us:,} µs after the decision, hashes kept and signed",
                at=at,
                stale_ms=FIGURES_STALE_MS,
            )
        )
    return found


def _reconciliation(state: Part) -> dict[str, Cell]:
    told = part_of(state, "reconciliation")
    verdict = told.get("verdict")
    if verdict is None:
        on_paper = part_of(state, "access").get("works") is None
        reason = "none yet" if not on_paper else told.get("reason")
        return {"reconciliation": missing(reason), "reconciled": cell("")}
    word, tone = _VERDICTS.get(verdict, (str(verdict).lower(), "warn"))
    at, now = epoch_ms(told.get("as_of")), formats.moment_of(state.get("as_of"))
    block = told.get("block_number")
    where = f"at block {block:,}" if block is not None else "on the venue's own books"
    title = told.get("reason") or f"ledger, venue and chain agree {where}"
    age = formats.age(told.get("age_ms")) if now is not None else ""
    return {
        "reconciliation": cell(word, tone=tone, title=title),
        "reconciled": cell(age, at=at, tick=True, stale_ms=RECONCILED_STALE_MS, title=title),
    }
