"""Public reads of the CLOB: books, market parameters, the clock."""

import json

import pytest

from tests.feeds.listening import MachineClock, book
from tests.feeds.misbehaving import Answer, as_json
from trading.adapters.clob_rest import ClobReader, RestSettings
from trading.adapters.feed import FeedError
from trading.engine.events import BookSnapshot
from trading.engine.market import FeeSchedule

CONDITION = "0x" + "ab" * 32


@pytest.fixture
async def clob(venue):
    reader = ClobReader(RestSettings(base_url=venue.http_url, books_chunk_max=4), MachineClock())
    yield reader
    await reader.close()


def serve_books(venue, *, tokens_max=1_000):
    """Answer POST /books with a book for each token, refusing long questions as the venue does."""

    def answer(request):
        asked = [one["token_id"] for one in request.json]
        if len(asked) > tokens_max:
            return as_json({"error": "Payload exceeds the limit"}, status=400)
        return as_json([book(token) for token in asked])

    venue.answers["/books"] = answer


def market(**changes):
    """Return a complete record of the compact form."""
    return {
        "c": CONDITION,
        "t": [{"t": "11", "o": "Up"}, {"t": "22", "o": "Down"}],
        "mos": 5,
        "mts": 0.01,
        "v": "v1",
        "ao": True,
        "itode": True,
        "mbf": 1000,
        "tbf": 1000,
        "r": {"mi": 50, "ma": 4.5, "moas": 30},
        "fd": {"r": 0.07, "e": 1, "to": True},
    } | changes


def without(record, key):
    return {name: value for name, value in record.items() if name != key}


class TestBooks:
    async def test_a_book_becomes_a_snapshot_marked_as_read(self, venue, clob):
        answer = book("11", bids=[("0.3", "1"), (".48", "30.5")], asks=[("0.52", "0.000001")])
        answer |= {"tick_size": "0.01", "min_order_size": "5", "neg_risk": False}
        venue.answers["/books"] = lambda request: as_json([answer])

        reads = await clob.books(("11",))

        assert reads.snapshots == (
            BookSnapshot(
                "0xm",
                "11",
                1_790_000_000_000,
                ((300_000, 1_000_000), (480_000, 30_500_000)),
                ((520_000, 1),),
                10_000,
                from_read=True,
            ),
        )
        assert reads.refused == ()
        assert venue.requests[0].json == [{"token_id": "11"}]

    async def test_many_tokens_are_asked_for_in_chunks_and_answered_in_order(self, venue, clob):
        serve_books(venue)
        tokens = tuple(str(n) for n in range(1, 11))

        reads = await clob.books(tokens)

        assert [len(request.json) for request in venue.requests] == [4, 4, 2]
        assert tuple(snapshot.token_id for snapshot in reads.snapshots) == tokens

    async def test_a_refused_payload_is_halved_and_the_smaller_size_remembered(self, venue, clob):
        serve_books(venue, tokens_max=2)
        tokens = ("1", "2", "3", "4")

        assert len((await clob.books(tokens)).snapshots) == 4
        assert len((await clob.books(tokens)).snapshots) == 4

        assert [len(request.json) for request in venue.requests] == [4, 2, 2, 2, 2]

    async def test_a_payload_of_one_that_is_refused_is_an_error(self, venue, clob):
        serve_books(venue, tokens_max=0)

        with pytest.raises(FeedError, match="Payload exceeds the limit"):
            await clob.books(("1", "2"))

        assert [len(request.json) for request in venue.requests] == [2, 1]

    async def test_other_refusals_are_not_asked_again(self, venue, clob):
        venue.answers["/books"] = lambda request: as_json({"error": "Invalid payload"}, status=400)

        with pytest.raises(FeedError, match="Invalid payload") as caught:
            await clob.books(("1", "2"))

        assert caught.value.permanent
        assert len(venue.requests) == 1

    async def test_tokens_that_the_venue_does_not_know_are_missing(self, venue, clob):
        venue.answers["/books"] = lambda request: as_json([book("2")])

        reads = await clob.books(("1", "2"))

        assert [snapshot.token_id for snapshot in reads.snapshots] == ["2"]

    @pytest.mark.parametrize(
        ("fault", "field"),
        [
            ({"bids": [{"price": "1.2", "size": "1"}]}, "bids[0].price"),
            ({"asks": [{"price": "0.5", "size": "1"}, {"price": "0", "size": "1"}]}, "asks[1]"),
            ({"asks": [{"price": "1", "size": "1"}]}, "asks[0].price"),
            ({"bids": [{"price": "-0.1", "size": "1"}]}, "bids[0].price"),
            ({"bids": [{"price": "0.1", "size": "-1"}]}, "bids[0].size"),
            ({"bids": [{"price": "0.1", "size": "1e9"}]}, "bids[0].size"),
            ({"bids": [{"price": "0.1", "size": "9" * 30}]}, "bids[0].size"),
            ({"bids": [{"price": "0.0000001", "size": "1"}]}, "bids[0].price"),
            ({"bids": [{"price": 0.1, "size": "1"}]}, "$.bids[0].price"),
            ({"bids": [{"price": "0.1"}]}, "$.bids[0]"),
            ({"bids": None}, "$.bids"),
            ({"timestamp": "yesterday"}, "timestamp"),
            ({"timestamp": "1790000000"}, "timestamp"),
            ({"timestamp": 1790000000000}, "$.timestamp"),
            ({"tick_size": "0.03"}, "tick_size"),
        ],
    )
    async def test_a_faulty_book_is_left_out_by_name_and_the_others_are_used(
        self, venue, clob, fault, field
    ):
        venue.answers["/books"] = lambda request: as_json([book("1") | fault, book("2")])

        reads = await clob.books(("1", "2"))

        assert [snapshot.token_id for snapshot in reads.snapshots] == ["2"]
        (reason,) = reads.refused
        assert reason.startswith("books[0]: ")
        assert field in reason

    async def test_levels_without_size_are_no_levels(self, venue, clob):
        venue.answers["/books"] = lambda request: as_json([book("1", bids=[("0.1", "0")])])

        assert (await clob.books(("1",))).snapshots[0].bids == ()

    async def test_books_that_nobody_asked_for_or_that_come_twice_are_left_out(self, venue, clob):
        twice = [book("1"), book("1", bids=[]), book("9")]
        venue.answers["/books"] = lambda request: as_json(twice)

        reads = await clob.books(("1",))

        assert len(reads.snapshots) == 1
        assert reads.snapshots[0].bids != ()
        assert len(reads.refused) == 2

    @pytest.mark.parametrize(
        ("answer", "permanent"),
        [
            (Answer(b"<html>maintenance</html>"), False),
            (Answer(b'[{"market":"0xm"'), False),
            (Answer(b'{"error":"x"}'), True),
            (Answer(b"[]", status=425), False),
        ],
    )
    async def test_an_answer_that_is_no_list_is_an_error(self, venue, clob, answer, permanent):
        venue.answers["/books"] = lambda request: answer

        with pytest.raises(FeedError, match="POST /books") as caught:
            await clob.books(("1",))

        assert caught.value.permanent is permanent


class TestMarket:
    async def read(self, venue, clob, record):
        venue.answers[f"/clob-markets/{CONDITION}"] = lambda request: Answer(
            record if isinstance(record, bytes) else json.dumps(record).encode()
        )
        return await clob.market(CONDITION)

    async def test_a_complete_record_is_read(self, venue, clob):
        read = await self.read(venue, clob, market())

        assert read.outcomes == (("11", "Up"), ("22", "Down"))
        assert (read.tick_micro, read.min_order_size_micro) == (10_000, 5_000_000)
        assert read.fee == FeeSchedule(rate_micro=70_000, exponent=1)
        assert (read.protocol, read.neg_risk, read.accepting_orders) == ("v1", False, True)
        assert (read.taker_delay, read.seconds_delay) == (True, 0)

    async def test_what_is_left_out_means_what_the_venue_says_it_means(self, venue, clob):
        record = market()
        for key in ("fd", "v", "ao", "itode"):
            record = without(record, key)

        read = await self.read(venue, clob, record)

        assert (read.fee, read.protocol, read.accepting_orders) == (None, "", None)
        assert (read.neg_risk, read.taker_delay, read.seconds_delay) == (False, False, 0)

    @pytest.mark.parametrize(
        ("digits", "tick_micro"),
        [("0.1", 100_000), ("0.005", 5_000), ("0.0025", 2_500), ("1e-4", 100)],
    )
    async def test_numbers_are_read_from_their_digits(self, venue, clob, digits, tick_micro):
        raw = json.dumps(market()).replace('"mts": 0.01', f'"mts": {digits}').encode()

        assert (await self.read(venue, clob, raw)).tick_micro == tick_micro

    @pytest.mark.parametrize("key", ["c", "t", "mos", "mts"])
    async def test_an_incomplete_record_is_refused_by_field(self, venue, clob, key):
        # Without them nobody can say that a missing `fd` means "no fee".
        with pytest.raises(FeedError, match=f"`{key}`"):
            await self.read(venue, clob, without(market(), key))

    @pytest.mark.parametrize(
        ("fault", "named"),
        [
            ({"c": "0x" + "cd" * 32}, "c: the answer is about"),
            ({"t": [{"t": "11", "o": "Up"}]}, "t: 1 tokens"),
            ({"t": [{"t": "11", "o": "Up"}, {"t": "11", "o": "Down"}]}, "t: both tokens"),
            ({"mts": 0.03}, "mts: 0.03"),
            ({"mts": 0}, "mts: 0"),
            ({"mts": 1e300}, "mts: "),
            ({"mts": "nan"}, "mts: "),
            ({"mos": -5}, "mos: "),
            ({"mos": 0.0000001}, "mos: "),
            ({"sd": -1}, "sd: -1"),
            ({"fd": {"r": 1.5, "e": 1, "to": True}}, "fd rate: 1.5"),
            ({"fd": {"r": 0.07, "e": 1.5, "to": True}}, "fd exponent: "),
            ({"fd": {"r": 0.07, "e": 99, "to": True}}, "fd exponent: "),
            ({"fd": {"r": 0.07, "to": True}}, "`e`"),
            ({"fd": {"r": None, "e": 1, "to": True}}, r"\$\.fd\.r"),
            ({"itode": "yes"}, r"\$\.itode"),
        ],
    )
    async def test_a_faulty_record_is_refused_by_field(self, venue, clob, fault, named):
        with pytest.raises(FeedError, match=named) as caught:
            await self.read(venue, clob, market(**fault))

        assert caught.value.permanent

    async def test_an_unknown_market_is_refused_for_good(self, clob):
        with pytest.raises(FeedError, match="HTTP 404") as caught:
            await clob.market("../../admin")

        assert caught.value.permanent


class TestTime:
    async def test_the_clock_is_read_in_seconds(self, venue, clob):
        venue.answers["/time"] = lambda request: Answer(b"1795350000")

        assert await clob.server_time_s() == 1_795_350_000

    @pytest.mark.parametrize("body", [b"1795350000123", b"5", b'"1795350000"', b"x" * 2_000, b""])
    async def test_anything_else_is_refused(self, venue, clob, body):
        venue.answers["/time"] = lambda request: Answer(body)

        with pytest.raises(FeedError, match="GET /time"):
            await clob.server_time_s()
