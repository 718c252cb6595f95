"""A live desk with the test as engine and as world."""

from dataclasses import fields

from trading.engine.codes import Side, TradeState
from trading.engine.commands import OrderPlan, PlaceOrders
from trading.engine.events import OrderRefused
from trading.engine.market import FeeSchedule, MarketSpec
from trading.engine.units import MICRO
from trading.execution.desk import LiveDesk
from trading.execution.messages import (
    MakerPart,
    OpenOrder,
    OrderChange,
    OrderNews,
    PlacedLeg,
    VenueTrade,
)
from trading.execution.requests import (
    BatchAnswered,
    CallFailed,
    FailureKind,
    LookedUp,
    LookUp,
    OutgoingOrder,
    Request,
    SendBatch,
)

NOW_MS = 1_795_350_000_000
YES, NO, CONDITION = "71", "52", "0xc0"
SPEC = MarketSpec(
    condition_id=CONDITION,
    token_ids=(YES, NO),
    tick_micro=10_000,
    min_order_size_micro=5 * MICRO,
    fee=FeeSchedule(rate_micro=70_000, exponent=1),
)


def plan(number, token=YES, *, side=Side.BUY, size=10, limit="0.48", purpose="ENTRY"):
    return OrderPlan(
        order_id=f"s1-{number}",
        set_id="s1",
        condition_id=CONDITION,
        token_id=token,
        side=side,
        limit_micro=int(limit.replace("0.", "")) * 10_000,
        size_micro=size * MICRO,
        purpose=purpose,
        all_or_nothing=purpose == "ENTRY",
    )


def pair(**options):
    return PlaceOrders(
        set_id="s1", orders=(plan(1, YES, **options), plan(2, NO, limit="0.47", **options))
    )


def hash_of(order_id):
    return f"0x{order_id}"


def prepare(one, _spec, _now_ms):
    if one.size_micro > 1_000 * MICRO:
        return OrderRefused(order_id=one.order_id, code="TOO_LARGE", text="no", local=True)
    return OutgoingOrder(
        order_id=one.order_id,
        order_hash=hash_of(one.order_id),
        token_id=one.token_id,
        side=one.side,
        notional_micro=0,
        payload=one,
    )


class Rig:
    """One desk; every call returns what the desk wanted, and keeps it."""

    def __init__(self, *, spec=SPEC, **settings):
        self.now_ms = NOW_MS
        self.spec = spec
        self.out = []
        self.desk = LiveDesk(prepare=prepare, spec_of=lambda _id: self.spec)

    @property
    def now_ns(self):
        return self.now_ms * 1_000_000

    def keep(self, outputs):
        self.out += outputs
        return outputs

    def do(self, command):
        return self.keep(self.desk.carry_out(command, self.now_ns))

    def take(self, answer):
        return self.keep(self.desk.take(answer, self.now_ns))

    def tick(self, ms=100):
        self.now_ms += ms
        return self.keep(self.desk.tick(self.now_ns))

    def connect(self):
        self.keep(self.desk.user_channel(connected=True, text="", now_ns=self.now_ns))
        look = only(self.tick(), LookUp)
        return self.take(LookedUp(look=look.look, orders=(), trades=()))

    def trade(self, trade):
        return self.keep(self.desk.on_trade(trade, self.now_ns))

    def news(self, order_id, status="CANCELED", matched=0, change=OrderChange.CANCELLATION):
        news = OrderNews(
            order_hash=hash_of(order_id),
            change=change,
            status=status,
            token_id=YES,
            side=Side.BUY,
            price_micro=480_000,
            size_micro=10 * MICRO,
            matched_micro=matched,
        )
        return self.keep(self.desk.on_order_news(news, self.now_ns))

    def send_pair(self, **options):
        return only(self.do(pair(**options)), SendBatch)

    def answer(self, batch, *legs):
        return self.take(BatchAnswered(batch=batch.batch, legs=legs))

    def look(self, ms=0):
        """Return the next look-up, after some time."""
        return only(self.tick(ms), LookUp)

    def found(self, look, *, orders=None, trades=()):
        orders = orders or {}
        answered = tuple((one, orders.get(one)) for one in look.order_hashes)
        return self.take(LookedUp(look=look.look, orders=answered, trades=tuple(trades)))


def events(outputs, *kinds):
    found = [one for one in outputs if not isinstance(one, Request)]
    return [one for one in found if not kinds or isinstance(one, kinds)]


def only(outputs, kind):
    found = [one for one in outputs if isinstance(one, kind)]
    assert len(found) == 1, outputs
    return found[0]


def matched(order_id, shares=10, dollars="4.8"):
    return PlacedLeg(
        success=True,
        error="",
        order_hash=hash_of(order_id),
        status="matched",
        making_micro=int(dollars.replace(".", "")) * 100_000,
        taking_micro=shares * MICRO,
        trade_ids=(f"t-{order_id}",),
    )


def failed_leg(text):
    return PlacedLeg(
        success=True,
        error=text,
        order_hash="",
        status="",
        making_micro=0,
        taking_micro=0,
        trade_ids=(),
    )


def a_trade(order_id, token=YES, *, shares=10, price="0.48", state=TradeState.MATCHED, parts=None):
    """A trade in which the order is the taker, against one maker of the same token."""
    price_micro = int(price.replace("0.", "")) * 10_000
    makers = parts or (
        MakerPart(
            order_hash="0xmaker",
            token_id=token,
            side=Side.SELL,
            price_micro=price_micro,
            size_micro=shares * MICRO,
        ),
    )
    return VenueTrade(
        trade_id=f"t-{order_id}",
        state=state,
        taker_order_hash=hash_of(order_id),
        condition_id=CONDITION,
        token_id=token,
        side=Side.BUY,
        size_micro=shares * MICRO,
        price_micro=price_micro,
        makers=makers,
        matched_s=NOW_MS // 1_000,
        transaction_hash="",
    )


def open_order(order_id, matched_micro=0):
    return OpenOrder(
        order_hash=hash_of(order_id),
        status="LIVE",
        token_id=YES,
        side=Side.BUY,
        price_micro=480_000,
        size_micro=10 * MICRO,
        matched_micro=matched_micro,
        trade_ids=(),
    )


def failure(kind=FailureKind.UNKNOWN, **more):
    assert set(more) <= {one.name for one in fields(CallFailed)}
    return CallFailed(kind=kind, text=more.pop("text", "time-out"), **more)
