"""The life of an order: every move of the table, no other, and what each event does."""

from copy import deepcopy
from dataclasses import replace

import pytest

from trading.engine.codes import OrderState as S
from trading.engine.codes import Side
from trading.engine.codes import TradeState as T
from trading.engine.events import (
    OrderAck,
    OrderClosed,
    OrderRefused,
    OrderUnknown,
    TradeUpdate,
)
from trading.engine.moves import check_move
from trading.engine.orders import (
    ORDER_MOVES,
    IllegalMove,
    OrderRecord,
    OrderSent,
    apply,
    is_over,
)

SIZE = 10_000_000
SENT = OrderSent(order_id="o1")
UNKNOWN = OrderUnknown(order_id="o1", text="the connection was lost")
REFUSED = OrderRefused(order_id="o1", code="NOT_ENOUGH", text="not enough balance")
KILLED = OrderClosed(order_id="o1", matched_micro=0, reason="killed")


def order(**changes) -> OrderRecord:
    record = OrderRecord(
        order_id="o1",
        set_id="s1",
        condition_id="c1",
        token_id="yes",
        side=Side.BUY,
        limit_micro=480_000,
        size_micro=SIZE,
    )
    for name, value in changes.items():
        setattr(record, name, value)
    return record


def ack(matched=0, *, resting=False):
    return OrderAck(order_id="o1", order_hash="0xabc", resting=resting, matched_micro=matched)


def closed(matched=0):
    return replace(KILLED, matched_micro=matched)


def fill(size=SIZE, state=T.MATCHED, trade_id="t1", **changes):
    trade = TradeUpdate(
        trade_id=trade_id,
        order_id="o1",
        token_id="yes",
        side=Side.BUY,
        price_micro=480_000,
        size_micro=size,
        fee_micro=0,
        state=state,
    )
    return replace(trade, **changes)


def after(*events) -> OrderRecord:
    record = order()
    for event in events:
        apply(record, event)
    return record


def path(record, event):
    """Apply an event and return the states that the order went through."""
    return [move.state_to for move in apply(record, event)]


class TestTable:
    def test_every_state_has_a_row(self):
        assert set(ORDER_MOVES) == set(S)

    @pytest.mark.parametrize("state", S)
    def test_a_move_is_allowed_exactly_when_its_row_says_so(self, state):
        allowed = {
            S.INTENT: "INTENT SUBMITTED REFUSED UNKNOWN",
            S.SUBMITTED: "RESTING MATCHED PARTIAL CANCELLED REFUSED UNKNOWN",
            S.RESTING: "PARTIAL MATCHED CANCELLED",
            S.PARTIAL: "MATCHED CONFIRMED FAILED",
            S.MATCHED: "CONFIRMED FAILED",
            S.UNKNOWN: "SUBMITTED RESTING MATCHED PARTIAL CANCELLED REFUSED CONFIRMED FAILED",
            S.CANCELLED: "PARTIAL MATCHED",
            S.REFUSED: "PARTIAL MATCHED",
            S.CONFIRMED: "PARTIAL MATCHED",
            S.FAILED: "",
        }[state].split()
        for to in S:
            if to in allowed:
                check_move(ORDER_MOVES, state, to)
            else:
                with pytest.raises(IllegalMove, match=f"{state} cannot move to {to}"):
                    check_move(ORDER_MOVES, state, to)

    @pytest.mark.parametrize(
        "event",
        [SENT, UNKNOWN, REFUSED, KILLED, ack(), ack(SIZE), fill()],
        ids=["sent", "unknown", "refused", "killed", "delayed", "matched", "fill"],
    )
    def test_no_event_leads_off_the_table_and_a_refused_one_changes_nothing(self, event):
        for state in S:
            record = order(state=state)
            before = deepcopy(record)
            try:
                moves = apply(record, event)
            except IllegalMove:
                assert record == before
                continue
            assert all(move.state_to in ORDER_MOVES[move.state_from] for move in moves)
            assert record.state is (moves[-1].state_to if moves else state)


class TestAnswers:
    def test_an_order_that_matches_at_once(self):
        record = order()

        assert path(record, SENT) == [S.SUBMITTED]
        assert path(record, ack(SIZE)) == [S.MATCHED]
        assert record.order_hash == "0xabc"
        assert record.pending_micro == SIZE
        assert not is_over(record)

    def test_an_order_that_rests_is_filled_in_two_parts(self):
        record = after(SENT)

        assert path(record, ack(resting=True)) == [S.RESTING]
        assert path(record, fill(4_000_000, trade_id="t1")) == [S.PARTIAL]
        assert path(record, fill(6_000_000, trade_id="t2")) == [S.MATCHED]

    def test_an_order_that_does_not_rest_lost_what_it_did_not_match(self):
        record = after(SENT)

        assert path(record, ack(4_000_000)) == [S.PARTIAL]
        assert record.closed
        assert path(record, fill(4_000_000, T.CONFIRMED)) == [S.CONFIRMED]
        assert record.confirmed_micro == 4_000_000

    def test_an_order_that_rests_after_a_part_waits_for_the_rest(self):
        record = after(SENT, ack(4_000_000, resting=True))

        assert not record.closed
        assert path(record, fill(4_000_000, T.CONFIRMED)) == []
        assert path(record, closed(4_000_000)) == [S.CONFIRMED]

    def test_a_delayed_order_stays_submitted(self):
        record = after(SENT)

        assert path(record, ack()) == []
        assert record.state is S.SUBMITTED

    def test_a_killed_order_bought_nothing(self):
        record = after(SENT)

        assert path(record, KILLED) == [S.CANCELLED]
        assert is_over(record)

    def test_an_order_killed_after_a_part_keeps_the_part(self):
        record = after(SENT)

        assert path(record, closed(4_000_000)) == [S.PARTIAL]
        assert record.closed
        assert not is_over(record)

    def test_a_refused_order_gives_code_and_text_as_the_reason(self):
        record = after(SENT)

        (move,) = apply(record, REFUSED)

        assert move.state_to is S.REFUSED
        assert move.reason == "NOT_ENOUGH: not enough balance"
        assert move.sequence == 2

    def test_an_intent_that_we_refused_ourselves_was_never_submitted(self):
        assert path(order(), replace(REFUSED, local=True)) == [S.REFUSED]

    def test_any_answer_proves_that_an_intent_was_sent(self):
        assert path(order(), ack(resting=True)) == [S.SUBMITTED, S.RESTING]
        assert path(order(), REFUSED) == [S.SUBMITTED, S.REFUSED]
        assert path(order(), KILLED) == [S.SUBMITTED, S.CANCELLED]
        assert path(order(), fill()) == [S.SUBMITTED, S.MATCHED]

    def test_it_is_sent_only_once(self):
        with pytest.raises(IllegalMove, match="sent before"):
            apply(after(SENT), SENT)


class TestUnknown:
    @pytest.mark.parametrize("events", [(), (SENT,)], ids=["intent", "submitted"])
    def test_a_time_out_makes_it_unknown(self, events):
        assert path(after(*events), UNKNOWN) == [S.UNKNOWN]

    @pytest.mark.parametrize(
        ("event", "to"),
        [
            pytest.param(ack(), [S.SUBMITTED], id="delayed"),
            pytest.param(ack(resting=True), [S.RESTING], id="resting"),
            pytest.param(ack(SIZE), [S.MATCHED], id="matched"),
            pytest.param(ack(1), [S.PARTIAL], id="partial"),
            pytest.param(KILLED, [S.CANCELLED], id="cancelled"),
            pytest.param(REFUSED, [S.REFUSED], id="refused"),
            pytest.param(fill(), [S.MATCHED], id="a fill"),
            pytest.param(fill(state=T.CONFIRMED), [S.MATCHED, S.CONFIRMED], id="confirmed"),
            pytest.param(fill(state=T.FAILED), [S.MATCHED, S.FAILED], id="failed"),
        ],
    )
    def test_a_look_up_may_find_anything(self, event, to):
        assert path(after(SENT, UNKNOWN), event) == to

    @pytest.mark.parametrize(
        "known",
        [ack(resting=True), ack(SIZE), fill(), KILLED, REFUSED],
        ids=["resting", "matched", "fill", "killed", "refused"],
    )
    def test_a_time_out_after_any_word_of_the_venue_says_nothing(self, known):
        record = after(SENT, known)
        state = record.state

        assert path(record, UNKNOWN) == []
        assert record.state is state


class TestFillsInAnyOrder:
    def test_a_fill_may_precede_the_answer(self):
        record = after(SENT)

        assert path(record, fill()) == [S.MATCHED]
        assert path(record, ack(SIZE)) == []
        assert record.order_hash == "0xabc"
        assert record.matched_micro == SIZE

    def test_a_confirmed_fill_may_precede_the_answer(self):
        record = after(SENT, fill(state=T.CONFIRMED))

        assert record.state is S.CONFIRMED
        assert path(record, ack(SIZE)) == []
        assert is_over(record)

    @pytest.mark.parametrize("last_word", [KILLED, REFUSED], ids=["cancelled", "refused"])
    def test_a_fill_corrects_what_was_called_nothing(self, last_word):
        record = after(SENT, last_word)

        assert path(record, fill(4_000_000)) == [S.PARTIAL]
        assert record.matched_micro == 4_000_000

    def test_the_answer_may_know_of_more_than_the_fills_told(self):
        record = after(SENT, fill(4_000_000), ack(SIZE))

        assert record.state is S.MATCHED
        assert record.pending_micro == SIZE

    def test_a_cancellation_may_precede_the_answer(self):
        record = after(SENT, KILLED)

        assert path(record, ack()) == []
        assert record.state is S.CANCELLED

    def test_a_better_price_may_buy_more_than_planned(self):
        record = after(SENT, fill(state=T.CONFIRMED))

        assert path(record, fill(100_000, trade_id="t2")) == [S.MATCHED]
        assert path(record, fill(100_000, T.CONFIRMED, trade_id="t2")) == [S.CONFIRMED]
        assert record.confirmed_micro == SIZE + 100_000


class TestSettlement:
    def test_it_is_confirmed_when_every_fill_is(self):
        record = after(SENT, ack(SIZE), fill(4_000_000), fill(6_000_000, trade_id="t2"))

        assert path(record, fill(4_000_000, T.CONFIRMED)) == []
        assert path(record, fill(6_000_000, T.MINED, trade_id="t2")) == []
        assert path(record, fill(6_000_000, T.CONFIRMED, trade_id="t2")) == [S.CONFIRMED]
        assert is_over(record)

    def test_it_waits_for_fills_that_were_announced_and_not_told(self):
        record = after(SENT, ack(SIZE))

        assert path(record, fill(4_000_000, T.CONFIRMED)) == []
        assert record.pending_micro == 6_000_000

    def test_the_first_failure_fails_it(self):
        record = after(SENT, ack(SIZE), fill(4_000_000), fill(6_000_000, trade_id="t2"))

        assert path(record, fill(4_000_000, T.FAILED)) == [S.FAILED]
        assert not is_over(record)  # the other fill is still on its way
        assert path(record, fill(6_000_000, T.CONFIRMED, trade_id="t2")) == []
        assert (record.confirmed_micro, record.failed_micro) == (6_000_000, 4_000_000)
        assert is_over(record)

    def test_a_fill_after_the_failure_is_counted(self):
        record = after(SENT, fill(4_000_000, T.FAILED))

        assert path(record, fill(6_000_000, trade_id="t2")) == []
        assert record.pending_micro == 6_000_000

    @pytest.mark.parametrize("state", [T.MATCHED, T.RETRYING, T.MINED])
    def test_a_step_that_was_overtaken_says_nothing(self, state):
        record = after(SENT, fill(state=T.CONFIRMED))
        before = deepcopy(record)

        assert path(record, fill(state=state)) == []
        assert record == before

    def test_the_same_fill_told_twice_counts_once(self):
        record = after(SENT, fill(4_000_000), fill(4_000_000))

        assert record.matched_micro == 4_000_000

    @pytest.mark.parametrize(("one", "other"), [(T.CONFIRMED, T.FAILED), (T.FAILED, T.CONFIRMED)])
    def test_a_fill_cannot_end_in_two_ways(self, one, other):
        record = after(SENT, fill(state=one))
        before = deepcopy(record)

        with pytest.raises(IllegalMove, match="t1"):
            apply(record, fill(state=other))

        assert record == before


class TestContradictions:
    @pytest.mark.parametrize(
        "event",
        [
            pytest.param(fill(order_id="o2"), id="another order"),
            pytest.param(fill(token_id="no"), id="another token"),
            pytest.param(fill(side=Side.SELL), id="another side"),
            pytest.param(fill(0), id="no shares"),
            pytest.param(fill(5_000_000), id="the known fill with another size"),
            pytest.param(fill(price_micro=490_000), id="the known fill at another price"),
            pytest.param(REFUSED, id="refused although it was filled"),
        ],
    )
    def test_it_raises_and_changes_nothing(self, event):
        record = after(SENT, fill())
        before = deepcopy(record)

        with pytest.raises(IllegalMove):
            apply(record, event)

        assert record == before

    def test_a_refused_order_cannot_be_acknowledged(self):
        record = after(SENT, REFUSED)

        with pytest.raises(IllegalMove, match="was refused"):
            apply(record, ack(resting=True))

        assert record.state is S.REFUSED

    def test_sequences_count_the_moves(self):
        record = order()
        moves = [move for e in (SENT, ack(resting=True), fill()) for move in apply(record, e)]

        assert [move.sequence for move in moves] == [1, 2, 3]
        assert record.sequence == 3
