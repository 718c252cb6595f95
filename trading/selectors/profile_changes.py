"""When which profile came in force, and what each change of it changed. The audit knows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from polyarb_site.audit.models import AuditEvent
from trading.models import Profile
from trading.services.changes import mandate_target
from trading.services.profiles import APPLYING

CHANGES_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileChange:
    """One change of what was in force. `keys` are those whose value is another one now."""

    at: datetime
    before: str  # "name r3"
    after: str
    keys: frozenset[str]


def profile_changes(account: str, since: datetime, until: datetime) -> tuple[ProfileChange, ...]:
    """Return each change of the profile in force after `since`, oldest first.

    What came in force with the phase itself, in the same moment, is not a change within it.
    """
    events = AuditEvent.objects.filter(
        target=mandate_target(account), action__in=APPLYING, at__gt=since, at__lte=until
    ).order_by("sequence")
    found = []
    for at, before, after in events.values_list("at", "before", "after")[:CHANGES_MAX]:
        old, new = (before or {}).get("profile"), (after or {}).get("profile")
        if old is None or new is None or old["sha256"] == new["sha256"]:
            continue
        found.append((at, old, new))
    values = _values([one for _, old, new in found for one in (old, new)])
    return tuple(
        ProfileChange(
            at=at,
            before=_named(old),
            after=_named(new),
            keys=_changed(values.get(_key(old), {}), values.get(_key(new), {})),
        )
        for at, old, new in found
    )


def _values(profiles: list[dict[str, Any]]) -> dict[tuple[str, int], dict[str, str]]:
    wanted = Q(pk__in=[])
    for one in profiles:
        wanted |= Q(name=one["name"], revision=one["revision"])
    rows = Profile.objects.filter(wanted).values_list("name", "revision", "values")
    return {(name, revision): values for name, revision, values in rows}


def _changed(before: dict[str, str], after: dict[str, str]) -> frozenset[str]:
    names = before.keys() | after.keys()
    return frozenset(name for name in names if before.get(name) != after.get(name))


def _key(profile: dict[str, Any]) -> tuple[str, int]:
    return profile["name"], profile["revision"]


def _named(profile: dict[str, Any]) -> str:
    return f"{profile['name']} r{profile['revision']}"
