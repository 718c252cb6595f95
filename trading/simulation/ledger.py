"""The database of a simulation: facts as they are committed, and what a new session is told.

It adds up facts as trading/ledger does in SQL. Facts are committed in their order and never twice;
a fact that contradicts an earlier one raises LedgerFault, because no row could hold both.
"""

from collections import defaultdict
from collections.abc import Iterator

from trading.engine.codes import Account, OrderState, SetState, Side, TradeState
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
from trading.engine.market import FeeSchedule
from trading.engine.units import MICRO, cost_up, proceeds_down
from trading.execution.fills import venue_trade_id
from trading.reconciling.orders import OVER
from trading.reconciling.trades import ENDED
from trading.reconciling.views import Exit, LedgerOrder, LedgerTrade, LedgerView

SHARES = (Account.YES, Account.NO)
RESCUES = (SetState.COMPLETING, SetState.UNWINDING)
SENT_AS = "sent as "
SECOND_NS = 1_000_000_000


class LedgerFault(Exception):  # noqa: N818 - a fault of ours, found by the ledger
    """A fact that no ledger can hold."""


class Ledger:
    """All committed facts of one account, folded."""

    def __init__(self) -> None:
        self.hashes: dict[str, str] = {}  # by order hash: whose it is
        self.states: dict[str, str] = {}  # of sets
        self.sequence = 0
        self.mark = 0  # moves with every order, fill and entry
        self._sets: dict[str, SetOpened] = {}
        self._moves: defaultdict[str, list[SetMoved]] = defaultdict(list)
        self._orders: dict[str, OrderMoved] = {}  # the last move of each
        self._of_set: defaultdict[str, list[str]] = defaultdict(list)
        self._order_hash: dict[str, str] = {}
        self._fills: defaultdict[str, dict[str, TradeRecorded]] = defaultdict(dict)
        self._matched_s: dict[tuple[str, str], int] = {}
        self._entries: dict[str, None] = {}
        self._sums: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        self._of_legs: defaultdict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
        self._realised_micro = 0
        self._gas_micro = 0

    def commit(self, fact: Fact) -> None:
        """Take a fact in. Raises LedgerFault for one that contradicts what is there."""
        self.sequence += 1
        self.mark += isinstance(fact, OrderMoved | TradeRecorded | LedgerBooked)
        match fact:
            case SetOpened():
                self._sets.setdefault(fact.set_id, fact)
                self.states.setdefault(fact.set_id, SetState.SEEN)
            case SetMoved():
                moves = self._moves[fact.set_id]
                if fact.sequence != len(moves) + 1:
                    raise LedgerFault(f"move {fact.sequence} of {fact.set_id} after {len(moves)}")
                moves.append(fact)
                self.states[fact.set_id] = fact.state_to
            case OrderMoved():
                self._commit_order(fact)
            case TradeRecorded():
                self._fills[fact.order_id][fact.trade_id] = fact
                self._matched_s.setdefault((fact.order_id, fact.trade_id), fact.at_ns // SECOND_NS)
            case LedgerBooked():
                self._commit_entry(fact)
            case _:
                pass  # samples, notes and opportunities decide nothing

    def _commit_order(self, fact: OrderMoved) -> None:
        known = self._orders.get(fact.order_id)
        if known is None:
            self._of_set[fact.set_id].append(fact.order_id)
        if fact.sequence != (0 if known is None else known.sequence + 1):
            raise LedgerFault(f"move {fact.sequence} of {fact.order_id} is not the next one")
        self._orders[fact.order_id] = fact
        if fact.order_hash:
            if self._order_hash.setdefault(fact.order_id, fact.order_hash) != fact.order_hash:
                raise LedgerFault(f"{fact.order_id} has two hashes")
            self.hashes[fact.order_hash] = fact.order_id

    def _commit_entry(self, fact: LedgerBooked) -> None:
        if fact.entry_id in self._entries:
            raise LedgerFault(f"{fact.entry_id} is booked twice")
        if sum(posting.amount_micro for posting in fact.postings):
            raise LedgerFault(f"{fact.entry_id} does not sum to zero")
        self._entries[fact.entry_id] = None
        self._realised_micro += fact.realised_micro
        for posting in fact.postings:
            for sums in (
                self._sums[posting.account, posting.token_id],
                self._of_legs[fact.set_id, posting.account, posting.token_id],
            ):
                sums[0] += posting.amount_micro
                sums[1] += posting.quantity_micro
            if posting.account == Account.GAS and posting.amount_micro > 0:
                self._gas_micro += posting.amount_micro

    # What a new session is told

    def restored(self, day: str) -> StateRestored:
        """Return balances, open sets and their orders: what trading/ledger/opening.py reads."""
        return StateRestored(
            balances=tuple(
                RestoredBalance(
                    account=account, token_id=token_id, amount_micro=amount, quantity_micro=quantity
                )
                for (account, token_id), (amount, quantity) in sorted(self._sums.items())
                if amount or quantity or account == Account.CASH
            ),
            day=day,
            realised_today_micro=self._realised_micro,
            open_sets=tuple(self._restored_set(set_id) for set_id in self.open_ids()),
            capital_references=tuple(
                entry_id.removeprefix("CAPITAL:")
                for entry_id in reversed(self._entries)
                if entry_id.startswith("CAPITAL:")
            ),
        )

    def open_ids(self) -> list[str]:
        """Return the sets that have not ended, oldest first."""
        return [set_id for set_id, state in self.states.items() if state not in SET_ENDS]

    def exit_references(self) -> dict[str, str]:
        """Return under which reference each set that is merging was handed over."""
        found: dict[str, str] = {}
        for set_id in self.open_ids():
            if self.states[set_id] != SetState.MERGING:
                continue
            for move in self._moves[set_id]:
                if move.state_from == move.state_to == SetState.MERGING:
                    found[set_id] = move.reason.removeprefix(SENT_AS)
                elif move.state_to == SetState.MERGING:
                    found.pop(set_id, None)  # a later try: nobody handed it over yet
        return found

    def _restored_set(self, set_id: str) -> RestoredSet:
        opened, moves = self._sets[set_id], self._moves[set_id]
        return RestoredSet(
            set_id=set_id,
            place_id=opened.condition_id,
            strategy=opened.strategy,
            state=self.states[set_id],
            sequence=len(moves),
            payout_micro=opened.payout_micro,
            opened_ns=opened.opened_ns,
            expected_net_micro=opened.expected_net_micro,
            legs=tuple(
                RestoredLeg(
                    token_id=leg.token_id,
                    condition_id=leg.condition_id,
                    size_micro=leg.size_micro,
                    held_micro=self._of_leg(set_id, leg.token_id, SHARES)[1],
                    cost_micro=self._of_leg(set_id, leg.token_id, SHARES)[0],
                    fee_micro=self._of_leg(set_id, leg.token_id, (Account.FEES,))[0],
                )
                for leg in opened.legs
            ),
            orders=tuple(
                self._restored_order(order_id, opened) for order_id in self._of_set[set_id]
            ),
            tried=tuple(move.state_to for move in moves if move.state_to in RESCUES),
        )

    def _restored_order(self, order_id: str, opened: SetOpened) -> RestoredOrder:
        last = self._orders[order_id]
        condition_id = next(
            leg.condition_id for leg in opened.legs if leg.token_id == last.token_id
        )
        return RestoredOrder(
            order_id=order_id,
            order_hash=self._order_hash.get(order_id, ""),
            condition_id=condition_id,
            token_id=last.token_id,
            side=Side(last.side),
            limit_micro=last.limit_micro,
            size_micro=last.size_micro,
            purpose=last.purpose,
            state=last.state_to,
            sequence=last.sequence,
            matched_micro=last.matched_micro,
            fills=tuple(
                RestoredFill(
                    trade_id=fill.trade_id,
                    price_micro=fill.price_micro,
                    size_micro=fill.size_micro,
                    fee_micro=fill.fee_micro,
                    state=fill.state,
                )
                for fill in self._fills[order_id].values()
            ),
        )

    def _of_leg(self, set_id: str, token_id: str, accounts: tuple[str, ...]) -> tuple[int, int]:
        sums = [self._of_legs[set_id, account, token_id] for account in accounts]
        return sum(one[0] for one in sums), sum(one[1] for one in sums)

    # What reconciliation reads

    def balance_micro(self, account: Account) -> int:
        """Return the dollars of an account."""
        return sum(sums[0] for (name, _), sums in self._sums.items() if name == account)

    def shares(self) -> dict[str, int]:
        """Return the shares of every token that was ever booked."""
        found: dict[str, int] = {}
        for (account, token_id), (_, quantity) in self._sums.items():
            if account in SHARES and token_id:
                found[token_id] = found.get(token_id, 0) + quantity
        return found

    def view(self, fees: dict[str, FeeSchedule], listed: frozenset[str]) -> LedgerView:
        """Return what trading/reconciling/books.py would read, with all trades there ever were."""
        return LedgerView(
            sequence=self.sequence,
            cash_micro=self.balance_micro(Account.CASH),
            reserved_micro=self.balance_micro(Account.RESERVED),
            gas_micro=self._gas_micro,
            shares=self.shares(),
            orders=tuple(
                self._order_view(order)
                for order in self._orders.values()
                if order.state_to not in OVER or self._order_hash.get(order.order_id) in listed
            ),
            trades=tuple(self._trades()),
            exits=tuple(self._exits()),
            fees=fees,
        )

    def _order_view(self, order: OrderMoved) -> LedgerOrder:
        filled_micro = sum(fill.size_micro for fill in self._fills[order.order_id].values())
        return LedgerOrder(
            order_hash=self._order_hash.get(order.order_id, ""),
            token_id=order.token_id,
            side=Side(order.side),
            limit_micro=order.limit_micro,
            size_micro=order.size_micro,
            matched_micro=max(order.matched_micro, filled_micro),
            state=OrderState(order.state_to),
        )

    def _trades(self) -> Iterator[LedgerTrade]:
        for order_id, fills in self._fills.items():
            parts: dict[str, list[TradeRecorded]] = {}
            for fill in fills.values():
                parts.setdefault(venue_trade_id(fill.trade_id), []).append(fill)
            for trade_id, of_trade in parts.items():
                yield self._part(trade_id, order_id, of_trade)

    def _part(self, trade_id: str, order_id: str, fills: list[TradeRecorded]) -> LedgerTrade:
        """Return an order's part of a trade: as far as the fill that is least far."""
        first, side = fills[0], Side(fills[0].side)
        value_of = cost_up if side is Side.BUY else proceeds_down
        size_micro = sum(fill.size_micro for fill in fills)
        dollars_micro = sum(value_of(fill.price_micro, fill.size_micro) for fill in fills)
        unsettled = [fill for fill in fills if fill.state not in ENDED]
        return LedgerTrade(
            trade_id=trade_id,
            order_hash=self._order_hash.get(order_id, ""),
            token_id=first.token_id,
            side=side,
            price_micro=dollars_micro * MICRO // size_micro,
            size_micro=size_micro,
            fee_micro=sum(fill.fee_micro for fill in fills),
            state=TradeState((unsettled or fills)[0].state),
            at_s=self._matched_s[order_id, first.trade_id],
            dollars_micro=dollars_micro if len(fills) > 1 else None,
        )

    def _exits(self) -> list[Exit]:
        exits = []
        for set_id in self.open_ids():
            opened = self._sets[set_id]
            held = {leg.token_id: self._of_leg(set_id, leg.token_id, SHARES) for leg in opened.legs}
            size_micro = min(quantity for _, quantity in held.values())
            if self.states[set_id] == SetState.MERGING and size_micro > 0:
                exits.append(
                    Exit(
                        reference=f"merge of {set_id}",
                        shares=tuple((token_id, size_micro) for token_id in held),
                        proceeds_micro=proceeds_down(opened.payout_micro, size_micro),
                        booked=False,
                    )
                )
        return exits
