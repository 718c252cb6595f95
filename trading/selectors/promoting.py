"""What the gates ask of an account: what it is, what it would run, and what happened to it."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q

from polyarb_site.audit.models import AuditEvent
from trading import kill_file
from trading.config.grants import Grant, Running, grant_json, grant_sha256
from trading.config.schema import phase_problems
from trading.models import Incident, Mandate, Phase, Profile
from trading.services.changes import mandate_target
from trading.services.revisions import config_of

__all__ = ["Grant", "Mandate", "Phase", "Profile", "Running", "grant_json", "grant_sha256"]


def phase_name(number: int) -> str:
    """Return what people call a phase."""
    return Phase(number).label if number in Phase.values else f"phase {number}"


def halt_cause(mandate: Mandate) -> str:
    """Return why the account is halted, by its mandate or by the kill file; empty when it is not.

    Raises OSError for a kill file that cannot be looked for.
    """
    note = kill_file.read(settings.KILL_FILE)
    if not mandate.halted and note is None:
        return ""
    return mandate.halt_reason or (note.reason if note else "") or "no reason was given"


def incident_since(account: str, since: datetime | None) -> str:
    """Return the newest incident that is open or, with `since`, was opened from then on."""
    told = Q(state=Incident.State.OPEN)
    if since is not None:
        told |= Q(opened_at__gte=since)
    row = Incident.objects.filter(told, account=account).order_by("-pk").first()
    return f"incident {row.pk}: {row.title}" if row is not None else ""


def moves_since(account: str, sequence: int) -> list[str]:
    """Return what happened to an account after a record of the audit that a promotion does not
    outlive: a halt, another phase, another profile in force.
    """
    rows = AuditEvent.objects.filter(sequence__gt=sequence, target=mandate_target(account))
    found: dict[str, None] = {}  # each once, in order
    for row in rows.order_by("sequence").only("action", "before", "after"):
        before, after = _facts(row.before), _facts(row.after)
        if row.action == "mandate.halt":
            found["trading was halted since"] = None
        if before and after and before.get("phase") != after.get("phase"):
            found["the phase was changed since"] = None
        if before and after and before.get("profile") != after.get("profile"):
            found["another profile was put in force since"] = None
    return list(found)


def profile_problems(profile: Profile, phase: int) -> list[str]:
    """Return why a revision does not fit a phase. Raises ServiceRefused for an outdated one."""
    return [str(problem) for problem in phase_problems(config_of(profile), phase)]


def profile_by_id(number: int) -> Profile | None:
    """Return a revision by its number in the database."""
    return Profile.objects.filter(pk=number).first()


def limit_texts(profile: Profile) -> dict[str, str]:
    """Return every value of a revision as people read it. Raises ServiceRefused."""
    return config_of(profile).texts()


def running_facts(running: Running) -> dict[str, Any]:
    """Return what would run as plain data, under the names that a grant has for it."""
    return asdict(running)


def _facts(kept: object) -> Mapping[str, Any]:
    return kept if isinstance(kept, Mapping) else {}
