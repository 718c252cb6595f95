"""Lists are whole or they are failures; one order is that order; a cancel answers for each."""

import pytest

from tests.account.recorded import ORDER_ROW
from tests.account.secrets import failure
from tests.feeds.misbehaving import Answer, as_json
from trading.adapters.failures import FailureKind

NOT_SENT, REFUSED, UNKNOWN = FailureKind
HASH = "0x" + "ab" * 32


class TestLists:
    @staticmethod
    def paged(venue, *pages):
        """Answer with one page after the other, the last one for ever."""
        left = list(pages)
        venue.answers["/data/orders"] = lambda request: as_json(
            left.pop(0) if len(left) > 1 else left[0]
        )

    @staticmethod
    def page(cursor, *ids):
        return {"data": [ORDER_ROW | {"id": one} for one in ids], "next_cursor": cursor}

    async def test_all_pages_are_read(self, venue, private):
        self.paged(venue, self.page("MTAw", "0x1", "0x2"), self.page("LTE=", "0x2", "0x3"))

        found = await private.open_orders()

        assert [order.order_hash for order in found] == ["0x1", "0x2", "0x3"]
        assert [one.query for one in venue.requests] == [
            "next_cursor=MA%3D%3D",
            "next_cursor=MTAw",
        ]

    @pytest.mark.parametrize("cursors", [["MTAw", "MTAw"], ["MA=="], ["a", "b", "a"]], ids=str)
    async def test_a_cursor_that_comes_again_ends_the_walk(self, venue, private, cursors):
        self.paged(venue, *(self.page(cursor, "0x1") for cursor in cursors))

        failed = await failure(private.open_orders())

        assert failed.kind is UNKNOWN
        assert "came twice" in failed.text
        assert len(venue.requests) <= len(cursors) + 1

    async def test_a_walk_without_an_end_is_ended(self, venue, private, monkeypatch):
        monkeypatch.setattr("trading.adapters.clob_private.PAGES_MAX", 5)
        left = iter(range(99))
        venue.answers["/data/orders"] = lambda request: as_json(self.page(f"c{next(left)}"))

        failed = await failure(private.open_orders())

        assert failed.text == "more than 5 pages"
        assert len(venue.requests) == 5

    @pytest.mark.parametrize(
        ("second", "said"),
        [
            ({"data": []}, "next_cursor: is missing"),
            ({"data": [], "next_cursor": ""}, "next_cursor: "),
            ({"data": [ORDER_ROW | {"side": "HOLD"}], "next_cursor": "LTE="}, "data[0].side"),
            ({"next_cursor": "LTE="}, "data: is missing"),
        ],
    )
    async def test_a_part_is_never_taken_for_the_whole(self, venue, private, second, said):
        self.paged(venue, self.page("MTAw", "0x1"), second)

        failed = await failure(private.open_orders())

        assert failed.kind is UNKNOWN
        assert said in failed.text

    async def test_a_page_that_does_not_come_fails_all_of_it(self, venue, private):
        answers = iter([as_json(self.page("MTAw", "0x1")), Answer(b"", status=502)])
        venue.answers["/data/orders"] = lambda request: next(answers)

        assert (await failure(private.open_orders())).status == 502


class TestOneOrder:
    async def test_an_answer_about_another_order_is_none(self, venue, private):
        venue.answers[f"/data/order/{HASH}"] = lambda request: as_json(ORDER_ROW)

        failed = await failure(private.order(HASH))

        assert failed.text == "the answer is about another order"

    async def test_absence_is_said_by_the_venue_and_not_by_a_lost_path(self, venue, private):
        venue.answers[f"/data/order/{HASH}"] = lambda request: Answer(b"null")
        assert await private.order(HASH) is None
        del venue.answers[f"/data/order/{HASH}"]

        assert (await failure(private.order(HASH))).status == 404

    @pytest.mark.parametrize("order_hash", ["", "0x", "abc", "../orders", "0x12?a=b", HASH + "0"])
    async def test_what_is_no_hash_is_not_asked_for(self, venue, private, order_hash):
        with pytest.raises(ValueError, match="no order hash"):
            await private.order(order_hash)
        assert venue.requests == []


class TestCancelling:
    async def test_an_order_without_an_answer_is_unknown(self, venue, private):
        venue.answers["/orders"] = lambda request: as_json(
            {"canceled": ["0x1"], "not_canceled": {}}
        )

        assert (await private.cancel(("0x1",))).cancelled == ("0x1",)
        assert (await failure(private.cancel(("0x1", "0x2")))).kind is UNKNOWN
        assert venue.requests[1].json == ["0x1", "0x2"]

    @pytest.mark.parametrize("count", [0, 1_001])
    async def test_none_and_too_many_are_refused_here(self, venue, private, count):
        with pytest.raises(ValueError, match="orders to cancel: 1 to 1000"):
            await private.cancel(tuple(f"0x{number}" for number in range(count)))
        assert venue.requests == []
