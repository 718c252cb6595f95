"""Replays on the admin's pages and over REST."""

from datetime import timedelta

import pytest

from tests.api.building import Caller, error_of, make_replay, make_session
from tests.conftest import NOON
from tests.helpers import admin_pages as pages

SAME = {"verdict": "SAME", "problem": "", "differences": [], "different": 0}


@pytest.fixture
def session(mandate, profile):
    return make_session(profile)


@pytest.fixture
def reading(client, viewer):
    client.force_login(viewer)
    return lambda address, **query: client.get(address, query).content.decode()


class TestThePage:
    def test_of_a_difference_shows_both_sides_and_how_many_more(self, reading, session):
        row = make_replay(session)

        text = reading(pages.page_of("replayrun", row.pk))

        assert "Different" in text
        assert "commands are not what the journal has, the first for record 7" in text
        assert "CancelAll(reason=&#x27;x&#x27;)" in text
        assert "And 21 more." in text
        assert "0.101" in text

    def test_of_what_is_the_same_says_so_twice(self, reading, session):
        row = make_replay(session, **SAME, sha256="ab" * 32, recorded_sha256="ab" * 32)

        text = reading(pages.page_of("replayrun", row.pk))

        assert text.count('pa-badge-good">yes') == 2
        assert "First differences" not in text

    def test_of_an_unreadable_journal_invents_no_figures(self, reading, session):
        row = make_replay(
            session,
            verdict="UNREADABLE",
            problem="FLIPPED_BIT in 000001.journal at byte 116",
            sha256="",
            recorded_sha256="",
            realised_micro=None,
            differences=[],
        )

        text = reading(pages.page_of("replayrun", row.pk))

        assert "FLIPPED_BIT in 000001.journal at byte 116" in text
        assert "manage.py verify_journal" in text
        assert 'pa-badge-good">yes' not in text

    def test_of_a_session_links_the_newest_verdict_of_each_day(self, reading, session):
        older = make_replay(session, 1)
        newest = make_replay(session, 2, **SAME)
        other = make_replay(session, 3, day=NOON.date() - timedelta(days=1))

        text = reading(pages.page_of("enginesession", session.pk))

        for row in (newest, other):
            assert pages.page_of("replayrun", row.pk) in text
        assert pages.page_of("replayrun", older.pk) not in text

    def test_of_a_session_says_when_its_journal_was_removed(self, reading, session):
        session.journal_removed_at = NOON
        session.save()

        text = reading(pages.page_of("enginesession", session.pk))

        assert "removed on 2026-03-02 by retention" in text
        assert "replayed in the night after it ran" in text


class TestTheList:
    def test_can_be_narrowed_to_a_verdict(self, reading, session):
        make_replay(session, 1)
        same = make_replay(session, 2, **SAME)

        text = reading(pages.list_of("replayrun"), verdict="SAME")

        assert pages.page_of("replayrun", same.pk) in text
        assert "first for record 7" not in text

    def test_says_when_replays_come_while_there_is_none(self, reading, session):
        assert "At 00:20 UTC each session" in reading(pages.list_of("replayrun"))


class TestTheApi:
    def test_gives_amounts_exactly_and_as_text(self, viewer, session):
        make_replay(session)

        (row,) = Caller(viewer).get("/api/replays/").json()["items"]

        assert (row["realised_micro"], row["realised"]) == (101_000, "0.101")
        assert (row["session"], row["day"], row["verdict"]) == (
            session.key,
            "2026-03-02",
            "DIFFERENT",
        )
        assert row["differences"][0]["sequence"] == 7

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ({"day": "2026-03-02"}, 2),
            ({"day": "2026-03-03"}, 0),
            ({"verdict": "SAME"}, 1),
            ({"session": "main-1"}, 2),
            ({"session": "main-9"}, 0),
        ],
    )
    def test_can_be_narrowed(self, viewer, session, query, count):
        make_replay(session, 1)
        make_replay(session, 2, **SAME)

        assert len(Caller(viewer).get("/api/replays", **query).json()["items"]) == count

    @pytest.mark.parametrize("day", ["20260302", "2026-13-01", "today", "1999-01-01"])
    def test_refuses_what_is_no_day_and_says_how_one_looks(self, viewer, session, day):
        response = Caller(viewer).get("/api/replays", day=day)

        assert response.status_code == 400
        assert "2026-10-01" in str(error_of(response))
