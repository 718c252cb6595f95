"""A journal replayed gives what it recorded, and a changed journal does not."""

import pytest

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
from trading.journal import (
    EVENT,
    FRAME,
    OPENED,
    TICK,
    JournalDamagedError,
    JournalOpening,
    JournalWriter,
    journal_directory,
    write_opening,
)
from trading.replaying import ReplayError, replay_journal

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
    """Records a session by hand: inputs at chosen times, with what the engine said to them."""

    def __init__(self, directory, twist=lambda commands: commands):
        self.writer = JournalWriter(directory, "main-7", clock=SystemClock(), limits=QUICK)
        self.writer.start()
        self.engine = ShadowEngine(session_key="main-7", paper=PAPER)
        self.decoder = MarketDecoder()
        self.now_ns = NOON_NS
        self.twist = twist
        self.facts = []
        opening = JournalOpening(
            session_key="main-7",
            mode="SHADOW",
            feed="recorded",
            label="RECORDED",
            version="1",
            started_ns=NOON_NS,
            paper=PAPER,
        )
        self.writer.append(OPENED, NOON_NS, write_opening(opening))

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
        at_ms = NOON_NS // 1_000_000
        for token, ask in ((YES, "0.40"), (NO, "0.45")):
            self.frame(book(token, "0.30", ask, at_ms=at_ms))
        for _ in range(10):
            self.tick(100)
        return self

    def close(self):
        self.writer.close(self.now_ns + SECOND)
        return self


@pytest.fixture
def directory(tmp_path):
    return journal_directory(tmp_path, "main", "main-7")


def test_a_session_that_traded_is_reproduced_to_the_byte(directory):
    session = Session(directory).trade().close()
    kinds = {type(fact).__name__ for fact in session.facts}
    assert {"OpportunitySeen", "SetMoved", "OrderMoved", "TradeRecorded", "LedgerBooked"} <= kinds

    replay = replay_journal(directory)

    assert (replay.same, replay.complete, replay.differences) == (True, True, [])
    assert replay.facts == len(session.facts)
    assert replay.realised_micro == sum(getattr(f, "realised_micro", 0) for f in booked(session))
    assert replay.realised_micro > 0
    assert (replay.frames, replay.session_key) == (2, "main-7")
    assert replay.last_ns - replay.first_ns == SECOND


def booked(session):
    return [fact for fact in session.facts if type(fact).__name__ == "LedgerBooked"]


def test_twice_gives_the_same(directory):
    Session(directory).trade().close()

    assert replay_journal(directory) == replay_journal(directory)


def test_a_session_that_was_cut_off_is_the_same_as_far_as_it_goes(directory):
    session = Session(directory).trade()
    session.writer.stop()

    replay = replay_journal(directory)

    assert (replay.same, replay.complete) == (True, False)


@pytest.mark.parametrize(
    ("name", "twist"),
    [
        ("left out", lambda commands: commands[1:]),
        ("added", lambda commands: [*commands, *commands[:1]]),
        ("in another order", lambda commands: commands[::-1]),
        ("changed", lambda c: [body.replace(b"CASH", b"CASX") for body in c]),
    ],
)
def test_a_command_that_was_tampered_with_is_found(directory, name, twist):
    Session(directory, twist).trade().close()

    replay = replay_journal(directory)

    assert not replay.same
    first = replay.differences[0]
    assert first.sequence > 1
    assert first.recorded != first.produced


def test_of_very_many_differences_only_the_first_are_kept(directory):
    session = Session(directory, lambda commands: []).trade()
    for _ in range(40):
        session.tick(1_000)
    session.close()

    replay = replay_journal(directory)

    assert replay.different > 40
    assert len(replay.differences) == 20


def test_a_journal_without_a_beginning_cannot_be_replayed(directory):
    writer = JournalWriter(directory, "main-7", clock=SystemClock(), limits=QUICK)
    writer.start()
    writer.append(TICK, 1)
    writer.close(2)

    with pytest.raises(ReplayError, match="does not begin with what its session ran with"):
        replay_journal(directory)


def test_a_journal_that_is_not_there_cannot_be_replayed(directory):
    with pytest.raises(ReplayError):
        replay_journal(directory)


def test_damage_is_no_difference_but_an_error(directory):
    Session(directory).trade().close()
    segment = directory / "000001.journal"
    whole = bytearray(segment.read_bytes())
    whole[len(whole) // 2] ^= 1
    segment.write_bytes(whole)

    with pytest.raises(JournalDamagedError, match="FLIPPED_BIT"):
        replay_journal(directory)
