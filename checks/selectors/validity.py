"""Whether an open promotion still is what it was asked for, and who has validly said yes to it.

Whoever shows or uses an open promotion asks here: what is stored in its row may be late by a
minute, until the next sweep.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User

from checks.criteria.hashing import canonical_sha256
from checks.models import Approval, Promotion
from checks.selectors.approvers import PERMISSION, approvers_needed, may_approve_own
from checks.selectors.bindings import changed_evidence
from checks.selectors.gates import OPEN_STATES, unrest
from checks.selectors.proofs import evaluation_problems, run_problems
from polyarb_site.audit.models import AuditEvent
from reports.services import find_backup
from trading.selectors.promoting import (
    Grant,
    Mandate,
    Running,
    moves_since,
    profile_problems,
    running_facts,
)
from trading.services.changes import find_mandate
from trading.services.grants import running_of
from trading.services.refusals import ServiceRefused
from trading.services.revisions import newest

LIFE = timedelta(hours=24)
# What a grant has and a binding has not yet: it comes when the grant is given.
GIVEN_LATER = {"promotion", "approvals_sha256", "granted_at"}
BOUND_NAMES = {field.name for field in fields(Grant)} - GIVEN_LATER
State = Promotion.State

_COMPARED = {
    "profile": "the profile",
    "profile_revision": "the revision of the profile",
    "profile_sha256": "the content of the profile",
    "config_sha256": "venues.yaml or phases.yaml",
    "software": "the software",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """That a promotion has ended, whatever its row says yet, and why."""

    state: Promotion.State
    reason: str


def target_of(number: int) -> str:
    """Return how the audit names a promotion."""
    return f"promotion:{number}"


def expires_at(promotion: Promotion) -> datetime:
    """Return when a promotion expires, never later than 24 hours after it was asked for."""
    return min(promotion.expires_at, promotion.requested_at + LIFE)


def needed(promotion: Promotion) -> int:
    """Return how many have to say yes: what held at the request, or more if more is asked now."""
    return max(promotion.approvers_needed, approvers_needed(promotion.account), 1)


def ending(promotion: Promotion, now: datetime) -> Ending | None:
    """Return how an open promotion has ended by itself, None when it has not or is not open."""
    if promotion.state not in OPEN_STATES:
        return None
    if now >= expires_at(promotion):
        return Ending(state=State.EXPIRED, reason="24 hours have passed")
    first = next(_changes(promotion, now), "")
    return Ending(state=State.VOID, reason=first) if first else None


def approvals_valid(promotion: Promotion) -> list[Approval]:
    """Return the approvals that count: of what is bound, by different people who still may."""
    rows = promotion.approvals.select_related("by")
    return [row for row in rows if not _approval_fault(promotion, row)]


def _changes(promotion: Promotion, now: datetime) -> Iterator[str]:
    """Go through everything that makes a promotion void, cheapest first."""
    if promotion.requested_at > now:
        yield "it was asked for at a time that has not come"
    yield from _binding_faults(promotion)
    asked = _asked(promotion)
    if asked is None:
        yield "what it is bound to is not what the audit says"
        return
    try:
        mandate = find_mandate(promotion.account)
    except ServiceRefused as refused:
        yield refused.message
        return
    since = mandate.phase_since
    if mandate.phase != promotion.phase_from or (since and since > promotion.requested_at):
        yield "the phase was changed since"
    yield from moves_since(promotion.account, asked)
    yield from (one.message for one in unrest(mandate, since=promotion.requested_at))
    yield from _content_changes(promotion, mandate, now)
    rows = list(promotion.approvals.select_related("by"))
    for row in rows:
        if fault := _approval_fault(promotion, row):
            yield f"the answer of {row.by_name} does not count: {fault}"
    if promotion.state == State.APPROVED and len(rows) < needed(promotion):
        yield f"{needed(promotion)} approvals are needed, and {len(rows)} count"


def _binding_faults(promotion: Promotion) -> Iterator[str]:
    bound: Any = promotion.binding
    if not isinstance(bound, Mapping) or set(bound) != BOUND_NAMES:
        yield "what it is bound to is not complete"
        return
    if canonical_sha256(bound) != promotion.binding_sha256:
        yield "what it is bound to was changed"
    profile = promotion.profile
    columns = {
        "account": promotion.account,
        "phase": promotion.phase,
        "venue": promotion.venue,
        "profile": profile.name,
        "profile_revision": profile.revision,
        "check_run": promotion.check_run_id,
        "evaluation": promotion.evaluation_id,
        "backup": promotion.backup,
    }
    if any(bound[name] != value for name, value in columns.items()):
        yield "what it is bound to is not what it was asked for"
    if promotion.phase not in (promotion.phase_from, promotion.phase_from + 1):
        yield "it skips a phase"


def _asked(promotion: Promotion) -> int | None:
    """Return the number of the audit's record of the request, None when it says something else."""
    event = AuditEvent.objects.filter(
        action="promotion.request", target=target_of(promotion.pk)
    ).first()
    if event is None or not isinstance(event.after, dict):
        return None
    said = (event.after.get("binding_sha256"), event.actor_id, event.at, event.reason)
    stored = (
        *(promotion.binding_sha256, promotion.requested_by_id),
        *(promotion.requested_at, promotion.reason),
    )
    return event.sequence if said == stored else None


def _content_changes(promotion: Promotion, mandate: Mandate, now: datetime) -> Iterator[str]:
    """Compare what is there now with what is bound."""
    bound, profile = promotion.binding, promotion.profile
    last = newest(profile.name)
    if last is None or last.pk != profile.pk:
        yield f"{profile} is not the newest revision any more"
    try:
        running = running_of(
            promotion.account, phase=promotion.phase, venue=promotion.venue, profile=profile
        )
        problems = profile_problems(profile, promotion.phase)
    except (ServiceRefused, OSError) as error:
        yield f"what would run cannot be read: {error}"
        return
    facts = running_facts(running)
    for name, words in _COMPARED.items():
        if facts[name] != bound[name]:
            yield f"{words} was changed"
    yield from problems
    yield from changed_evidence(bound)
    yield from _evidence_faults(promotion, mandate, running, now)
    try:
        backup = find_backup(promotion.backup)
    except ServiceRefused as refused:
        yield refused.message
    else:
        if backup.state != "VERIFIED" or backup.sha256 != bound["backup_sha256"]:
            yield f"the backup {promotion.backup} does not count any more"


def _evidence_faults(
    promotion: Promotion, mandate: Mandate, running: Running, now: datetime
) -> Iterator[str]:
    phase, venue = promotion.phase, promotion.venue
    run, evaluation = promotion.check_run, promotion.evaluation
    for one in run_problems(run, phase=phase, venue=venue, running=running, now=now):
        yield one.message
    for one in evaluation_problems(
        evaluation,
        phase=mandate.phase,
        venue=venue,
        target=phase,
        running=running,
        now=now,
        fresh=False,
    ):
        yield one.message


def _approval_fault(promotion: Promotion, row: Approval) -> str:
    """Return why an answer is no valid yes, empty when it is one."""
    by = row.by
    if row.answer != Approval.Answer.YES:
        return "it is a no"
    if row.binding_sha256 != promotion.binding_sha256:
        return "it was to something else"
    if by is None or not isinstance(by, User) or not by.is_active:
        return "the account is not active any more"
    if not by.has_perm(PERMISSION):
        return "the role was taken away"
    own = by.pk == promotion.requested_by_id or row.by_name == promotion.requested_by_name
    if own and (needed(promotion) > 1 or not may_approve_own(promotion.requested_by_id)):
        return "nobody approves their own request while there is somebody else"
    return "" if _audited(promotion, row) else "the audit does not know it"


def _audited(promotion: Promotion, row: Approval) -> bool:
    """Return whether the audit says the same of an approval as its row."""
    event = AuditEvent.objects.filter(
        action="promotion.approve", target=target_of(promotion.pk), actor=row.by_id
    ).first()
    if event is None or not isinstance(event.after, dict):
        return False
    said = (event.actor_name, event.reason, event.at, event.after.get("binding_sha256"))
    return said == (row.by_name, row.comment, row.at, row.binding_sha256)
