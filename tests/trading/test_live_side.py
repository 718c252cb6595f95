"""The live side of a session: in which order it carries out what the desk asks for."""

import asyncio

from polyarb_site.clock import SystemClock
from tests.execution.rig import NOW_MS, SPEC, YES, hash_of, prepare
from trading.engine.codes import Side
from trading.engine.commands import OrderToResolve, ResolveOrders
from trading.engine.units import MICRO
from trading.execution.desk import LiveDesk
from trading.execution.requests import CallFailed, FailureKind, LookedUp
from trading.runtime import live
from trading.runtime.live import LiveSide
from trading.runtime.ports import Reconciling

DOWN = CallFailed(kind=FailureKind.NOT_SENT, code="SIGNER_DOWN", text="it is starting")
OLD = ResolveOrders(
    orders=(
        OrderToResolve(
            order_id="s1-1",
            order_hash=hash_of("s1-1"),
            condition_id=SPEC.condition_id,
            token_id=YES,
            side=Side.BUY,
            size_micro=10 * MICRO,
            matched_micro=0,
            limit_micro=480_000,
            purpose="ENTRY",
        ),
    )
)


class World:
    """The ports of a session; says in `calls` what was asked of it, one word each."""

    logged_out = False

    def __init__(
        self, *, openings=(None,), look_up=lambda look: LookedUp(look=look, orders=(), trades=())
    ):
        self.calls = []
        self._openings = list(openings)
        self._look_up = look_up

    def tell(self, handed_over):
        self.handed_over = handed_over

    async def open(self):
        self.calls.append("open")
        return self._openings.pop(0) if self._openings else None

    async def follow(self, sink):
        await asyncio.Event().wait()

    async def look_up(self, request):
        self.calls.append("look_up")
        return self._look_up(request)

    async def beat(self, heartbeat_id):
        return "1"

    async def refresh(self, token_ids):
        return 0

    async def close(self):
        pass


class Kept:
    """Disk and database: everything that is taken is written down, or nothing ever."""

    next_sequence = 8

    def __init__(self, through=7):
        self.synced_sequence = self.committed_sequence = through

    def hurry(self):
        pass


class Loop:
    """The session's loop. Whatever crashes it is raised in the test."""

    halt_code = ""
    may_trade = True

    def __init__(self):
        self.events = []
        self.error = None

    def on_event(self, event):
        self.events.append(event)

    def fail(self, error):
        self.error = error


class Allowing:
    """A mandate that allows everything."""

    async def why_not(self, _revision):
        return ""

    def close(self):
        pass


def run_side(world, monkeypatch, *, until, seconds=2.0, opening_wanted=False, kept_through=7):
    """Run a session that found an order of an earlier one, until something holds or time is up.

    Returns what the world was asked, with the comparisons of the books among it.
    """
    monkeypatch.setattr(live, "OPEN_AGAIN_S", 0.01)
    monkeypatch.setattr(live, "LOOKED_TURN_S", 0.01)

    async def compare(_at_start):
        world.calls.append("compare")
        return ""

    async def session():
        loop = Loop()
        side = LiveSide(
            desk=LiveDesk(prepare=prepare, spec_of=lambda _id: SPEC),
            ports=world,
            journal=Kept(),
            ledger=Kept(through=kept_through),
            lease=None,
            permission=Allowing(),
            clock=SystemClock(),
            now_ns=lambda: NOW_MS * 1_000_000,
            held_of=lambda _token: 0,
            reconciling=Reconciling(compare, every_ms=60_000),
        )
        side.attach(loop, opening_wanted=opening_wanted)
        side.carry_out(OLD, NOW_MS * 1_000_000)
        side.tick(NOW_MS * 1_000_000)
        running = asyncio.create_task(side.run())
        for _ in range(int(seconds / 0.01)):
            await asyncio.sleep(0.01)
            if loop.error or until(world.calls):
                break
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await side.close()
        if loop.error:
            raise loop.error

    asyncio.run(session())
    return world.calls


def absent(request):
    orders = tuple((one, None) for one in request.order_hashes)
    return LookedUp(look=request.look, orders=orders, trades=())


class TestOpening:
    def test_orders_of_an_earlier_session_are_looked_up_once_the_venue_is_open(self, monkeypatch):
        world = World(openings=(DOWN, DOWN, None), look_up=absent)

        calls = run_side(world, monkeypatch, until=lambda calls: "look_up" in calls)

        assert calls[:4] == ["open", "open", "open", "look_up"]


class TestTheFirstComparison:
    def test_does_not_wait_for_an_order_that_may_still_arrive(self, monkeypatch):
        world = World(look_up=absent)

        calls = run_side(world, monkeypatch, until=lambda calls: "compare" in calls)

        assert calls == ["open", "look_up", "compare"]

    def test_waits_until_that_order_was_looked_for(self, monkeypatch):
        world = World(look_up=lambda request: DOWN)

        calls = run_side(world, monkeypatch, until=lambda calls: "compare" in calls, seconds=0.3)

        assert calls == ["open", "look_up"]

    def test_waits_for_the_opening_of_the_books_however_long_it_takes(self, monkeypatch):
        monkeypatch.setattr(live, "LOOKED_S_MAX", 0.05)
        world = World(look_up=absent)

        async def unreadable(_token_ids):
            return DOWN

        world.refresh = unreadable
        calls = run_side(
            world,
            monkeypatch,
            until=lambda calls: "compare" in calls,
            seconds=0.5,
            opening_wanted=True,
        )

        assert "compare" not in calls

    def test_waits_until_what_was_heard_is_in_the_database(self, monkeypatch):
        monkeypatch.setattr(live, "DURABLE_MS_MAX", 50)
        world = World(look_up=absent)
        calls = run_side(
            world,
            monkeypatch,
            until=lambda calls: "compare" in calls,
            seconds=0.5,
            kept_through=6,
        )

        assert "compare" not in calls
