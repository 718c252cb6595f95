"""The files for accounting: every column explained, every line of the books, and sums that hold."""

import csv
import io
from pathlib import Path

import pytest

from tests.api.openapi import undescribed
from tests.helpers.days import DAY, Shape, invent, session_of
from trading.api.columns import FILES, LEDGER, TRADES
from trading.models import LedgerPosting

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "ACCOUNTING.md"


def table(response):
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


@pytest.fixture
def books(mandate, profile):
    session = session_of(profile)
    invent(session, Shape(sets=9, gaps=0, samples=0))
    return session


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.address)
class TestColumns:
    def test_are_those_of_the_file_in_its_order(self, file, reader, books):
        assert list(table(reader.get(file.address))[0]) == list(file.columns)

    def test_are_explained_in_the_document_word_for_word(self, file):
        text = DOCUMENT.read_text()
        told = text.partition(f"## {file.address}\n")[2].partition("\n## ")[0]
        rows = [line for line in told.splitlines() if line.startswith("| `")]

        assert rows == [f"| `{name}` | {meaning} |" for name, meaning in file.columns.items()]


def test_the_explanations_are_served_beside_the_files(reader, books):
    response = reader.get("/api/accounting")

    assert undescribed("/api/accounting", "GET", response) == []
    assert [file["file"] for file in response.json()["files"]] == [TRADES.address, LEDGER.address]


class TestLedger:
    def test_holds_every_line_and_each_entry_sums_to_zero(self, reader, books):
        rows = table(reader.get("/api/ledger.csv"))
        sums = {}
        for row in rows:
            sums[row["entry_id"]] = sums.get(row["entry_id"], 0) + int(row["amount_micro"])

        assert len(rows) == LedgerPosting.objects.count()
        assert set(sums.values()) == {0}

    def test_what_was_earned_is_the_credit_on_realised(self, reader, books):
        rows = table(reader.get("/api/ledger.csv", account="REALISED"))
        earned = {row["entry_id"]: int(row["entry_realised_micro"]) for row in rows}

        assert sum(earned.values()) == -sum(int(row["amount_micro"]) for row in rows) != 0

    def test_is_narrowed_by_time_kind_and_money(self, reader, books):
        day = f"{DAY:%Y-%m-%d}"

        assert table(reader.get("/api/ledger.csv", money="REAL")) == []
        assert table(reader.get("/api/ledger.csv", until=day)) == []
        merges = table(reader.get("/api/ledger.csv", since=day, kind="MERGE"))
        assert {row["kind"] for row in merges} == {"MERGE"}

    def test_the_list_is_what_is_described_over_pages_by_time(self, reader, books):
        first = reader.get("/api/ledger", limit=4, since=f"{DAY:%Y-%m-%d}")
        cursor = first.json()["next_cursor"]
        second = reader.get("/api/ledger", limit=4, since=f"{DAY:%Y-%m-%d}", cursor=cursor)

        assert undescribed("/api/ledger", "GET", first) == []
        ids = [row["id"] for page in (first, second) for row in page.json()["items"]]
        assert len(set(ids)) == 8
