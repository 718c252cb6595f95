"""What no machine can see, stated by a person for a time, and taken back."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from django.contrib.auth.models import User
from django.db import transaction

from checks.models import Attestation
from polyarb_site.audit.recorder import record
from polyarb_site.clock import SystemClock
from polyarb_site.live.send import publish
from trading.services.changes import actor_text, find_mandate, kept
from trading.services.refusals import Invalid, ServiceRefused, require

PERMISSION = "checks.attest"
DAYS_MIN, DAYS_MAX = 1, 365
# How long a statement holds when nobody says: what changes more often is looked at more often.
DAYS: Mapping[str, int] = MappingProxyType(
    {
        Attestation.Kind.DEDICATED_WALLET: 90,
        Attestation.Kind.RISK_PARAMETERS_REVIEWED: 30,
        Attestation.Kind.RISK_MODEL_VALIDATED: 90,
        Attestation.Kind.EMERGENCY_PLAN: 90,
        Attestation.Kind.RUNBOOK_READ: 90,
        Attestation.Kind.CONTACTS_SET: 180,
    }
)


def attest(
    account: str,
    kind: str,
    *,
    note: str,
    days: int | None = None,
    by: User | None,
    by_name: str = "",
    at: datetime | None = None,
) -> Attestation:
    """State something for an account; without `days` for as long as its kind usually holds.

    Raises Invalid for a kind that is not known, without a note, and for days that are not 1 to 365.
    """
    require(by, PERMISSION)
    mandate = find_mandate(account)
    if kind not in Attestation.Kind.values:
        raise Invalid(
            "KIND_UNKNOWN",
            f"there is no attestation {kind[:40]!r}",
            f"choose one of {', '.join(Attestation.Kind.values)}",
        )
    said = note.strip()
    if not said:
        raise Invalid("NOTE_MISSING", "an attestation needs a note", "say what was looked at")
    holds = DAYS[kind] if days is None else days
    if not DAYS_MIN <= holds <= DAYS_MAX:
        raise Invalid(
            "DAYS_OUT_OF_BOUNDS",
            f"an attestation cannot hold for {holds} days",
            f"choose {DAYS_MIN} to {DAYS_MAX} days",
        )
    now = at or SystemClock().now()
    with transaction.atomic():
        row = Attestation.objects.create(
            account=mandate.account,
            kind=kind,
            note=kept(said, 1000),
            by=by,
            by_name=actor_text(by, by_name),
            at=now,
            expires_at=now + timedelta(days=holds),
        )
        publish("state", {"account": row.account, "what": "attestation", "kind": kind}, at=now)
        record(
            "attestation.make",
            actor=by,
            actor_name=row.by_name,
            target=_target(row),
            reason=row.note,
            after={"kind": kind, "expires_at": row.expires_at.isoformat()},
            at=now,
        )
    return row


def revoke(
    attestation: Attestation,
    *,
    by: User | None,
    by_name: str = "",
    reason: str = "",
    at: datetime | None = None,
) -> int:
    """Take back a statement, with every other of its kind that is in force; return how many.

    Raises ServiceRefused when none is in force.
    """
    require(by, PERMISSION)
    now = at or SystemClock().now()
    who = actor_text(by, by_name)
    with transaction.atomic():
        in_force = Attestation.objects.filter(
            account=attestation.account,
            kind=attestation.kind,
            revoked_at=None,
            expires_at__gt=now,
        )
        taken = list(in_force.order_by("id").values_list("pk", flat=True))
        if not in_force.update(revoked_at=now, revoked_by=who):
            raise ServiceRefused(
                "NOT_IN_FORCE",
                "no attestation of that kind is in force",
                "nothing has to be taken back",
            )
        told = {"account": attestation.account, "what": "attestation", "kind": attestation.kind}
        publish("state", told, at=now)
        record(
            "attestation.revoke",
            actor=by,
            actor_name=who,
            target=_target(attestation),
            reason=kept(reason.strip(), 500),
            before={"kind": attestation.kind, "ids": taken},
            at=now,
        )
    attestation.refresh_from_db()
    return len(taken)


def _target(row: Attestation) -> str:
    return f"attestation:{row.account}:{row.kind}"
