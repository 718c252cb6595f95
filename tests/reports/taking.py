"""Taking backups in tests, in few words."""

from pathlib import Path

from django.conf import settings

from reports.services import take_backup, verify_backup


def take(kind="MANUAL", **options):
    """Take one as a test does."""
    options.setdefault("by", None)
    return take_backup(kind, **{"by_name": "test", **options})


def verify(backup, **options):
    """Verify it again."""
    return verify_backup(backup.name, **{"by": None, "by_name": "test", **options})


def folder(backup) -> Path:
    """Return where it is."""
    return settings.BACKUP_DIR / backup.name


def files(backup) -> list[str]:
    """Return the names of its files."""
    return sorted(path.name for path in folder(backup).iterdir())


def left_behind() -> list[str]:
    """Return what is in the folder of the backups and is none."""
    return sorted(p.name for p in settings.BACKUP_DIR.iterdir() if p.name.startswith("."))
