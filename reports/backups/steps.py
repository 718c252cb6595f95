"""A restore, step by step, with a file that says how far it is.

Every step is harmless when it is done again, so a restore that was killed at any point is finished
by beginning it again. Each thing that is replaced stays beside what takes its place, on the same
disk and under the same name with `.replaced-MARK` behind it.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from reports.backups import disk
from reports.backups.faults import BackupFailed, Fault, disk_trouble

CONFIG_MODE = 0o644


class Step(StrEnum):
    """What is done, in this order."""

    STAGE = "stage"  # unpacked, proven and laid beside what it will replace
    CLOSE = "close"  # the kill file: from here on nothing trades
    DATABASE = "database"
    JOURNAL = "journal"
    CONFIG = "config"
    RECORD = "record"  # the restored portal is told, and every mandate halted


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the step file says."""

    mark: str  # in the name of everything that this restore makes
    name: str
    folder: str
    by_name: str
    reason: str
    begun_at: str
    with_config: bool
    done: tuple[str, ...] = ()
    facts: dict[str, Any] | None = None  # what the record will say

    def has(self, step: Step) -> bool:
        """Return whether a step was done."""
        return step.value in self.done


def read(path: Path) -> Progress | None:
    """Return what a restore that is under way says, None when there is none.

    Raises BackupFailed for a file that is none of ours.
    """
    try:
        content = json.loads(path.read_bytes())
        return Progress(**{**content, "done": tuple(content["done"])})
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_trouble(f"reading {path.name}", error) from error
    except (ValueError, TypeError, KeyError) as error:
        text = f"{path} does not say which restore was begun; move it away by hand"
        raise BackupFailed(Fault.METADATA, text) from error


def write(path: Path, progress: Progress) -> Progress:
    """Keep how far a restore is."""
    disk.write_whole(path, json.dumps(asdict(progress), indent=1).encode() + b"\n")
    return progress


def finish(path: Path) -> None:
    """Take the step file away: the restore is whole."""
    path.unlink(missing_ok=True)
    disk.sync_directory(path.parent)


def beside(path: Path, what: str, mark: str) -> Path:
    """Return the name of something that waits, or is kept, beside `path`."""
    return path.with_name(f"{path.name}.{what}-{mark}")


def lay_beside(source: Path, path: Path, mark: str, check: Callable[[], None]) -> None:
    """Copy a folder beside the one that it will replace, anew when it is there."""
    target = beside(path, "restoring", mark)
    disk.remove_folder(target)
    for file in sorted(one for one in source.rglob("*") if one.is_file()):
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        disk.copy_file(file, copy, check)
        disk.sync_directory(copy.parent)
    target.mkdir(parents=True, exist_ok=True, mode=0o750)


def exchange_folder(path: Path, mark: str) -> None:
    """Put the folder that waits in the place of `path`, which is kept. Harmless when done."""
    staged, kept = beside(path, "restoring", mark), beside(path, "replaced", mark)
    if not staged.exists():
        return
    if path.exists() and not kept.exists():
        path.rename(kept)
    staged.rename(path)
    disk.sync_directory(path.parent)


def exchange_files(path: Path, staged: Path, kept: Path) -> list[str]:
    """Put each file that waits in `staged` into the folder `path`, and what it replaces in `kept`.

    Files that are equal, and those that only the folder has, stay as they are. Returns the names of
    what was replaced or added.
    """
    changed = []
    for file in sorted(one for one in staged.rglob("*") if one.is_file()):
        name = file.relative_to(staged)
        old = path / name
        data = file.read_bytes()
        if old.is_file() and old.read_bytes() == data:
            continue
        if old.exists() and not (kept / name).exists():
            (kept / name).parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            disk.copy_file(old, kept / name, lambda: None)
        old.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        disk.write_whole(old, data, mode=CONFIG_MODE)
        changed.append(name.as_posix())
    if staged.exists():
        disk.remove_folder(staged)
    return changed
