"""What happened at the gates, newest first: requests, answers, endings, starts, ways down."""

from dataclasses import dataclass
from datetime import datetime

from checks.models import Approval, Promotion, Rollback
from polyarb_site.audit.models import AuditEvent
from trading.selectors.phases import Phase

PROMOTIONS_MAX = 30
ROLLBACKS_MAX = 30
AUDITED_MAX = 30
EVENTS_MAX = 40
# What the audit alone knows: a grant in force is started with again, the number of approvers.
AUDITED = {
    "engine.start_live": ("started live", "play_circle"),
    "approvers.set": ("number of approvers set", "group"),
}
_ENDS = {
    Promotion.State.CONSUMED: ("in force", "rocket_launch", "good"),
    Promotion.State.REJECTED: ("rejected", "block", "bad"),
    Promotion.State.WITHDRAWN: ("withdrawn", "undo", "quiet"),
    Promotion.State.VOID: ("void", "link_off", "bad"),
    Promotion.State.EXPIRED: ("expired", "timer_off", "quiet"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened. `key` is the same for the same thing, however often it is read."""

    key: str
    at: datetime
    said: str  # in a few words
    what: str  # to what
    who: str
    why: str
    icon: str
    tone: str
    promotion: int | None = None
    incident: int | None = None


def timeline(account: str) -> list[Event]:
    """Return the newest events of an account, at most EVENTS_MAX."""
    events = [*_promotions(account), *_rollbacks(account), *_audited(account)]
    return sorted(events, key=lambda one: one.at, reverse=True)[:EVENTS_MAX]


def _promotions(account: str) -> list[Event]:
    rows = Promotion.objects.filter(account=account).prefetch_related("approvals")
    found: list[Event] = []
    for row in rows.order_by("-id")[:PROMOTIONS_MAX]:
        found += _of_promotion(row)
    return found


def _of_promotion(row: Promotion) -> list[Event]:
    what = f"promotion {row.pk} to {Phase(row.phase).label}"
    found = [
        Event(
            key=f"p{row.pk}",
            at=row.requested_at,
            said="asked for",
            what=what,
            who=row.requested_by_name,
            why=row.reason,
            icon="stairs",
            tone="",
            promotion=row.pk,
        )
    ]
    for answer in row.approvals.all():
        yes = answer.answer == Approval.Answer.YES
        found.append(
            Event(
                key=f"a{answer.pk}",
                at=answer.at,
                said="yes" if yes else "no",
                what=what,
                who=answer.by_name,
                why=answer.comment,
                icon="thumb_up" if yes else "thumb_down",
                tone="good" if yes else "bad",
                promotion=row.pk,
            )
        )
    if row.ended_at is not None and row.state in _ENDS:
        said, icon, tone = _ENDS[Promotion.State(row.state)]
        found.append(
            Event(
                key=f"e{row.pk}",
                at=row.ended_at,
                said=said,
                what=what,
                who="",
                why=row.end_reason,
                icon=icon,
                tone=tone,
                promotion=row.pk,
            )
        )
    return found


def _rollbacks(account: str) -> list[Event]:
    rows = Rollback.objects.filter(account=account).order_by("-id")[:ROLLBACKS_MAX]
    return [
        Event(
            key=f"r{row.pk}",
            at=row.started_at,
            said=row.get_state_display().lower(),
            what=f"rollback from {Phase(row.phase_from).label} to {Phase(row.phase_to).label}",
            who=row.by_name,
            why=row.reason,
            icon="keyboard_double_arrow_down",
            tone="bad",
            incident=row.incident_id,
        )
        for row in rows
    ]


def _audited(account: str) -> list[Event]:
    rows = AuditEvent.objects.filter(action__in=AUDITED, target__endswith=f":{account}")
    found = []
    for row in rows.order_by("-sequence")[:AUDITED_MAX]:
        said, icon = AUDITED[row.action]
        after = row.after if isinstance(row.after, dict) else {}
        phase = after.get("phase")
        name = Phase(phase).label if isinstance(phase, int) and phase in Phase.values else ""
        found.append(
            Event(
                key=f"u{row.sequence}",
                at=row.at,
                said=f"in {name}" if name else "",
                what=said,
                who=row.actor_name,
                why=row.reason,
                icon=icon,
                tone="warn",
            )
        )
    return found
