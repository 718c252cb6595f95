"""A sink that keeps what the user channel says, and the channel for a test."""

import asyncio

from tests.feeds.listening import MachineClock
from trading.adapters.channel_socket import LifeSettings, SocketSettings
from trading.adapters.clob_user import UserChannel


class Ear:
    """Keeps what is said. `log` holds one short word for each thing, in order."""

    def __init__(self):
        self.orders, self.trades, self.unreadable, self.reasons = [], [], [], []
        self.log = []
        self._changed = asyncio.Event()

    def on_connected(self):
        self._note("connected")

    def on_order(self, news):
        self.orders.append(news)
        self._note("order")

    def on_trade(self, trade):
        self.trades.append(trade)
        self._note("trade")

    def on_unreadable(self, text):
        self.unreadable.append(text)
        self._note("unreadable")

    def on_lost(self, reason):
        self.reasons.append(reason)
        self._note("lost")

    def about(self, order_hash):
        """Return what was told of one order."""
        return [one for one in self.orders if one.order_hash == order_hash]

    def _note(self, word):
        self.log.append(word)
        self._changed.set()

    async def until(self, predicate, *, seconds=3):
        """Wait until something holds and return it."""
        try:
            async with asyncio.timeout(seconds):
                while not (result := predicate()):
                    self._changed.clear()
                    try:
                        async with asyncio.timeout(0.02):
                            await self._changed.wait()
                    except TimeoutError:
                        pass  # what is waited for may be no word of ours
        except TimeoutError:
            raise AssertionError(f"it never happened; heard only {self.log}") from None
        return result


def make_channel(url, ear, credentials, *, jitter=lambda: 0.0, **times):
    """Return a channel in which seconds pass as milliseconds."""
    socket = {"handshake_ms": 1_000}
    socket |= {k: times.pop(k) for k in list(times) if k in SocketSettings.__dataclass_fields__}
    life = {"ping_every_ms": 30, "pong_within_ms": 5_000, "backoff_ms": 10, "backoff_ms_max": 100}
    settings = LifeSettings(socket=SocketSettings(url=url, **socket), **(life | times))
    return UserChannel(
        settings, credentials=credentials, clock=MachineClock(), jitter=jitter, sink=ear
    )
