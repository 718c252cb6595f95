"""Verifying the chain: any damage is found, and the first broken record is named."""

import copy
import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyarb_site.audit.chain import Anchor, Fault, hash_row, verify_chain
from tests.conftest import NOON


@dataclass
class Row:
    """A stored record without a database, so that a test may forge it."""

    sequence: int
    at: datetime = NOON
    actor_id: int | None = None
    actor_name: str = "test"
    request_id: str = ""
    action: str = "x"
    target: str = ""
    reason: str = ""
    before: Any = None
    after: Any = field(default_factory=dict)
    previous_sha256: str = ""
    sha256: str = ""


def written(count):
    """Return a whole chain."""
    rows: list[Row] = []
    for number in range(1, count + 1):
        row = Row(
            number,
            at=NOON + timedelta(seconds=number),
            reason=f"reason {number}",
            after={"n": number},
            previous_sha256=rows[-1].sha256 if rows else "",
        )
        rows.append(replace(row, sha256=hash_row(row)))
    return rows


def broken(rows, **anchors):
    report = verify_chain(rows, **anchors)
    return report.broken and (report.broken.sequence, report.broken.fault)


FIELDS = {
    "at": NOON + timedelta(days=1),
    "actor_id": 7,
    "actor_name": "someone else",
    "request_id": "forged",
    "action": "forged",
    "target": "forged",
    "reason": "forged",
    "before": {"forged": True},
    "after": {"n": -1},
    "previous_sha256": "0" * 64,
    "sha256": "0" * 64,
}


class TestVerifyChain:
    def test_an_untouched_chain_holds(self):
        rows = written(20)
        report = verify_chain(rows)

        assert (report.checked, report.head_sha256, report.broken) == (20, rows[-1].sha256, None)
        assert verify_chain([]).broken is None

    @pytest.mark.parametrize("name", FIELDS)
    @pytest.mark.parametrize("index", [0, 7, 19])
    def test_every_edited_field_is_found(self, name, index):
        rows = written(20)
        if index == 0 and name == "previous_sha256":
            rows[0].previous_sha256 = "1" * 64
        setattr(rows[index], name, FIELDS[name])

        assert broken(rows) == (index + 1, Fault.EDITED)

    @pytest.mark.parametrize("index", [0, 7, 18])
    def test_an_edited_record_with_a_fitting_hash_is_found(self, index):
        rows = written(20)
        rows[index].reason = "forged"
        rows[index].sha256 = hash_row(rows[index])

        assert broken(rows) == (index + 1, Fault.EDITED)

    def test_a_forged_head_is_found_by_an_anchor_only(self):
        rows = written(20)
        noted = Anchor(sequence=20, sha256=rows[-1].sha256)
        rows[-1].reason = "forged"
        rows[-1].sha256 = hash_row(rows[-1])

        assert broken(rows) is None
        assert broken(rows, anchors=[noted]) == (20, Fault.EDITED)

    @pytest.mark.parametrize("index", [0, 7, 18])
    def test_a_removed_record_is_found(self, index):
        rows = written(20)
        del rows[index]

        assert broken(rows) == (index + 1, Fault.REMOVED)

    @pytest.mark.parametrize("index", [0, 7, 18])
    def test_a_removed_record_is_found_when_the_rest_was_renumbered(self, index):
        rows = written(20)
        del rows[index]
        for row in rows[index:]:
            row.sequence -= 1

        assert broken(rows) == (index + 1, Fault.REMOVED)

    def test_a_cut_off_end_is_found_by_an_anchor_only(self):
        rows = written(20)
        noted = Anchor(sequence=20, sha256=rows[-1].sha256)

        assert broken(rows[:15]) is None
        assert broken(rows[:15], anchors=[noted]) == (16, Fault.REMOVED)

    @pytest.mark.parametrize("index", [0, 7, 19])
    @pytest.mark.parametrize("hashed", [True, False])
    def test_an_inserted_record_is_found(self, index, hashed):
        rows = written(20)
        forged = Row(index + 1, reason="forged", sha256="0" * 64)
        forged.previous_sha256 = rows[index - 1].sha256 if index else ""
        if hashed:
            forged.sha256 = hash_row(forged)
        for row in rows[index:]:
            row.sequence += 1
        rows.insert(index, forged)

        assert broken(rows) == (index + 1, Fault.INSERTED)

    def test_a_record_that_stands_twice_is_found(self):
        rows = written(20)
        rows.insert(8, copy.copy(rows[7]))

        assert broken(rows) == (8, Fault.INSERTED)

    @pytest.mark.parametrize(("first", "second"), [(0, 1), (7, 8), (3, 15), (18, 19)])
    def test_swapped_records_are_found(self, first, second):
        rows = written(20)
        rows[first].sequence, rows[second].sequence = rows[second].sequence, rows[first].sequence
        rows.sort(key=lambda row: row.sequence)

        assert broken(rows) == (first + 1, Fault.SWAPPED)

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), 1.5])
    def test_what_no_record_was_written_with_is_a_fault_and_no_crash(self, value):
        rows = written(5)
        rows[2].after = {"n": value}

        assert broken(rows) == (3, Fault.EDITED)

    @given(st.integers(2, 12), st.randoms(use_true_random=False))
    @settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
    def test_any_single_damage_is_found_at_its_first_record(self, count, rng: random.Random):
        rows = written(count)
        at = rng.randrange(count - 1)
        kind = rng.choice(["edit", "edit and hash", "remove", "renumber", "insert", "swap"])
        if kind.startswith("edit"):
            rows[at].reason += " forged"
            if kind == "edit and hash":
                rows[at].sha256 = hash_row(rows[at])
        elif kind in ("remove", "renumber"):
            del rows[at]
            for row in rows[at:] if kind == "renumber" else []:
                row.sequence -= 1
        elif kind == "insert":
            for row in rows[at:]:
                row.sequence += 1
            rows.insert(at, Row(at + 1, reason="forged", sha256="1" * 64))
        else:
            other = rng.randrange(at + 1, count)
            rows[at].sequence, rows[other].sequence = rows[other].sequence, rows[at].sequence
            rows.sort(key=lambda row: row.sequence)
        report = verify_chain(rows)

        assert report.broken is not None
        assert report.broken.sequence == at + 1
        assert report.checked == at
