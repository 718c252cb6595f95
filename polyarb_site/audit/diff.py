"""What an audit record says has changed, place by place."""

from dataclasses import dataclass
from typing import Any

SHOWN_MAX = 200  # changes that a page shows of one record
TEXT_MAX = 300


@dataclass(frozen=True, slots=True)
class Change:
    """One place in the data: its path, and both values as text. None: there was nothing."""

    path: str
    before: str | None
    after: str | None


def changes(before: Any, after: Any) -> list[Change]:
    """Return what differs between the two sides of a record, by path, at most 200 places."""
    old, new = _flat(before), _flat(after)
    paths = [*old, *(path for path in new if path not in old)]
    return [
        Change(path, old.get(path), new.get(path))
        for path in paths
        if old.get(path) != new.get(path)
    ][:SHOWN_MAX]


def _flat(value: Any, path: str = "") -> dict[str, str]:
    """Return each leaf of plain data under its path. An empty mapping or list within is a leaf."""
    if isinstance(value, dict) and value:
        flat = {}
        for key, inner in value.items():
            flat.update(_flat(inner, f"{path}.{key}" if path else str(key)))
        return flat
    if isinstance(value, list) and value:
        flat = {}
        for index, inner in enumerate(value):
            flat.update(_flat(inner, f"{path}[{index}]"))
        return flat
    if value is None or (not path and value in ({}, [])):
        return {}
    text = {True: "yes", False: "no"}.get(value) if isinstance(value, bool) else str(value)
    return {path or "value": str(text)[:TEXT_MAX]}
