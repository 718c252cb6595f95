"""A world of real orders in which nobody trades: signer, venue and wallet of a live shift."""

import asyncio

from tests.reconciling.rows import Chain, Venue
from trading.adapters.feed import FeedError
from trading.execution.messages import CancelResult
from trading.execution.requests import CancelEverything, Cancelled, LookedUp


class QuietPorts:
    """The wallet holds `cash_micro` and nothing else, which a test may change as it goes."""

    trouble = (FeedError,)

    def __init__(self, cash_micro):
        self.cash_micro = cash_micro
        self.logged_out = ""
        self.failure = None  # what opening says

    def __call__(self, account, feed):
        """Make the ports: these, each time."""
        self.made_for = (account, feed)
        return self

    def prepare(self, plan, spec, now_ms):
        raise AssertionError(f"nobody trades here: {plan}")

    def tell(self, handed_over):
        self.handed_over = handed_over

    async def open(self):
        return self.failure

    async def follow(self, sink):
        self._loop = asyncio.get_running_loop()
        while True:
            self._anew = asyncio.Event()
            sink.on_connected()
            await self._anew.wait()

    def let_in(self):
        """From the test's thread: the venue knows us again."""
        self.logged_out, self.failure = "", None
        self._loop.call_soon_threadsafe(self._anew.set)

    async def look_up(self, request):
        return LookedUp(look=request.look, orders=(), trades=())

    async def cancel(self, request):
        nothing = CancelResult(cancelled=(), not_cancelled=())
        return Cancelled(everything=isinstance(request, CancelEverything), result=nothing)

    async def beat(self, heartbeat_id):
        return f"{heartbeat_id}."[-9:]

    async def refresh(self, token_ids):
        return self.cash_micro

    def venue_reads(self):
        return Venue(cash_micro=self.cash_micro, shares={})

    def chain_reads(self):
        return Chain(cash_micro=self.cash_micro, shares={})

    def figures(self):
        return {}

    async def close(self):
        pass
