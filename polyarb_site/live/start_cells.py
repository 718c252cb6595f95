"""Cells of a start with live orders: what is ready already, and what is being waited for.

They follow one another: what comes after something that is not ready yet is not claimed.
"""

from typing import Any

from polyarb_site import formats
from polyarb_site.live.cell import Cell, Part, cell, part_of

WAITING = "waiting"
NO_SIGNER = "SIGNER_DOWN"
NOT_COMPARED = "NOT_RECONCILED"


def start_cells(state: Part) -> dict[str, Cell]:
    """Return one cell for each step from the venue to the first merged set."""
    access = part_of(state, "access")
    connected = part_of(state, "feed").get("connected")
    signer = _after(access, NO_SIGNER)
    books = signer and _after(access, NOT_COMPARED)
    return {
        "start_venue": _step(bool(connected), "answers", "starting"),
        "start_signer": _step(signer, "answers", "starting"),
        "start_books": _step(books, "agree", "being compared"),
        "start_orders": _step(bool(access.get("works")), "can be sent", WAITING),
        **_firsts(part_of(state, "progress")),
    }


def _after(access: Part, code: str) -> bool:
    """Return whether it is known that this cause does not stand; graver ones are told first."""
    return access.get("works") is not None and access.get("problem") != code


def _firsts(progress: Part) -> dict[str, Cell]:
    gaps, sent, done = (
        progress.get(name) or 0 for name in ("gaps_seen", "sets_submitted", "sets_completed")
    )
    markets: Any = progress.get("markets")
    watched = f"watching {formats.plural(markets, 'market')}" if markets else WAITING
    under_way = f"{formats.plural(sent, 'set')} under way" if sent else WAITING
    return {
        "start_gap": _step(gaps > 0, "seen", watched),
        "start_set": _step(done > 0, f"{formats.count(done)} merged", under_way),
    }


def _step(done: bool, ready: str, not_yet: str) -> Cell:
    return cell(ready, tone="good") if done else cell(not_yet, tone="quiet")
