"""Merges and redeems complete sets: queued for each wallet, and batched where the wallet can.

A wish is known by its content. One that was carried out is not carried out again, and one of which
nobody knows is looked up first: merging twice would take the shares of another set. Whoever has
taken note of an end says so with `forget`: a set that got more shares may wish the same once more.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from trading.wallets import abi
from trading.wallets.messages import (
    Call,
    Confirmed,
    MergeWish,
    Outcome,
    RefusalCode,
    Refused,
    Reverted,
    Unknown,
    Wish,
    WishOutcome,
)
from trading.wallets.patience import execute_patiently
from trading.wallets.ports import Wallet

REMEMBERED_MAX = 10_000  # wishes whose end is kept
_NO_ADAPTER = Refused(
    code=RefusalCode.NO_ADAPTER, text="the venue has no adapter for sets of this kind"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeContracts:
    """Where sets are merged. The neg-risk adapter is empty where the venue has none."""

    pusd: str
    collateral_adapter: str
    neg_risk_collateral_adapter: str = ""


@dataclass(slots=True)
class _Queued:
    wish: Wish
    call: Call
    ended: asyncio.Future[WishOutcome]


class Merger:
    """Carries out wishes of one wallet. What comes while it is busy goes into the next batch."""

    def __init__(self, wallet: Wallet, contracts: MergeContracts) -> None:
        self._wallet = wallet
        self._contracts = contracts
        self._queue: list[_Queued] = []
        self._working: asyncio.Task[None] | None = None
        self._carrying: asyncio.Task[None] | None = None
        self._ends: dict[Wish, WishOutcome] = {}  # confirmed or unknown, oldest first

    async def submit(self, wishes: Sequence[Wish]) -> tuple[WishOutcome, ...]:
        """Return what became of each wish, in their order. Raises ValueError on a malformed one.

        Whoever stops waiting does not stop the work: what was begun is carried to its end.
        """
        loop = asyncio.get_running_loop()
        asked = [
            _Queued(wish, call, loop.create_future()) if call else _outcome(wish, _NO_ADAPTER)
            for wish, call in [(wish, self.call_of(wish)) for wish in wishes]
        ]
        queued = [one for one in asked if isinstance(one, _Queued)]
        if queued:
            self._queue += queued
            if self._working is None or self._working.done():
                self._working = asyncio.create_task(self._work_off())
            await asyncio.wait([one.ended for one in queued])
        return tuple(one.ended.result() if isinstance(one, _Queued) else one for one in asked)

    def forget(self, wish: Wish) -> None:
        """Take the same wish for a new one from now on: how this one ended is definite and told."""
        self._ends.pop(wish, None)

    async def close(self) -> None:
        """Follow nothing any more: what became of it is found by its reference."""
        under_way = [one for one in (self._working, self._carrying) if one and not one.done()]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    async def _work_off(self) -> None:
        """Carry out all that is queued, that of other callers too."""
        # Whoever else is ready to ask now goes into the same batch.
        await asyncio.sleep(0)
        while self._queue:
            batch, self._queue = self._queue, []
            self._carrying = asyncio.create_task(self._carry_out(batch))
            await asyncio.wait([self._carrying])
            error = self._carrying.exception()
            for one in batch:
                if error is not None and not one.ended.done():
                    one.ended.set_exception(error)

    async def _carry_out(self, batch: list[_Queued]) -> None:
        fresh: dict[Wish, list[_Queued]] = {}
        for one in batch:
            known = await self._known_end(one.wish)
            if known is not None:
                one.ended.set_result(known)
            else:
                fresh.setdefault(one.wish, []).append(one)
        groups = list(fresh.values())
        size = self._wallet.calls_max
        for start in range(0, len(groups), size):
            await self._execute(groups[start : start + size])

    async def _execute(self, groups: list[list[_Queued]]) -> None:
        """Carry out different wishes in one transaction; one by one when they revert together."""
        outcome = await execute_patiently(self._wallet, [group[0].call for group in groups])
        if isinstance(outcome, Reverted) and len(groups) > 1:
            # All or none: one of them is wrong, and the others must not wait for it.
            for group in groups:
                await self._execute([group])
            return
        for group, gas_micro in zip(groups, _shares(outcome, len(groups)), strict=True):
            ended = _outcome(group[0].wish, outcome, gas_micro)
            if isinstance(outcome, Confirmed | Unknown):
                self._remember(group[0].wish, ended)
            for one in group:
                one.ended.set_result(ended)

    async def _known_end(self, wish: Wish) -> WishOutcome | None:
        """Return the end of a wish that was sent before, None when it may be sent."""
        before = self._ends.get(wish)
        if before is None or isinstance(before.outcome, Confirmed):
            return before
        now = await self._wallet.look_up(before.reference)
        if isinstance(now, Reverted):
            del self._ends[wish]
            return None
        # Only an EOA pays gas, and its transactions carry one wish: there is nothing to divide.
        ended = _outcome(wish, now, now.gas_micro if isinstance(now, Confirmed) else 0)
        self._remember(wish, ended)
        return ended

    def _remember(self, wish: Wish, ended: WishOutcome) -> None:
        self._ends[wish] = ended
        while len(self._ends) > REMEMBERED_MAX:
            del self._ends[next(iter(self._ends))]

    def call_of(self, wish: Wish) -> Call | None:
        """Return the call of a wish, None without an adapter for it. ValueError for no size."""
        contracts = self._contracts
        adapter = (
            contracts.neg_risk_collateral_adapter if wish.neg_risk else contracts.collateral_adapter
        )
        if not adapter:
            return None
        if not isinstance(wish, MergeWish):
            return abi.redeem_positions(adapter, contracts.pusd, wish.condition_id)
        if wish.size_micro <= 0:
            raise ValueError(f"size_micro: {wish.size_micro} is nothing to merge")
        return abi.merge_positions(adapter, contracts.pusd, wish.condition_id, wish.size_micro)


def _shares(outcome: Outcome, count: int) -> list[int]:
    """Return each wish's part of the gas; the first bears what does not divide."""
    gas_micro = outcome.gas_micro if isinstance(outcome, Confirmed | Reverted) else 0
    each, rest = divmod(gas_micro, count)
    return [each + rest] + [each] * (count - 1)


def _outcome(wish: Wish, outcome: Outcome, gas_micro: int = 0) -> WishOutcome:
    reference = "" if isinstance(outcome, Refused) else outcome.reference
    return WishOutcome(
        set_id=wish.set_id, outcome=outcome, gas_micro=gas_micro, reference=reference
    )
