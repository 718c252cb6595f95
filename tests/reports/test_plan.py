"""Which backups are due, which are kept, and what they are called."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.backups.plan import (
    FAILED,
    FAILED_KEPT,
    KEPT,
    MOVES,
    PRUNED,
    RUNNING,
    TAKEN,
    VERIFIED,
    Kept,
    is_drill_due,
    is_due,
    name_of,
    slot_start,
    to_prune,
)
from reports.models import BackupRun

NOW = datetime(2026, 3, 9, 15, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def one(name="a", state=VERIFIED, ago=HOUR, **more):
    return Kept(name=name, state=state, started_at=NOW - ago, **more)


class TestNames:
    def test_are_the_minute_in_utc(self):
        assert name_of(NOW, []) == "20260309_1500"

    def test_of_the_same_minute_get_a_number(self):
        assert name_of(NOW, ["20260309_1500"]) == "20260309_1500_2"
        assert name_of(NOW, ["20260309_1500", "20260309_1500_2"]) == "20260309_1500_3"

    def test_run_out_instead_of_meeting(self):
        taken = ["20260309_1500", *(f"20260309_1500_{n}" for n in range(2, 100))]

        with pytest.raises(ValueError, match="99 backups"):
            name_of(NOW, taken)


class TestDue:
    def test_the_half_days_begin_ten_minutes_past(self):
        assert slot_start(NOW) == datetime(2026, 3, 9, 12, 10, tzinfo=UTC)
        assert slot_start(NOW.replace(hour=0, minute=9)) == datetime(2026, 3, 8, 12, 10, tzinfo=UTC)
        assert slot_start(NOW.replace(hour=0, minute=10)) == datetime(2026, 3, 9, 0, 10, tzinfo=UTC)

    def test_is_without_any(self):
        assert is_due([], NOW)

    def test_is_not_after_one_of_this_half_day(self):
        assert not is_due([one(ago=2 * HOUR)], NOW)

    def test_is_when_the_last_is_of_the_half_day_before(self):
        assert is_due([one(ago=3 * HOUR)], NOW)

    @pytest.mark.parametrize("state", [RUNNING, TAKEN, FAILED])
    def test_one_that_does_not_count_is_tried_again_after_an_hour(self, state):
        assert not is_due([one(state=state, ago=59 * timedelta(minutes=1))], NOW)
        assert is_due([one(state=state, ago=HOUR)], NOW)

    def test_a_moment_of_a_clock_that_was_set_back_stops_nothing(self):
        assert is_due([one(ago=-HOUR)], NOW)

    def test_a_drill_comes_each_week(self):
        assert is_drill_due(None, NOW)
        assert not is_drill_due(NOW - 6 * DAY, NOW)
        assert is_drill_due(NOW - 7 * DAY, NOW)


class TestKeeping:
    def test_what_is_a_week_old_goes(self):
        assert to_prune([one("new"), one("old", ago=KEPT + HOUR)], NOW) == ["old"]

    def test_what_is_pinned_stays(self):
        assert to_prune([one("new"), one("old", ago=99 * DAY, pinned=True)], NOW) == []

    def test_the_last_verified_one_stays_however_old(self):
        """PolyArb-X removed by age alone, also the last good one (B3)."""
        backups = [one("good", ago=99 * DAY), one("bad", state=FAILED, ago=2 * DAY)]

        assert to_prune(backups, NOW) == ["bad"]

    def test_one_that_is_being_made_stays(self):
        assert to_prune([one(), one("x", state=RUNNING, ago=99 * DAY)], NOW) == []


kept = st.builds(
    Kept,
    name=st.uuids().map(str),
    state=st.sampled_from([RUNNING, TAKEN, VERIFIED, FAILED, PRUNED]),
    started_at=st.integers(-48, 24 * 40).map(lambda hours: NOW - hours * HOUR),
    pinned=st.booleans(),
    files=st.booleans(),
)


@given(st.lists(kept, max_size=40, unique_by=lambda backup: backup.name))
def test_pruning_never_takes_the_last_proof_nor_what_is_pinned_nor_what_is_young(backups):
    gone = set(to_prune(backups, NOW))
    rest = [backup for backup in backups if backup.name not in gone]

    proofs = [b for b in backups if b.state == VERIFIED and b.files]
    if proofs:
        newest = max(b.started_at for b in proofs)
        assert any(b.state == VERIFIED and b.files and b.started_at == newest for b in rest)
    for backup in backups:
        if backup.name in gone:
            assert not backup.pinned
            assert backup.files
            assert backup.state not in (RUNNING, PRUNED)
            kept_for = FAILED_KEPT if backup.state == FAILED else KEPT
            assert NOW - backup.started_at > kept_for
    assert set(to_prune(rest, NOW)) == set()  # it is done at once, and done again it does nothing


def test_every_state_has_its_moves_and_what_is_pruned_stays_so():
    assert set(MOVES) == set(BackupRun.State.values)
    assert MOVES[PRUNED] == frozenset()
    assert all(targets <= set(MOVES) for targets in MOVES.values())
