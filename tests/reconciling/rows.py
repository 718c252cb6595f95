"""An account that trades with (play) money, in the database, and a venue and chain beside it."""

from datetime import timedelta

from tests.conftest import NOON
from tests.helpers.clocks import to_ns
from tests.helpers.facts import a_session, booked, order_moves, trade
from trading.adapters.feed import FeedError
from trading.engine.codes import Side, TradeState
from trading.execution.messages import MakerPart, OpenOrder, VenueBalance, VenueTrade
from trading.ledger import FactBatch
from trading.models import LedgerEntry, Order, Trade
from trading.reconciling.views import ChainView

HASH = "0xhash"
CAPITAL_MICRO = 100_000_000
COST_MICRO, FEE_MICRO, SIZE_MICRO = 2_400_000, 87_360, 5_000_000
LEFT_MICRO = CAPITAL_MICRO - COST_MICRO - FEE_MICRO


def a_ledger(profile, *, state="CONFIRMED"):
    """A session with capital, and one fill of 5 YES at 0.48 that cost 2.48736 in all."""
    session = a_session(profile, mode="LIVE", feed="simulator", label="SIMULATED")
    write(
        session,
        booked("CAPITAL", [("CASH", CAPITAL_MICRO), ("CAPITAL", -CAPITAL_MICRO)], paper=False),
        *order_moves("INTENT", "SUBMITTED", "MATCHED", *([state] if state == "CONFIRMED" else [])),
        trade(state, paper=False, fee_micro=FEE_MICRO),
        booked(
            "BUY",
            [
                ("CASH", -COST_MICRO - FEE_MICRO),
                ("YES", COST_MICRO, "yes", SIZE_MICRO),
                ("FEES", FEE_MICRO, "yes"),
            ],
            paper=False,
        ),
    )
    LedgerEntry.objects.update(at=NOON - timedelta(minutes=5))
    Trade.objects.update(matched_at=NOON - timedelta(minutes=1))
    Order.objects.update(order_hash=HASH)
    return session


def write(session, *facts):
    batch = FactBatch(session.pk, session.account)
    for fact in facts:
        batch.add(fact)
    batch.write(NOON)


def the_trade(state=TradeState.CONFIRMED, **changes):
    """The same fill as the venue tells it."""
    maker = MakerPart(
        order_hash="0xmaker",
        token_id="no",
        side=Side.BUY,
        price_micro=520_000,
        size_micro=SIZE_MICRO,
    )
    values = {
        "trade_id": "t1",
        "state": state,
        "taker_order_hash": HASH,
        "condition_id": "0xabc",
        "token_id": "yes",
        "side": Side.BUY,
        "size_micro": SIZE_MICRO,
        "price_micro": 480_000,
        "makers": (maker,),
        "matched_s": to_ns(NOON) // 1_000_000_000 - 60,
        "transaction_hash": "",
    }
    return VenueTrade(**{**values, **changes})


def an_open_order(order_hash="0xforeign"):
    return OpenOrder(
        order_hash=order_hash,
        status="LIVE",
        token_id="yes",
        side=Side.SELL,
        price_micro=900_000,
        size_micro=SIZE_MICRO,
        matched_micro=0,
        trade_ids=(),
    )


class Venue:
    """Answers what it was given; an exception in place of an answer is raised."""

    def __init__(self, *, orders=(), trades=(), cash_micro=LEFT_MICRO, shares=None):
        self.orders, self.told = orders, trades
        self.cash_micro = cash_micro
        self.shares = {"yes": SIZE_MICRO} if shares is None else shares
        self.asked_after_s = None
        self.looks = 0
        self.then = None

    async def open_orders(self):
        self.looks += 1
        if self.then is not None and self.looks > 1:
            self.then(self)
        return _or_raise(self.orders)

    async def trades(self, after_s):
        self.asked_after_s = after_s
        return _or_raise(self.told)

    async def balance(self, token_id=""):
        amount = self.shares.get(token_id, 0) if token_id else self.cash_micro
        return VenueBalance(balance_micro=_or_raise(amount), allowances=())


class Chain:
    """One wallet at one block."""

    def __init__(self, *, cash_micro=LEFT_MICRO, shares=None, block_number=77):
        self.cash_micro, self.block_number = cash_micro, block_number
        self.shares = {"yes": SIZE_MICRO} if shares is None else shares
        self.asked = None

    async def balances_at(self, token_ids):
        self.asked = tuple(token_ids)
        cash_micro = _or_raise(self.cash_micro)
        shares = {token: self.shares.get(token, 0) for token in token_ids}
        return ChainView(block_number=self.block_number, pusd_micro=cash_micro, shares=shares)


def _or_raise(answer):
    if isinstance(answer, Exception):
        raise answer
    return answer


def down(text="HTTP 503"):
    return FeedError(text, permanent=False)
