"""A recording as the flow of the venue: its books are the recorded ones, and users can take them.

What is expected is read from the recorded frames by a few lines of their own.
"""

import json
from dataclasses import replace

import pytest
from django.conf import settings

from polyarb_site.yaml_files import read_yaml
from tests.feeds.recordings import DEFAULTS, EXCERPT
from tests.simulator.builders import NOON_MS
from trading.adapters.feed import MarketRecord
from trading.adapters.recording import load_markets, markets_path, read_frames
from trading.adapters.replay import Replay
from trading.config.schema import parse, to_limits
from trading.engine.facts import OpportunitySeen
from trading.engine.paper import PaperSettings
from trading.simulator.local_venue import LocalVenue
from trading.simulator.markets import Programme
from trading.simulator.recorded_flow import LEAP_MS
from trading.simulator.recorded_frames import open_recording

LIMITS = to_limits(parse(read_yaml(settings.CONFIG_DIR / "config.yaml"), strict=True))
# Counted by an independent reader in tests/feeds/test_excerpt.py.
GAPS = {"gaps_confirmed": 6, "gaps_positive_after_fees": 2}


def open_venue(path=EXCERPT, *, speed_micro=1_000_000, **changes):
    recording = open_recording(path, DEFAULTS, speed_micro=speed_micro)
    values = {"seed": 1, "markets": 0, "now_ms": NOON_MS}
    return LocalVenue(**values | changes, programme=Programme(recording=recording))


def messages(frame):
    """Return what a frame says, message by message."""
    said = json.loads(frame)
    return said if isinstance(said, list) else [said]


class Reader:
    """Books by token as a client has them: prices and sizes in the texts of the frames."""

    def __init__(self):
        self.books = {}

    def read(self, frame):
        """Take one frame; return the tokens whose books it told of."""
        for said in messages(frame):
            if said["event_type"] == "book":
                self.books[said["asset_id"]] = {
                    (side, one["price"]): one["size"]
                    for side in ("bids", "asks")
                    for one in said[side]
                }
            for one in said.get("price_changes", ()):
                book = self.books.setdefault(one["asset_id"], {})
                key = ("asks" if one["side"] == "SELL" else "bids", one["price"])
                book[key] = one["size"]
                if float(one["size"]) == 0:
                    del book[key]

    def levels(self, token_id):
        return {key: float(size) for key, size in self._exact(token_id)}

    def _exact(self, token_id):
        book = self.books.get(token_id, {})
        return [((side, float(price)), size) for (side, price), size in book.items()]


def recorded_instants():
    """Yield (recorded ms, is it after a leap, all frames of that instant)."""
    group, at_ms, before_ms = [], None, None
    for raw, ms in read_frames(EXCERPT):
        if at_ms is not None and ms != at_ms:
            yield at_ms, before_ms is None or abs(at_ms - before_ms) > LEAP_MS, group
            group, before_ms = [], at_ms
        at_ms = ms
        group.append(raw)
    yield at_ms, abs(at_ms - before_ms) > LEAP_MS, group


def flow_of(venue):
    return next(iter(venue.markets.values())).flow


def play_once(venue):
    """Yield what the venue publishes at each recorded instant, the first one as whole books."""
    tokens = [token for market in venue.markets.values() for token in market.listing.token_ids]
    yield NOON_MS, [venue.dump(tokens)]
    while True:
        now_ms = flow_of(venue).next_ms
        yield now_ms, [frame for _, frame in venue.advance(now_ms)]


class Gaps(Replay):
    """The whole engine in shadow on frames, and what it says of each gap, without times."""

    def __init__(self, records: list[MarketRecord]):
        super().__init__(records, LIMITS, PaperSettings())
        self.confirmed = []

    def _note(self, command):
        super()._note(command)
        fact = command.fact
        if isinstance(fact, OpportunitySeen) and fact.refusal != "LEGS_NOT_SAME_INSTANT":
            legs = tuple(replace(leg, venue_ms=0) for leg in fact.legs)
            self.confirmed.append((fact.condition_id, legs, fact.gap_micro, fact.edge_micro))


@pytest.mark.slow
class TestTheExcerpt:
    def test_at_every_recorded_instant_the_published_books_are_the_recorded_ones(self):
        venue = open_venue()
        ours, theirs = Reader(), Reader()
        tokens = [token for market in venue.markets.values() for token in market.listing.token_ids]
        compared = 0

        for (_, is_leap, frames), (_, published) in zip(
            recorded_instants(), play_once(venue), strict=False
        ):
            if is_leap:
                theirs.books.clear()
            for frame in frames:
                theirs.read(frame)
            for frame in published:
                ours.read(frame)
            for token_id in tokens:
                assert ours.levels(token_id) == theirs.levels(token_id)
                compared += bool(theirs.levels(token_id))

        assert compared > 1_500

    def test_an_engine_in_shadow_sees_the_recorded_gaps_and_no_others(self):
        # The venue plays at another time, when the recorded markets would have ended long ago.
        records = [
            replace(record, ends_at_ms=None)
            for record in load_markets(markets_path(EXCERPT), DEFAULTS)
        ]
        seen = [Gaps(records), Gaps(records)]

        for raw, _ in read_frames(EXCERPT):
            seen[0].frame(raw)
        venue = open_venue()
        for (_, _, frames), (_, published) in zip(
            recorded_instants(), play_once(venue), strict=False
        ):
            # A client asks for a book when the recording shows it whole, and for no other.
            asked = [
                said["asset_id"] for frame in frames for said in messages(frame) if "bids" in said
            ]
            dump = venue.dump(asked)
            afresh = {said["market"] for said in messages(dump)}
            for frame in [*published, dump]:
                for said in messages(frame):
                    if frame is dump or said["market"] not in afresh:
                        seen[1].frame(json.dumps(said).encode())

        recorded, played = (one.result() for one in seen)
        for found in (recorded, played):
            assert {name: getattr(found, name) for name in GAPS} == GAPS
        # What was late comes in order, so that a phantom may show once more while it catches up.
        assert recorded.gaps_stale == 22
        assert 22 <= played.gaps_stale == played.gaps_seen - 6
        assert seen[0].confirmed == seen[1].confirmed
        assert len(seen[0].confirmed) == 6
