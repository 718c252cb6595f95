"""The engine itself in live mode, with the test as its venue."""

from tests.engine.builders import NO, NOW_NS, YES, delta, limits, m, snapshot, spec
from trading.engine.codes import Mode, TradeState
from trading.engine.commands import PlaceOrders, RaiseAlert
from trading.engine.core import Engine
from trading.engine.events import (
    BalanceReport,
    MandateChanged,
    MarketListed,
    OrderAck,
    OrderClosed,
    RestoredBalance,
    StateRestored,
    TradeUpdate,
)
from trading.engine.facts import SetMoved
from trading.engine.units import MICRO

MS_NS = 1_000_000


class Live:
    """The engine itself, with the test as its venue."""

    def __init__(self, **bounds: object) -> None:
        self.now_ns = NOW_NS
        self.engine = Engine(session_key="v", mode=Mode.LIVE)
        self.commands = []
        self.tell(MandateChanged(revision=1, may_trade=True, limits=limits(**bounds)))
        self.tell(
            StateRestored(
                balances=tuple(
                    RestoredBalance(
                        account=name, token_id="", amount_micro=amount, quantity_micro=0
                    )
                    for name, amount in (("CASH", 100 * MICRO), ("CAPITAL", -100 * MICRO))
                ),
                day="2026-09-21",
                realised_today_micro=0,
            )
        )
        self.tell(BalanceReport(cash_micro=100 * MICRO))
        self.tell(MarketListed(spec=spec()))
        self.tell(snapshot(YES, bids=("0.46x100",), asks=("0.48x50",)))
        self.tell(snapshot(NO, bids=("0.52x50",), asks=("0.54x100",)))
        self.tell(
            delta((YES, "0.53", "0.48", ("bid 0.53x40",)), (NO, "0.52", "0.47", ("ask 0.47x40",)),
                  at_ms=1)
        )  # fmt: skip

    def tell(self, event):
        commands = self.engine.handle(event, self.now_ns)
        self.commands += commands
        return commands

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
    live = Live(**bounds)
    yes, no = live.orders()
    live.fill(yes, "10")
    live.kill(no)
    return live
