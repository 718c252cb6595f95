"""The list of trades costs the same on the first page and on the thousandth, however many rows."""

import re
import statistics
from datetime import timedelta
from time import perf_counter
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.building import make_trades, trade
from tests.conftest import NOON
from trading.models import Trade

ROWS = 200_000
BLOCK = 2_000
DEEP = ROWS // 2


def plan_of(sql):
    """Return how the database would run a query, as text."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            return "\n".join(row[-1] for row in cursor.fetchall())
        cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(row[0] for row in cursor.fetchall())


def trade_queries(caller, **query):
    """Ask for a page and return the statements that read trades."""
    with CaptureQueriesContext(connection) as queries:
        response = caller.get("/api/trades", **query)
    assert response.status_code == 200
    return [row["sql"] for row in queries if 'FROM "trading_trade"' in row["sql"]], response.json()


def deep_cursor(caller, row_id, **query):
    """Return the cursor of the page below a row, made as the list makes it."""
    from polyarb_site.rest.pagination import Position, encode_cursor, fingerprint

    time = Trade.objects.get(id=row_id).matched_at if "since" in query or "until" in query else None
    return encode_cursor(Position(row_id=row_id, time=time), fingerprint("/api/trades", query))


def is_scan(plan):
    """Return whether a plan reads the whole table or sorts more than a page."""
    if connection.vendor == "sqlite":
        return bool(re.search(r"SCAN trading_trade|TEMP B-TREE", plan))
    return "Seq Scan on trading_trade" in plan


def copy_trades(shift_s):
    """Copy the first BLOCK fills in the database, `shift_s` later: quicker than sending."""
    later = {
        "sqlite": f"datetime(matched_at, '+{shift_s} seconds')",
        "postgresql": f"matched_at + interval '{shift_s} seconds'",
    }[connection.vendor]
    columns = [str(field.column) for field in Trade._meta.concrete_fields[1:]]  # all but the id
    changed = {
        "trade_id": f"trade_id || '-{shift_s}'",
        "set_id": f"set_id || '-{shift_s}'",
        "matched_at": later,
    }
    selected = ", ".join(changed.get(column, column) for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO trading_trade ({', '.join(columns)}) SELECT {selected} "
            f"FROM trading_trade ORDER BY id LIMIT {BLOCK}"
        )


@pytest.fixture
def many(session):
    """200,000 fills, a second apart, in 200 markets."""
    Trade.objects.bulk_create(
        [trade(session, number, condition_id=f"0x{number % 200:04x}") for number in range(BLOCK)]
    )
    for copy in range(1, ROWS // BLOCK):
        copy_trades(copy * BLOCK)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE trading_trade")
    assert Trade.objects.count() == ROWS
    return session


SINCE = (NOON + timedelta(seconds=1_000)).isoformat().replace("+00:00", "Z")
UNTIL = (NOON + timedelta(seconds=DEEP)).isoformat().replace("+00:00", "Z")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_page_scans_the_table_and_deep_pages_cost_what_the_first_costs(reader, many):
    filters: tuple[dict[str, str], ...] = (
        {},
        {"since": SINCE},
        {"until": UNTIL},
        {"since": SINCE, "until": UNTIL},
        {"market": "0x0007"},
        {"set": f"main-1-s{BLOCK // 4}-{DEEP}"},
    )
    deep_id = Trade.objects.order_by("id")[DEEP // 2].id
    for query in filters:
        for cursor in ({}, {"cursor": deep_cursor(reader, deep_id, **query)}):
            statements, _ = trade_queries(reader, **query, **cursor)
            assert len(statements) == 1
            plan = plan_of(statements[0])
            assert not is_scan(plan), f"{query} {bool(cursor)}:\n{plan}"
            assert "OFFSET" not in statements[0]
            assert "COUNT(" not in statements[0]

    def milliseconds(**query):
        rounds = []
        for _ in range(7):
            began = perf_counter()
            trade_queries(reader, **query)
            rounds.append((perf_counter() - began) * 1_000)
        return statistics.median(rounds)

    first = milliseconds()
    deep = milliseconds(cursor=deep_cursor(reader, deep_id))
    assert deep < 3 * first + 5, f"first page {first:.1f} ms, deep page {deep:.1f} ms"


def test_every_filter_but_the_states_is_found_by_an_index(reader, session):
    """The quick twin of the slow test: each statement is bounded by a column with an index."""
    make_trades(session, 3)
    bounded = {
        "id": {},
        "matched_at": {"since": SINCE, "until": UNTIL},
        "condition_id": {"market": "0xaa"},
        "set_id": {"set": "main-1-s1"},
    }
    for column, query in bounded.items():
        statements, _ = trade_queries(reader, **query)
        assert f'"trading_trade"."{column}" ' in statements[0].split("WHERE")[1]
        assert "OFFSET" not in statements[0]
        field: Any = Trade._meta.get_field(column)
        assert field.db_index or field.primary_key


@pytest.mark.parametrize(
    ("path", "query", "table", "column"),
    [
        ("/api/trades", {"state": "FAILED"}, "trading_trade", "state"),
        ("/api/sets", {"state": "EXPOSED"}, "trading_arbitrageset", "state"),
        ("/api/opportunities", {"refusal": "NO_DEPTH"}, "trading_opportunity", "refusal"),
    ],
)
def test_a_rare_code_is_found_without_reading_all_the_others(
    reader, facts, path, query, table, column
):
    with CaptureQueriesContext(connection) as queries:
        assert reader.get(path, **query).status_code == 200
    (statement,) = [row["sql"] for row in queries if f'FROM "{table}"' in row["sql"]]

    model = apps.get_model(table.replace("_", "."))
    field: Any = model._meta.get_field(column)
    assert field.db_index or column in {index.fields[0] for index in model._meta.indexes}
    if connection.vendor == "sqlite":  # PostgreSQL reads a small table whole, whatever there is
        assert re.search(rf"SEARCH {table} USING INDEX \S+ \({column}=", plan_of(statement))
