"""A new session hears the same from the simulation's ledger and from the database."""

import pytest

from tests.helpers.admin_pages import make_market
from tests.helpers.clocks import NOON
from tests.helpers.facts import a_session
from trading.engine.facts import SetMoved
from trading.ledger import FactBatch, restored_state
from trading.ledger.specs import exit_references
from trading.models import Money
from trading.simulation.clockwork import SECOND_NS
from trading.simulation.ledger import Ledger, LedgerFault
from trading.simulation.scenario import Scenario
from trading.simulation.world import World

KINDS = ("news_dropped", "leg_refused", "merge_reverted", "kill_after_fill", "settlement_failed")


def facts_of(world, seconds):
    facts = []
    commit = world.ledger.commit

    def keep(fact):
        commit(fact)
        facts.append(fact)

    world.ledger.commit = keep
    world.faults.begin()
    world.launch()
    world._until(world.clock.now_ns + seconds * SECOND_NS)
    return facts


@pytest.mark.django_db
@pytest.mark.parametrize("seconds", [9, 14, 23])
def test_a_new_session_hears_the_same_from_both(profile, seconds):
    world = World(Scenario(seed=seconds, faults=KINDS))
    facts = facts_of(world, seconds)
    session = a_session(profile)
    for start in range(0, len(facts), 17):
        batch = FactBatch(session.pk, session.account)
        for fact in facts[start : start + 17]:
            batch.add(fact)
        batch.write(NOON)
    for spec in world.venue.specs():
        make_market(spec.condition_id, spec.token_ids)

    there = restored_state("main", money=Money.REAL, capital_micro=0, now=NOON)
    here = world.ledger.restored(there.day)

    assert len(here.open_sets) >= 1
    assert {one.set_id: one for one in here.open_sets} == {
        one.set_id: one for one in there.open_sets
    }
    assert here.balances == there.balances
    assert here.capital_references == there.capital_references
    assert world.ledger.exit_references() == exit_references("main")


def test_a_move_that_does_not_follow_the_last_one_is_a_fault():
    ledger = Ledger()
    with pytest.raises(LedgerFault, match="after 0"):
        ledger.commit(
            SetMoved(
                set_id="s1", sequence=2, state_from="SEEN", state_to="CONFIRMED", at_ns=1, reason=""
            )
        )
