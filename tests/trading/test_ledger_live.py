"""What the database tells a new session of live sets is what the old one knew of them."""

import pytest

from tests.engine.live_rig import Live, one_leg_filled
from tests.helpers.clocks import NOON
from tests.helpers.facts import a_session
from trading.adapters import codec
from trading.engine.codes import TradeState
from trading.engine.events import (
    CapitalChanged,
    ChainReceipt,
    MergeSent,
    OrderUnknown,
    StateRestored,
)
from trading.ledger import FactBatch, restored_state
from trading.ledger.specs import exit_references
from trading.models import ArbitrageSet, Money, Order
from trading.wallets.transactions import HASHES_MAX

pytestmark = pytest.mark.django_db


@pytest.fixture
def session(profile):
    return a_session(profile, mode="LIVE", feed="simulator", label="SIMULATED")


@pytest.fixture
def keep(session):
    """Write everything that a rig has told into the database, in pieces."""

    def write(live, pieces=3):
        facts = [command.fact for command in live.commands if hasattr(command, "fact")]
        size = len(facts) // pieces + 1
        for start in range(0, len(facts), size):
            batch = FactBatch(session.pk, session.account)
            for fact in facts[start : start + size]:
                batch.add(fact)
            batch.write(NOON)

    return write


def told(**values) -> StateRestored:
    return restored_state(
        "main", **{"money": Money.PLAY, "capital_micro": 100, "now": NOON, **values}
    )


def unsent():
    live = Live()
    live.prepare(live.orders()[0])
    return live


def unknown():
    live = Live()
    yes, no = live.orders()
    live.prepare(yes)
    live.tell(OrderUnknown(order_id=no.order_id, text="time-out"))
    live.fill(yes, "4", fee="0.01")
    return live


def completing():
    live = one_leg_filled()
    (order,) = live.orders("COMPLETE")
    live.prepare(order)
    live.fill(order, "4", trade="t2")
    return live


def unwinding():
    live = one_leg_filled()
    live.kill(live.orders("COMPLETE")[0])
    return live


def merging():
    live = Live()
    for number, order in enumerate(live.orders()):
        live.fill(order, "10", TradeState.CONFIRMED, trade=f"t{number}")
    return live


@pytest.mark.parametrize("scene", [unsent, unknown, completing, unwinding, merging])
def test_the_database_tells_what_the_facts_add_up_to(keep, scene):
    live = scene()
    keep(live)
    expected = live.ledger.restored(NOON.date().isoformat())

    state = told()

    assert state.open_sets[0].orders != ()
    assert state.open_sets == expected.open_sets
    assert set(state.balances) == set(expected.balances)
    assert state.capital_references == ("start",)
    assert state.capital_micro == 0
    assert codec.from_msgpack(codec.to_msgpack(state)) == state


def test_an_engine_carries_on_from_the_database_as_from_the_facts(keep):
    live = completing()
    keep(live)
    live.ledger.restored = lambda day: told()
    live.restart()
    assert live.engine.halt_code == ""
    assert live.moves[-1] == "COMPLETING"


def test_a_hash_that_is_known_stays_known(keep):
    live = unsent()
    keep(live)
    order = live.orders()[0]
    live.tell(OrderUnknown(order_id=order.order_id, text="time-out"))
    keep(live)

    row = Order.objects.get(order_id=order.order_id)

    assert (row.state, row.order_hash) == ("UNKNOWN", f"0x{order.order_id}")


def test_what_was_tried_is_told_in_its_order(keep):
    keep(unwinding())

    assert told().open_sets[0].tried == ("COMPLETING", "UNWINDING")


def test_paper_is_told_as_ever_without_orders(keep):
    keep(unwinding())
    ArbitrageSet.objects.update(paper=True)

    (one,) = told(money=Money.PAPER).open_sets

    assert (one.orders, one.tried) == ((), ())
    assert told(money=Money.PAPER).capital_references == ()


def test_capital_of_another_account_is_not_told(keep):
    live = Live()
    live.tell(CapitalChanged(amount_micro=1, reference="block-7"))
    keep(live)

    assert told().capital_references == ("block-7", "start")
    assert (
        restored_state("other", money=Money.PLAY, capital_micro=0, now=NOON).capital_references
        == ()
    )


def merging():
    live = Live()
    for order, trade in zip(live.orders(), ("t1", "t2"), strict=True):
        live.prepare(order)
        live.ack(order, "10")
        live.confirm(order, trade=trade)
    assert live.moves[-1] == "MERGING"
    return live


def test_a_merge_that_was_handed_over_is_known_by_its_reference(keep):
    live = merging()
    live.tell(MergeSent(set_id="v-s1", reference="batch:1"))
    keep(live)

    assert exit_references("main") == {"v-s1": "batch:1"}


def test_the_longest_reference_of_an_eoa_is_kept_whole(keep):
    reference = f"tx:{10**18 - 1}:{','.join(['0x' + 'a' * 64] * HASHES_MAX)}"
    live = merging()
    live.tell(MergeSent(set_id="v-s1", reference=reference))
    keep(live)

    assert exit_references("main") == {"v-s1": reference}


def test_a_later_try_is_not_known_by_the_reference_of_the_one_that_failed(keep):
    live = merging()
    live.tell(MergeSent(set_id="v-s1", reference="batch:1"))
    live.tell(
        ChainReceipt(
            set_id="v-s1",
            ok=False,
            size_micro=0,
            proceeds_micro=0,
            gas_micro=0,
            reference="batch:1",
        )
    )
    live.wait(60_000)
    assert live.moves[-3:] == ["MERGING", "SETTLED", "MERGING"]
    keep(live)

    assert exit_references("main") == {}
