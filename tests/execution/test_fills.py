"""News of a settlement: each step is told once, and one that was overtaken not at all."""

import pytest

from tests.execution.rig import Rig, a_trade, events, matched
from trading.engine.codes import TradeState
from trading.engine.events import TradeUpdate

S = TradeState


@pytest.fixture
def rig():
    rig = Rig()
    rig.answer(rig.send_pair(), matched("s1-1"), matched("s1-2", dollars="4.7"))
    return rig


def told(rig, *states):
    out = []
    for state in states:
        out += events(rig.trade(a_trade("s1-1", state=state)), TradeUpdate)
    return [one.state for one in out]


def test_each_step_is_told_once(rig):
    assert told(rig, S.MATCHED, S.MATCHED, S.MINED, S.MINED, S.CONFIRMED) == [
        S.MATCHED,
        S.MINED,
        S.CONFIRMED,
    ]


def test_a_step_that_was_overtaken_is_not_told(rig):
    assert told(rig, S.MINED, S.MATCHED, S.CONFIRMED, S.MINED, S.RETRYING) == [
        S.MINED,
        S.CONFIRMED,
    ]


def test_a_settlement_that_ends_in_two_ways_is_heard(rig):
    assert told(rig, S.CONFIRMED, S.FAILED) == [S.CONFIRMED, S.FAILED]
