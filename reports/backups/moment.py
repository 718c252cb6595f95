"""What a database was at the moment of its copy: the same words on every database."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Counted in the transaction of the copy, and counted again when it was restored."""

    rows: dict[str, int]
    migrations: list[str]
    audit_sequence: int
    audit_sha256: str
