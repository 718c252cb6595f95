"""All writes of reports: each is one transaction with its audit record inside."""

from reports.services import regular_backups
from reports.services.auditing import verify_audit_chain
from reports.services.backups import find_backup, take_backup, verify_backup
from reports.services.drills import drill_restore
from reports.services.keeping import pin_backup, prune_backups, release_backup

__all__ = [
    "drill_restore",
    "find_backup",
    "pin_backup",
    "prune_backups",
    "regular_backups",
    "release_backup",
    "take_backup",
    "verify_audit_chain",
    "verify_backup",
]
