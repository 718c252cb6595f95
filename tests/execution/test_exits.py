"""Exits: handed over once, looked up until they are clear, and never two unclear ones at a time."""

import pytest

from tests.execution.rig import NO, SPEC, YES, Rig, events, only
from trading.engine.commands import MergeSet, RedeemSet, ResolveMerge
from trading.engine.events import ChainReceipt, MergeSent
from trading.engine.units import MICRO
from trading.execution.desk import LiveDesk
from trading.execution.requests import ExitAnswered, ExitState, FindExit, SendExit


def merge(set_id):
    return MergeSet(set_id=set_id, condition_id=SPEC.condition_id, size_micro=10 * MICRO)


def resolve(set_id):
    return ResolveMerge(set_id=set_id, condition_id=SPEC.condition_id, size_micro=10 * MICRO)


def said(set_id, state, reference=""):
    return ExitAnswered(
        set_id=set_id, state=state, condition_id=SPEC.condition_id, reference=reference
    )


def restarted(**references):
    rig = Rig()
    rig.desk = LiveDesk(
        prepare=rig.desk._batches._prepare,
        spec_of=lambda _id: rig.spec,
        exit_references=references,
    )
    return rig


def sent(outputs):
    return [one.set_id for one in outputs if isinstance(one, SendExit)]


def asked(outputs):
    return [one.exit.set_id for one in outputs if isinstance(one, FindExit)]


def test_a_merge_is_handed_over_with_both_tokens():
    rig = Rig()

    wanted = only(rig.do(merge("s1")), SendExit)

    assert wanted.shares_micro == ((YES, 10 * MICRO), (NO, 10 * MICRO))


def test_two_merges_are_handed_over_side_by_side_when_nothing_is_unclear():
    rig = Rig()
    rig.do(merge("s1"))
    rig.take(said("s1", ExitState.HANDED_OVER, "batch:1"))

    assert sent(rig.do(merge("s2"))) == ["s2"]


def test_no_merge_is_handed_over_while_nobody_knows_what_became_of_another():
    rig = Rig()
    rig.do(merge("s1"))
    rig.take(said("s1", ExitState.UNKNOWN, "batch:1"))

    assert sent(rig.do(merge("s2"))) == []
    assert sent(rig.tick(60_000)) == []

    assert sent(rig.take(said("s1", ExitState.NOT_DONE, "batch:1"))) == ["s2"]


def test_a_merge_that_waited_is_handed_over_once():
    rig = Rig()
    rig.do(merge("s1"))
    rig.take(said("s1", ExitState.UNKNOWN, "batch:1"))
    rig.do(merge("s2"))
    rig.do(merge("s2"))
    rig.take(said("s1", ExitState.DONE, "batch:1"))

    assert sent(rig.out) == ["s1", "s2"]


def test_after_a_restart_merges_wait_until_the_earlier_one_is_clear():
    rig = restarted(s1="batch:1")

    assert sent(rig.do(merge("s2"))) == []
    assert asked(rig.do(resolve("s1"))) == ["s1"]
    assert sent(rig.tick()) == []

    out = rig.take(said("s1", ExitState.DONE, "batch:1"))

    assert events(out, ChainReceipt)[0].ok
    assert sent(out) == ["s2"]


def test_a_reference_that_nobody_asks_after_keeps_nobody_waiting():
    rig = restarted(s1="batch:1")
    rig.do(merge("s2"))

    assert sent(rig.tick()) == ["s2"]


def test_a_reference_is_told_once():
    rig = Rig()
    rig.do(merge("s1"))
    first = rig.take(said("s1", ExitState.HANDED_OVER, "batch:1"))
    second = rig.take(said("s1", ExitState.UNKNOWN, "batch:1"))

    assert events(first, MergeSent) == [MergeSent(set_id="s1", reference="batch:1")]
    assert events(second, MergeSent) == []


def test_what_is_being_sent_is_not_asked_after_before_its_sender_has_answered():
    rig = Rig()
    rig.do(merge("s1"))
    rig.take(said("s1", ExitState.HANDED_OVER, "batch:1"))

    assert asked(rig.tick(60_000)) == []

    rig.take(said("s1", ExitState.UNKNOWN, "batch:1"))

    assert asked(rig.tick(60_000)) == ["s1"]


def test_one_that_may_still_happen_is_asked_after_again():
    rig = restarted(s1="batch:1")
    rig.do(resolve("s1"))
    rig.take(said("s1", ExitState.HANDED_OVER, "batch:1"))

    assert asked(rig.tick(60_000)) == ["s1"]


def test_the_reference_of_a_replacement_is_told_too_and_that_of_its_end_is_not():
    rig = Rig()
    rig.do(merge("s1"))
    rig.take(said("s1", ExitState.HANDED_OVER, "tx:1:0xa"))
    replaced = rig.take(said("s1", ExitState.HANDED_OVER, "tx:1:0xa,0xb"))
    ended = rig.take(said("s1", ExitState.DONE, "tx:1:0xb"))

    assert events(replaced, MergeSent) == [MergeSent(set_id="s1", reference="tx:1:0xa,0xb")]
    assert events(ended, MergeSent) == []
    assert events(ended, ChainReceipt)[0].reference == "tx:1:0xb"


@pytest.mark.parametrize("won", [0, 10], ids=["worthless", "dust of the other outcome"])
def test_a_redemption_brings_what_the_winning_shares_pay_and_not_more(won):
    rig = Rig()
    rig.do(
        RedeemSet(
            set_id="s1",
            condition_id=SPEC.condition_id,
            token_ids=(YES, NO),
            shares_micro=(11 * MICRO, won * MICRO),
            won_micro=won * MICRO,
        )
    )

    (receipt,) = events(rig.take(said("s1", ExitState.DONE, "batch:1")), ChainReceipt)

    assert (receipt.ok, receipt.proceeds_micro) == (True, won * MICRO)
