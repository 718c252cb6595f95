"""Whether the audit holds now: the newest walk over all of it, and what was written since."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from polyarb_site.audit.models import AuditEvent, ChainCheck
from polyarb_site.audit.verifying import newest_check, verify_audit_since
from reports.selectors.anchors import noted_heads

WALK_AGE_MAX = timedelta(hours=25)  # a walk is due every hour, and a day's last one counts
ROWS_NOW_MAX = 20_000  # that are verified at once: about a second


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditState:
    """`whole` None: not known. `walked` records held at the newest walk, `since` behind them."""

    whole: bool | None
    text: str
    walked: int = 0
    walked_at: datetime | None = None
    since: int = 0
    head_sha256: str = ""
    anchors: int = 0


def audit_state(now: datetime, *, rows_max: int = ROWS_NOW_MAX) -> AuditState:
    """Verify what was written since the newest walk, and compare with every noted head.

    A short chain is verified as a whole. A longer one needs a walk that is not old: the time for
    that nobody has here.
    """
    heads = [one.anchor for one in noted_heads().count]
    walk = _fresh_walk(now)
    if AuditEvent.objects.order_by()[: rows_max + 1].count() <= rows_max:
        report = verify_audit_since(None, heads, rows_max=rows_max)
        walk = None
    elif walk is None:
        text = "no walk over the whole audit was made within the last 25 hours"
        return AuditState(whole=None, text=text)
    elif not walk.whole:
        text = f"record {walk.broken_sequence}: {walk.text}"
        return AuditState(whole=False, text=text, walked=walk.checked, walked_at=walk.at)
    else:
        report = verify_audit_since(walk, heads, rows_max=rows_max)
    walked, walked_at = (walk.checked, walk.at) if walk is not None else (0, None)
    if report is None:
        text = f"more than {rows_max} records were written since the newest walk"
        return AuditState(whole=None, text=text, walked=walked, walked_at=walked_at)
    if report.broken is not None:
        text = f"record {report.broken.sequence}: {report.broken.text}"
        return AuditState(whole=False, text=text, walked=walked, walked_at=walked_at)
    return AuditState(
        whole=True,
        text="",
        walked=walked,
        walked_at=walked_at,
        since=report.checked - walked,
        head_sha256=report.head_sha256,
        anchors=len(heads),
    )


def _fresh_walk(now: datetime) -> ChainCheck | None:
    walk = newest_check()
    if walk is None or not now - WALK_AGE_MAX <= walk.at <= now:
        return None
    return walk
