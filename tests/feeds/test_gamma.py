"""Discovery: the walk over the listing, and what is believed of it."""

import json
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings, strategies

from tests.feeds.listings import (
    CRYPTO,
    FREE,
    PATH,
    condition,
    gamma_market,
    page,
    parsed,
    reader_of,
)
from tests.feeds.misbehaving import Answer, as_json
from trading.adapters.feed import FeedError
from trading.adapters.gamma import Selection
from trading.adapters.gamma_market import listing_from, market_from
from trading.engine.market import FeeSchedule

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture
async def discover(venue):
    """Return a function that walks pages served by the venue."""

    async def discover(*pages, **settings):
        served = iter(pages)
        venue.answers[PATH] = lambda request: (
            page if isinstance(page := next(served), Answer) else as_json(page)
        )
        reader = reader_of(venue, **settings)
        try:
            return await reader.discover()
        finally:
            await reader.close()

    return discover


class TestTheWalk:
    async def test_pages_are_followed_by_their_cursor_until_there_is_none(self, venue, discover):
        found = await discover(page(gamma_market(1), cursor="a b+c"), page(gamma_market(2)))

        assert [one.slug for one in found.selected] == ["market-1", "market-2"]
        assert (found.pages, found.complete) == (2, True)
        first, second = (parse_qs(request.query) for request in venue.requests)
        assert "after_cursor" not in first
        assert second["after_cursor"] == ["a b+c"]
        assert (first["limit"], first["closed"], first["active"]) == (["100"], ["false"], ["true"])
        assert (first["order"], first["ascending"]) == (["volume24hr"], ["false"])

    async def test_a_cursor_that_comes_twice_ends_the_walk_with_an_error(self, venue, discover):
        pages = [page(gamma_market(n), cursor=cursor) for n, cursor in enumerate("abab")]

        with pytest.raises(FeedError, match="came twice") as caught:
            await discover(*pages)

        assert not caught.value.permanent
        assert len(venue.requests) == 3

    async def test_endless_pages_end_at_the_limit(self, venue, discover):
        pages = (page(gamma_market(n), cursor=f"c{n}") for n in range(1, 1_000))

        found = await discover(*pages, pages_max=4)

        assert (found.pages, found.complete) == (4, False)
        assert len(venue.requests) == 4

    async def test_endless_empty_pages_end_at_once(self, venue, discover):
        found = await discover(page(cursor="a"), page(cursor="b"))

        assert (found.pages, found.complete) == (1, True)

    async def test_a_page_above_its_limit_is_given_up(self, discover):
        with pytest.raises(FeedError, match="larger than 2000 bytes"):
            await discover(page(*(gamma_market(n) for n in range(9))), page_bytes_max=2_000)

    @pytest.mark.parametrize(
        ("answer", "permanent"),
        [
            (Answer(b"<html>challenge</html>"), False),
            (Answer(b'{"markets": ['), False),
            (as_json({"error": "slow down"}, status=429), False),
            (as_json({"error": "upstream"}, status=500), False),
            (as_json({"data": []}), True),
            (as_json([]), True),
        ],
    )
    async def test_a_page_that_is_none_is_an_error(self, discover, answer, permanent):
        with pytest.raises(FeedError, match="GET /markets/keyset") as caught:
            await discover(answer)

        assert caught.value.permanent is permanent


class TestChoosing:
    async def test_the_busiest_markets_are_chosen_up_to_the_limit(self, discover):
        markets = [gamma_market(n, volume24hr=n * 10.5) for n in (1, 3, 2)]

        found = await discover(page(*markets), selection=Selection(markets_max=2))

        assert [one.slug for one in found.selected] == ["market-3", "market-2"]
        assert found.open_ids == {condition(n) for n in (1, 2, 3)}
        assert set(found.listings) == found.open_ids

    async def test_equal_volumes_are_ordered_by_id(self, discover):
        markets = [gamma_market(n, volume24hr=None, volumeNum=7.5) for n in (3, 1, 2)]

        found = await discover(page(*markets))

        assert [one.slug for one in found.selected] == ["market-1", "market-2", "market-3"]
        assert found.selected[0].volume == Decimal("7.5")

    async def test_only_wanted_slugs_and_tags_are_chosen(self, venue, discover):
        tagged = {"tags": [{"id": "1", "label": "Crypto", "slug": "crypto"}]}
        markets = [
            gamma_market(1, slug="btc-1", **tagged),
            gamma_market(2, slug="eth-2", **tagged),
            gamma_market(3, slug="btc-3"),
        ]
        selection = Selection(slug_prefixes=("btc-", "sol-"), tag_slugs=("crypto",))

        found = await discover(page(*markets), selection=selection)

        assert [one.slug for one in found.selected] == ["btc-1"]
        assert found.skipped == {"another slug": 1, "another tag": 1}
        assert parse_qs(venue.requests[0].query)["include_tag"] == ["true"]

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"closed": True}, "closed"),
            ({"archived": True}, "archived"),
            ({"active": False}, "not active"),
            ({"active": None}, "not active"),
            ({"enableOrderBook": False}, "no order book"),
            ({"acceptingOrders": False}, "not accepting orders"),
            ({"acceptingOrders": None}, "not accepting orders"),
        ],
    )
    async def test_what_nobody_can_trade_is_skipped(self, discover, changes, reason):
        found = await discover(page(gamma_market(1, **changes), gamma_market(2)))

        assert [one.slug for one in found.selected] == ["market-2"]
        assert found.skipped == {reason: 1}
        assert found.refused_count == 0
        assert (condition(1) in found.open_ids) is (reason != "closed")

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"conditionId": "0x12"}, "conditionId"),
            ({"conditionId": None}, "$.conditionId"),
            ({"clobTokenIds": ["1", "2"]}, "$.clobTokenIds"),
            ({"clobTokenIds": '["1", "2"'}, "clobTokenIds"),
            ({"clobTokenIds": '["1"]'}, "clobTokenIds: 1 entries"),
            ({"clobTokenIds": '["1", "1"]'}, "clobTokenIds: both"),
            ({"clobTokenIds": '["1", "0x2"]'}, "clobTokenIds: '0x2'"),
            ({"clobTokenIds": "[1, 2]"}, "clobTokenIds"),
            ({"clobTokenIds": "[" * 5_000}, "clobTokenIds: 5000 characters"),
            ({"clobTokenIds": None}, "$.clobTokenIds"),
            ({"outcomes": "[]"}, "outcomes: 0 entries"),
            ({"outcomes": '"Yes"'}, "outcomes"),
            ({"endDate": "soon"}, "endDate"),
            ({"endDate": "2026-10-01T12:00:00"}, "endDate"),
            ({"feeSchedule": {"rate": 0.07, "exponent": 1}}, "takerOnly"),
            ({"feeSchedule": {"rate": -1, "exponent": 1, "takerOnly": True}}, "feeSchedule rate"),
            ({"secondsDelay": -3}, "secondsDelay"),
            ({"negRisk": True, "events": []}, "negRiskMarketID"),
            ({"negRisk": False, "events": [{"negRisk": True}]}, "negRisk: false"),
        ],
    )
    async def test_a_malformed_market_is_set_aside_by_name_and_the_others_go_on(
        self, discover, changes, named
    ):
        found = await discover(page(gamma_market(1, **changes), gamma_market(2)))

        assert [one.slug for one in found.selected] == ["market-2"]
        assert found.refused_count == 1
        assert found.refused[0].name == "market-1"
        assert named in found.refused[0].reason

    async def test_what_is_no_object_at_all_is_set_aside(self, discover):
        found = await discover(page(5, None, "x", {}, gamma_market(2)))

        assert found.refused_count == 4
        assert len(found.selected) == 1

    async def test_a_market_listed_twice_with_other_tokens_is_set_aside(self, discover):
        other = gamma_market(1) | {"clobTokenIds": '["5", "6"]'}

        found = await discover(page(gamma_market(1), gamma_market(1), other))

        assert len(found.selected) == 1
        assert found.refused[0].reason == "listed twice with different tokens"

    async def test_reasons_are_kept_for_some_and_counted_for_all(self, discover):
        found = await discover(page(*({} for _ in range(99))))

        assert (found.refused_count, len(found.refused)) == (99, 50)


class TestOneListing:
    def test_fields_are_read_exactly(self):
        listing = parsed()

        assert listing.token_ids == (str(10**70 + 2), str(10**70 + 3))
        assert listing.outcomes == ("Yes", "No")
        assert listing.ends_at_ms == 1_790_856_000_000
        assert listing.fee == CRYPTO
        assert listing.protocol == "v1"

    @pytest.mark.parametrize("version", ["v2", "v9"])
    def test_another_protocol_is_named(self, version):
        assert parsed(version=version).protocol == version

    @pytest.mark.parametrize("version", [None, ""])
    def test_a_missing_protocol_is_unknown(self, version):
        assert parsed(version=version).protocol == "unknown"

    def test_no_fees_is_a_rate_of_zero(self):
        assert parsed(feesEnabled=False).fee == FREE

    @pytest.mark.parametrize("fees_enabled", [True, None])
    def test_fees_without_schedule_are_left_open(self, fees_enabled):
        assert parsed(feesEnabled=fees_enabled, feeSchedule=None).fee is None

    def test_a_neg_risk_market_names_its_event(self):
        event = {"slug": "e", "negRisk": True, "negRiskAugmented": True, "negRiskMarketID": "0xee"}
        listing = parsed(negRisk=True, events=[event])

        assert (listing.neg_risk_event_id, listing.neg_risk_augmented) == ("0xee", True)
        assert listing.event_slug == "e"

    def test_texts_are_made_fit_for_a_database_and_a_terminal(self):
        listing = parsed(question="Will\0 it\x1b[31m be\u202e " + "x" * 900, slug="a\nb")

        assert listing.slug == "ab"
        assert listing.question.startswith("Will it[31m be ")
        assert len(listing.question) == 500

    @settings(deadline=None)
    @given(volume=strategies.floats(allow_nan=True, allow_infinity=True))
    def test_no_volume_makes_reading_fail(self, volume):
        raw = json.dumps(gamma_market(volume24hr=5)).replace(
            '"volume24hr": 5', f'"volume24hr": {volume!r}'
        )
        try:
            market = market_from(raw.encode())
        except ValueError:
            return  # NaN and Infinity are no JSON: the listing is refused
        assert listing_from(market).volume >= 0

    def test_recorded_markets_are_read(self):
        crypto = (SAMPLES / "gamma_market_crypto_5m.json").read_bytes()
        sports = (SAMPLES / "gamma_market_sports_closed.json").read_bytes()

        up_or_down = listing_from(market_from(crypto))
        match = listing_from(market_from(sports))

        assert up_or_down.outcomes == ("Up", "Down")
        # Recorded before versions and schedules were sent: never traded by guessing.
        assert (up_or_down.protocol, up_or_down.fee) == ("unknown", None)
        assert match.fee == FeeSchedule(rate_micro=30_000, exponent=1)
        assert match.seconds_delay == 3


class TestOtherReads:
    async def test_closed_markets_are_asked_for_by_id_in_bounded_questions(self, venue):
        def answer(request):
            asked = parse_qs(request.query)["condition_ids"]
            closed = [{"conditionId": one, "closed": True} for one in asked[:1]]
            other = [{"conditionId": condition(999), "closed": True}]
            return as_json(page(*closed, {"conditionId": asked[-1], "closed": False}, *other))

        venue.answers[PATH] = answer
        reader = reader_of(venue)
        ids = tuple(condition(n) for n in range(150))

        closed = await reader.closed_among(ids)
        await reader.close()

        assert closed == {condition(0), condition(100)}
        assert len(venue.requests) == 2
        assert parse_qs(venue.requests[0].query)["closed"] == ["true"]

    async def test_the_outcomes_of_a_neg_risk_event_are_counted_closed_ones_too(self, venue):
        markets = [{"conditionId": condition(n), "negRiskMarketID": "0xee"} for n in range(3)]
        markets += [{"conditionId": condition(9), "negRiskMarketID": "0xff"}, {"conditionId": None}]
        venue.answers["/events/slug/a%2Fb"] = lambda request: as_json({"markets": markets})
        reader = reader_of(venue)

        legs = await reader.neg_risk_legs("a/b", "0xee")
        await reader.close()

        assert legs == 3
