"""What a ledger would tell a new session, added up from nothing but the facts of the old ones."""

from collections import defaultdict

from trading.engine.codes import Account, Side
from trading.engine.events import (
    RestoredBalance,
    RestoredFill,
    RestoredLeg,
    RestoredOrder,
    RestoredSet,
    StateRestored,
)
from trading.engine.facts import (
    Fact,
    LedgerBooked,
    OrderMoved,
    SetMoved,
    SetOpened,
    TradeRecorded,
)
from trading.engine.legs import SET_ENDS

SHARES = (Account.YES, Account.NO)


class ModelLedger:
    """Facts as they are told; each counts once, by its own id."""

    def __init__(self) -> None:
        self.sets: dict[str, SetOpened] = {}
        self.set_moves: dict[str, list[SetMoved]] = defaultdict(list)
        self.orders: dict[str, OrderMoved] = {}  # the first of each
        self.order_moves: dict[str, list[OrderMoved]] = defaultdict(list)
        self.trades: dict[tuple[str, str], TradeRecorded] = {}
        self.entries: dict[str, LedgerBooked] = {}

    def keep(self, facts: list[Fact]) -> None:
        for fact in facts:
            match fact:
                case SetOpened():
                    self.sets.setdefault(fact.set_id, fact)
                case SetMoved():
                    moves = self.set_moves[fact.set_id]
                    assert fact.sequence == len(moves) + 1
                    moves.append(fact)
                case OrderMoved():
                    self.orders.setdefault(fact.order_id, fact)
                    moves = self.order_moves[fact.order_id]
                    assert fact.sequence == len(moves)
                    moves.append(fact)
                case TradeRecorded():
                    self.trades[fact.order_id, fact.trade_id] = fact
                case LedgerBooked():
                    assert fact.entry_id not in self.entries, f"{fact.entry_id} is booked twice"
                    assert sum(posting.amount_micro for posting in fact.postings) == 0
                    self.entries[fact.entry_id] = fact

    def state_of(self, set_id: str) -> str:
        moves = self.set_moves[set_id]
        return moves[-1].state_to if moves else "SEEN"

    @property
    def open_ids(self) -> list[str]:
        return [set_id for set_id in self.sets if self.state_of(set_id) not in SET_ENDS]

    def balances(self) -> dict[tuple[str, str], tuple[int, int]]:
        sums: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
        for entry in self.entries.values():
            for posting in entry.postings:
                amount, quantity = sums[posting.account, posting.token_id]
                sums[posting.account, posting.token_id] = (
                    amount + posting.amount_micro,
                    quantity + posting.quantity_micro,
                )
        return dict(sums)

    def restored(self, day: str) -> StateRestored:
        return StateRestored(
            balances=tuple(
                RestoredBalance(
                    account=account, token_id=token_id, amount_micro=amount, quantity_micro=quantity
                )
                for (account, token_id), (amount, quantity) in sorted(self.balances().items())
                if amount or quantity or account == Account.CASH
            ),
            day=day,
            realised_today_micro=sum(entry.realised_micro for entry in self.entries.values()),
            open_sets=tuple(self._restored_set(set_id) for set_id in self.open_ids),
            capital_references=tuple(
                entry_id.removeprefix("CAPITAL:")
                for entry_id in reversed(self.entries)
                if entry_id.startswith("CAPITAL:")
            ),
        )

    def _restored_set(self, set_id: str) -> RestoredSet:
        opened = self.sets[set_id]
        moves = self.set_moves[set_id]
        return RestoredSet(
            set_id=set_id,
            place_id=opened.condition_id,
            strategy=opened.strategy,
            state=self.state_of(set_id),
            sequence=len(moves),
            payout_micro=opened.payout_micro,
            opened_ns=opened.opened_ns,
            expected_net_micro=opened.expected_net_micro,
            legs=tuple(
                RestoredLeg(
                    token_id=leg.token_id,
                    condition_id=leg.condition_id,
                    size_micro=leg.size_micro,
                    held_micro=self._sum(set_id, leg.token_id, SHARES)[1],
                    cost_micro=self._sum(set_id, leg.token_id, SHARES)[0],
                    fee_micro=self._sum(set_id, leg.token_id, (Account.FEES,))[0],
                )
                for leg in opened.legs
            ),
            orders=tuple(
                self._restored_order(order_id, opened)
                for order_id, first in self.orders.items()
                if first.set_id == set_id
            ),
            tried=tuple(m.state_to for m in moves if m.state_to in ("COMPLETING", "UNWINDING")),
        )

    def _restored_order(self, order_id: str, opened: SetOpened) -> RestoredOrder:
        first, last = self.orders[order_id], self.order_moves[order_id][-1]
        hashes = [move.order_hash for move in self.order_moves[order_id] if move.order_hash]
        return RestoredOrder(
            order_id=order_id,
            order_hash=hashes[-1] if hashes else "",
            condition_id=next(
                leg.condition_id for leg in opened.legs if leg.token_id == first.token_id
            ),
            token_id=first.token_id,
            side=Side(first.side),
            limit_micro=first.limit_micro,
            size_micro=first.size_micro,
            purpose=first.purpose,
            state=last.state_to,
            sequence=last.sequence,
            matched_micro=last.matched_micro,
            fills=tuple(
                RestoredFill(
                    trade_id=trade.trade_id,
                    price_micro=trade.price_micro,
                    size_micro=trade.size_micro,
                    fee_micro=trade.fee_micro,
                    state=trade.state,
                )
                for (of, _), trade in self.trades.items()
                if of == order_id
            ),
        )

    def _sum(self, set_id: str, token_id: str, accounts: tuple[str, ...]) -> tuple[int, int]:
        lines = [
            posting
            for entry in self.entries.values()
            if entry.set_id == set_id
            for posting in entry.postings
            if posting.token_id == token_id and posting.account in accounts
        ]
        return sum(line.amount_micro for line in lines), sum(line.quantity_micro for line in lines)
