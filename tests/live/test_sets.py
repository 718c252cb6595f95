"""A set from the gap to the merge, with every part real: what is bought is what everybody says."""

import threading

import pytest

from polyarb_site.clock import SystemClock
from tests.helpers.evm import local_chain, needs_npm
from tests.live.rig import COMPARING, Rig, address_of, gas_micro, hashes_in_the_database
from trading.journal import journal_directory, verify_journal
from trading.ledger import FactWriter
from trading.models import ArbitrageSet, EngineSession, LedgerPosting, Order, Trade
from trading.replaying import recorded_tally, replay_journal, trial
from trading.services.replays import judge
from trading.simulator.codes import COLLATERAL
from trading.simulator.local_venue import PLAY_MONEY_MICRO

__all__ = ["local_chain"]
pytestmark = pytest.mark.django_db(transaction=True)
SHARES = 10


@pytest.fixture
def ledger_gate(monkeypatch):
    """An event; while it is not set nothing is committed to the ledger."""
    gate = threading.Event()
    gate.set()
    commit = FactWriter._commit

    def held(self, *args):
        assert gate.wait(20)
        commit(self, *args)

    monkeypatch.setattr(FactWriter, "_commit", held)
    yield gate
    gate.set()


def assert_all_is_told(one, rig):
    """The moves of a merged set, its trades and its money, as everybody has them."""
    rig.agree()
    assert {"INTENT", "SUBMITTED", "SETTLED", "MERGING"} <= set(rig.moves(one))
    assert set(Trade.objects.values_list("state", flat=True)) == {"CONFIRMED"}
    assert sum(LedgerPosting.objects.values_list("amount_micro", flat=True)) == 0
    assert one.realised_micro > 1_000_000
    held = rig.venue.holds(rig.wallet)
    assert held == {COLLATERAL: PLAY_MONEY_MICRO + one.realised_micro}


def test_a_set_is_bought_confirmed_and_merged_and_its_journal_gives_it_again(rig, place):
    rig.venue.hashes_known = hashes_in_the_database
    with rig.trading(times=COMPARING):
        rig.venue.gap(SHARES)
        one = rig.ended("MERGED")
        assert_all_is_told(one, rig)
        rig.compared("MATCH", after=rig.newest_run())

    (batch,) = rig.venue.batches()
    placed = rig.venue.placed_hashes()
    assert len(set(placed)) == 2
    assert set(placed) <= batch.known_hashes  # before the venue did anything with them
    journal = journal_directory(place / "journal", "main", "main-1")
    replayed = replay_journal(journal)
    assert verify_journal(journal).damage == ()
    assert (replayed.same, replayed.complete, replayed.differences) == (True, True, [])
    assert replayed.realised_micro == one.realised_micro
    session = EngineSession.objects.get()
    day = session.started_at.date()
    run = judge(session, day, SystemClock())
    assert (run.verdict, run.realised_micro, run.problem) == ("SAME", one.realised_micro, "")
    assert run.sha256 == run.recorded_sha256
    # With its own limits on paper: no answer of the venue is used, so it comes near, not equal.
    was, paper = recorded_tally(journal, ""), trial(journal, "", None)
    assert was.sets_completed == 1
    assert paper.gaps_confirmed > 0
    assert paper.halts == 0


def test_nothing_leaves_before_its_hash_is_in_the_database(rig, ledger_gate):
    with rig.trading() as shift:
        ledger_gate.clear()
        rig.venue.gap(SHARES)
        shift.join_not(0.7)
        assert rig.venue.batches() == []
        assert Order.objects.count() == 0

        ledger_gate.set()
        rig.ended("MERGED")
        rig.agree()


@needs_npm
@pytest.mark.slow
@pytest.mark.parametrize(("kind", "key"), [(3, "11"), (0, "22")], ids=["deposit wallet", "EOA"])
def test_a_set_is_traded_and_merged_on_the_chain(
    kind, key, local_chain, make_venue, signers, account_wanted, settings
):
    key = f"0x{key * 32}"
    owner = address_of(key)
    wallet = owner if kind == 0 else local_chain.deposit_wallet_of(owner)
    signer = signers(key, wallet, kind)
    settings.SIGNER_PLAY_SOCKET = signer.socket
    rig = Rig(make_venue(seed=100 + kind, chain=local_chain), signer, owner=owner, wallet=wallet)
    with rig.trading(times=COMPARING):
        for sets in (1, 2):
            rig.venue.gap(SHARES)
            rig.ended("MERGED", sets=sets, seconds=20)
            rig.agree()
        run = rig.compared("MATCH", after=rig.newest_run())

    assert run.block_number > 0  # the chain was asked
    realised = sum(ArbitrageSet.objects.values_list("realised_micro", flat=True))
    gained = rig.venue.holds(rig.wallet)[COLLATERAL] - PLAY_MONEY_MICRO
    assert gained == realised + gas_micro()
    assert (gas_micro() > 0) == (kind == 0)  # the relayer pays for a deposit wallet
    assert EngineSession.objects.get().state == "STOPPED"
