"""Which program runs: its version and the hash of its source, so that an edited file is another."""

import hashlib
from functools import cache
from pathlib import Path

from django.conf import settings

VERSION = "0.1.0"
PACKAGES = ("polyarb_site", "trading", "alerts", "reports", "checks")


@cache
def software() -> str:
    """Return version and source hash of this program, as promotions are bound to them.

    Read once a process: what runs is what was loaded, not what lies on the disk later.
    """
    return f"{VERSION}+{source_sha256(settings.BASE_DIR)[:16]}"


def source_sha256(root: Path) -> str:
    """Return one hash over names and contents of all Python sources of the product."""
    total = hashlib.sha256()
    paths = [
        root / "manage.py",
        *(path for name in PACKAGES for path in (root / name).rglob("*.py")),
    ]
    for path in sorted(paths):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(root).as_posix()}\n{content}\n".encode())
    return total.hexdigest()
