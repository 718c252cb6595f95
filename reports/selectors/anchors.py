"""Heads of the audit that were noted outside its table: in the backups' metadata, in reports."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from polyarb_site.audit.chain import Anchor
from polyarb_site.audit.models import AuditEvent
from reports.backups import archive, metadata
from reports.backups.faults import BackupFailed
from reports.models import DailyReport

RESTORED = "backup.restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A head, when it was noted, and where somebody can look it up."""

    sequence: int
    sha256: str
    at: datetime
    where: str

    @property
    def anchor(self) -> Anchor:
        """Return it as the chain wants it."""
        return Anchor(sequence=self.sequence, sha256=self.sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchors:
    """The heads that count, and those that a restore has set aside."""

    count: tuple[Noted, ...]
    set_aside: tuple[Noted, ...]


def noted_heads() -> Anchors:
    """Return every head that was noted elsewhere.

    A restore takes the audit back to an earlier record, and says so in a record of its own. What
    was noted before it about later records speaks of a chain that was replaced.
    """
    found = [*_of_backups(), *_of_reports()]
    restores = _restores()

    def replaced(one: Noted) -> bool:
        return any(one.at < at and one.sequence > sequence for at, sequence in restores)

    return Anchors(
        count=tuple(one for one in found if not replaced(one)),
        set_aside=tuple(one for one in found if replaced(one)),
    )


def _of_backups() -> list[Noted]:
    folders: list[Path] = [settings.BACKUP_DIR]
    if settings.BACKUP_COPY_DIR is not None:
        folders.append(settings.BACKUP_COPY_DIR)
    found = []
    for folder in folders:
        for name in archive.names(folder):
            try:
                told, _ = metadata.read(folder / name)
                at = datetime.fromisoformat(told.taken_at).astimezone(UTC)
            except (BackupFailed, ValueError):
                continue  # a damaged one is told by its own verification
            if told.audit_sequence:
                found.append(
                    Noted(
                        sequence=told.audit_sequence,
                        sha256=told.audit_sha256,
                        at=at,
                        where=f"backup {name}",
                    )
                )
    return found


def _of_reports() -> list[Noted]:
    rows = DailyReport.objects.filter(audit_sequence__gt=0).exclude(audit_sha256="")
    return [
        Noted(
            sequence=row.audit_sequence,
            sha256=row.audit_sha256,
            at=row.created_at,
            where=f"report of {row.day}",
        )
        for row in rows.only("audit_sequence", "audit_sha256", "created_at", "day")
    ]


def _restores() -> list[tuple[datetime, int]]:
    """Return when each restore was, and the last record that it left."""
    rows = AuditEvent.objects.filter(action=RESTORED).values_list("at", "after")
    return [
        (at, int((after or {}).get("backup", {}).get("audit_sequence", 0))) for at, after in rows
    ]
