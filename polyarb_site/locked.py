"""Whether what is installed is what the lock names."""

import re
from importlib import metadata
from pathlib import Path

LINES_MAX = 20_000
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)\s*(;)?")


def lock_problems(lock: Path) -> tuple[list[str], int]:
    """Return how the installed packages differ from the lock, and how many were compared.

    A lock that cannot be read, or names nothing, is a problem.
    """
    try:
        text = lock.read_text(encoding="utf-8")
    except OSError as error:
        return [f"{lock.name} cannot be read ({error.strerror})"], 0
    problems, compared = [], 0
    for line in text.splitlines()[:LINES_MAX]:
        pin = _PIN.match(line)
        if pin is None:
            continue
        name, wanted = pin.group(1), pin.group(2)
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            if not pin.group(3):  # else it is for other machines
                problems.append(f"{name} {wanted} is not installed")
            continue
        compared += 1
        if found != wanted:
            problems.append(f"{name} is {found}, locked is {wanted}")
    if not compared:
        problems.append(f"{lock.name} names no package")
    return problems, compared
