"""Reads all three, compares them, and keeps what came of it.

Theory of operation. Nobody can read a database, a venue and a chain at one instant. So the ledger
is read last, when the venue and the chain have been: what they knew, the ledger has had a little
longer to hear of. What does not agree then is looked at again after a pause, since news of a trade
may have been on its way; only what stays is a mismatch. If the ledger was written to all the while,
nobody can say, and the run is incomplete.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from asgiref.sync import sync_to_async
from django.db import connection

from polyarb_site.clock import Clock
from trading.adapters.feed import FeedError
from trading.execution.messages import OpenOrder, VenueBalance, VenueTrade
from trading.ledger.columns import EPOCH
from trading.reconciling import books
from trading.reconciling.compare import compare
from trading.reconciling.verdicts import Code, Difference, Reconciliation, Verdict, lasting
from trading.reconciling.views import ChainView, Dust, LedgerView, Unread, VenueView
from trading.services.reconciliations import record_reconciliation

LOOKS_MAX = 3
AGAIN_AFTER_S = 2.0
READ_S_MAX = 20.0  # for each part of one look
MS_NS = 1_000_000
# What the outside may raise. Anything else is a bug of ours and passes through.
TROUBLE: tuple[type[Exception], ...] = (FeedError, OSError, TimeoutError)

Part = TypeVar("Part")
Result = TypeVar("Result")


class VenueReads(Protocol):
    """What is asked of the venue, with our key. Each raises when it cannot answer completely."""

    async def open_orders(self) -> Sequence[OpenOrder]:
        """Return every open order of the account."""

    async def trades(self, after_s: int) -> Sequence[VenueTrade]:
        """Return every trade of the account from this second on, by the venue's clock."""

    async def balance(self, token_id: str = "") -> VenueBalance:
        """Return the venue's view of a token's balance, of the collateral without a token."""


class ChainReads(Protocol):
    """What is asked of the chain: one wallet at one block."""

    async def balances_at(self, token_ids: Sequence[str]) -> ChainView:
        """Return collateral and shares of each token at the end of one block."""


async def reconcile(
    account: str,
    venue: VenueReads,
    chain: ChainReads | None,
    *,
    at_start: bool,
    clock: Clock,
    session_key: str = "",
    dust: Dust | None = None,
    trouble: tuple[type[Exception], ...] = TROUBLE,
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> Reconciliation:
    """Compare ledger, venue and chain, keep the run, and halt the account unless it may trade.

    Without a chain the venue's own books decide. Only MATCH permits trading: at the start the
    caller refuses to trade on anything else. `trouble` are the exceptions by which a read fails.
    DatabaseError passes through; trading has then to stop as well.
    """
    began_ns = clock.monotonic_ns()
    looked = await look(account, venue, chain, clock=clock, dust=dust, trouble=trouble)
    result = looked
    for _ in range(LOOKS_MAX - 1):
        if result.verdict is Verdict.MATCH:
            break
        await pause(AGAIN_AFTER_S)
        before = looked
        looked = await look(account, venue, chain, clock=clock, dust=dust, trouble=trouble)
        result = lasting(before, looked)
    took_ms = (clock.monotonic_ns() - began_ns) // MS_NS
    await _in_thread(
        lambda: record_reconciliation(
            account,
            result,
            at=clock.now(),
            at_start=at_start,
            took_ms=took_ms,
            session_key=session_key,
        )
    )
    return result


async def look(
    account: str,
    venue: VenueReads,
    chain: ChainReads | None,
    *,
    clock: Clock,
    dust: Dust | None = None,
    trouble: tuple[type[Exception], ...] = TROUBLE,
) -> Reconciliation:
    """Read all three once and compare them; nothing is kept."""
    now = clock.now()
    before, start, tokens = await _in_thread(lambda: _scope(account, now))
    since_s = (start - EPOCH) // timedelta(seconds=1)
    orders, trades = await asyncio.gather(
        _part(_listed(venue.open_orders()), trouble),
        _part(_listed(venue.trades(since_s)), trouble),
    )
    if not isinstance(trades, Unread):
        tokens |= {trade.token_id for trade in trades}
        tokens |= {maker.token_id for trade in trades for maker in trade.makers}
    held = await _chain(chain, sorted(tokens), trouble)
    wanted = sorted(tokens)
    if isinstance(held, ChainView):
        wanted = [token for token in wanted if held.shares.get(token)]
    cash, shares = await _balances(venue, wanted, trouble)
    listed = [] if isinstance(orders, Unread) else [order.order_hash for order in orders]
    ledger, after = await _in_thread(lambda: _ledger(account, start, listed))
    seen = VenueView(
        orders=orders, trades=trades, trades_since_s=since_s, cash_micro=cash, shares=shares
    )
    result = compare(ledger, seen, held, dust or Dust())
    if result.verdict is Verdict.MISMATCH and before != after:
        return _moved(result)
    return result


def _scope(account: str, now: datetime) -> tuple[books.Mark, datetime, set[str]]:
    """Return where the ledger is, from when trades count, and which tokens are looked at."""
    before = books.mark(account)
    start = books.since(account, now)
    ledger = books.ledger_view(account, start=start, listed=())
    return before, start, books.with_mirrors(books.tokens_of(ledger))


def _ledger(account: str, start: datetime, listed: Sequence[str]) -> tuple[LedgerView, books.Mark]:
    ledger = books.ledger_view(account, start=start, listed=listed)
    return ledger, books.mark(account)


def _moved(result: Reconciliation) -> Reconciliation:
    """Return that nobody can say: what differs may be what was just written."""
    told = Difference(
        code=Code.LEDGER_MOVED,
        subject="the ledger",
        text="the ledger was written to while the others were read, and they did not agree",
    )
    return replace(result, verdict=Verdict.INCOMPLETE, differences=(told,))


async def _chain(
    chain: ChainReads | None, tokens: Sequence[str], trouble: tuple[type[Exception], ...]
) -> ChainView | Unread | None:
    if chain is None:
        return None
    if len(tokens) > books.TOKENS_MAX:
        return Unread(reason=f"{len(tokens)} tokens are more than {books.TOKENS_MAX}")
    return await _part(chain.balances_at(tokens), trouble)


async def _balances(
    venue: VenueReads, tokens: Sequence[str], trouble: tuple[type[Exception], ...]
) -> tuple[int | Unread, Mapping[str, int] | Unread]:
    """Return the venue's view of the dollars and of each token. One that fails fails all tokens."""
    cash = await _part(venue.balance(), trouble)
    cash_micro = cash if isinstance(cash, Unread) else cash.balance_micro
    if len(tokens) > books.TOKENS_MAX:
        return cash_micro, Unread(reason=f"{len(tokens)} tokens are more than {books.TOKENS_MAX}")

    async def read() -> dict[str, int]:
        return {token: (await venue.balance(token)).balance_micro for token in tokens}

    return cash_micro, await _part(read(), trouble)


async def _part(reading: Awaitable[Part], trouble: tuple[type[Exception], ...]) -> Part | Unread:
    """Return a part, or why it is not there."""
    try:
        async with asyncio.timeout(READ_S_MAX):
            return await reading
    except trouble as error:
        return Unread(reason=f"{type(error).__name__}: {error}"[:300])


async def _listed(reading: Awaitable[Sequence[Part]]) -> tuple[Part, ...]:
    return tuple(await reading)


async def _in_thread(call: Callable[[], Result]) -> Result:
    """Run database work in a thread, and give its connection back: the next run has another."""

    def run() -> Result:
        try:
            return call()
        finally:
            if not connection.in_atomic_block:
                connection.close()

    return await sync_to_async(run, thread_sensitive=False)()
