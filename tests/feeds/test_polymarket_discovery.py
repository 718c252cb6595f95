"""The live feed on a venue on loopback: what is watched, and what is told about it."""

import pytest

from tests.feeds.listening import change, running
from tests.feeds.listings import PATH, condition
from tests.feeds.misbehaving import Answer, as_json
from trading.adapters.feed import FeedError
from trading.engine.codes import MarketState
from trading.engine.events import MarketListed, MarketStatus


class TestDiscovery:
    async def test_markets_are_told_before_their_frames(self, world, listener, make_feed):
        world.list(1)
        feed = make_feed()

        async with running(feed.run(listener)):
            await listener.until(lambda heard: heard.frames)

        assert listener.log == ["market", "MarketListed", "up", "frame"]
        spec = listener.of(MarketListed)[0].spec
        assert spec.condition_id == condition(1)
        assert spec.token_ids == world.tokens(1)
        assert listener.records[0].slug == "market-1"

    async def test_new_markets_are_subscribed_and_closed_ones_are_ended(
        self, venue, world, listener, make_feed
    ):
        world.list(1)
        feed = make_feed(discover_every_ms=30)

        async with running(feed.run(listener)):
            socket = await venue.socket(0)
            world.list(2)
            await listener.until(lambda heard: len(heard.of(MarketListed)) == 2)
            world.markets[condition(1)]["closed"] = True
            await listener.until(lambda heard: heard.of(MarketStatus))
            added, removed = await socket.text(1), await socket.text(2)

        assert (added["operation"], added["assets_ids"]) == ("subscribe", [*world.tokens(2)])
        assert (removed["operation"], removed["assets_ids"]) == ("unsubscribe", [*world.tokens(1)])
        assert listener.of(MarketStatus) == [
            MarketStatus(condition_id=condition(1), state=MarketState.CLOSED)
        ]
        assert feed.status().markets_watched == 1

    async def test_a_market_missing_in_the_listing_is_kept_until_it_is_said_to_be_closed(
        self, world, listener, make_feed
    ):
        world.list(1)
        world.list(2)
        feed = make_feed(discover_every_ms=20)

        async with running(feed.run(listener)):
            await listener.until(lambda heard: heard.frames)
            hidden = world.markets.pop(condition(1))
            await listener.until(
                lambda _: [r for r in world.venue.asked(PATH) if "condition_ids" in r.query]
            )
            assert feed.status().markets_watched == 2
            world.markets[condition(1)] = hidden | {"closed": True}
            await listener.until(lambda heard: heard.of(MarketStatus))

        assert feed.status().markets_watched == 1

    async def test_changed_parameters_are_told_again_and_unchanged_ones_are_not(
        self, world, listener, make_feed
    ):
        world.list(1)
        feed = make_feed(discover_every_ms=20)

        async with running(feed.run(listener)):
            await listener.until(lambda _: len(world.venue.asked(PATH)) >= 3)
            assert len(listener.of(MarketListed)) == 1
            assert not any("condition_ids" in r.query for r in world.venue.asked(PATH))
            world.parameters = lambda number, was=world.parameters: was(number) | {"ao": False}
            await listener.until(lambda heard: len(heard.of(MarketListed)) == 2)

        assert not listener.of(MarketListed)[1].spec.accepting_orders

    async def test_no_more_markets_are_watched_than_allowed(self, world, listener, make_feed):
        for number in range(1, 6):
            world.list(number)
        feed = make_feed(discovery={"markets_max": 2}, discover_every_ms=20)

        async with running(feed.run(listener)):
            await listener.until(lambda _: len(world.venue.asked(PATH)) >= 3)
            assert feed.status().markets_watched == 2
            world.markets[condition(1)]["closed"] = True
            await listener.until(lambda heard: heard.of(MarketStatus))
            await listener.until(lambda heard: len(heard.of(MarketListed)) == 3)

        assert feed.status().markets_watched == 2

    async def test_a_market_whose_parameters_cannot_be_read_waits_and_the_others_go_on(
        self, world, listener, make_feed
    ):
        world.list(1)
        world.list(2)
        answer = world.venue.answers[f"/clob-markets/{condition(1)}"]
        world.venue.answers[f"/clob-markets/{condition(1)}"] = lambda request: Answer(b"<html>")
        feed = make_feed(discover_every_ms=20)

        async with running(feed.run(listener)):
            await listener.until(lambda heard: heard.of(MarketListed))
            assert feed.status().markets_refused == 1
            assert "market-1: GET /clob-markets" in feed.status().last_problem
            world.venue.answers[f"/clob-markets/{condition(1)}"] = answer
            await listener.until(lambda heard: len(heard.of(MarketListed)) == 2)

        assert [event.spec.condition_id for event in listener.of(MarketListed)] == [
            condition(2),
            condition(1),
        ]

    async def test_a_neg_risk_market_knows_how_many_outcomes_its_event_has(
        self, world, listener, make_feed
    ):
        event = {"slug": "who-wins", "negRisk": True, "negRiskMarketID": "0xee"}
        world.list(1, negRisk=True, events=[event])
        world.parameters = lambda number, was=world.parameters: was(number) | {"nr": True}
        legs = [{"conditionId": condition(n), "negRiskMarketID": "0xee"} for n in range(4)]
        world.venue.answers["/events/slug/who-wins"] = lambda request: as_json({"markets": legs})
        feed = make_feed(discover_every_ms=20)

        async with running(feed.run(listener)):
            await listener.until(lambda _: len(world.venue.asked(PATH)) >= 3)

        spec = listener.of(MarketListed)[0].spec
        assert (spec.neg_risk_event_id, spec.neg_risk_legs) == ("0xee", 4)
        assert len(world.venue.asked("/events/slug/who-wins")) == 1

    async def test_an_event_that_cannot_be_read_leaves_the_set_incomplete(
        self, world, listener, make_feed
    ):
        event = {"slug": "who-wins", "negRisk": True, "negRiskMarketID": "0xee"}
        world.list(1, negRisk=True, events=[event])
        world.parameters = lambda number, was=world.parameters: was(number) | {"nr": True}
        feed = make_feed()

        async with running(feed.run(listener)):
            await listener.until(lambda heard: heard.of(MarketListed))

        assert listener.of(MarketListed)[0].spec.neg_risk_legs == 0

    async def test_a_passing_failure_at_the_start_is_tried_again(self, world, listener, make_feed):
        world.list(1)
        good, failures = world.venue.answers[PATH], [500, 425]
        world.venue.answers[PATH] = lambda request: (
            as_json({"error": "x"}, status=failures.pop()) if failures else good(request)
        )
        feed = make_feed()

        async with running(feed.run(listener)):
            await listener.until(lambda heard: heard.of(MarketListed))

        assert failures == []

    async def test_failures_without_end_at_the_start_are_told(self, world, listener, make_feed):
        world.venue.answers[PATH] = lambda request: as_json({"error": "x"}, status=500)
        feed = make_feed(start_attempts_max=3)

        with pytest.raises(FeedError, match="HTTP 500: x") as caught:
            await feed.run(listener)

        assert not caught.value.permanent
        assert len(world.venue.asked(PATH)) == 3

    async def test_a_refusal_at_the_start_is_told_at_once(self, world, listener, make_feed):
        world.venue.answers[PATH] = lambda request: as_json({"error": "gone"}, status=403)
        feed = make_feed()

        with pytest.raises(FeedError, match="gone") as caught:
            await feed.run(listener)

        assert caught.value.permanent
        assert len(world.venue.asked(PATH)) == 1

    async def test_a_later_failure_leaves_what_is_watched_alone(self, world, listener, make_feed):
        world.list(1)
        feed = make_feed(discover_every_ms=20)

        async with running(feed.run(listener)):
            await listener.until(lambda heard: heard.frames)
            good = world.venue.answers[PATH]
            world.venue.answers[PATH] = lambda request: Answer(b"<html>", status=403)
            await listener.until(lambda _: "403" in feed.status().last_problem)
            (await world.venue.socket(0)).send_json(change(world.tokens(1)[0], condition(1)))
            await listener.until(lambda heard: len(heard.frames) == 2)
            world.venue.answers[PATH] = good
            world.list(2)
            await listener.until(lambda heard: len(heard.of(MarketListed)) == 2)

        assert listener.downs() == []

    async def test_no_market_at_all_is_no_failure(self, world, listener, make_feed):
        feed = make_feed(discover_every_ms=20)

        async with running(feed.run(listener)):
            await listener.until(lambda _: len(world.venue.asked(PATH)) >= 2)
            world.list(1)
            await listener.until(lambda heard: heard.frames)

        assert feed.status().connections_wanted == 1
