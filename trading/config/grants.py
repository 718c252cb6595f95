"""What a promotion grants, by the hashes of everything that it was granted for.

The mandate carries a grant, and the engine compares it with what it is about to run. Whatever
differs, and whatever is missing, is a reason to open no set: an unknown grant grants nothing.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from trading.config.keys import MICRO_LIVE, SCALED_LIVE

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
TEXT_LENGTH_MAX = 200


class GrantMalformed(ValueError):  # noqa: N818 - said to a person
    """This is no grant. The text names the field and what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Permission to trade live in one phase, on one venue, with exactly this content."""

    promotion: int  # number of the promotion
    account: str
    phase: int
    venue: str  # the feed whose orders it allows
    profile: str
    profile_revision: int
    profile_sha256: str  # of every value of the profile
    config_sha256: str  # of what stands beside it: venues.yaml and phases.yaml
    software: str
    check_run: int
    check_run_sha256: str  # of its results
    evaluation: int
    evaluation_sha256: str  # of its verdicts
    backup: str  # name
    backup_sha256: str
    approvals_sha256: str  # of who said yes to what, and when
    granted_at: str  # ISO 8601, UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What the engine is about to run, read from where it really comes from."""

    account: str
    phase: int
    venue: str
    profile: str
    profile_revision: int
    profile_sha256: str
    config_sha256: str
    software: str


_COMPARED = tuple(field.name for field in fields(Running))
_WORDS = {
    "account": "the account",
    "phase": "the phase",
    "venue": "the venue",
    "profile": "the profile",
    "profile_revision": "the revision of the profile",
    "profile_sha256": "the content of the profile",
    "config_sha256": "the configuration (venues.yaml or phases.yaml)",
    "software": "the software version",
}


def grant_json(grant: Grant) -> dict[str, Any]:
    """Return a grant as it is stored."""
    return asdict(grant)


def grant_sha256(stored: Mapping[str, Any]) -> str:
    """Return the hash of a stored grant: of every field in one canonical form."""
    text = json.dumps(dict(stored), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def parse_grant(stored: object) -> Grant:
    """Return a stored grant. Raises GrantMalformed, naming the field."""
    if not isinstance(stored, Mapping):
        raise GrantMalformed("the grant is no mapping of fields")
    known = {field.name: field.type for field in fields(Grant)}
    for name in sorted(map(str, stored.keys() ^ known.keys())):
        what = "is missing" if name in known else "is not known"
        raise GrantMalformed(f"the field {name[:40]} of the grant {what}")
    for name, kind in known.items():
        value = stored[name]
        whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        if kind is int and not whole:
            raise GrantMalformed(f"the field {name} of the grant is no whole number")
        if kind is not int and (
            not isinstance(value, str) or not 0 < len(value) <= TEXT_LENGTH_MAX
        ):
            raise GrantMalformed(f"the field {name} of the grant is no text")
        if name.endswith("_sha256") and not _SHA256.fullmatch(value):
            raise GrantMalformed(f"the field {name} of the grant is no hash")
    return Grant(**stored)


def grant_problems(stored: object, sha256: str, running: Running) -> list[str]:
    """Return why this grant does not allow what is about to run; nothing when it does."""
    if not stored:
        return ["no promotion allows it"]
    try:
        grant = parse_grant(stored)
    except GrantMalformed as malformed:
        return [f"{malformed}"]
    if grant_sha256(grant_json(grant)) != sha256:
        return ["the grant was changed after it was given"]
    if not MICRO_LIVE <= running.phase <= SCALED_LIVE:
        return [f"phase {running.phase} is no live phase"]
    return [
        f"{_WORDS[name]} is not what promotion {grant.promotion} was granted for"
        for name in _COMPARED
        if getattr(grant, name) != getattr(running, name)
    ]
