"""The hash chain over the audit: how a record is hashed, and what a broken chain says.

Each record's hash covers the record and the hash before it. Whoever edits, removes, inserts or
exchanges records has to forge every later hash too, and then the head differs from the one that was
noted elsewhere (`Anchor`). Functions of their arguments only: rows are anything with these fields.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from typing import Any, Protocol

GENESIS = ""  # what the first record names as the hash before it
LOOKAHEAD_MAX = 10_000  # records that are read to say what was done to a broken one


class Row(Protocol):
    """One stored record."""

    sequence: int
    at: datetime
    actor_id: int | None
    actor_name: str
    request_id: str
    action: str
    target: str
    reason: str
    before: Any
    after: Any
    previous_sha256: str
    sha256: str


class Fault(StrEnum):
    """What was done to the first broken record."""

    EDITED = "EDITED"
    REMOVED = "REMOVED"
    INSERTED = "INSERTED"
    SWAPPED = "SWAPPED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The first record that is not what was written."""

    sequence: int
    fault: Fault
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A head that was noted outside the database, in a report or a backup."""

    sequence: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    """What verifying found. `broken` is None when every record is as it was written."""

    checked: int  # records that hold
    head_sha256: str
    broken: Broken | None


def canonical(value: Any) -> bytes:
    """Return plain data in its one form: sorted keys, no spaces, ASCII."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    ).encode("ascii")


def hash_row(row: Row, *, sequence: int | None = None) -> str:
    """Return the hash that the record should have, or should have had under another number.

    Empty when the record holds what no record was ever written with, such as a NaN.
    """
    content = {
        "sequence": row.sequence if sequence is None else sequence,
        "at": row.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor_id": row.actor_id,
        "actor_name": row.actor_name,
        "request_id": row.request_id,
        "action": row.action,
        "target": row.target,
        "reason": row.reason,
        "before": row.before,
        "after": row.after,
        "previous_sha256": row.previous_sha256,
    }
    try:
        return hashlib.sha256(canonical(content)).hexdigest()
    except ValueError:
        return ""


def verify_chain(
    rows: Iterable[Row], *, anchors: Iterable[Anchor] = (), after: Row | None = None
) -> ChainReport:
    """Walk all records in the order of their sequence and name the first broken one.

    With `after`, a record that is known to hold, the rows are those behind it. Without an anchor a
    cut-off tail cannot be seen: the chain that is left is whole.
    """
    noted = {anchor.sequence: anchor.sha256 for anchor in anchors}
    rest = iter(rows)
    previous: Row | None = after
    checked, head = (after.sequence, after.sha256) if after is not None else (0, GENESIS)
    for row in rest:
        broken = _number_fault(row, checked + 1) or _content_fault(row, rest)
        broken = broken or _link_fault(row, previous, rest) or _anchor_fault(row, noted)
        if broken is not None:
            held = min(checked, broken.sequence - 1)
            return ChainReport(checked=held, head_sha256=head, broken=broken)
        previous, checked, head = row, checked + 1, row.sha256
    tail = [sequence for sequence in noted if sequence > checked]
    if tail:
        return ChainReport(checked=checked, head_sha256=head, broken=_cut_off(checked, max(tail)))
    return ChainReport(checked=checked, head_sha256=head, broken=None)


def _number_fault(row: Row, expected: int) -> Broken | None:
    if row.sequence == expected:
        return None
    if row.sequence > expected:
        missing = f"record {expected}" + (
            f" to {row.sequence - 1} are" if row.sequence - 1 > expected else " is"
        )
        return Broken(sequence=expected, fault=Fault.REMOVED, text=f"{missing} missing")
    return Broken(
        sequence=row.sequence,
        fault=Fault.INSERTED,
        text=f"record {row.sequence} stands where {expected} belongs",
    )


def _content_fault(row: Row, rest: Iterator[Row]) -> Broken | None:
    """Return what is wrong when the record does not fit its own hash."""
    if hash_row(row) == row.sha256:
        return None
    here = row.sequence
    later = {other.sequence: other for other in islice(rest, LOOKAHEAD_MAX)}
    number = _original_number(row, here + len(later) + 1)
    follower, partner = later.get(here + 1), later.get(number or 0)
    if partner is not None and hash_row(partner, sequence=here) == partner.sha256:
        text = f"records {here} and {number} were exchanged"
        return Broken(sequence=here, fault=Fault.SWAPPED, text=text)
    if number is not None and number < here:
        text = f"record {here} was written as {number}: something was put in before it"
        return Broken(sequence=number, fault=Fault.INSERTED, text=text)
    if number is not None:
        text = f"record {here} was written as {number}: what stood here is missing"
        return Broken(sequence=here, fault=Fault.REMOVED, text=text)
    if follower is not None and hash_row(follower, sequence=here) == follower.sha256:
        text = f"record {here} was put in: the next one was written under its number"
        return Broken(sequence=here, fault=Fault.INSERTED, text=text)
    text = f"record {here} does not fit its own hash"
    return Broken(sequence=here, fault=Fault.EDITED, text=text)


def _original_number(row: Row, highest: int) -> int | None:
    """Return the number under which the record fits its hash, None if it was edited as well."""
    near = range(max(1, row.sequence - LOOKAHEAD_MAX), highest + 1)
    return next((n for n in near if hash_row(row, sequence=n) == row.sha256), None)


def _link_fault(row: Row, previous: Row | None, rest: Iterator[Row]) -> Broken | None:
    """Return which of two records, each whole in itself, does not belong to the chain."""
    expected = previous.sha256 if previous is not None else GENESIS
    if row.previous_sha256 == expected:
        return None
    follower = next(rest, None)
    # The next record tells whom it was written after; without one, the older record was replaced.
    genuine = follower is None or follower.previous_sha256 == row.sha256
    wrong = row.sequence - 1 if genuine and previous is not None else row.sequence
    return Broken(
        sequence=wrong,
        fault=Fault.EDITED,
        text=(
            f"record {wrong} was replaced: it fits a hash of its own, but record "
            f"{row.sequence if wrong != row.sequence else wrong - 1} belongs to another one"
        ),
    )


def _anchor_fault(row: Row, noted: Mapping[int, str]) -> Broken | None:
    if noted.get(row.sequence, row.sha256) == row.sha256:
        return None
    return Broken(
        sequence=row.sequence,
        fault=Fault.EDITED,
        text=f"record {row.sequence} or one before it was forged: its hash was noted differently",
    )


def _cut_off(checked: int, noted: int) -> Broken:
    return Broken(
        sequence=checked + 1,
        fault=Fault.REMOVED,
        text=f"the records from {checked + 1} to {noted} at least are missing at the end",
    )
