"""How a set leaves: merged or converted into dollars, or redeemed when its market resolves.

On paper a redemption happens when its market resolves. With real money it is a transaction like a
merge: asked for, and booked only by its receipt.
"""

from collections.abc import Callable
from typing import Protocol

from trading.engine.board import Note
from trading.engine.codes import MarketState, SetState, Strategy
from trading.engine.commands import (
    Command,
    ConvertSet,
    MergeSet,
    RaiseAlert,
    RedeemSet,
    ResolveMerge,
)
from trading.engine.events import ChainReceipt, MarketStatus, MergeSent
from trading.engine.limits import Limits
from trading.engine.openset import Leg, OpenSet
from trading.engine.treasury import Treasury
from trading.engine.units import text_from_micro as text

MS_NS = 1_000_000
_REDEEMABLE = {SetState.SETTLED, SetState.EXPOSED}
FAILURES_ALERT = 3  # failed transactions of one set in a row, of which people are told
BACK_OFF_MAX = 8  # doublings of the pause before the next try


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
        stop: Callable[[str, str, int], None],
        left_over: Callable[[OpenSet, int], None],
    ) -> None:
        self.limits = Limits()
        self._open = open_sets
        self._treasury = treasury
        self._emit = emit
        self._note = note
        self._move = move
        self._stop = stop
        self._left_over = left_over
        self._resolved: dict[str, MarketStatus] = {}  # of markets in which a set is open

    def merge(self, one: OpenSet, now_ns: int) -> None:
        """Turn the whole sets into dollars; only YES of every outcome has to wait for the end."""
        if one.strategy is Strategy.NEG_RISK_YES:
            one.deadline_ns = 0
            self._note("INFO", "HELD", f"{one.set_id} is held to resolution", now_ns, one.place_id)
            if one.live:
                self.redeem(one, now_ns)
            return
        if one.redeeming:
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

    def resolve_merge(self, one: OpenSet, now_ns: int) -> None:
        """An earlier session asked for a merge: nobody knows yet whether it happened."""
        one.deadline_ns = now_ns + self.limits.merge_deadline_ms * MS_NS
        self._emit(
            ResolveMerge(set_id=one.set_id, condition_id=one.place_id, size_micro=one.whole_micro)
        )

    def again(self, one: OpenSet, now_ns: int) -> None:
        """The pause after a failed transaction is over."""
        if one.redeeming:
            self._overdue(one, "is not redeemed")
        elif one.live and self.resolved(one):
            self.redeem(one, now_ns)
        elif one.state is SetState.SETTLED:
            self.merge(one, now_ns)

    def on_sent(self, sent: MergeSent, now_ns: int) -> None:
        """A merge or conversion is on its way."""
        one = self._open.get(sent.set_id)
        if one is None or one.state is not SetState.MERGING:
            self._note("WARNING", "MERGE_UNKNOWN", f"a merge of {sent.set_id:.80} left", now_ns)
            return
        self._move(one, SetState.MERGING, f"sent as {sent.reference:.490}", now_ns)

    def on_receipt(self, receipt: ChainReceipt, now_ns: int) -> None:
        """A merge, conversion or redemption ended. Told again, it changes nothing."""
        one = self._open.get(receipt.set_id)
        if one is not None and receipt.reference and _key(receipt) in one.receipts:
            return
        redeemed = receipt.kind == "REDEEM"
        expected = _REDEEMABLE if redeemed else {SetState.MERGING}
        if one is None or one.state not in expected:
            self._note("WARNING", "RECEIPT_UNKNOWN", f"receipt of {receipt.set_id:.80}", now_ns)
        elif redeemed:
            self._on_redeemed(one, receipt, now_ns)
        elif not receipt.ok:
            self._move(one, SetState.SETTLED, f"the merge failed: {receipt.text:.200}", now_ns)
            self._failed(one, receipt, now_ns)
        elif one.live:
            self._on_merged(one, receipt, now_ns)
        else:
            self._book_merge(one, receipt, now_ns)
            reason = f"{text(one.realised_micro)} dollars realised"
            self._move(one, SetState.MERGED, reason, now_ns)

    def _book_merge(self, one: OpenSet, receipt: ChainReceipt, now_ns: int) -> None:
        tokens = [leg.token_id for leg in one.legs]
        one.realised_micro += self._treasury.book(
            lambda books: (books.merge if one.strategy is Strategy.PAIR else books.convert)(
                receipt, tokens, at_ns=now_ns
            ),
            now_ns,
        )

    def _on_merged(self, one: OpenSet, receipt: ChainReceipt, now_ns: int) -> None:
        """What came meanwhile, a late fill, was not merged and stays with the set."""
        if not 0 < receipt.size_micro <= one.whole_micro:
            reason = (
                f"{receipt.reference:.80} merged {text(receipt.size_micro)} sets "
                f"of {one.set_id}, which holds {text(one.whole_micro)}"
            )
            self._stop("CHAIN_CONTRADICTION", reason, now_ns)
            return
        one.receipts.add(_key(receipt))
        self._book_merge(one, receipt, now_ns)
        if receipt.text:  # in which transaction, or how it was found out
            self._move(one, SetState.MERGING, receipt.text[:200], now_ns)
        for leg in one.legs:
            leg.gone(receipt.size_micro)
        self._left_over(one, now_ns)

    def _failed(self, one: OpenSet, receipt: ChainReceipt, now_ns: int) -> None:
        """A transaction failed: its gas is gone, and it is tried again after a growing pause."""
        one.receipts.add(_key(receipt))
        if receipt.gas_micro:
            one.realised_micro += self._treasury.book(
                lambda books: books.spend_gas(receipt, at_ns=now_ns), now_ns
            )
        pause_ms = self.limits.resync_every_ms << min(one.chain_failures, BACK_OFF_MAX)
        one.chain_failures += 1
        one.deadline_ns = now_ns + pause_ms * MS_NS
        if one.chain_failures == FAILURES_ALERT:
            self._overdue(one, f"failed {FAILURES_ALERT} times on the chain: {receipt.text:.200}")

    def _overdue(self, one: OpenSet, what: str) -> None:
        self._emit(
            RaiseAlert(
                rule="SET_OVERDUE",
                level="WARNING",
                text=f"set {one.set_id} {what}",
                condition_id=one.place_id,
            )
        )

    def _on_redeemed(self, one: OpenSet, receipt: ChainReceipt, now_ns: int) -> None:
        shares = self._redeemable(one, receipt.condition_id)
        if not shares:
            self._note("WARNING", "RECEIPT_UNKNOWN", f"receipt of {receipt.set_id:.80}", now_ns)
            return
        one.redeeming.discard(receipt.condition_id)
        if not receipt.ok:
            reason = f"{one.set_id}: the redemption failed: {receipt.text:.200}"
            self._note("WARNING", "REDEEM_FAILED", reason, now_ns, receipt.condition_id)
            self._failed(one, receipt, now_ns)
            return
        one.receipts.add(_key(receipt))
        one.realised_micro += self._treasury.book(
            lambda books: books.redeem(receipt, shares, at_ns=now_ns), now_ns
        )
        one.chain_failures = 0
        if not one.redeeming:
            one.deadline_ns = 0
        self._redeemed(
            one, [leg for leg in one.legs if leg.condition_id == receipt.condition_id], now_ns
        )

    def _redeemable(self, one: OpenSet, condition_id: str) -> dict[str, int]:
        """Return what the ledger holds of a set's tokens in a condition, less what is of others.

        A redemption takes everything of its tokens, so dust that older sets left is paid with it.
        """
        shares = {}
        for leg in one.legs:
            held = self._treasury.books.position(leg.token_id)
            if leg.condition_id != condition_id or held is None:
                continue
            others_micro = sum(
                other_leg.held_micro
                for other in self._open.values()
                for other_leg in other.legs
                if other is not one and other_leg.token_id == leg.token_id
            )
            if held.quantity_micro > others_micro:
                shares[leg.token_id] = held.quantity_micro - others_micro
        return shares

    def _ask_redemption(self, one: OpenSet, now_ns: int) -> None:
        if not (one.matching_over() and one.settled()):
            return  # asked when what matched is confirmed, or has failed
        for condition_id in dict.fromkeys(leg.condition_id for leg in one.legs):
            shares = self._redeemable(one, condition_id)
            status = self._resolved.get(condition_id)
            if condition_id in one.redeeming or status is None or not shares:
                continue
            one.redeeming.add(condition_id)
            one.deadline_ns = now_ns + self.limits.merge_deadline_ms * MS_NS
            self._emit(
                RedeemSet(
                    set_id=one.set_id,
                    condition_id=condition_id,
                    token_ids=tuple(shares),
                    shares_micro=tuple(shares.values()),
                    won_micro=shares.get(status.winning_token_id, 0),
                )
            )

    def resolved(self, one: OpenSet) -> bool:
        """Say whether a market of this set has resolved."""
        return any(leg.condition_id in self._resolved for leg in one.legs)

    def on_market_status(self, status: MarketStatus, now_ns: int) -> None:
        """A market resolved: what is held of it is redeemed, for a dollar or for nothing."""
        if status.state is not MarketState.RESOLVED or not status.winning_token_id:
            return
        in_use = {leg.condition_id for one in self._open.values() for leg in one.legs}
        self._resolved[status.condition_id] = status
        self._resolved = {key: told for key, told in self._resolved.items() if key in in_use}
        for one in list(self._open.values()):
            if one.state in _REDEEMABLE:
                self.redeem(one, now_ns)

    def redeem(self, one: OpenSet, now_ns: int) -> None:
        """Redeem what a set holds of markets that have resolved, nothing of others."""
        if one.live:
            self._ask_redemption(one, now_ns)
            return
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
        self._redeemed(one, legs, now_ns)

    def _redeemed(self, one: OpenSet, legs: list[Leg], now_ns: int) -> None:
        for leg in legs:
            leg.held_micro = leg.cost_micro = 0
        if not one.most_micro:
            reason = f"{text(one.realised_micro)} dollars realised"
            self._move(one, SetState.REDEEMED, reason, now_ns)


def _key(receipt: ChainReceipt) -> str:
    """One transaction can carry several redemptions, each with its receipt."""
    return f"{receipt.kind}:{receipt.condition_id}:{receipt.reference}"
