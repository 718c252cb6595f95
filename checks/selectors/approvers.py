"""Who may say yes, and how many have to."""

from typing import Any

from django.contrib.auth.models import User

from checks.models import ApprovalSetting

PERMISSION = "checks.approve_promotion"
USUAL = 2


def approvers_needed(account: str) -> int:
    """Return how many different people have to approve; two, unless somebody set it."""
    rows = ApprovalSetting.objects.filter(account=account)
    return rows.values_list("approvers_needed", flat=True).first() or USUAL


def people_who_approve() -> list[User]:
    """Return everybody active who may approve, by name."""
    people = User.objects.with_perm(PERMISSION, is_active=True, include_superusers=True)
    return sorted(people, key=lambda one: one.get_username())


def may_approve_own(requester_id: int | None) -> bool:
    """Return whether this requester is the only person there is who could approve."""
    return {one.pk for one in people_who_approve()} == {requester_id}


def approvers_dict(account: str, requester_id: int | None = None) -> dict[str, Any]:
    """Return how many approvals an account needs and who can give them, with a sentence."""
    row = ApprovalSetting.objects.filter(account=account).first()
    needed = row.approvers_needed if row is not None else USUAL
    people = people_who_approve()
    alone = needed == 1 and may_approve_own(requester_id)
    able = [one.get_username() for one in people if alone or one.pk != requester_id]
    sentence = (
        "1 approver is enough here" if needed == 1 else f"{needed} different people have to approve"
    )
    if len(able) < needed:
        sentence += f", and only {len(able)} can" if able else ", and nobody can"
    return {
        "account": account,
        "needed": needed,
        "usual": USUAL,
        "lowered": needed < USUAL,
        "able": able,
        "sentence": sentence,
        "changed_by": row.changed_by if row is not None else "",
        "changed_at": row.changed_at.isoformat() if row is not None and row.changed_at else None,
        "reason": row.reason if row is not None else "",
    }
