"""Reports as files beside the database: whole or not there, whatever happens to the machine."""

import os
from collections.abc import Mapping
from pathlib import Path

MODE = 0o640


def write_files(folder: Path, name: str, texts: Mapping[str, str]) -> list[Path]:
    """Write one file for each suffix, such as ".md", and return them.

    Each is written under another name, brought to the disk, and then renamed over what was there:
    whoever reads meanwhile has the old one or the new one, and never a part. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    written = []
    for suffix, text in texts.items():
        path, other = folder / f"{name}{suffix}", folder / f".{name}{suffix}.part"
        handle = os.open(other, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        other.replace(path)
        written.append(path)
    _sync(folder)
    return written


def _sync(folder: Path) -> None:
    """Bring the new names to the disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
