"""GET /api/trades.csv: complete or refused, streamed, and safe to open in a spreadsheet."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, connections
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext

from polyarb_site.rest import exports, tokens
from tests.api.building import error_of, make_trades
from trading.models import Trade


def lines(response):
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


class TestFile:
    def test_has_the_rows_of_the_list(self, reader, session):
        make_trades(session, 3)

        response = reader.get("/api/trades.csv")

        assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert 'filename="trades.csv"' in response.headers["Content-Disposition"]
        rows = lines(response)
        listed = reader.get("/api/trades").json()["items"]
        assert [row["trade_id"] for row in rows] == [row["trade_id"] for row in listed]
        assert set(rows[0]) == set(listed[0])
        assert rows[0]["price_micro"] == "480000"
        assert rows[0]["price"] == "0.48"
        assert rows[0]["paper"] == "true"
        assert rows[0]["matched_at"] == "2026-03-02T12:00:02Z"

    def test_is_narrowed_like_the_list(self, reader, session):
        make_trades(session, 6)

        rows = lines(reader.get("/api/trades.csv", market="0xbb", since="2026-03-02T12:00:03Z"))

        assert [row["trade_id"] for row in rows] == ["main-1-s4-o0-t1"]

    @pytest.mark.parametrize("name", ["limit", "cursor"])
    def test_knows_no_pages(self, name, reader, session):
        error = error_of(reader.get("/api/trades.csv", **{name: "1"}))

        assert (error["code"], error["field"]) == ("UNKNOWN_PARAMETER", name)

    @pytest.mark.parametrize("bounds", [{}, {"since": "2026-03-02"}])
    def test_holds_every_row_once_over_many_pages(self, bounds, reader, session, monkeypatch):
        monkeypatch.setattr(exports, "PAGE_ROWS", 4)
        make_trades(session, 12)  # a full last page, too

        rows = lines(reader.get("/api/trades.csv", **bounds))

        assert len({row["id"] for row in rows}) == len(rows) == 12

    def test_is_read_page_by_page(self, reader, session, monkeypatch):
        monkeypatch.setattr(exports, "PAGE_ROWS", 4)
        make_trades(session, 12)
        stream = iter(reader.get("/api/trades.csv").streaming_content)

        with CaptureQueriesContext(connection) as queries:
            next(stream)  # the names
            next(stream)  # four rows

        assert len(queries) == 1

    def test_that_would_be_too_long_is_refused_and_not_cut(self, reader, session, monkeypatch):
        monkeypatch.setattr(exports, "ROWS_MAX", 5)
        make_trades(session, 5)
        assert len(lines(reader.get("/api/trades.csv"))) == 5
        make_trades(session, 1, first=5)

        response = reader.get("/api/trades.csv")

        assert response.status_code == 400
        error = error_of(response)
        assert error["code"] == "TOO_MANY_ROWS"
        assert "since" in error["remedy"]


class TestCell:
    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("+1", "'+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-cmd", "'-cmd"),
            ("--5", "'--5"),
            ("\t=1", "'\t=1"),
            ("-0.25", "-0.25"),
            ("-5", "-5"),
            ("a=b", "a=b"),
            ("", ""),
            (-5, -5),
            (None, None),
            (False, "false"),
            (datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=UTC), "2026-01-02T03:04:05.000600Z"),
        ],
    )
    def test_is_never_a_formula(self, value, shown):
        assert exports.cell(value) == shown

    def test_of_a_hostile_id_is_quoted_in_the_file(self, reader, session):
        make_trades(session, 1, order_id='=cmd|"/c calc"!A1,\n"x"')

        rows = lines(reader.get("/api/trades.csv"))

        assert rows[0]["order_id"] == "'" + Trade.objects.get().order_id


@pytest.mark.django_db(transaction=True)
async def test_is_streamed_by_an_asynchronous_server_as_well(transactional_db, monkeypatch):
    from asgiref.sync import sync_to_async
    from django.contrib.auth.models import User

    from tests.api.building import make_session
    from tests.conftest import make_profile

    monkeypatch.setattr(exports, "PAGE_ROWS", 4)

    @sync_to_async
    def prepare():
        user = User.objects.create_superuser("sue", password="!")
        make_trades(make_session(make_profile("live_shadow_atomic_v1")), 10)
        return tokens.issue(user, by_name="test")

    token = await prepare()

    response = await AsyncClient().get(
        "/api/trades.csv", headers={"Authorization": f"Token {token}"}
    )

    stream: Any = response
    parts = [part async for part in stream.streaming_content]
    await sync_to_async(connections.close_all)()  # of the thread that read, or it stays open
    assert len(parts) == 4  # the names, 4 + 4 + 2 rows: never the whole file at once
    assert b"".join(parts).count(b"\n") == 11
