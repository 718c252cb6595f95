"""Promotions as pages, the API and commands show them: what is met, bound, changed and dangerous.

An open promotion is shown as what it is now, whatever its row still says.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from checks.models import Promotion
from checks.selectors.approvers import approvers_dict
from checks.selectors.gates import OPEN_STATES, Gate, look
from checks.selectors.validity import LIFE, approvals_valid, ending, needed
from polyarb_site.clock import SystemClock
from trading.selectors.profiles import preview_apply
from trading.selectors.promoting import Mandate, Profile, phase_name
from trading.services.refusals import ServiceRefused

SHORT = 12  # of a hash, for people
ROW_COLUMNS = (
    *("id", "account", "phase_from", "phase", "venue", "state", "end_reason", "reason"),
    *("requested_by_name", "requested_at", "expires_at", "approved_at", "ended_at"),
    *("profile__name", "profile__revision"),
)
VOIDS = (
    "a newer revision of the profile, or another profile put in force",
    "a change of venues.yaml or phases.yaml",
    "another version of the software",
    "a change of the check run, the evaluation or the backup; or the check run becoming too old",
    "an approver who is deactivated or loses the role",
    "a halt, an incident, a rollback or a change of the phase",
    "24 hours without a start",
)


def effective(promotion: Promotion, now: datetime) -> tuple[str, str]:
    """Return the state that a promotion is in now, and why it has ended, empty for no reason."""
    end = ending(promotion, now)
    if end is not None:
        return end.state.value, end.reason
    return str(promotion.state), promotion.end_reason


def promotion_row(promotion: Promotion, now: datetime) -> dict[str, Any]:
    """Return a promotion as lists show it, in plain JSON."""
    values = {name: getattr(promotion, name) for name in ROW_COLUMNS if "__" not in name}
    profile = promotion.profile
    values |= {"profile__name": profile.name, "profile__revision": profile.revision}
    return _row(values, *effective(promotion, now))


def listed(values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the same from the columns of a list; only what is open is looked at closer."""
    if values["state"] not in OPEN_STATES:
        return _row(values, values["state"], values["end_reason"])
    promotion = Promotion.objects.select_related("profile").get(pk=values["id"])
    return _row(values, *effective(promotion, now))


def promotion_dict(promotion: Promotion, now: datetime) -> dict[str, Any]:
    """Return everything about a promotion, in plain JSON, for who decides on it."""
    row = promotion_row(promotion, now)
    is_open = row["state"] in OPEN_STATES
    wanted = needed(promotion) if is_open else promotion.approvers_needed
    valid = {one.pk for one in approvals_valid(promotion)} if is_open else set()
    approvals = [
        {
            "by": one.by_name,
            "answer": one.answer,
            "comment": one.comment,
            "proof": one.proof,
            "at": one.at.isoformat(),
            "counts": one.pk in valid if is_open else one.answer == "YES",
        }
        for one in promotion.approvals.all()
    ]
    count = sum(bool(one["counts"]) for one in approvals)
    row |= {
        "sentence": _sentence(row, wanted, count),
        "in_force": _in_force(promotion),
        "binding_sha256": promotion.binding_sha256,
        "bound": bound_items(promotion.binding),
        "approvers_needed": wanted,
        "approvals_missing": max(0, wanted - count) if is_open else 0,
        "approvals": approvals,
        "voids": list(VOIDS) if is_open else [],
    }
    return {**row, **_differences(promotion.account, promotion.profile)}


def would_bind(
    account: str,
    phase: int | None = None,
    venue: str | None = None,
    profile: str | None = None,
    now: datetime | None = None,
) -> dict[str, Any]:
    """Return what a request made now would be bound to, and all that is in its way."""
    gate = look(account, phase=phase, venue=venue, profile=profile, now=now or SystemClock().now())
    differences: dict[str, Any] = {"changes": [], "risks": []}
    if gate.profile is not None:
        differences = _differences(account, gate.profile)
    return {
        "account": account,
        "phase_from": gate.mandate.phase,
        "phase": gate.phase,
        "phase_name": phase_name(gate.phase),
        "renewal": gate.phase == gate.mandate.phase,
        "venue": gate.venue,
        "profile": str(gate.profile) if gate.profile is not None else "",
        "possible": not gate.obstacles,
        "obstacles": [
            {"code": one.code, "message": one.message, "remedy": one.remedy}
            for one in gate.obstacles
        ],
        "bound": _would_bind(gate),
        "voids": list(VOIDS),
        "approvers": approvers_dict(account),
        **differences,
    }


def obstacles(
    account: str,
    phase: int | None,
    now: datetime,
    *,
    venue: str | None = None,
    profile: str | None = None,
) -> list[ServiceRefused]:
    """Return everything that is in the way of a promotion, each with its remedy."""
    return list(look(account, phase=phase, venue=venue, profile=profile, now=now).obstacles)


def bound_items(binding: object) -> list[dict[str, str]]:
    """Return what is bound: what it is, a name for people, and the hash, short and whole."""
    stored: Mapping[str, Any] = binding if isinstance(binding, Mapping) else {}
    parts = (
        ("phase", phase_name(int(stored.get("phase", 0))), ""),
        ("venue", f"{stored.get('venue', '')}", ""),
        (
            "profile",
            f"{stored.get('profile', '')} r{stored.get('profile_revision', '')}",
            "profile_sha256",
        ),
        ("configuration", "venues.yaml and phases.yaml", "config_sha256"),
        ("software", f"{stored.get('software', '')}", ""),
        ("check run", f"check run {stored.get('check_run', '')}", "check_run_sha256"),
        ("evaluation", f"evaluation {stored.get('evaluation', '')}", "evaluation_sha256"),
        ("backup", f"backup {stored.get('backup', '')}", "backup_sha256"),
    )
    return [_item(what, name, str(stored.get(key, "")) if key else "") for what, name, key in parts]


def _row(values: Mapping[str, Any], state: str, reason: str) -> dict[str, Any]:
    ends = min(values["expires_at"], values["requested_at"] + LIFE)
    return {
        "id": values["id"],
        "account": values["account"],
        "phase_from": values["phase_from"],
        "phase": values["phase"],
        "phase_name": phase_name(values["phase"]),
        "renewal": values["phase"] == values["phase_from"],
        "venue": values["venue"],
        "state": state,
        "state_name": Promotion.State(state).label,
        "end_reason": reason,
        "profile": f"{values['profile__name']} r{values['profile__revision']}",
        "reason": values["reason"],
        "requested_by": values["requested_by_name"],
        "requested_at": values["requested_at"].isoformat(),
        "expires_at": ends.isoformat(),
        "approved_at": _iso(values["approved_at"]),
        "ended_at": _iso(values["ended_at"]),
    }


def _would_bind(gate: Gate) -> list[dict[str, str]]:
    try:
        return bound_items(gate.binding())
    except ValueError:
        return []


def _item(what: str, name: str, digest: str) -> dict[str, str]:
    return {"what": what, "name": name, "short": digest[:SHORT], "sha256": digest}


def _differences(account: str, profile: Profile) -> dict[str, Any]:
    """Return how a revision differs from what is in force, and what is dangerous about that."""
    try:
        preview = preview_apply(account, profile)
    except ServiceRefused as refused:
        return {"changes": [], "risks": [{"code": refused.code, "text": refused.message}]}
    return {
        "changes": [
            {"field": one.field, "unit": one.unit, "before": one.before, "after": one.after}
            for one in preview.changes
        ],
        "risks": [{"code": one.code.value, "text": one.text} for one in preview.risks],
    }


def _sentence(row: Mapping[str, Any], wanted: int, count: int) -> str:
    """Return where a promotion stands, in one sentence."""
    what = "To go on in" if row["renewal"] else "To"
    head = f"{what} {row['phase_name']} on {row['venue']}"
    state = row["state"]
    if state == Promotion.State.REQUESTED:
        alone = "; 1 approver is enough here" if wanted == 1 else ""
        return f"{head}: {count} of {wanted} approvals{alone}."
    if state == Promotion.State.APPROVED:
        return f"{head}: approved, and can be started until {row['expires_at']}."
    why = f": {row['end_reason']}" if row["end_reason"] else ""
    return f"{head}: {row['state_name'].lower()}{why}."


def _in_force(promotion: Promotion) -> bool:
    """Return whether this is the promotion by which the account may trade now."""
    mandate = Mandate.objects.filter(account=promotion.account).first()
    grant = mandate.grant if mandate is not None else {}
    return isinstance(grant, dict) and grant.get("promotion") == promotion.pk


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
