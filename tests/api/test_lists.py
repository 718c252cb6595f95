"""The lists of facts: what they show, what they filter, and that pages neither skip nor repeat."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyarb_site.rest import pagination
from tests.api.building import (
    MARKETS,
    error_of,
    make_note,
    make_opportunity,
    make_session,
    make_set,
    make_trades,
    trade,
)
from tests.conftest import NOON
from trading.models import Trade


def walk(caller, path="/api/trades", *, between=None, **query):
    """Return all rows of a list, page by page; `between` is called before each next page."""
    cursor: dict[str, str] = {}
    rows, pages = [], 0
    while True:
        response = caller.get(path, **query, **cursor)
        assert response.status_code == 200, response.content
        page = response.json()
        rows += page["items"]
        pages += 1
        assert pages < 200
        if page["next_cursor"] is None:
            return rows
        cursor = {"cursor": page["next_cursor"]}
        if between is not None:
            between(pages)


def ids(rows):
    return [row["id"] for row in rows]


class TestTrades:
    def test_show_amounts_as_whole_millionths_and_as_text(self, reader, session):
        make_trades(session, 1)

        row = reader.get("/api/trades").json()["items"][0]

        assert row == {
            "id": Trade.objects.get().id,
            "trade_id": "main-1-s0-o0-t1",
            "order_id": "main-1-s0-o0",
            "set_id": "main-1-s0",
            "session": "main-1",
            "condition_id": "0xaa",
            "token_id": str(10**70),
            "side": "BUY",
            "price_micro": 480_000,
            "price": "0.48",
            "size_micro": 5_000_000,
            "size": "5",
            "fee_micro": 31_200,
            "fee": "0.0312",
            "state": "CONFIRMED",
            "paper": True,
            "money": "PAPER",
            "matched_at": "2026-03-02T12:00:00Z",
            "moved_at": "2026-03-02T12:00:02Z",
        }

    def test_keep_amounts_exact_that_a_float_would_not(self, reader, session):
        make_trades(session, 1, size_micro=2**63 - 1)

        row = reader.get("/api/trades").json()["items"][0]

        assert row["size_micro"] == 2**63 - 1
        assert row["size"] == "9223372036854.775807"

    def test_come_newest_first(self, reader, session):
        make_trades(session, 7)

        rows = reader.get("/api/trades").json()["items"]

        assert ids(rows) == sorted(ids(rows), reverse=True)

    def test_take_the_same_few_queries_for_any_page(self, reader, session):
        make_trades(session, 120)

        counts = []
        for limit in (1, 50, 100):
            with CaptureQueriesContext(connection) as queries:
                reader.get("/api/trades", limit=limit)
            counts.append(len(queries))

        assert counts == [3, 3, 3]  # token, permission, rows

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"market": "0xbb"}, [4, 1]),
            ({"market": "0xdd"}, []),
            ({"set": "main-1-s1"}, [3, 2]),
            ({"state": "FAILED"}, [5]),
            ({"side": "SELL"}, [5]),
            ({"paper": "false"}, [5]),
            ({"paper": "true"}, [4, 3, 2, 1, 0]),
            ({"money": "PAPER"}, [4, 3, 2, 1, 0]),
            ({"money": "REAL"}, [5]),
            ({"money": "PLAY"}, []),
            ({"since": "2026-03-02T12:00:03Z"}, [5, 4, 3]),
            ({"until": "2026-03-02T12:00:03Z"}, [2, 1, 0]),
            ({"since": "2026-03-02T12:00:01Z", "until": "2026-03-02 12:00:03"}, [2, 1]),
            ({"since": "2026-03-02T13:00:03+01:00"}, [5, 4, 3]),
            ({"since": "2026-03-03"}, []),
            ({"market": "0xbb", "until": "2026-03-02T12:00:02Z"}, [1]),
        ],
    )
    def test_are_narrowed(self, query, expected, reader, session):
        make_trades(session, 5)
        make_trades(session, 1, first=5, state="FAILED", side="SELL", paper=False)

        rows = reader.get("/api/trades", **query).json()["items"]

        numbers = [int(row["trade_id"].split("-s")[1].split("-")[0]) for row in rows]
        assert numbers == expected


class TestPages:
    @pytest.mark.parametrize("bounds", [{}, {"since": "2026-03-02T12:00:00Z"}])
    @pytest.mark.parametrize("limit", [1, 3, 10, 11, 500])
    def test_hold_every_row_once(self, limit, bounds, reader, session):
        make_trades(session, 11)

        rows = walk(reader, limit=limit, **bounds)

        assert ids(rows) == sorted(Trade.objects.values_list("id", flat=True), reverse=True)

    @pytest.mark.parametrize("bounds", [{}, {"since": "2026-03-02T00:00:00Z"}])
    def test_neither_skip_nor_repeat_while_rows_arrive(self, bounds, reader, session):
        make_trades(session, 40)
        before = set(Trade.objects.values_list("id", flat=True))

        def arrive(page):
            make_trades(session, 3, first=100 + 3 * page)
            # And one that was recorded late: its time lies before the page that was just shown.
            make_trades(session, 1, first=500 + page, matched_at=NOON + timedelta(seconds=39))

        rows = walk(reader, limit=7, between=arrive, **bounds)

        assert len(ids(rows)) == len(set(ids(rows)))
        assert before <= set(ids(rows))

    def test_with_equal_times_are_told_apart_by_id(self, reader, session):
        make_trades(session, 25, matched_at=NOON)

        rows = walk(reader, limit=4, since="2026-03-02T00:00:00Z")

        assert ids(rows) == sorted(Trade.objects.values_list("id", flat=True), reverse=True)

    def test_are_by_time_where_time_is_bounded_and_by_id_otherwise(self, reader, session):
        make_trades(session, 3)
        make_trades(session, 1, first=3, matched_at=NOON - timedelta(hours=1))  # recorded late
        late = Trade.objects.order_by("-id")[0].id

        assert ids(walk(reader))[0] == late
        assert ids(walk(reader, since="2026-03-02T00:00:00Z"))[-1] == late

    def test_of_other_filters_refuse_the_cursor(self, reader, session):
        make_trades(session, 5)
        cursor = reader.get("/api/trades", limit=2).json()["next_cursor"]

        for path, query in (
            ("/api/trades", {"market": "0xaa"}),
            ("/api/trades", {"since": "2026-03-02"}),
            ("/api/events", {}),
        ):
            response = reader.get(path, cursor=cursor, **query)

            assert response.status_code == 400
            assert error_of(response)["code"] == "BAD_CURSOR"

    def test_may_change_their_size_and_the_slash(self, reader, session):
        make_trades(session, 5)
        cursor = reader.get("/api/trades", limit=2).json()["next_cursor"]

        rest = reader.get("/api/trades/", limit=500, cursor=cursor).json()

        assert len(rest["items"]) == 3

    def test_are_the_same_from_another_caller(self, reader, doer, session):
        make_trades(session, 5)
        cursor = reader.get("/api/trades", limit=2).json()["next_cursor"]

        assert doer.get("/api/trades", limit=2, cursor=cursor).status_code == 200


class TestCursor:
    @settings(max_examples=200, deadline=None)
    @given(
        row_id=st.integers(0, pagination.ID_MAX),
        time=st.none() | st.datetimes(min_value=pagination.EPOCH.replace(tzinfo=None)),
    )
    def test_leads_back_to_its_position(self, row_id, time):
        from datetime import UTC

        moment = time.replace(tzinfo=UTC) if time else None
        position = pagination.Position(row_id=row_id, time=moment)

        text = pagination.encode_cursor(position, "0123456789ab")

        found = pagination.decode_cursor(text, "0123456789ab", by_time=moment is not None)
        assert found == position
        assert len(text) <= 80

    @settings(max_examples=300, deadline=None)
    @given(text=st.text(max_size=60) | st.from_regex(r"[A-Za-z0-9_-]{4,40}"))
    def test_that_is_none_is_refused_and_never_breaks(self, text):
        from polyarb_site.rest.errors import ApiError

        with pytest.raises(ApiError, match="cursor"):
            pagination.decode_cursor(text, "0123456789ab", by_time=True)

    @pytest.mark.parametrize(
        "plain",
        [
            "0123456789ab.9223372036854775808",
            "0123456789ab.1.999999999999999999",
            "0123456789ab.-1",
            "0123456789ab.1.1.1",
            "0123456789ab.",
            "0123456789AB.1",
            "0123456789ab.\u0661",
        ],
    )
    def test_that_was_made_by_hand_is_refused(self, plain, reader):
        import base64

        text = base64.urlsafe_b64encode(plain.encode()).decode()

        assert error_of(reader.get("/api/trades", cursor=text))["code"] == "BAD_CURSOR"


class TestAnyOrder:
    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        seconds=st.lists(st.integers(0, 5), min_size=1, max_size=30),
        limit=st.integers(1, 10),
        by_time=st.booleans(),
    )
    def test_of_times_gives_every_row_once_in_order(self, seconds, limit, by_time, reader, session):
        from django.core.cache import cache

        cache.clear()
        Trade.objects.all().delete()
        Trade.objects.bulk_create(
            trade(session, number, matched_at=NOON + timedelta(seconds=second))
            for number, second in enumerate(seconds)
        )

        rows = walk(reader, limit=limit, **({"since": "2026-03-02"} if by_time else {}))

        order = ("-matched_at", "-id") if by_time else ("-id",)
        assert ids(rows) == list(Trade.objects.order_by(*order).values_list("id", flat=True))


class TestSets:
    def test_show_what_is_not_known_as_null(self, reader, session):
        make_set(session)

        row = reader.get("/api/sets").json()["items"][0]

        assert row["realised_micro"] is None
        assert row["realised"] is None
        assert row["payout"] == "1"
        assert row["legs"][0]["limit_micro"] == 480_000

    def test_are_narrowed(self, reader, session):
        make_set(session, 1)
        make_set(session, 2, state="EXPOSED", condition_id=MARKETS[1], paper=False)

        for query in (
            {"state": "EXPOSED"},
            {"market": "0xbb"},
            {"paper": "false"},
            {"money": "REAL"},
            {"since": "2026-03-02T12:00:02Z"},
        ):
            rows = reader.get("/api/sets", **query).json()["items"]
            assert [row["set_id"] for row in rows] == ["main-1-s2"], query


class TestOpportunities:
    def test_show_the_unknown_edge_as_null(self, reader, session):
        make_opportunity(session)

        row = reader.get("/api/opportunities").json()["items"][0]

        assert (row["edge_micro"], row["edge"]) == (None, None)
        assert (row["gap_micro"], row["gap"]) == (20_000, "0.02")
        assert row["ladder"] == [[[480_000, 1]]]

    def test_are_narrowed(self, reader, session):
        make_opportunity(session, 1)
        make_opportunity(session, 2, refusal="", stage="SUBMITTED", set_id="main-1-s9")

        for query in (
            {"stage": "SUBMITTED"},
            {"set": "main-1-s9"},
            {"since": "2026-03-02T12:00:02"},
        ):
            rows = reader.get("/api/opportunities", **query).json()["items"]
            assert [row["opportunity_id"] for row in rows] == ["main-1-p2"], query
        rows = reader.get("/api/opportunities", refusal="BELOW_MIN_PROFIT").json()["items"]
        assert [row["opportunity_id"] for row in rows] == ["main-1-p1"]


class TestEvents:
    def test_are_narrowed(self, reader, session):
        make_note(session, 1)
        make_note(session, 2, level="CRITICAL", code="HALTED")

        for query in (
            {"level": "CRITICAL"},
            {"code": "HALTED"},
            {"since": "2026-03-02T12:00:02Z"},
        ):
            rows = reader.get("/api/events", **query).json()["items"]
            assert [row["note_id"] for row in rows] == ["main-1-n2"], query

    def test_of_all_sessions_are_shown(self, reader, session, profile):
        other = make_session(profile, token=2)
        make_note(session, 1)
        make_note(other, 1)

        rows = reader.get("/api/events").json()["items"]

        assert [row["session"] for row in rows] == ["main-2", "main-1"]
