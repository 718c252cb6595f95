"""Parts of the live state that apps above trading add: registered when Django starts, read by name.

Trading makes the state and must not know who stands above it. A part is plain JSON data with a
`reason` for what is not known and an `as_of`, as every other part of the state.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils.module_loading import import_string

Reader = Callable[[str, datetime], dict[str, Any]]  # (account, now in UTC) -> the part

_READERS: dict[str, str] = {}  # by name of the part, the dotted path of its reader


def register(name: str, reader: str) -> None:
    """Let a part be read by the function at this dotted path, which is imported when first asked.

    So that a command which shows no live state does not load what makes it. Raises ValueError for
    a name that another one has.
    """
    if _READERS.setdefault(name, reader) != reader:
        raise ValueError(f"the live state has a part {name!r} already")


def read(account: str, now: datetime) -> dict[str, dict[str, Any]]:
    """Return every registered part of an account by name. Each costs a query or two, not more."""
    return {name: _reader(path)(account, now) for name, path in _READERS.items()}


def load() -> None:
    """Import every reader now. For processes that live long: they run what was there at start."""
    for path in _READERS.values():
        _reader(path)


def _reader(path: str) -> Reader:
    reader: Reader = import_string(path)
    return reader
