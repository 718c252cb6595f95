"""Answers with anything in any place: a result or a named error, and never another exception."""

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies

from tests.feeds.listening import HandClock, book
from tests.feeds.listings import condition, gamma_market
from tests.feeds.test_clob_rest import CONDITION, market
from trading.adapters.clob_rest import ClobReader, RestSettings
from trading.adapters.feed import FeedError
from trading.adapters.gamma import GammaReader, GammaSettings
from trading.engine.events import BookSnapshot
from trading.engine.units import MICRO

ANYTHING = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats(allow_nan=False, allow_infinity=False)
    | strategies.text(max_size=20)
    | strategies.sampled_from(
        [
            "0.5",
            "-0.5",
            "1e-7",
            ".5",
            "5.",
            "9" * 50,
            "NaN",
            "0x10",
            "٣",
            "1_0",
            "[]",
            '["1"]',
            "\0",
        ]
    ),
    lambda inner: (
        strategies.lists(inner, max_size=3)
        | strategies.dictionaries(strategies.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)

pytestmark = pytest.mark.slow


class Answering:
    """Stands for the HTTP connection: every read brings this."""

    def __init__(self, value: Any) -> None:
        self.body = json.dumps(value).encode("utf-8", "surrogatepass")

    async def read(self, *_: Any, **__: Any) -> bytes:
        return self.body


def places(value, path=()):
    """Yield the path of everything inside a JSON value."""
    yield path
    if isinstance(value, dict):
        inside = list(value.items())
    else:
        inside = list(enumerate(value)) if isinstance(value, list) else []
    for key, one in inside:
        yield from places(one, (*path, key))


def spoiled(draw, value):
    """Return a copy with something else, or nothing, in up to three places."""
    for _ in range(draw(strategies.integers(1, 3))):
        path = draw(strategies.sampled_from([path for path in places(value) if path] or [()]))
        if not path:
            return draw(ANYTHING)
        value = json.loads(json.dumps(value))
        inside = value
        for key in path[:-1]:
            inside = inside[key]
        if draw(strategies.booleans()) and isinstance(inside, dict):
            del inside[path[-1]]
        else:
            inside[path[-1]] = draw(ANYTHING)
    return value


def ask(reader, value, question):
    """Ask a reader whose connection brings `value`; None for a named error."""
    reader._http = Answering(value)
    try:
        return driven(question(reader))
    except FeedError as error:
        return error if error.message else None


def driven(coroutine):
    """Run what never really waits, without the cost of an event loop."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as end:
            return end.value


CLOB = ClobReader(RestSettings(base_url="http://127.0.0.1"), HandClock())
GAMMA = GammaReader(GammaSettings(base_url="http://127.0.0.1", pages_max=1), HandClock())


@settings(deadline=None, max_examples=150)
@given(data=strategies.data())
def test_books(data):
    value = spoiled(data.draw, [book("1"), book("2")])

    answer = ask(CLOB, value, lambda clob: clob.books(("1", "2")))

    assert answer is not None
    for snapshot in getattr(answer, "snapshots", ()):
        assert isinstance(snapshot, BookSnapshot)
        assert all(0 < price < MICRO and size > 0 for price, size in snapshot.bids + snapshot.asks)


@settings(deadline=None, max_examples=150)
@given(data=strategies.data())
def test_market_parameters(data):
    value = spoiled(data.draw, market(sd=1, nr=True))

    answer = ask(CLOB, value, lambda clob: clob.market(CONDITION))

    assert answer is not None
    if not isinstance(answer, FeedError):
        assert answer.fee is None or 0 <= answer.fee.rate_micro <= MICRO


@settings(deadline=None, max_examples=150)
@given(data=strategies.data())
def test_pages_of_markets(data):
    event = {"slug": "e", "negRisk": True, "negRiskAugmented": False, "negRiskMarketID": "0xee"}
    listed = gamma_market(1, negRisk=True, events=[event], tags=[{"slug": "crypto"}])
    value = spoiled(data.draw, {"markets": [listed, gamma_market(2)], "next_cursor": "c"})

    answer = ask(GAMMA, value, lambda gamma: gamma.discover())

    assert answer is not None
    if not isinstance(answer, FeedError):
        for listing in answer.selected:
            assert len(set(listing.token_ids)) == 2


@settings(deadline=None, max_examples=60)
@given(data=strategies.data())
def test_closed_markets_and_outcomes_of_events(data):
    value = spoiled(data.draw, {"markets": [{"conditionId": condition(1), "closed": True}]})

    closed = ask(GAMMA, value, lambda gamma: gamma.closed_among((condition(1),)))
    legs = ask(GAMMA, value, lambda gamma: gamma.neg_risk_legs("e", "0xee"))

    assert closed is not None
    assert legs is not None
    assert isinstance(closed, FeedError) or closed <= {condition(1)}
