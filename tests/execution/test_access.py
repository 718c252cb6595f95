"""New sets only while user channel, heartbeat, signer and reconciliation are all well."""

from tests.execution.rig import CONDITION, NOW_MS, Rig, a_trade, events, failure, matched, only
from trading.engine.codes import Refusal, VenueMode
from trading.engine.commands import CancelAll, MergeSet
from trading.engine.events import AccessChanged, ChainReceipt, MergeSent, TradeUpdate
from trading.execution.messages import CancelResult
from trading.execution.requests import (
    BalanceAnswered,
    BatchFailed,
    CancelEverything,
    Cancelled,
    ExitAnswered,
    ExitState,
    FailureKind,
    FindExit,
    HeartbeatAnswered,
    LookedUp,
    LookFailed,
    LookUp,
    RefreshBalances,
    SendExit,
    SendHeartbeat,
)


def problem(outputs):
    return [one.problem for one in events(outputs, AccessChanged)]


def ready():
    rig = Rig()
    rig.connect()
    rig.tick()
    rig.take(HeartbeatAnswered(result="h1"))
    rig.keep(rig.desk.cause(Refusal.NOT_RECONCILED, ""))
    return rig


class TestAccess:
    def test_it_is_told_once_when_everything_is_well(self):
        rig = ready()

        assert problem(rig.out)[-1] == ""
        assert rig.desk.access.problem is None

    def test_the_channel_is_trusted_only_after_a_look_at_what_it_missed(self):
        rig = ready()
        rig.keep(rig.desk.user_channel(connected=False, text="closed", now_ns=rig.now_ns))
        assert rig.desk.access.problem is Refusal.USER_CHANNEL_DOWN
        rig.keep(rig.desk.user_channel(connected=True, text="", now_ns=rig.now_ns))
        assert rig.desk.access.problem is Refusal.USER_CHANNEL_DOWN
        look = only(rig.tick(), LookUp)
        rig.take(LookFailed(look=look.look, failure=failure()))
        assert rig.desk.access.problem is Refusal.USER_CHANNEL_DOWN
        again = only(rig.tick(), LookUp)
        rig.take(LookedUp(look=again.look, orders=(), trades=()))

        assert rig.desk.access.problem is None
        assert again.after_s <= NOW_MS // 1_000 - 60

    def test_what_the_channel_missed_is_told_before_it_is_trusted(self):
        rig = ready()
        rig.answer(rig.send_pair(), matched("s1-1"), matched("s1-2"))
        rig.keep(rig.desk.user_channel(connected=False, text="closed", now_ns=rig.now_ns))
        rig.keep(rig.desk.user_channel(connected=True, text="", now_ns=rig.now_ns))
        out = rig.found(rig.look(), trades=[a_trade("s1-1")])

        assert [type(one) for one in events(out)] == [TradeUpdate, AccessChanged]

    def test_the_gravest_cause_is_told(self):
        rig = ready()
        rig.keep(rig.desk.user_channel(connected=False, text="closed", now_ns=rig.now_ns))
        out = rig.keep(rig.desk.cause(Refusal.SIGNER_DOWN, "no answer"))

        assert problem(out) == ["SIGNER_DOWN"]

    def test_a_rate_limit_stands_as_long_as_the_venue_said(self):
        rig = ready()
        limit = failure(FailureKind.REFUSED, status=429, retry_after_ms=3_000)
        out = rig.take(BatchFailed(batch=rig.send_pair().batch, failure=limit))

        assert problem(out) == ["VENUE_RATE_LIMIT"]
        assert problem(rig.tick(2_900)) == []
        assert problem(rig.tick(200)) == [""]

    def test_what_stands_is_said_with_its_words_and_a_closed_venue_stands_too(self):
        rig = ready()
        assert rig.desk.access.standing == ("", "")
        rig.desk.access.mode = VenueMode.POST_ONLY
        assert rig.desk.access.standing == ("VENUE_MODE", "the venue is post only")

        rig.keep(rig.desk.cause(Refusal.SIGNER_DOWN, "no answer"))

        assert rig.desk.access.standing == ("SIGNER_DOWN", "no answer")


class TestHeartbeat:
    def test_it_beats_every_five_seconds_with_the_last_id(self):
        rig = ready()
        assert not [one for one in rig.tick(4_000) if isinstance(one, SendHeartbeat)]

        assert only(rig.tick(1_000), SendHeartbeat).heartbeat_id == "h1"

    def test_a_beat_that_is_not_answered_is_lost_after_ten_seconds(self):
        rig = ready()
        rig.tick(5_000)
        out = rig.tick(5_100)

        assert problem(out) == ["HEARTBEAT_LOST"]

    def test_the_id_that_the_venue_expects_is_taken_and_sent_at_once(self):
        rig = ready()
        rig.tick(5_000)
        wrong = failure(FailureKind.REFUSED, status=400, heartbeat_id="h7")
        rig.take(HeartbeatAnswered(result=wrong))

        assert only(rig.tick(100), SendHeartbeat).heartbeat_id == "h7"

    def test_a_failed_beat_is_tried_again_before_the_venue_gives_up(self):
        rig = ready()
        rig.tick(5_000)
        rig.take(HeartbeatAnswered(result=failure()))

        assert only(rig.tick(500), SendHeartbeat)


class TestCancelEverything:
    def test_it_is_asked_for_until_the_venue_has_done_it(self):
        rig = ready()
        assert only(rig.do(CancelAll(reason="HALTED")), CancelEverything)
        rig.take(Cancelled(everything=True, result=failure()))
        assert not [one for one in rig.tick(500) if isinstance(one, CancelEverything)]
        assert only(rig.tick(600), CancelEverything)
        rig.take(Cancelled(everything=True, result=CancelResult(cancelled=(), not_cancelled=())))

        assert not [one for one in rig.tick(600_000) if isinstance(one, CancelEverything)]


class TestExits:
    MERGE = MergeSet(set_id="s1", condition_id=CONDITION, size_micro=10_000_000)

    def exit(self, state, **more):
        return ExitAnswered(set_id="s1", state=state, **more)

    def test_a_merge_is_handed_over_once_however_often_it_is_asked_for(self):
        rig = ready()
        asked = only(rig.do(self.MERGE), SendExit)

        assert asked.shares_micro == (("71", 10_000_000), ("52", 10_000_000))
        assert rig.do(self.MERGE) == []

    def test_a_done_merge_is_a_receipt_and_the_venue_looks_at_the_chain_again(self):
        rig = ready()
        rig.take(BalanceAnswered(result=100))
        rig.do(self.MERGE)
        out = rig.take(self.exit(ExitState.DONE, reference="0xabc", gas_micro=7))

        assert only(out, MergeSent).reference == "0xabc"
        receipt = only(out, ChainReceipt)
        assert (receipt.ok, receipt.proceeds_micro, receipt.gas_micro) == (True, 10_000_000, 7)
        assert only(out, RefreshBalances).token_ids == ("71", "52")

    def test_an_unknown_merge_is_asked_after_and_never_handed_over_again(self):
        rig = ready()
        rig.do(self.MERGE)
        rig.take(self.exit(ExitState.UNKNOWN, reference="0xabc"))
        asked = [one for one in rig.tick(2_100) if isinstance(one, SendExit | FindExit)]

        assert [(type(one), one.reference) for one in asked] == [(FindExit, "0xabc")]

    def test_a_merge_that_surely_did_not_happen_is_a_failed_receipt(self):
        rig = ready()
        rig.do(self.MERGE)
        out = rig.take(self.exit(ExitState.NOT_DONE, text="reverted"))

        assert (only(out, ChainReceipt).ok, only(out, ChainReceipt).proceeds_micro) == (False, 0)

    def test_news_of_another_set_changes_nothing(self):
        rig = ready()
        answer = ExitAnswered(set_id="s9", state=ExitState.DONE)

        assert rig.take(answer) == []
