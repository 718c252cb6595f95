"""How a set leaves: merged or converted into dollars, or redeemed when its market resolves."""

from collections.abc import Callable
from typing import Protocol

from trading.engine.board import Note
from trading.engine.codes import MarketState, SetState, Strategy
from trading.engine.commands import Command, ConvertSet, MergeSet
from trading.engine.events import ChainReceipt, MarketStatus
from trading.engine.limits import Limits
from trading.engine.openset import Leg, OpenSet
from trading.engine.treasury import Treasury
from trading.engine.units import text_from_micro as text

MS_NS = 1_000_000


class Move(Protocol):
    """Moves a set: the only writer of its state."""

    def __call__(self, one: OpenSet, to: SetState, reason: str, now_ns: int) -> None:
        """Raise IllegalMove when the table does not lead there."""


class Exits:
    """Asks for merges and books what comes of them. `limits` is set with the mandate."""

    def __init__(
        self,
        *,
        open_sets: dict[str, OpenSet],
        treasury: Treasury,
        emit: Callable[[Command], None],
        note: Note,
        move: Move,
    ) -> None:
        self.limits = Limits()
        self._open = open_sets
        self._treasury = treasury
        self._emit = emit
        self._note = note
        self._move = move
        self._resolved: dict[str, MarketStatus] = {}  # of markets in which a set is open

    def merge(self, one: OpenSet, now_ns: int) -> None:
        """Turn the whole sets into dollars; only YES of every outcome has to wait for the end."""
        if one.strategy is Strategy.NEG_RISK_YES:
            one.deadline_ns = 0
            self._note("INFO", "HELD", f"{one.set_id} is held to resolution", now_ns, one.place_id)
            return
        self._move(one, SetState.MERGING, f"{text(one.whole_micro)} sets", now_ns)
        one.deadline_ns = now_ns + self.limits.merge_deadline_ms * MS_NS
        if one.strategy is Strategy.PAIR:
            self._emit(
                MergeSet(set_id=one.set_id, condition_id=one.place_id, size_micro=one.whole_micro)
            )
            return
        self._emit(
            ConvertSet(
                set_id=one.set_id,
                neg_risk_event_id=one.place_id,
                condition_ids=tuple(leg.condition_id for leg in one.legs),
                size_micro=one.whole_micro,
            )
        )

    def on_receipt(self, receipt: ChainReceipt, now_ns: int) -> None:
        """A merge or conversion ended."""
        one = self._open.get(receipt.set_id)
        if one is None or one.state is not SetState.MERGING:
            self._note("WARNING", "RECEIPT_UNKNOWN", f"receipt of {receipt.set_id:.80}", now_ns)
            return
        if not receipt.ok:
            self._move(one, SetState.SETTLED, f"the merge failed: {receipt.text}", now_ns)
            self._treasury.book(lambda books: books.spend_gas(receipt, at_ns=now_ns), now_ns)
            one.deadline_ns = now_ns + self.limits.resync_every_ms * MS_NS  # then asked again
            return
        tokens = [leg.token_id for leg in one.legs]
        one.realised_micro += self._treasury.book(
            lambda books: (books.merge if one.strategy is Strategy.PAIR else books.convert)(
                receipt, tokens, at_ns=now_ns
            ),
            now_ns,
        )
        self._move(one, SetState.MERGED, f"{text(one.realised_micro)} dollars realised", now_ns)

    def on_market_status(self, status: MarketStatus, now_ns: int) -> None:
        """A market resolved: what is held of it is redeemed, for a dollar or for nothing."""
        if status.state is not MarketState.RESOLVED or not status.winning_token_id:
            return
        in_use = {leg.condition_id for one in self._open.values() for leg in one.legs}
        self._resolved[status.condition_id] = status
        self._resolved = {key: told for key, told in self._resolved.items() if key in in_use}
        for one in list(self._open.values()):
            if one.state in {SetState.SETTLED, SetState.EXPOSED}:
                self.redeem(one, now_ns)

    def redeem(self, one: OpenSet, now_ns: int) -> None:
        """Redeem what a set holds of markets that have resolved, nothing of others."""
        for condition_id in dict.fromkeys(leg.condition_id for leg in one.legs):
            status = self._resolved.get(condition_id)
            if status is not None and one.set_id in self._open:
                legs = [leg for leg in one.legs if leg.condition_id == condition_id]
                self._redeem(one, legs, status, now_ns)

    def _redeem(self, one: OpenSet, legs: list[Leg], status: MarketStatus, now_ns: int) -> None:
        shares = {leg.token_id: leg.held_micro for leg in legs if leg.held_micro}
        won_micro = shares.get(status.winning_token_id, 0)
        receipt = ChainReceipt(
            set_id=one.set_id,
            ok=True,
            size_micro=won_micro,
            proceeds_micro=won_micro,  # a winning share pays a dollar
            gas_micro=0,
            reference=f"resolved:{status.condition_id}",
        )
        if shares:
            one.realised_micro += self._treasury.book(
                lambda books: books.redeem(receipt, shares, at_ns=now_ns), now_ns
            )
        for leg in legs:
            leg.held_micro = leg.cost_micro = 0
        if not one.most_micro:
            reason = f"{text(one.realised_micro)} dollars realised"
            self._move(one, SetState.REDEEMED, reason, now_ns)
