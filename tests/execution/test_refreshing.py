"""Balances are asked for one question at a time, and what is wanted is asked for in the end."""

from tests.execution.rig import SPEC, Rig, events, failure, only
from trading.engine.commands import MergeSet
from trading.engine.events import BalanceReport
from trading.engine.units import MICRO
from trading.execution.refreshing import TOKENS_MAX, Refreshing
from trading.execution.requests import (
    BalanceAnswered,
    ExitAnswered,
    ExitState,
    FailureKind,
    RefreshBalances,
)
from trading.execution.settings import DeskSettings

NOW_MS = 1_795_350_000_000
DOLLARS = BalanceAnswered(result=5 * MICRO)


def limited(retry_after_ms=0):
    return BalanceAnswered(
        result=failure(FailureKind.NOT_SENT, text="too often", retry_after_ms=retry_after_ms)
    )


def asked(outputs):
    return [one.token_ids for one in outputs if isinstance(one, RefreshBalances)]


def test_what_is_wanted_meanwhile_goes_into_the_next_question_once():
    refreshing = Refreshing(DeskSettings())
    first = refreshing.want(("a", "b"), NOW_MS)
    meanwhile = [refreshing.want((f"t{n % 3}",), NOW_MS) for n in range(30)]

    told, *then = refreshing.answered(DOLLARS, NOW_MS + 1)

    assert asked(first) == [("a", "b")]
    assert meanwhile == [[]] * 30
    assert told == BalanceReport(cash_micro=5 * MICRO)
    assert asked(then) == [("t0", "t1", "t2")]


def test_a_question_holds_so_many_tokens_and_the_rest_follows():
    refreshing = Refreshing(DeskSettings())
    tokens = tuple(f"t{n}" for n in range(TOKENS_MAX + 1))

    first = refreshing.want(tokens, NOW_MS)
    then = refreshing.answered(DOLLARS, NOW_MS)
    last = refreshing.answered(DOLLARS, NOW_MS)

    assert asked(first) == [tokens[:TOKENS_MAX]]
    assert asked(then) == [tokens[TOKENS_MAX:]]
    assert asked(last) == []


def test_one_that_failed_is_asked_for_again_with_what_came_meanwhile():
    refreshing = Refreshing(DeskSettings(balance_again_ms=2_000))
    refreshing.want(("a",), NOW_MS)
    refreshing.want(("b",), NOW_MS)

    assert refreshing.answered(limited(), NOW_MS) == []
    assert refreshing.tick(NOW_MS + 1_999) == []
    assert asked(refreshing.tick(NOW_MS + 2_000)) == [("a", "b")]


def test_not_before_the_venue_allows_it():
    refreshing = Refreshing(DeskSettings(balance_again_ms=2_000))
    refreshing.want(("a",), NOW_MS)
    refreshing.answered(limited(retry_after_ms=9_000), NOW_MS)

    assert refreshing.want(("b",), NOW_MS + 8_999) == []
    assert asked(refreshing.tick(NOW_MS + 9_000)) == [("a", "b")]


def test_without_a_wish_it_is_asked_for_every_so_often():
    refreshing = Refreshing(DeskSettings(balance_every_ms=10_000))
    assert asked(refreshing.tick(NOW_MS)) == [()]
    refreshing.answered(DOLLARS, NOW_MS + 5)

    assert refreshing.tick(NOW_MS + 9_999) == []
    assert asked(refreshing.tick(NOW_MS + 10_000)) == [()]


def test_merges_that_end_at_once_do_not_ask_beside_each_other():
    """Each would take a place within the venue's limit, and the last ones would get none."""
    rig = Rig()
    rig.tick()
    names = [f"s{number}" for number in range(30)]
    for name in names:
        rig.do(MergeSet(set_id=name, condition_id=SPEC.condition_id, size_micro=MICRO))
    for name in names:
        done = ExitAnswered(
            set_id=name,
            state=ExitState.DONE,
            condition_id=SPEC.condition_id,
            reference=f"batch:{name}",
        )
        assert asked(rig.take(done)) == []

    out = rig.take(DOLLARS)

    assert events(out, BalanceReport) == [BalanceReport(cash_micro=5 * MICRO)]
    assert only(out, RefreshBalances).token_ids == SPEC.token_ids
    assert asked(rig.take(DOLLARS)) == []
