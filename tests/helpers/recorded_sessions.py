"""Sessions recorded by hand: inputs at chosen times, with what the engine said to them."""

from polyarb_site.clock import SystemClock
from tests.helpers.clocks import NOON
from tests.helpers.facts import NOON_NS, SECOND, market
from tests.helpers.journals import QUICK
from tests.helpers.shifts import NO, YES, book
from trading.adapters import codec
from trading.adapters.wire import MarketDecoder
from trading.engine.commands import RecordFact
from trading.engine.events import FeedChanged, MandateChanged, MarketListed, StateRestored, Tick
from trading.engine.limits import Limits
from trading.engine.paper import PaperSettings
from trading.engine.shadow import ShadowEngine
from trading.journal import EVENT, FRAME, OPENED, TICK, JournalOpening, JournalWriter, write_opening

PAPER = PaperSettings(latency_ms=20, settle_ms=60, merge_ms=60)
LIMITS = Limits(
    trade_size_micro=10_000_000,
    min_profit_ratio_micro=10_000,
    position_max_micro=100_000_000,
    daily_loss_max_micro=10_000_000,
    slippage_max_ratio_micro=500_000,
    gas_cost_max_micro=1_000_000,
    leg_loss_max_micro=1_000_000,
    pair_enabled=True,
    raise_to_minimum=True,
    breaker_failures_max=3,
    breaker_fail_ratio_micro=400_000,
)


class Session:
    """Records one session."""

    def __init__(
        self, directory, twist=lambda commands: commands, *, start_ns=NOON_NS, limits=QUICK
    ):
        self.writer = JournalWriter(directory, "main-7", clock=SystemClock(), limits=limits)
        self.writer.start()
        self.engine = ShadowEngine(session_key="main-7", paper=PAPER)
        self.decoder = MarketDecoder()
        self.now_ns = start_ns
        self.twist = twist
        self.facts = []
        opening = JournalOpening(
            session_key="main-7",
            mode="SHADOW",
            feed="recorded",
            label="RECORDED",
            version="1",
            started_ns=start_ns,
            paper=PAPER,
        )
        self.writer.append(OPENED, start_ns, write_opening(opening))

    def _take(self, kind, body, events):
        commands = [c for event in events for c in self.engine.handle(event, self.now_ns)]
        self.facts += [c.fact for c in commands if isinstance(c, RecordFact)]
        encoded = self.twist([codec.to_msgpack(command) for command in commands])
        self.writer.append(kind, self.now_ns, body, 1, encoded)

    def event(self, event):
        self._take(EVENT, codec.to_msgpack(event), [event])

    def frame(self, raw):
        self._take(FRAME, raw, self.decoder.decode(raw))

    def tick(self, ms):
        self.now_ns += ms * 1_000_000
        self._take(TICK, b"", [Tick()])

    def trade(self):
        """Open, see a gap, buy, settle, merge."""
        self.begin()
        self.gap()
        for _ in range(10):
            self.tick(100)
        return self

    def begin(self):
        """Be told what a session is told before the first book."""
        self.event(
            StateRestored(
                balances=(),
                day=NOON.date().isoformat(),
                realised_today_micro=0,
                capital_micro=100_000_000,
            )
        )
        self.event(MandateChanged(revision=1, may_trade=True, limits=LIMITS))
        self.event(MarketListed(spec=market().spec))
        self.event(FeedChanged(connected=True, token_ids=(), reason="connected"))

    def gap(self):
        """See 15 cents to gain."""
        at_ms = self.now_ns // 1_000_000
        for token, ask in ((YES, "0.40"), (NO, "0.45")):
            self.frame(book(token, "0.30", ask, at_ms=at_ms))

    def close(self):
        self.writer.close(self.now_ns + SECOND)
        return self
