"""What people have stated, and whether it counts now."""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from checks.models import Attestation
from trading.services.refusals import NotFound

ID_MAX = 2**63 - 1


def valid_attestation(account: str, kind: str, now: datetime) -> Attestation | None:
    """Return the newest statement of a kind that is in force, None without one."""
    return _in_force(account, now).filter(kind=kind).order_by("-id").first()


def newest_attestation(account: str, kind: str) -> Attestation | None:
    """Return the newest statement of a kind, also one that has ended."""
    return Attestation.objects.filter(account=account, kind=kind).order_by("-id").first()


def find_attestation(number: int) -> Attestation:
    """Return a statement by its number, or raise NotFound."""
    row = Attestation.objects.filter(pk=number).first() if number <= ID_MAX else None
    if row is None:
        raise NotFound(
            "NO_ATTESTATION", f"there is no attestation {number}", "GET /api/checks/attestations"
        )
    return row


def attestations(account: str, now: datetime) -> list[dict[str, Any]]:
    """Return each kind with its newest statement, or nulls while nobody has stated it."""
    return [_told(account, Attestation.Kind(kind), now) for kind in Attestation.Kind.values]


def _told(account: str, kind: Attestation.Kind, now: datetime) -> dict[str, Any]:
    row = valid_attestation(account, kind, now) or newest_attestation(account, kind)
    if row is None:
        empty = dict.fromkeys(("id", "note", "by", "at", "expires_at", "revoked_at", "revoked_by"))
        return {"kind": kind.value, "title": kind.label, "in_force": False, **empty}
    return attestation_dict(row, now)


def attestation_dict(row: Attestation, now: datetime) -> dict[str, Any]:
    """Return one statement as JSON."""
    return {
        "kind": row.kind,
        "title": row.get_kind_display(),
        "in_force": row.revoked_at is None and row.at <= now < row.expires_at,
        "id": row.pk,
        "note": row.note,
        "by": row.by_name,
        "at": row.at.isoformat(),
        "expires_at": row.expires_at.isoformat(),
        "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
        "revoked_by": row.revoked_by or None,
    }


def _in_force(account: str, now: datetime) -> QuerySet[Attestation]:
    ends = Q(at__lte=now) & Q(expires_at__gt=now)
    return Attestation.objects.filter(ends, account=account, revoked_at=None)
