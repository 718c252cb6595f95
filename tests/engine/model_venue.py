"""An honest venue that answers late, twice, in any order, and survives when the engine dies.

What it does to an order is decided when the order arrives; what it says of it is a pile of messages
that a test delivers as it likes. Its dollars and shares are the truth that the ledger must reach.
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace

from tests.engine.builders import MARKET, m
from trading.engine.codes import Side, TradeState
from trading.engine.commands import (
    Command,
    MergeSet,
    OrderPlan,
    PlaceOrders,
    RedeemSet,
    ResolveMerge,
    ResolveOrders,
)
from trading.engine.events import (
    ChainReceipt,
    Event,
    OrderAck,
    OrderClosed,
    OrderPrepared,
    OrderRefused,
    OrderUnknown,
    TradeUpdate,
)
from trading.engine.units import MICRO, cost_up, proceeds_down

FEE_MICRO = 10_000


@dataclass
class Said:
    """Messages of one order in the order in which they became true; fills may overtake answers."""

    answers: list[Event] = field(default_factory=list)
    fills: list[list[TradeUpdate]] = field(default_factory=list)  # each in its own order
    matched_micro: int = 0


class Venue:
    """`fate` of an order is a number that a test draws; the rest follows."""

    def __init__(self) -> None:
        self.cash_micro = 100 * MICRO
        self.shares: defaultdict[str, int] = defaultdict(int)
        self.asked: list[Command] = []  # not carried out yet; lost when the process dies
        self.arrived: dict[str, OrderPlan] = {}
        self.said: dict[str, Said] = {}
        self.receipts: list[ChainReceipt] = []
        self.told: list[Event] = []
        self.placed: list[tuple[str, str]] = []  # (set, purpose)
        self.order_ids: set[str] = set()
        self.merged: dict[str, ChainReceipt] = {}
        self.references = 0
        self.winner = ""

    def take(self, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case PlaceOrders():
                    self.asked.append(command)
                    self.placed.append((command.set_id, command.orders[0].purpose))
                    ids = {order.order_id for order in command.orders}
                    assert not ids & self.order_ids, "an order was placed twice"
                    self.order_ids |= ids
                case MergeSet():
                    self.asked.append(command)
                    self.merged.pop(command.set_id, None)
                case RedeemSet():
                    self.asked.append(command)
                case ResolveMerge():
                    self._resolve_merge(command)
                case ResolveOrders():
                    for order in command.orders:
                        assert order.order_hash == f"0x{order.order_id}"
                        said = self.said.setdefault(order.order_id, Said())
                        said.answers.append(
                            OrderClosed(
                                order_id=order.order_id,
                                matched_micro=said.matched_micro,
                                reason="looked up",
                            )
                        )

    def die(self) -> None:
        """The engine's process is gone: what it had not carried out never happens."""
        self.asked.clear()
        # A merge is asked about; a redemption that was handed over is heard of in any case.
        self.receipts = [receipt for receipt in self.receipts if receipt.kind == "REDEEM"]
        self.told = [event for event in self.told if not isinstance(event, ChainReceipt)]

    def prepared(self) -> list[Event]:
        """Sign the oldest batch that was asked for."""
        batch = next((c for c in self.asked if isinstance(c, PlaceOrders)), None)
        if batch is None:
            return []
        return [
            OrderPrepared(order_id=order.order_id, order_hash=f"0x{order.order_id}")
            for order in batch.orders
        ]

    def post(self, fates: list[int]) -> None:
        """The oldest batch arrives."""
        batch = next((c for c in self.asked if isinstance(c, PlaceOrders)), None)
        if batch is not None:
            self.asked.remove(batch)
            for order, fate in zip(batch.orders, fates * len(batch.orders), strict=False):
                self.arrived[order.order_id] = order
                self.said[order.order_id] = self._decide(order, fate)

    def _decide(self, order: OrderPlan, fate: int) -> Said:
        kinds = ("full", "full", "more", "none", "refused", "lost", "ghost", "part", "halves")
        kind = kinds[fate % len(kinds)]
        closed = OrderClosed(order_id=order.order_id, matched_micro=0, reason="killed")
        unknown = OrderUnknown(order_id=order.order_id, text="time-out")
        if kind == "refused" or (kind == "part" and order.all_or_nothing):
            return Said([OrderRefused(order_id=order.order_id, code="FOK", text="killed")])
        if kind in ("none", "lost"):
            return Said([unknown, closed] if kind == "lost" else [closed])
        sizes = [order.size_micro]
        price_micro = order.limit_micro
        if kind == "more" and order.side is Side.BUY:
            sizes, price_micro = [order.size_micro + m("0.4")], order.limit_micro - 2 * 10_000
        elif kind == "part":
            sizes = [order.size_micro * 2 // 5]
        elif kind == "halves":
            sizes = [order.size_micro // 2, order.size_micro - order.size_micro // 2]
        matched_micro = sum(sizes)
        ack = OrderAck(
            order_id=order.order_id, order_hash=f"0x{order.order_id}", resting=False,
            matched_micro=matched_micro,
        )  # fmt: skip
        answers: list[Event] = [unknown, ack] if fate % 2 else [ack]
        if kind == "part":
            answers.append(replace(closed, matched_micro=matched_micro))
        fills = [
            self._fill(order, number, size, price_micro, failed=kind == "ghost")
            for number, size in enumerate(sizes)
        ]
        return Said(answers, fills, matched_micro)

    def _fill(
        self, order: OrderPlan, number: int, size_micro: int, price_micro: int, *, failed: bool
    ) -> list[TradeUpdate]:
        matched = TradeUpdate(
            trade_id=f"t{number}-{order.order_id}", order_id=order.order_id,
            token_id=order.token_id, side=order.side, price_micro=price_micro,
            size_micro=size_micro, fee_micro=FEE_MICRO, state=TradeState.MATCHED,
        )  # fmt: skip
        end = TradeState.FAILED if failed else TradeState.CONFIRMED
        if not failed and order.side is Side.BUY:
            self.cash_micro -= cost_up(price_micro, size_micro) + FEE_MICRO
            self.shares[order.token_id] += size_micro
        elif not failed:
            self.cash_micro += proceeds_down(price_micro, size_micro) - FEE_MICRO
            self.shares[order.token_id] -= size_micro
        return [matched, replace(matched, state=TradeState.MINED), replace(matched, state=end)]

    def answer(self, number: int) -> Event | None:
        """Say the next answer to some order, then hold it for repetition."""
        open_ids = [order_id for order_id, said in self.said.items() if said.answers]
        if not open_ids:
            return None
        return self._tell(self.said[open_ids[number % len(open_ids)]].answers.pop(0))

    def settle(self, number: int) -> Event | None:
        """Tell the next step of some fill."""
        fills = [fill for said in self.said.values() for fill in said.fills if fill]
        if not fills:
            return None
        return self._tell(fills[number % len(fills)].pop(0))

    def repeat(self, number: int) -> Event | None:
        """Say something again that was said before, to this process or to one that died."""
        return self.told[number % len(self.told)] if self.told else None

    def mine(self, *, ok: bool) -> None:
        """Carry out the oldest merge or redemption; its receipt is on its way."""
        command = next((c for c in self.asked if isinstance(c, MergeSet | RedeemSet)), None)
        if command is None:
            return
        self.asked.remove(command)
        redeems = isinstance(command, RedeemSet)
        known = self.merged.get(command.set_id)
        if redeems and known is not None and known.kind == "REDEEM" and known.ok:
            self.receipts.append(known)  # of a process that died before it heard of it
            return
        self.references += 1
        size_micro = 0 if redeems else command.size_micro
        proceeds_micro = size_micro
        tokens = list(self.shares)
        if redeems:
            tokens = list(command.token_ids)
            size_micro = self.shares[self.winner] if self.winner in tokens else 0
            proceeds_micro = size_micro
        self.cash_micro -= 1_000
        if ok:
            self.cash_micro += proceeds_micro
            for token in tokens:
                self.shares[token] -= self.shares[token] if redeems else size_micro
                assert self.shares[token] >= 0, "shares were merged that are not there"
        receipt = ChainReceipt(
            set_id=command.set_id, ok=ok, size_micro=size_micro if ok else 0,
            proceeds_micro=proceeds_micro if ok else 0, gas_micro=1_000,
            reference=f"0x{self.references}", kind="REDEEM" if redeems else "MERGE",
            condition_id=MARKET if redeems else "",
        )  # fmt: skip
        self.receipts.append(receipt)
        self.merged[command.set_id] = receipt

    def receipt(self) -> Event | None:
        return self._tell(self.receipts.pop(0)) if self.receipts else None

    def _resolve_merge(self, command: ResolveMerge) -> None:
        known = self.merged.get(command.set_id)
        if known is not None and known.kind == "MERGE":
            self.receipts.append(known)
        else:
            self.receipts.append(
                ChainReceipt(set_id=command.set_id, ok=False, size_micro=0, proceeds_micro=0,
                             gas_micro=0, reference="", text="never sent")
            )  # fmt: skip

    def _tell(self, event: Event) -> Event:
        self.told.append(event)
        return event
