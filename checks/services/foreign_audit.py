"""The log of configuration changes that PolyArb-X kept, as records of our audit.

Each line of it holds the whole configuration before the change, the wallet's key among it. Of a
line is taken: when, who, which profile, and the old and new values of what we have under the same
name. Everything else is counted. Each record says that it was imported; its place in our chain
proves when it came here, and nothing about what was true before.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from checks.services.foreign_files import (
    FileReport,
    NotReadable,
    Outcome,
    lines,
    parse_json,
)
from polyarb_site.audit.masking import find_secrets, looks_secret
from polyarb_site.audit.models import AuditEvent
from polyarb_site.audit.recorder import record
from trading.services.revisions import base_config

ACTION = "polyarb.config_change"
RECORDS_MAX = 10_000
LINE_BYTES_MAX = 1_048_576
NOTES_MAX = 20
AT_ONCE = 400
_NAME = re.compile(r"[A-Za-z0-9_ .@/-]{1,60}", re.ASCII)
_PLAIN = re.compile(r"[-+]?[0-9]{1,30}(\.[0-9]{1,30})?|true|false|eip1559|legacy", re.ASCII)
_FLAG = re.compile(r"[A-Z_]{1,40}", re.ASCII)
FLAGS_MAX = 20


def import_audit(
    data: bytes, report: FileReport, *, by: User | None, by_name: str, at: datetime
) -> None:
    """Append a record for each line that has none yet, all or none of the file."""
    known_keys = frozenset(base_config().texts())
    found, exposed = _read(data, known_keys, report)
    if exposed:
        report.note(
            f"{exposed} lines hold a key or a password: none was taken; treat what they held as"
            " exposed"
        )
    if not found:
        if report.not_taken:
            report.refuse("no line of it is a change of configuration")
        return
    targets = _targets(found)
    with transaction.atomic():
        stored = _stored(targets)
        new = [
            (target, one)
            for target, one in zip(targets, found, strict=True)
            if target not in stored
        ]
        for target, one in new:
            record(
                ACTION,
                actor=by,
                actor_name=by_name,
                target=target,
                reason="imported from the log of another program",
                after=one,
                at=at,
            )
    report.outcome = Outcome.TAKEN if new else Outcome.UNCHANGED
    if new:
        report.taken.append(f"{len(new)} changes of configuration, as records of the audit")
    if len(found) > len(new):
        report.taken.append(f"{len(found) - len(new)} are there already")


def _read(
    data: bytes, known_keys: frozenset[str], report: FileReport
) -> tuple[list[dict[str, Any]], int]:
    found: list[dict[str, Any]] = []
    exposed, bad = 0, 0
    for number, line in lines(data):
        if len(found) == RECORDS_MAX:
            report.note(f"the lines from {number} on: only {RECORDS_MAX} are taken")
            break
        try:
            if len(line) > LINE_BYTES_MAX:
                raise NotReadable("is too long")
            one = parse_json(line)
            if not isinstance(one, dict):
                raise NotReadable("is no object")
        except NotReadable as problem:
            bad += 1
            if bad <= NOTES_MAX:
                report.note(f"line {number} {problem}")
            continue
        exposed += bool(find_secrets(one))
        found.append(_summary(one, known_keys))
    if bad > NOTES_MAX:
        report.note(f"{bad - NOTES_MAX} more lines cannot be read")
    return found, exposed


def _summary(one: Mapping[str, Any], known_keys: frozenset[str]) -> dict[str, Any]:
    """Return what is taken of a line: nothing that could be anything but what it should be."""
    diff = one.get("diff")
    changes = diff if isinstance(diff, Mapping) else {}
    flags = one.get("risk_warnings")
    return {
        "imported": True,
        "from": "PolyArb-X",
        "recorded_at": _moment(one.get("timestamp")),
        "applied_by": _word(one.get("applied_by")),
        "profile": _word(one.get("profile_name")),
        "rolled_back_from": _word(one.get("rolled_back_from")),
        "changed": {
            name: {"old": _value(change.get("old")), "new": _value(change.get("new"))}
            for name, change in sorted(changes.items())
            if name in known_keys and isinstance(change, Mapping)
        },
        "changed_besides": sum(name not in known_keys for name in changes),
        "risks": [
            flag
            for flag in (flags if isinstance(flags, list) else [])[:FLAGS_MAX]
            if isinstance(flag, str) and _FLAG.fullmatch(flag)
        ],
    }


def _moment(text: object) -> str | None:
    """Return a moment as it was written, without a zone where it had none."""
    if not isinstance(text, str) or len(text) > 40:
        return None
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        return None


def _word(text: object) -> str | None:
    fits = isinstance(text, str) and _NAME.fullmatch(text) and not looks_secret(text)
    return str(text) if fits else None


def _value(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int) and _PLAIN.fullmatch(str(value)):
        return str(value)
    return None


def _targets(found: list[dict[str, Any]]) -> list[str]:
    """Return a name for each change made from what is taken of it, so that none comes twice."""
    seen: Counter[str] = Counter()
    targets = []
    for one in found:
        text = json.dumps(one, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        seen[digest] += 1
        targets.append(f"polyarb-change:{digest}-{seen[digest]}")
    return targets


def _stored(targets: list[str]) -> set[str]:
    stored: set[str] = set()
    for start in range(0, len(targets), AT_ONCE):
        rows = AuditEvent.objects.filter(action=ACTION, target__in=targets[start : start + AT_ONCE])
        stored.update(rows.values_list("target", flat=True))
    return stored
