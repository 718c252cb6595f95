"""Merges and redemptions as the live desk asks for them: once, and looked up until they are clear.

Before anything leaves, its reference is told and kept; so an exit without a reference was surely
never handed over. One with a reference is asked for at the wallet. Where that knows only that the
number of a merge was used, what the chain holds of the tokens can tell. Nothing else asks the
chain: a node that is behind says what was held before the shares were bought, which looks like
after they left. What may have got lost on its way is handed in again as it was.

A redemption takes all that is there, and a second one takes nothing. So it is sent whenever nobody
knows that it happened, and is done only by a transaction that says so.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

from trading.execution.requests import ExitAnswered, ExitState, FindExit, SendExit
from trading.wallets.holdings import ChainHoldings, Holdings
from trading.wallets.merging import Merger
from trading.wallets.messages import (
    Call,
    Confirmed,
    MergeWish,
    Outcome,
    RedeemWish,
    Refused,
    Reverted,
    Unknown,
    Wish,
)
from trading.wallets.ports import Wallet

LOST_MAX = 100  # batches that may be lost and are remembered

# Told set, condition and reference before anything is sent; returns once that is kept.
HandedOver: TypeAlias = Callable[[str, str, str], Awaitable[None]]


class Intents:
    """Writes down under which reference each exit is about to leave (wallets.ports.IntentLog)."""

    def __init__(self, handed_over: HandedOver) -> None:
        self._handed_over = handed_over
        self._waiting: dict[Call, SendExit] = {}

    def expect(self, call: Call, wanted: SendExit) -> None:
        """Know whose call it is when it is about to be sent."""
        self._waiting[call] = wanted

    def forget(self, call: Call) -> None:
        """It has ended."""
        self._waiting.pop(call, None)

    async def about_to_send(self, reference: str, calls: Sequence[Call]) -> None:
        """Keep the reference of every exit in this transaction."""
        for call in calls:
            wanted = self._waiting.get(call)
            if wanted is not None:
                await self._handed_over(wanted.set_id, wanted.condition_ids[0], reference)


class WalletExits:
    """The exits of one wallet."""

    def __init__(
        self, *, wallet: Wallet, merger: Merger, intents: Intents, holdings: Holdings
    ) -> None:
        self._wallet = wallet
        self._merger = merger
        self._intents = intents
        self.holdings = holdings
        self._lost: dict[str, list[Call]] = {}  # the calls that were asked for, by reference

    async def exit(self, request: SendExit) -> ExitAnswered:
        """Carry out an exit and wait for its end, as long as the wallet's own patience lasts."""
        if request.kind == "CONVERT":
            return _answer(request, ExitState.NOT_DONE, text="conversion has no known adapter")
        wish = _wish(request)
        call = self._merger.call_of(wish)
        if call is not None:
            self._intents.expect(call, request)
        try:
            (ended,) = await self._merger.submit([wish])
        finally:
            if call is not None:
                self._intents.forget(call)
        return self._told(request, _of_outcome(request, ended.outcome, ended.gas_micro))

    async def find(self, request: FindExit, held: dict[str, int]) -> ExitAnswered:
        """Find out what became of an exit; `held` is what the ledger has of each token."""
        wanted = request.exit
        if not request.reference:
            return _answer(wanted, ExitState.NOT_DONE, text="it was never handed over")
        outcome = await self._wallet.look_up(request.reference)
        if isinstance(outcome, Unknown) and outcome.may_be_lost:
            outcome = await self._repeat(wanted, request.reference)
        if isinstance(outcome, Unknown) and outcome.number_used:
            if wanted.kind == "REDEEM":
                state, text = ExitState.NOT_DONE, "nobody knows, and once more takes what is left"
            elif await self._have_left(wanted, held):
                state, text = ExitState.DONE, "the shares have left the wallet"
            else:
                state, text = ExitState.UNKNOWN, outcome.reason
            answer = _answer(wanted, state, reference=request.reference, text=text)
            return self._told(wanted, answer)
        gas_micro = outcome.gas_micro if isinstance(outcome, Confirmed | Reverted) else 0
        return self._told(wanted, _of_outcome(wanted, outcome, gas_micro))

    def _told(self, wanted: SendExit, answer: ExitAnswered) -> ExitAnswered:
        """Return an answer; once it is definite, the same exit may be asked for as a new one."""
        if answer.state in {ExitState.DONE, ExitState.NOT_DONE}:
            self._merger.forget(_wish(wanted))
        return answer

    async def _have_left(self, wanted: SendExit, held: dict[str, int]) -> bool:
        now = await self.holdings.shares([token_id for token_id, _ in wanted.shares_micro])
        return now is not None and all(
            now.get(token_id) == held.get(token_id, 0) - size_micro
            for token_id, size_micro in wanted.shares_micro
        )

    async def _repeat(self, wanted: SendExit, reference: str) -> Outcome:
        """Hand a batch in again, once each of the exits that it carried was asked for."""
        call = self._merger.call_of(_wish(wanted))
        calls = self._lost.setdefault(reference, [])
        if call is not None and call not in calls:
            calls.append(call)
        while len(self._lost) > LOST_MAX:
            del self._lost[next(iter(self._lost))]
        return await self._wallet.repeat(reference, calls)

    def chain_reads(self) -> ChainHoldings | None:
        """Return what a reconciliation asks of the chain, None without one."""
        return self.holdings if isinstance(self.holdings, ChainHoldings) else None

    def figures(self) -> dict[str, Any]:
        """Return how each endpoint of the chain is doing, nothing where there is no chain."""
        if not isinstance(self.holdings, ChainHoldings):
            return {}
        return {"rpc": [asdict(one) for one in self.holdings.endpoints()]}

    async def close(self) -> None:
        """Follow nothing any more, and close the connections to chain and relayer."""
        await self._merger.close()
        await self._wallet.close()
        await self.holdings.close()


def _wish(request: SendExit) -> Wish:
    condition_id = request.condition_ids[0]
    if request.kind == "REDEEM":
        return RedeemWish(
            set_id=request.set_id, condition_id=condition_id, neg_risk=request.neg_risk
        )
    return MergeWish(
        set_id=request.set_id,
        condition_id=condition_id,
        size_micro=request.size_micro,
        neg_risk=request.neg_risk,
    )


def _of_outcome(request: SendExit, outcome: Outcome, gas_micro: int) -> ExitAnswered:
    match outcome:
        case Confirmed():
            named = outcome.transaction_hash  # for people: nothing is decided by it
            return _answer(
                request,
                ExitState.DONE,
                reference=outcome.reference,
                gas_micro=gas_micro,
                text=f"in transaction {named}" if named else "",
            )
        case Reverted():
            return _answer(
                request,
                ExitState.NOT_DONE,
                reference=outcome.reference,
                gas_micro=gas_micro,
                text=outcome.reason,
            )
        case Refused():
            text = f"{outcome.code}: {outcome.text}"
            return _answer(request, ExitState.NOT_DONE, text=text)
        case Unknown():
            return _answer(
                request, ExitState.UNKNOWN, reference=outcome.reference, text=outcome.reason
            )


def _answer(
    request: SendExit,
    state: ExitState,
    *,
    reference: str = "",
    gas_micro: int = 0,
    text: str = "",
) -> ExitAnswered:
    return ExitAnswered(
        set_id=request.set_id,
        state=state,
        condition_id=request.condition_ids[0],
        reference=reference,
        gas_micro=gas_micro,
        text=text[:200],
    )
