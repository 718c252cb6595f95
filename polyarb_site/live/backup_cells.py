"""The cells of the newest backup that counts."""

from datetime import timedelta

from polyarb_site import formats
from polyarb_site.live.cell import Cell, Part, age_cell, cell, epoch_ms, missing

OVERDUE = timedelta(hours=24)
LATE = timedelta(hours=14)  # one is taken each half day


def backup_cells(part: Part, as_of: object) -> dict[str, Cell]:
    """Return whether there is one, and how old it is. A later one that failed is said on hover."""
    at, now, failed = epoch_ms(part.get("at")), formats.moment_of(as_of), part.get("failed")
    if at is None or now is None:
        tone = "warn" if failed else "quiet"
        return {"backup": {**missing(part.get("reason")), "tone": tone}, "backup_age": cell("")}
    age = timedelta(milliseconds=int(now.timestamp() * 1000) - at)
    word, tone = ("overdue", "bad") if age >= OVERDUE else ("verified", "good")
    if tone == "good" and (failed or age >= LATE):
        tone = "warn"
    title = f"{part.get('name')} was restored into a scratch database and compared"
    title = f"{title}; the later {failed} failed" if failed else title
    return {"backup": cell(word, tone=tone, title=title), "backup_age": age_cell(at, now)}
