"""Incidents: opened by what found them, resolved by a person who says what was done."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.module_loading import import_string

from polyarb_site.audit.recorder import record
from polyarb_site.clock import SystemClock
from polyarb_site.live.send import publish
from trading.models import Incident, Mandate, ReconciliationRun
from trading.reconciling.code_words import finding_text
from trading.services.changes import actor_text, kept
from trading.services.refusals import Invalid, NotFound, ServiceRefused, require

TIMELINE_MAX = 50  # what is seen again unchanged is counted, and no line of its own
NOTE_LENGTH_MAX = 1_000
TITLE_LENGTH_MAX = 300
ID_MAX = 2**63 - 1
GRAVEST_FIRST = (Incident.Kind.SECURITY, Incident.Kind.ROLLBACK, Incident.Kind.RECONCILIATION)
# Asked before trading is resumed: called with an account, says what has to end first, "" for
# nothing.
Guard: TypeAlias = Callable[[str], str]


def incident_target(incident: Incident) -> str:
    """Return how the audit names an incident."""
    return f"incident:{incident.pk}"


def find_incident(number: int) -> Incident:
    """Return an incident by its number, or raise NotFound."""
    row = Incident.objects.filter(pk=number).first() if number <= ID_MAX else None
    if row is None:
        raise NotFound(
            "NO_INCIDENT", "there is no incident of that number", "GET /api/incidents lists them"
        )
    return row


def open_or_extend(
    account: str, *, title: str, evidence: dict[str, Any], by_name: str, at: datetime
) -> tuple[Incident, bool]:
    """Return the open reconciliation incident of an account and whether it is new.

    Is called within the transaction of what found it. `evidence` is that of the newest finding; the
    first one stays beside it, and the timeline gets a line when the title changes.
    """
    kind = Incident.Kind.RECONCILIATION
    return _open(account, kind, title, evidence, by=None, by_name=by_name, at=at, since=at)


def open_incident(
    account: str,
    kind: str,
    *,
    title: str,
    evidence: dict[str, Any],
    by: User | None,
    by_name: str = "",
    at: datetime,
    since: datetime | None = None,
) -> Incident:
    """Open an incident, or add to the one of its kind that is open, and return it.

    `since` is when it began, where that was before `at`. What a reconciliation finds comes by
    open_or_extend alone: Invalid for that kind, and for one that is not known.
    """
    if kind not in (Incident.Kind.ROLLBACK, Incident.Kind.SECURITY):
        raise Invalid(
            "INVALID_KIND", f"kind is {kind!r:.40}", "use ROLLBACK or SECURITY", ("kind",)
        )
    if not title.strip():
        raise Invalid("TITLE_MISSING", "an incident needs a title", "say what is wrong", ("title",))
    who = actor_text(by, by_name)
    with transaction.atomic():
        row, _ = _open(
            account, kind, title.strip(), evidence, by=by, by_name=who, at=at, since=since or at
        )
    return row


def _open(
    account: str,
    kind: str,
    title: str,
    evidence: dict[str, Any],
    *,
    by: User | None,
    by_name: str,
    at: datetime,
    since: datetime,
) -> tuple[Incident, bool]:
    row = (
        Incident.objects.select_for_update()
        .filter(account=account, kind=kind, state=Incident.State.OPEN)
        .first()
    )
    said = kept(title, TITLE_LENGTH_MAX)
    if row is None:
        row = Incident.objects.create(
            account=account,
            kind=kind,
            title=said,
            opened_at=since,
            last_seen_at=at,
            evidence={"first": evidence, "last": evidence, "timeline": [_line(at, "opened", said)]},
        )
        _tell(row, "incident.open", by=by, by_name=by_name, reason=said, at=at)
        return row, True
    timeline = list(row.evidence["timeline"])
    if row.title != said and len(timeline) < TIMELINE_MAX:
        timeline.append(_line(at, "changed", said))
    row.evidence = {**row.evidence, "last": evidence, "timeline": timeline}
    row.title, row.last_seen_at, row.seen_count = said, at, row.seen_count + 1
    row.save(update_fields=["title", "last_seen_at", "seen_count", "evidence"])
    if kind != Incident.Kind.RECONCILIATION:  # each of these is said by somebody, or done by us
        _tell(row, "incident.extend", by=by, by_name=by_name, reason=said, at=at)
    return row, False


def resolve_incident(
    incident: Incident,
    *,
    by: User | None,
    note: str,
    by_name: str = "",
    at: datetime | None = None,
) -> Incident:
    """Close an incident with what was found and done. It does not resume trading.

    Raises ServiceRefused without a note, without the role, and when it is not open any more.
    """
    require(by, "trading.resolve_incident")
    if not note.strip():
        raise Invalid(
            "NOTE_MISSING", "resolving an incident needs a note", "say what was wrong and was done"
        )
    now, who = at or SystemClock().now(), actor_text(by, by_name)
    said = kept(note.strip(), NOTE_LENGTH_MAX)
    with transaction.atomic():
        # Locked, so that no finding extends it meanwhile and its timeline has no lost line.
        row = Incident.objects.select_for_update().get(pk=incident.pk)
        evidence = {
            **row.evidence,
            "timeline": [*row.evidence["timeline"], _line(now, "resolved", f"{who}: {said}")],
        }
        updated = Incident.objects.filter(pk=row.pk, state=Incident.State.OPEN).update(
            state=Incident.State.RESOLVED,
            resolved_at=now,
            resolved_by=who,
            note=said,
            evidence=evidence,
        )
        if updated != 1:
            raise ServiceRefused(
                "NOT_OPEN",
                f"incident {row.pk} was resolved already, by {row.resolved_by}",
                "nothing has to be resolved",
            )
        row.refresh_from_db()
        _tell(row, "incident.resolve", by=by, by_name=who, reason=said, at=now)
    return row


def refuse_unreconciled(mandate: Mandate) -> None:
    """Raise ServiceRefused while nobody can say that the books are true."""
    obstacles = _obstacles(mandate)
    if obstacles:
        raise obstacles[0]


def resume_obstacles(account: str) -> list[ServiceRefused]:
    """Return everything that has to be cleared up before trading goes on, gravest first."""
    mandate = Mandate.objects.filter(account=account).first()
    return _obstacles(mandate) if mandate is not None else []


def _obstacles(mandate: Mandate) -> list[ServiceRefused]:
    obstacles = []
    for path in settings.RESUME_GUARDS:
        guard: Guard = import_string(path)
        if said := guard(mandate.account):
            obstacles.append(
                ServiceRefused("NOT_YET", said, "wait until it has ended, then clear it up")
            )
    opened = Incident.objects.filter(account=mandate.account, state=Incident.State.OPEN)
    obstacles += [
        ServiceRefused(
            "INCIDENT_OPEN",
            f"incident {incident.pk} is open: {finding_text(incident.title)}",
            "clear it up and resolve it with a note, then resume",
        )
        for incident in sorted(opened, key=lambda row: GRAVEST_FIRST.index(row.kind))
    ]
    unmatched = _not_reconciled(mandate)
    return obstacles if unmatched is None else [*obstacles, unmatched]


def may_start_to_compare(mandate: Mandate) -> bool:
    """Say whether an engine may start halted: nothing else makes the match that resuming needs."""
    return _not_reconciled(mandate) is not None


def _not_reconciled(mandate: Mandate) -> ServiceRefused | None:
    """Return why a live account has to be compared again, None when it has not."""
    if mandate.mode != "LIVE":
        return None
    newest = ReconciliationRun.objects.filter(account=mandate.account).first()
    if newest is None or newest.verdict == ReconciliationRun.Verdict.MATCH:
        return None
    running = mandate.desired == Mandate.Desired.RUN
    return ServiceRefused(
        "NOT_RECONCILED",
        f"the newest reconciliation is no match ({newest.verdict} at {newest.at:%H:%M:%S} UTC)",
        "wait for the next one, a running engine makes one each minute: manage.py reconcile"
        if running
        else "start the engine, which compares while it is halted and trades nothing: "
        "manage.py start_simulated",
    )


def _line(at: datetime, what: str, text: str) -> dict[str, str]:
    return {"at": at.isoformat(), "what": what, "text": text}


def _tell(
    row: Incident, action: str, *, by: User | None, by_name: str, reason: str, at: datetime
) -> None:
    """Tell open pages and the audit, in the transaction of the change."""
    publish("state", {"account": row.account, "what": action, "incident": row.pk}, at=at)
    record(
        action,
        actor=by,
        actor_name=by_name,
        target=incident_target(row),
        reason=reason,
        after={"account": row.account, "kind": row.kind, "title": row.title, "state": row.state},
        at=at,
    )
