"""What the rules about orders count: what left us, what filled, what was refused."""

from trading.engine.codes import OrderState
from trading.engine.orderdesk import OrderCounts
from trading.engine.orders import Move

S = OrderState


def counted(*moves, local=False):
    counts = OrderCounts()
    for number, (was, now) in enumerate(moves, start=1):
        counts.take(Move(sequence=number, state_from=was, state_to=now, reason=""), local=local)
    return counts.submitted, counts.filled, counts.refused


def test_an_order_counts_once_whatever_it_goes_through():
    assert counted((S.INTENT, S.INTENT)) == (0, 0, 0)  # signed, and still here
    assert counted((S.INTENT, S.INTENT), (S.INTENT, S.SUBMITTED)) == (1, 0, 0)
    assert counted(
        (S.INTENT, S.SUBMITTED),
        (S.SUBMITTED, S.PARTIAL),
        (S.PARTIAL, S.MATCHED),
        (S.MATCHED, S.CONFIRMED),
        (S.CONFIRMED, S.PARTIAL),
    ) == (1, 1, 0)


def test_what_nobody_knows_of_was_submitted_and_may_turn_out_either_way():
    assert counted((S.INTENT, S.UNKNOWN), (S.UNKNOWN, S.MATCHED)) == (1, 1, 0)
    assert counted((S.INTENT, S.UNKNOWN), (S.UNKNOWN, S.REFUSED)) == (1, 0, 1)


def test_what_our_own_side_refused_was_never_submitted():
    assert counted((S.INTENT, S.REFUSED), local=True) == (0, 0, 0)
    assert counted((S.INTENT, S.REFUSED)) == (1, 0, 1)
