"""When the venue is asked to look at the chain again: one question at a time, and none is lost.

The venue answers only so many of them, and each token is one. What is wanted while one is under way
goes into the next, and what failed is asked for again: until it was, the venue refuses orders over
money that a merge has brought.
"""

from dataclasses import dataclass, field

from trading.engine.events import BalanceReport
from trading.execution.requests import BalanceAnswered, CallFailed, RefreshBalances
from trading.execution.settings import DeskSettings

TOKENS_MAX = 20  # of one question: the money itself is asked for with each


@dataclass(slots=True)
class Refreshing:
    """The balances that are to be looked at. Times are in ms of UTC."""

    settings: DeskSettings
    _tokens: dict[str, None] = field(default_factory=dict)  # wanted and not asked, oldest first
    _asked: tuple[str, ...] | None = None  # None: nothing is under way
    _next_ms: int = 0
    _not_before_ms: int = 0  # after one that brought nothing

    def want(self, token_ids: tuple[str, ...], now_ms: int) -> list[RefreshBalances]:
        """Ask for these tokens and the money, now or right after what is under way."""
        self._tokens |= dict.fromkeys(token_ids)
        self._next_ms = min(self._next_ms, now_ms)
        return self.tick(now_ms)

    def answered(
        self, answer: BalanceAnswered, now_ms: int
    ) -> list[BalanceReport | RefreshBalances]:
        """Take what the venue lets us spend; ask on, later when this brought nothing."""
        asked, self._asked = self._asked or (), None
        if isinstance(answer.result, CallFailed):
            self._tokens = dict.fromkeys((*asked, *self._tokens))
            wait_ms = max(answer.result.retry_after_ms, self.settings.balance_again_ms)
            self._next_ms = self._not_before_ms = now_ms + wait_ms
            return []
        return [BalanceReport(cash_micro=answer.result), *self.tick(now_ms)]

    def tick(self, now_ms: int) -> list[RefreshBalances]:
        """Ask when it is time and nothing is under way."""
        if self._asked is not None or now_ms < max(self._next_ms, self._not_before_ms):
            return []
        self._asked = tuple(self._tokens)[:TOKENS_MAX]
        for token_id in self._asked:
            del self._tokens[token_id]
        self._next_ms = now_ms if self._tokens else now_ms + self.settings.balance_every_ms
        return [RefreshBalances(token_ids=self._asked)]
