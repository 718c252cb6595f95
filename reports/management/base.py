"""How the commands of backups say no, and how they show one."""

from typing import Any

from polyarb_site.commands import PortalCommand
from reports.backups.faults import BackupFailed
from reports.models import BackupRun
from trading.services import ServiceRefused


class BackupCommand(PortalCommand):
    """A command over the services of backups."""

    refusals = (ServiceRefused,)
    failures = (BackupFailed,)


def told(row: BackupRun) -> dict[str, Any]:
    """Return a backup as programs read it."""
    return {
        "name": row.name,
        "kind": row.kind,
        "state": row.state,
        "path": row.path,
        "bytes": row.size_bytes,
        "sha256": row.sha256,
        "verified": row.state == BackupRun.State.VERIFIED,
        "seconds": seconds(row),
        "encrypted": row.encrypted,
        "pinned": row.pinned,
        "second_target": row.second_target or None,
        "audit": {
            "sequence": row.facts.get("audit_sequence"),
            "sha256": row.facts.get("audit_sha256"),
        },
        "problem": row.problem or None,
    }


def lines(row: BackupRun) -> list[str]:
    """Return a backup as people read it."""
    head = row.facts.get("audit_sha256") or "-"
    parts = [
        ("backup", f"{row.name}  {row.get_state_display().lower()}"),
        ("path", row.path or "-"),
        ("bytes", f"{row.size_bytes:,}"),
        ("sha256", row.sha256 or "-"),
        ("verified", "true" if row.state == BackupRun.State.VERIFIED else "false"),
        ("seconds", f"{seconds(row):.1f}"),
        ("audit", f"record {row.facts.get('audit_sequence', '-')}, head {head}"),
    ]
    if row.encrypted:
        parts.append(("encrypted", "yes"))
    if row.pinned:
        parts.append(("pinned", row.pinned_reason))
    if row.second_target:
        parts.append(("copy", row.second_target))
    return [f"{name:<10} {text}" for name, text in parts]


def seconds(row: BackupRun) -> float:
    """Return how long taking and verifying took together."""
    return ((row.taking_ms or 0) + (row.verifying_ms or 0)) / 1000
