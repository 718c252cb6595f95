"""What apps above measure for the rules below: registered when Django starts, read by name.

Alerts know the names of metrics; who measures backups stands above them.
"""

from collections.abc import Callable
from datetime import datetime

from django.utils.module_loading import import_string

Measure = Callable[[datetime], int | None]  # now in UTC -> millionths of its unit, None: unknown

_MEASURES: dict[str, str] = {}  # by name of the metric, the dotted path of what measures it


def register(name: str, measure: str) -> None:
    """Let a metric be measured by the function at this dotted path, imported when first asked.

    Raises ValueError for a name that has another.
    """
    if _MEASURES.setdefault(name, measure) != measure:
        raise ValueError(f"the metric {name!r} is measured already")


def read(name: str, now: datetime) -> int | None:
    """Return the value of a metric now; None when it is not known, or nobody measures it."""
    path = _MEASURES.get(name)
    if path is None:
        return None
    measure: Measure = import_string(path)
    return measure(now)
