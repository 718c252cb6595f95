"""When to look up orders and trades: one look at a time, for everything that is due.

After the user channel came back everything that it may have missed is looked up once; only then is
it trusted again.
"""

from trading.execution.requests import LookUp
from trading.execution.settings import DeskSettings
from trading.execution.tracking import Tracking

HASHES_MAX = 50  # of one look; the others follow with the next


class Looking:
    """The look that is under way, and why the next one is needed. Times in ms."""

    def __init__(self, settings: DeskSettings, tracking: Tracking) -> None:
        self.blind = True  # the user channel tells nothing
        self._settings = settings
        self._tracking = tracking
        self._number = 0
        self._under_way = 0  # its number, 0 for none
        self._began_ms = 0
        self._catching_up = 0  # the look that catches up, 0 for none
        self._catch_up_wanted = False
        self._lost_ms = 0  # since when the channel told nothing; 0: since ever

    def catch_up(self, now_ms: int) -> None:
        """The channel is connected: look at what it may have missed."""
        self.blind = False
        self._catch_up_wanted = True
        self._catching_up = 0
        self._lost_ms = self._lost_ms or now_ms

    def lost(self, now_ms: int) -> None:
        """The channel tells nothing any more."""
        if not self.blind or not self._lost_ms:
            self._lost_ms = now_ms
        self.blind = True
        self._catch_up_wanted = False
        self._catching_up = 0

    def tick(self, now_ms: int) -> list[LookUp]:
        """Begin a look when something is due and none is under way."""
        if self._under_way and now_ms - self._began_ms > self._settings.look_within_ms:
            self.failed(self._under_way, now_ms)
        due = list(self._tracking.due(now_ms))
        if self._under_way or not (due or self._catch_up_wanted):
            return []
        self._number += 1
        self._under_way, self._began_ms = self._number, now_ms
        after_s = self._tracking.since_s(due)
        if self._catch_up_wanted:
            self._catch_up_wanted = False
            self._catching_up = self._number
            due = list(self._tracking.followed())
            missed_s = max(0, self._lost_ms // 1_000 - self._settings.clock_skew_s)
            after_s = min(self._tracking.since_s(due), missed_s) if due else missed_s
        hashes = tuple(one.order_hash for one in due if one.is_open and one.answered)
        return [LookUp(look=self._number, order_hashes=hashes[:HASHES_MAX], after_s=after_s)]

    def ended(self, look: int) -> bool:
        """Say whether this answer is of the look under way, which is over then."""
        if look != self._under_way:
            return False
        self._under_way = 0
        return True

    def failed(self, look: int, now_ms: int) -> None:
        """A look brought nothing: everything that it asked for is asked again."""
        if look != self._under_way:
            return
        self._under_way = 0
        if self._catching_up == look:
            self._catching_up = 0
            self._catch_up_wanted = not self.blind
        wait_ms = self._settings.look_again_ms
        for order in self._tracking.due(now_ms):
            order.next_look_ms = now_ms + wait_ms

    def caught_up(self, look: int) -> bool:
        """Say whether this look was the one that makes the channel trusted again."""
        if look != self._catching_up or self.blind:
            return False
        self._catching_up = 0
        self._lost_ms = 0
        return True
