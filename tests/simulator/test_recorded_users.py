"""Users on a venue that plays a recording: what they take, what they rest, what they cannot do."""

import json

import pytest

from tests.feeds.recordings import DEFAULTS, EXCERPT, T0, condition, market, tokens, write
from tests.simulator.builders import NOON_MS
from tests.simulator.keeping import Kept
from tests.simulator.official import ANN_KEY
from trading.adapters.recording import RecordingError
from trading.engine.codes import Side
from trading.engine.units import MICRO
from trading.simulator.answers import Refusal
from trading.simulator.codes import OrderType, VenueMode
from trading.simulator.local_venue import LocalVenue
from trading.simulator.markets import Programme
from trading.simulator.orders import NewOrder
from trading.simulator.recorded_flow import LEAP_PAUSE_MS
from trading.simulator.recorded_frames import open_recording

USER = "0x00000000000000000000000000000000000000Aa"
YES, NO = tokens(1)


def level(price, size):
    return {"price": f"{price}", "size": f"{size}"}


def whole(ms, bids, asks, token_id=YES):
    """Return one token's whole book; prices in hundredths."""
    return {
        "event_type": "book",
        "market": condition(1),
        "asset_id": token_id,
        "timestamp": str(T0 + ms),
        "hash": "",
        "bids": [level(price / 100, size) for price, size in bids.items()],
        "asks": [level(price / 100, size) for price, size in asks.items()],
    }


def both(ms, bids, asks):
    """Return the books of both tokens at one instant: they mirror each other."""
    turned = ({100 - price: size for price, size in side.items()} for side in (asks, bids))
    return [whole(ms, bids, asks), whole(ms, *turned, token_id=NO)]


def open_venue(path, *, speed_micro=MICRO):
    recording = open_recording(path, DEFAULTS, speed_micro=speed_micro)
    programme = Programme(recording=recording)
    venue = LocalVenue(seed=1, markets=0, now_ms=NOON_MS, programme=programme)
    venue.admit(USER)
    return venue


def play(folder, *frames, **how):
    return open_venue(write(folder, frames), **how)


class Orders:
    """Places the orders of one user."""

    def __init__(self, venue):
        self.venue = venue
        self.count = 0

    def buy(self, token_id, price_micro, size_micro, now_ms, order_type="GTC"):
        self.count += 1
        new = NewOrder(
            order_id=f"0x{self.count:064x}",
            account_id=USER,
            token_id=token_id,
            side=Side.BUY,
            order_type=OrderType(order_type),
            maker_micro=price_micro * size_micro // MICRO,
            taker_micro=size_micro,
        )
        return self.venue.exchange.place(new, now_ms)


def book(venue, token_id=YES):
    """Return one book in shares by side and hundredths."""
    return {
        ("ask" if is_ask else "bid", price // 10_000): size // MICRO
        for is_ask, price, size in venue.exchange.levels(token_id)
    }


class TestTaking:
    def test_a_recorded_true_crossing_stays_takeable_until_the_next_instant(self):
        venue = open_venue(EXCERPT)
        flow = next(iter(venue.markets.values())).flow
        while not (held := [c for c in venue.markets if venue.exchange.is_held(c)]):
            now_ms = flow.next_ms
            venue.advance(now_ms)
        pair = venue.markets[held[0]].listing.token_ids
        later_ms = flow.next_ms - 1
        venue.advance(later_ms)
        asks = [
            min((price, size) for is_ask, price, size in venue.exchange.levels(token) if is_ask)
            for token in pair
        ]
        orders = Orders(venue)

        answers = [
            orders.buy(token, price, 5 * MICRO, later_ms)
            for token, (price, _) in zip(pair, asks, strict=True)
        ]

        assert sum(price for price, _ in asks) < MICRO
        assert [(one.status, one.taking_micro) for one in answers] == [("matched", 5 * MICRO)] * 2

        while venue.exchange.is_held(held[0]):
            later_ms = flow.next_ms
            venue.advance(later_ms)
        refused = [
            orders.buy(token, price, 5 * MICRO, later_ms, "FOK")
            for token, (price, _) in zip(pair, asks, strict=True)
        ]
        assert any(isinstance(one, Refusal) for one in refused)

    def test_what_was_taken_stays_taken_until_that_price_changes(self, tmp_path):
        venue = play(
            tmp_path,
            *both(0, {30: 10}, {40: 20}),
            *both(1_000, {30: 11}, {40: 20}),
            *both(2_000, {30: 11}, {40: 25}),
        )

        Orders(venue).buy(YES, 400_000, 8 * MICRO, NOON_MS)

        assert book(venue) == {("bid", 30): 10, ("ask", 40): 12}
        venue.advance(NOON_MS + 1_000)
        assert book(venue) == {("bid", 30): 11, ("ask", 40): 12}
        venue.advance(NOON_MS + 2_000)
        assert book(venue) == {("bid", 30): 11, ("ask", 40): 25}

    def test_what_a_user_rests_is_met_by_a_recorded_order(self, tmp_path):
        venue = play(tmp_path, *both(0, {30: 10}, {40: 20}), *both(1_000, {30: 10}, {35: 20}))
        Orders(venue).buy(YES, 360_000, 8 * MICRO, NOON_MS)

        assert book(venue)["bid", 36] == 8
        venue.advance(NOON_MS + 1_000)

        assert book(venue) == {("bid", 30): 10, ("ask", 35): 12}
        venue.advance(NOON_MS + 1_500)
        assert [one.state for one in venue.records.trades_of(USER)]

    def test_a_recorded_rest_may_be_small_and_a_users_order_may_not(self, tmp_path):
        venue = play(tmp_path, *both(0, {30: 2}, {40: 20}))

        assert book(venue)["bid", 30] == 2
        answer = Orders(venue).buy(YES, 300_000, 2 * MICRO, NOON_MS)
        assert isinstance(answer, Refusal)
        assert "lower than the minimum" in answer.text


class TestTheBooks:
    def test_a_token_that_was_recorded_late_is_published_late(self, tmp_path):
        venue = play(
            tmp_path,
            *both(0, {30: 10}, {40: 20}),
            whole(1_000, {20: 10}, {25: 20}),
            *both(2_000, {20: 10}, {25: 20}),
        )

        said = [frame for _, frame in venue.advance(NOON_MS + 1_000)]
        assert {one["asset_id"] for one in changes(said)} == {YES}
        assert book(venue, NO) == {("bid", 75): 20, ("ask", 80): 10}

        said = [frame for _, frame in venue.advance(NOON_MS + 2_000)]
        assert {one["asset_id"] for one in changes(said)} == {NO}

    def test_an_instant_is_told_in_one_frame(self, tmp_path):
        venue = play(
            tmp_path, *both(0, {30: 10}, {40: 20}), *both(1_000, {31: 1, 32: 2}, {39: 3, 40: 4})
        )

        assert len(venue.advance(NOON_MS + 1_000)) == 1

    def test_a_price_between_two_ticks_makes_the_tick_finer(self, tmp_path):
        venue = play(tmp_path, *both(0, {30: 10}, {40: 20}), *both(1_000, {0.5: 10}, {1.2: 20}))
        assert venue.exchange.tick_micro(YES) == 10_000

        said = [json.loads(frame) for _, frame in venue.advance(NOON_MS + 1_000)]

        assert venue.exchange.tick_micro(YES) == 1_000
        assert [one["new_tick_size"] for one in said if "new_tick_size" in one] == ["0.001"] * 2

    def test_speed_is_a_factor_of_time(self, tmp_path):
        frames = (*both(0, {30: 10}, {40: 20}), *both(1_001, {31: 10}, {40: 20}))
        venue = play(tmp_path, *frames, speed_micro=2 * MICRO)

        venue.advance(NOON_MS + 499)
        assert ("bid", 31) not in book(venue)
        venue.advance(NOON_MS + 500)
        assert ("bid", 31) in book(venue)

    def test_at_a_leap_every_book_is_withdrawn_and_at_the_end_it_begins_again(self, tmp_path):
        other = both(100_000, {50: 1}, {60: 1})
        for one in other:
            one["market"] = condition(2)
            one["asset_id"] = tokens(2)[one["asset_id"] == NO]
        path = write(tmp_path, [*both(0, {30: 10}, {40: 20}), *other], [market(1), market(2)])
        venue = open_venue(path)
        first = book(venue)

        venue.advance(NOON_MS + LEAP_PAUSE_MS)
        assert book(venue) == {}
        assert book(venue, tokens(2)[0]) == {("bid", 50): 1, ("ask", 60): 1}

        venue.advance(NOON_MS + 2 * LEAP_PAUSE_MS)
        assert book(venue) == first
        assert book(venue, tokens(2)[0]) == {}

    def test_a_venue_that_takes_no_orders_gets_the_books_afterwards(self, tmp_path):
        venue = play(
            tmp_path,
            *both(0, {30: 10}, {40: 20}),
            *both(1_000, {31: 10}, {40: 20}),
            *both(2_000, {31: 10}, {40: 20}),
        )
        venue.exchange.set_mode(VenueMode.CANCEL_ONLY, NOON_MS + 500, duration_ms=1_000)

        venue.advance(NOON_MS + 1_000)
        assert ("bid", 31) not in book(venue)
        venue.advance(NOON_MS + 2_000)
        assert book(venue) == {("bid", 31): 10, ("ask", 40): 20}

    def test_a_market_that_is_resolved_is_played_no_more(self, tmp_path):
        venue = play(tmp_path, *both(0, {30: 10}, {40: 20}), *both(1_000, {31: 10}, {40: 20}))

        venue.resolve(YES, NOON_MS + 10)
        venue.advance(NOON_MS + 60_000)

        assert book(venue) == {}


def changes(frames):
    return [one for frame in frames for one in json.loads(frame).get("price_changes", ())]


class TestKilled:
    async def test_a_killed_venue_goes_on_with_what_users_have_and_plays_from_the_beginning(
        self, tmp_path
    ):
        frames = (*both(0, {30: 10}, {40: 20}), *both(1_000, {31: 10}, {40: 20}))
        recording = open_recording(write(tmp_path, frames), DEFAULTS, speed_micro=MICRO)
        kept = Kept(tmp_path, markets=0, programme=Programme(recording=recording))
        ann = await kept.admit(ANN_KEY)
        (status, said), _ = await kept.post(ann, 0, price=0.4, size=8)
        assert (status, said["status"]) == (200, "matched")
        kept.wait(1_500)
        assert kept.account(ann).chain[YES] == 8 * MICRO
        before = kept.owed()

        kept.restart()

        assert kept.owed() == before
        assert book(kept.venue) == {("bid", 30): 10, ("ask", 40): 20}
        kept.keeper.close()


class TestWhatIsListed:
    def test_markets_are_called_what_they_were_and_keep_their_ids(self, tmp_path):
        venue = play(tmp_path, *both(0, {30: 10}, {40: 20}))

        (listed,) = venue.listings()
        assert (listed["slug"], listed["question"]) == ("market-1", "Up or down?")
        assert json.loads(listed["outcomes"]) == ["Up", "Down"]
        assert json.loads(listed["clobTokenIds"]) == [YES, NO]
        assert [one["o"] for one in venue.parameters(condition(1))["t"]] == ["Up", "Down"]
        assert venue.info()["recording"] == {
            "name": "day.frames.jsonl.zst",
            "conditions": {condition(1): condition(1)},
        }

    def test_the_same_times_say_the_same_word_for_word(self):
        def said():
            venue = open_venue(EXCERPT)
            return [venue.advance(NOON_MS + ms) for ms in range(0, 30_000, 700)]

        assert said() == said()


class TestRefused:
    def test_a_frame_of_a_strange_token_is_refused_before_anything_is_played(self, tmp_path):
        strange = whole(0, {30: 10}, {40: 20}, token_id="77")
        with pytest.raises(RecordingError, match="of no market beside it"):
            play(tmp_path, *both(0, {30: 10}, {40: 20}), strange)

    def test_a_torn_file_is_refused_before_anything_is_played(self, tmp_path):
        path = write(tmp_path, both(0, {30: 10}, {40: 20}))
        path.write_bytes(path.read_bytes()[:-4])
        with pytest.raises(RecordingError, match="torn"):
            open_venue(path)

    @pytest.mark.parametrize("speed_micro", [0, 9_999, 100_000_001])
    def test_a_speed_that_cannot_be_kept_is_refused_by_name(self, tmp_path, speed_micro):
        with pytest.raises(ValueError, match=r"speed: .* 0\.01 to 100"):
            play(tmp_path, *both(0, {30: 10}, {40: 20}), speed_micro=speed_micro)

    def test_nothing_is_invented_beside_a_recording(self):
        recording = open_recording(EXCERPT, DEFAULTS, speed_micro=MICRO)
        programme = Programme(recording=recording)
        with pytest.raises(ValueError, match="markets is 8, set it to 0"):
            LocalVenue(seed=1, markets=8, now_ms=NOON_MS, programme=programme)
