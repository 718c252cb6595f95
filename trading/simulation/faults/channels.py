"""What goes wrong on the two channels on which the venue tells things without being asked."""

from typing import ClassVar

from trading.simulation.clockwork import MS_NS
from trading.simulation.faults.registry import fault
from trading.simulation.seams import Channel, Fault, WindowFault


class MessageFault(Fault):
    """A fault that strikes some messages of one channel, one in `one_in`."""

    channel: ClassVar[Channel]
    one_in: ClassVar[tuple[int, int]] = (8, 60)

    def begin(self) -> None:
        """Draw how often it strikes in this run."""
        self._one_in = self.chance.randint(*self.one_in)

    def copies(self, channel: Channel, text: str) -> tuple[int, ...] | None:  # noqa: ARG002
        """Strike, or leave the message alone."""
        if channel is not self.channel or self.world.resting:
            return None
        if self.chance.randrange(self._one_in):
            return None
        self.happened()
        return self.strike()

    def strike(self) -> tuple[int, ...]:
        """Return what becomes of this message."""
        return ()


@fault
class DroppedFrames(MessageFault):
    """Frames of the market channel never arrive."""

    kind = "frames_dropped"
    channel = Channel.MARKET


@fault
class DelayedFrames(MessageFault):
    """Frames arrive late, and others overtake them."""

    kind = "frames_delayed"
    channel = Channel.MARKET

    def strike(self) -> tuple[int, ...]:
        """Let it come up to two seconds late."""
        return (self.chance.randint(50, 2_000) * MS_NS,)


@fault
class DuplicatedFrames(MessageFault):
    """Frames arrive twice."""

    kind = "frames_duplicated"
    channel = Channel.MARKET

    def strike(self) -> tuple[int, ...]:
        """Let it come at its time and once more."""
        return (0, self.chance.randint(1, 500) * MS_NS)


@fault
class ReorderedFrames(MessageFault):
    """Frames change places with those that follow at once."""

    kind = "frames_reordered"
    channel = Channel.MARKET
    one_in = (3, 20)

    def strike(self) -> tuple[int, ...]:
        """Let it come just late enough to be overtaken."""
        return (self.chance.randint(5, 60) * MS_NS,)


@fault
class DroppedNews(MessageFault):
    """Messages of the user channel never arrive, and nobody says that they did not."""

    kind = "news_dropped"
    channel = Channel.USER
    one_in = (3, 20)


@fault
class DelayedNews(MessageFault):
    """Messages of the user channel arrive late, and others overtake them."""

    kind = "news_delayed"
    channel = Channel.USER
    one_in = (3, 20)

    def strike(self) -> tuple[int, ...]:
        """Let it come up to eight seconds late."""
        return (self.chance.randint(50, 8_000) * MS_NS,)


@fault
class DuplicatedNews(MessageFault):
    """Messages of the user channel arrive twice, the second long after."""

    kind = "news_duplicated"
    channel = Channel.USER
    one_in = (2, 10)

    def strike(self) -> tuple[int, ...]:
        """Let it come at its time and once more."""
        return (0, self.chance.randint(1, 6_000) * MS_NS)


@fault
class ReorderedNews(MessageFault):
    """Messages of the user channel change places."""

    kind = "news_reordered"
    channel = Channel.USER
    one_in = (2, 8)

    def strike(self) -> tuple[int, ...]:
        """Let it come just late enough to be overtaken."""
        return (self.chance.randint(20, 400) * MS_NS,)


@fault
class SilentFeed(WindowFault):
    """The market channel tells nothing for a while; it is noticed and connected anew."""

    kind = "feed_silent"

    def copies(self, channel: Channel, text: str) -> tuple[int, ...] | None:  # noqa: ARG002
        """Swallow every frame."""
        return () if self.active and channel is Channel.MARKET else None

    def started(self) -> None:
        """Count it."""
        self.happened()

    def ended(self) -> None:
        """Somebody has noticed the silence by now."""
        if (process := self.world.process) is not None and process.connected:
            process.lose_feed("silent")
            process.later(self.world.span((200_000, 1_500_000)), process.connect_feed)


@fault
class LostFeed(WindowFault):
    """The market channel is cut, and comes back after a while."""

    kind = "feed_lost"
    lasts_ms = (200, 6_000)

    def started(self) -> None:
        """Cut it."""
        if (process := self.world.process) is not None and process.connected:
            self.happened()
            process.lose_feed("closed by the venue")

    def ended(self) -> None:
        """Connect anew."""
        process = self.world.process
        if process is not None and process.was_listed and not process.connected:
            process.connect_feed()


@fault
class SilentUserChannel(WindowFault):
    """The user channel is open and tells nothing."""

    kind = "user_channel_silent"
    lasts_ms = (1_000, 15_000)

    def copies(self, channel: Channel, text: str) -> tuple[int, ...] | None:  # noqa: ARG002
        """Swallow every message."""
        return () if self.active and channel is Channel.USER else None

    def started(self) -> None:
        """Count it."""
        self.happened()


@fault
class LostUserChannel(WindowFault):
    """The user channel is cut, and comes back after a while."""

    kind = "user_channel_lost"
    lasts_ms = (200, 8_000)

    def started(self) -> None:
        """Cut it."""
        if (process := self.world.process) is not None and process.user.connected:
            self.happened()
            process.user.lose("closed by the venue")

    def ended(self) -> None:
        """Connect anew."""
        if (process := self.world.process) is not None and not process.user.connected:
            process.user.connect()


@fault
class GarbledNews(MessageFault):
    """A message of the user channel cannot be read."""

    kind = "news_garbled"
    channel = Channel.USER
    one_in = (10, 60)

    def strike(self) -> tuple[int, ...]:
        """Let the channel say something else instead."""
        if (process := self.world.process) is not None:
            process.later(MS_NS, lambda: process.user.message('{"event_type":"trade"}'))
        return ()
