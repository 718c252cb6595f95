"""An honest but slow and forgetful world, and a process that dies at any point of a set's life.

Whatever comes in whatever order: the books reach the venue's and the chain's truth to the last
micro, no order is placed twice, and every set ends, or people are told of it.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.builders import MARKET, NO, YES, delta
from tests.engine.live_rig import Live
from tests.engine.model_venue import Venue
from trading.engine.codes import Account, MarketState
from trading.engine.events import MarketStatus, Tick
from trading.engine.orders import is_over
from trading.engine.units import MICRO

MS_NS = 1_000_000
EXPOSURE_MAX = 30 * MICRO
ACTIONS = (
    *("sign", "post", "answer", "answer", "settle", "settle", "settle", "repeat", "mine"),
    *("revert", "receipt", "wait", "long wait", "die", "cross", "worse", "resolve"),
)


class World:
    """The engine, the venue, and time."""

    def __init__(self) -> None:
        self.venue = Venue()
        self.live = Live(
            cooldown_ms=0, breaker_failures_max=9, position_max_micro=EXPOSURE_MAX,
            daily_loss_max_micro=100 * MICRO,
        )  # fmt: skip
        self.at_ms = 10_000
        self.venue.take(self.live.commands)

    def tell(self, event) -> None:
        if event is not None:
            self.venue.take(self.live.tell(event))

    def act(self, action: str, number: int) -> None:
        venue = self.venue
        if action in ("answer", "settle", "repeat"):
            self.tell(getattr(venue, action)(number))
        elif action == "receipt":
            self.tell(venue.receipt())
        elif action in ("sign", "post"):
            self.send(action, number)
        elif action in ("mine", "revert"):
            venue.mine(ok=action == "mine")
        elif action in ("wait", "long wait"):
            self.wait((200 if action == "wait" else 15_000) * (number % 9 + 1))
        elif action == "die":
            self.die()
        elif action == "resolve":
            self.resolve(number)
        else:
            self.move_books(action, number)
        self.check()

    def send(self, action: str, number: int) -> None:
        """Nothing leaves before its hash is durable; a process can die between the two."""
        for event in self.venue.prepared():
            self.tell(event)
        if action == "post":
            self.venue.post([number, number // 9])

    def wait(self, ms: int) -> None:
        self.live.now_ns += ms * MS_NS
        self.tell(Tick())

    def die(self) -> None:
        self.venue.die()
        told = len(self.live.commands)
        self.live.restart(books=not self.venue.winner)
        self.at_ms = max(self.at_ms, 1_000) + 1
        if self.venue.winner:
            self.live.tell(self.resolution())
        self.venue.take(self.live.commands[told:])

    def move_books(self, action: str, number: int) -> None:
        self.at_ms += 1
        size = 40 + number
        if action == "cross":
            changes = (
                (YES, "0.53", "0.48", (f"bid 0.53x{size}", "ask 0.48x50")),
                (NO, "0.52", "0.47", (f"ask 0.47x{size}", "bid 0.52x50")),
            )
        else:
            changes = (
                (YES, "0.1", "", ("bid 0.53x0", "bid 0.46x0", f"bid 0.1x{size}")),
                (NO, "", "0.9", ("ask 0.47x0", "ask 0.54x0", f"ask 0.9x{size}")),
            )
        self.tell(delta(*changes, at_ms=self.at_ms))

    def resolve(self, number: int) -> None:
        if not self.venue.winner:
            self.venue.winner = (YES, NO)[number % 2]
            self.tell(self.resolution())

    def resolution(self) -> MarketStatus:
        return MarketStatus(
            condition_id=MARKET, state=MarketState.RESOLVED, winning_token_id=self.venue.winner
        )

    def check(self) -> None:
        """What holds after every single step."""
        live = self.live
        assert live.engine.halt_code == ""
        assert 0 <= live.desk.worst_case_micro <= live.desk.exposure_micro <= EXPOSURE_MAX
        assert live.engine.treasury.books.balance(Account.RESERVED) >= 0
        entries = [set_id for set_id, purpose in self.venue.placed if purpose == "ENTRY"]
        assert len(entries) == len(set(entries)), "a set was entered twice"
        for one in live.desk._open.values():
            # A set that was exposed may be rescued again, but never while it is still rescued.
            under_way = {o.purpose for o in one.orders if not (is_over(o) or o.closed)}
            assert len(under_way) <= 1, "a set is entered, completed or sold at the same time"

    def let_it_end(self) -> None:
        """Everything that is under way arrives, and time passes."""
        for round_number in range(40):
            self.act("post", 0)
            for _ in range(30):
                self.act("answer", 0)
                self.act("settle", 0)
            self.act("mine", 0)
            self.act("receipt", 0)
            self.act("receipt", 0)
            self.wait(5_000 << min(round_number, 7))

    def check_ended(self) -> None:
        live, books = self.live, self.live.engine.treasury.books
        held = books.balance(Account.CASH) + books.balance(Account.RESERVED)
        assert held == self.venue.cash_micro
        assert {token: held.quantity_micro for token, held in books.positions.items()} == {
            token: shares for token, shares in self.venue.shares.items() if shares
        }
        for set_id in live.ledger.open_ids:
            assert live.ledger.state_of(set_id) == "EXPOSED"
            assert "LEG_EXPOSED" in live.alerts
        told = live.ledger.balances()
        assert sum(amount for amount, _ in told.values()) == 0
        assert books.balance(Account.CASH) == told[Account.CASH, ""][0]


def run(script) -> World:
    world = World()
    for action, number in script:
        world.act(ACTIONS[action], number)
    world.let_it_end()
    world.check_ended()
    world.resolve(0)
    world.let_it_end()
    world.check_ended()
    assert world.live.ledger.open_ids == []
    assert world.live.engine.treasury.books.balance(Account.RESERVED) == 0
    return world


STEPS = st.lists(st.tuples(st.integers(0, len(ACTIONS) - 1), st.integers(0, 80)), max_size=40)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_books_reach_the_truth_and_every_set_ends_whatever_happens(script):
    run(script)


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(0, 80), st.integers(0, 80))
def test_a_crash_after_every_step_changes_nothing_of_it(script, first, second):
    steps = [(ACTIONS.index("post"), first), (ACTIONS.index("post"), second), *script[:15]]
    died = ACTIONS.index("die")
    run([step for one in steps for step in (one, (died, 0))])
