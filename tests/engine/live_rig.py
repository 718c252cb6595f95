"""The engine itself in live mode, with the test as its venue."""

from tests.engine.builders import NO, NOW_NS, YES, delta, limits, m, snapshot, spec
from tests.engine.model_ledger import ModelLedger
from trading.engine.codes import Mode, TradeState
from trading.engine.commands import PlaceOrders, RaiseAlert
from trading.engine.core import Engine
from trading.engine.events import (
    AccessChanged,
    BalanceReport,
    CapitalChanged,
    MandateChanged,
    MarketListed,
    OrderAck,
    OrderClosed,
    OrderPrepared,
    Tick,
    TradeUpdate,
)
from trading.engine.facts import SetMoved
from trading.engine.units import MICRO

MS_NS = 1_000_000


DAY = "2026-09-21"


class Live:
    """The engine itself, with the test as its venue, and a ledger that outlives it."""

    def __init__(self, access: str | None = "", **bounds: object) -> None:
        self.now_ns = NOW_NS
        self.bounds = bounds
        self.commands = []
        self.ledger = ModelLedger()
        self.sessions = 0
        self._start(access)
        self.tell(CapitalChanged(amount_micro=100 * MICRO, reference="start"))
        self.tell(MarketListed(spec=spec()))
        self.books()
        self.tell(
            delta((YES, "0.53", "0.48", ("bid 0.53x40",)), (NO, "0.52", "0.47", ("ask 0.47x40",)),
                  at_ms=1)
        )  # fmt: skip

    def _start(self, access):
        self.sessions += 1
        self.engine = Engine(session_key="v" * self.sessions, mode=Mode.LIVE)
        self.tell(MandateChanged(revision=1, may_trade=True, limits=limits(**self.bounds)))
        self.restored = self.tell(self.ledger.restored(DAY))
        self.tell(BalanceReport(cash_micro=100 * MICRO))
        if access is not None:
            self.tell(AccessChanged(problem=access, text="as the test says"))

    def restart(self, *, books=True, access=""):
        """The process dies, and another carries on from what the ledger knows."""
        self.now_ns += 1
        self._start(access)
        if books:
            self.tell(MarketListed(spec=spec()))
            self.books(at_ms=1_000)
        return self.restored

    def books(self, at_ms=0):
        """Books without a gap: YES 0.46/0.48, NO 0.52/0.54."""
        self.tell(snapshot(YES, bids=("0.46x100",), asks=("0.48x50",), at_ms=at_ms))
        self.tell(snapshot(NO, bids=("0.52x50",), asks=("0.54x100",), at_ms=at_ms))

    def tell(self, event):
        commands = self.engine.handle(event, self.now_ns)
        self.commands += commands
        self.ledger.keep([command.fact for command in commands if hasattr(command, "fact")])
        return commands

    def wait(self, ms):
        """Let time pass in ticks of 100 ms."""
        end_ns = self.now_ns + ms * MS_NS
        while self.now_ns < end_ns:
            self.now_ns = min(self.now_ns + 100 * MS_NS, end_ns)
            self.tell(Tick())

    def prepare(self, order):
        self.tell(OrderPrepared(order_id=order.order_id, order_hash=f"0x{order.order_id}"))

    def confirm(self, order, size="10", trade="t1"):
        self.fill(order, size, TradeState.CONFIRMED, trade=trade)

    def asked(self, kind):
        return [command for command in self.commands if isinstance(command, kind)]

    def orders(self, purpose="ENTRY"):
        placed = [c for c in self.commands if isinstance(c, PlaceOrders)]
        return [order for c in placed for order in c.orders if order.purpose == purpose]

    def ack(self, order, matched="0"):
        self.tell(
            OrderAck(
                order_id=order.order_id, order_hash="0xh", resting=False, matched_micro=m(matched)
            )
        )

    def fill(self, order, size, state=TradeState.MATCHED, trade="t1", fee="0"):
        self.tell(
            TradeUpdate(
                trade_id=trade, order_id=order.order_id, token_id=order.token_id, side=order.side,
                price_micro=order.limit_micro, size_micro=m(size), fee_micro=m(fee), state=state,
            )
        )  # fmt: skip

    def kill(self, order, matched="0"):
        self.tell(OrderClosed(order_id=order.order_id, matched_micro=m(matched), reason="killed"))

    @property
    def moves(self):
        facts = (c.fact for c in self.commands if hasattr(c, "fact"))
        return [fact.state_to for fact in facts if isinstance(fact, SetMoved)]

    @property
    def alerts(self):
        return [c.rule for c in self.commands if isinstance(c, RaiseAlert)]

    @property
    def desk(self):
        return self.engine.sets


def one_leg_filled(**bounds):
    """One leg is bought, and confirmed; the other was killed."""
    live = Live(**bounds)
    yes, no = live.orders()
    live.fill(yes, "10")
    live.kill(no)
    live.fill(yes, "10", TradeState.CONFIRMED)
    return live
