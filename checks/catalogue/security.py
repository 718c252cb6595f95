"""Files that hold secrets are their owner's alone."""

import os
import stat
from pathlib import Path

from django.conf import settings

from checks.catalogue.base import Category, Check, Priority, Scene, Seen, everywhere, failed, passed

ALLOWED_MODES = (0o600, 0o400)
OPEN_TO_WRITE = 0o022


def secret_files() -> list[Path]:
    """Return where secrets may be, whether they are there or not."""
    named = [
        settings.SIGNER_KEYSTORE,
        settings.SIGNER_PASSWORD_FILE,
        settings.CHANNEL_KEY_FILE,
        settings.RELAYER_KEY_FILE,
        settings.SIGNER_PLAY_DIR / "keystore.json",
        settings.SIGNER_PLAY_DIR / "password",
        settings.BASE_DIR / ".env",
        settings.DATA_DIR / ".env",
    ]
    if settings.BACKUP_IDENTITY_FILE is not None:
        named.append(settings.BACKUP_IDENTITY_FILE)
    kept = sorted((settings.DATA_DIR / "keys").glob("*"))
    return list(dict.fromkeys([*named, *kept]))


def look(_scene: Scene) -> Seen:
    """Ask the kernel for each file's mode and owner, and whether others may replace it."""
    problems, files = [], []
    for path in secret_files():
        try:
            found = path.stat()
        except FileNotFoundError:
            continue
        mode = stat.S_IMODE(found.st_mode)
        files.append(f"{mode:03o} {_shown(path)}")
        if not stat.S_ISREG(found.st_mode):
            problems.append(f"{_shown(path)} is no plain file")
        elif mode not in ALLOWED_MODES:
            problems.append(f"{_shown(path)} has mode {mode:03o}")
        elif found.st_uid != os.geteuid():
            problems.append(f"{_shown(path)} belongs to another user")
        elif path.parent.stat().st_mode & OPEN_TO_WRITE:
            problems.append(f"{_shown(path.parent)}/ may be written by others")
    if problems:
        return failed("; ".join(problems[:3]), problems=problems, files=files)
    if not files:
        return passed("no file holds a secret", files=files)
    return passed(f"{len(files)} files, all of mode 600 or 400 and of this user", files=files)


def _shown(path: Path) -> str:
    """Return a path without the folders above the installation's own."""
    for root in (settings.DATA_DIR, settings.BASE_DIR):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix() or root.name
    return path.name


CHECKS: tuple[Check, ...] = (
    Check(
        id="security.secret_files",
        category=Category.SECURITY,
        title="Files with secrets can be read by their owner alone",
        needed="mode 600 or 400, of this user, in a folder that only its owner writes",
        remedy="Run chmod 600 on each file that is named, and chmod 700 on its folder.",
        runbook="secrets",
        priorities=everywhere(Priority.P0),
        look=look,
    ),
)
