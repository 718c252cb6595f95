"""The two channels between venue and process: what is published arrives later, in order.

Like a WebSocket each keeps its order, until a fault says otherwise.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from trading.simulation.seams import Channel

if TYPE_CHECKING:
    from trading.simulation.process import Process
    from trading.simulation.world import World


class Feed:
    """Delivers frames, news and answers to reads of books."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._last_ns = dict.fromkeys(Channel, 0)

    def flush(self) -> None:
        """Send on its way whatever the venue has published."""
        world = self._world
        venue = world.venue
        frames, venue.frames = venue.frames, []
        news, venue.news = venue.news, []
        process = world.process
        for frame in frames:
            world.log.mix(frame)
            if process is not None and process.connected:
                self.send(process, frame)
        for text in news:
            world.log.mix(text)
            if process is not None and process.user.connected:
                self._deliver(process, Channel.USER, text, process.user.message)

    def send(self, process: "Process", frame: str) -> None:
        """Send a frame of the market channel to one process."""
        self._deliver(process, Channel.MARKET, frame, process.frame)

    def _deliver(
        self, process: "Process", channel: Channel, text: str, take: Callable[[str], None]
    ) -> None:
        world = self._world
        delays = world.scenario.delays
        span = delays.frame_us if channel is Channel.MARKET else delays.news_us
        now_ns = world.clock.now_ns
        for extra_ns in world.faults.copies(channel, text):
            due_ns = now_ns + world.span(span)
            if extra_ns:
                due_ns += extra_ns  # out of its order: what follows may overtake it
            else:
                due_ns = self._last_ns[channel] = max(due_ns, self._last_ns[channel])
            process.later(due_ns - now_ns, lambda: take(text))

    def request_snapshot(self, process: "Process", condition_id: str) -> None:
        """Read the books of a market anew."""

        def take(said: object) -> None:
            if isinstance(said, list):
                for snapshot in said:
                    process.on_event(snapshot)

        process.call("books", lambda: self._world.venue.snapshots(condition_id), take)
