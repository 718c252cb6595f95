"""Waits for a transaction, and offers more gas for one that no block takes."""

import asyncio
import logging
from collections.abc import Sequence

from trading.wallets.messages import Call, Outcome, Refused, Unknown
from trading.wallets.ports import Wallet

logger = logging.getLogger(__name__)

REPLACEMENTS_MAX = 3


async def execute_patiently(
    wallet: Wallet, calls: Sequence[Call], *, replacements_max: int = REPLACEMENTS_MAX
) -> Outcome:
    """Make these calls in one transaction; each time that its patience ends, offer more gas.

    The wallet's caps bound the offers: when they allow no more, or when nothing can be raised, the
    last outcome stands. So it does when a replacement fails in any other way: what is under way is
    unknown, and must not be taken for not sent.
    """
    outcome = await wallet.execute(calls)
    for _ in range(replacements_max):
        if not isinstance(outcome, Unknown):
            break
        # In a task of its own: what it raises is a fact about it, not about the first transaction.
        raising = asyncio.create_task(wallet.replace())
        await asyncio.wait([raising])
        if (error := raising.exception()) is not None:
            logger.error("%s could not be replaced", outcome.reference, exc_info=error)
            break
        raised = raising.result()
        if isinstance(raised, Refused):
            logger.info("%s is not replaced: %s", outcome.reference, raised.text)
            break
        outcome = raised
    return outcome
