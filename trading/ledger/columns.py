"""How values of the engine become columns: times, ids, texts."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.db.models import CharField, Model

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ID_LENGTH_MAX = 100


def moment(ns: int) -> datetime:
    """Return nanoseconds of UTC as a datetime, cut to microseconds."""
    return EPOCH + timedelta(microseconds=ns // 1_000)


def nanoseconds(at: datetime) -> int:
    """Return a datetime as nanoseconds of UTC, without a detour over floats."""
    return (at - EPOCH) // timedelta(microseconds=1) * 1_000


def stored_id(text: str, length_max: int = ID_LENGTH_MAX) -> str:
    """Return an id as its column can hold it: a long one keeps its begin and gets a digest."""
    if len(text) <= length_max:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    return f"{text[: length_max - 33]}~{digest}"


def clipped(model: type[Model], field: str, text: str) -> str:
    """Return a text as its column can hold it, without NUL, which PostgreSQL refuses."""
    column = model._meta.get_field(field)
    length_max = column.max_length if isinstance(column, CharField) else None
    return text.replace("\0", " ")[:length_max]


def insert_once(rows: Sequence[Model], *key: str) -> None:
    """Insert rows whose key is not there yet, and leave the others as they are.

    Not by `ignore_conflicts`: SQLite then also ignores a missing value, and a fact would be lost in
    silence. An update of the key to itself changes nothing, and every other fault raises.
    """
    if not rows:
        return
    model = type(rows[0])
    columns = [model._meta.get_field(name).attname for name in key]  # type: ignore[union-attr]
    first: dict[tuple[object, ...], Model] = {}
    for row in rows:
        first.setdefault(tuple(getattr(row, column) for column in columns), row)
    model._default_manager.bulk_create(
        first.values(), update_conflicts=True, unique_fields=key, update_fields=key[:1]
    )
