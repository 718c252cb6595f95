"""Who owns what: on the chain, in the venue's view of it, and what orders have laid claim to.

All amounts are millionths. The chain is the truth and moves when a trade is mined; the venue's view
is a copy that may be old. What an account can still pay is view - active - matched, where `active`
is what its open orders would give and `matched` what its trades have promised and not yet paid.
Collateral is conserved: all accounts + fees + outstanding sets = all deposits.
"""

from collections import Counter
from collections.abc import Mapping

from trading.simulator import answers
from trading.simulator.answers import Refusal
from trading.simulator.codes import COLLATERAL


class RevertedError(Exception):
    """The chain refused a transaction: somebody has not what it would take. Nothing changed."""


class Account:
    """One wallet. Each mapping is from asset (COLLATERAL or a token id) to millionths."""

    __slots__ = ("active", "chain", "matched", "view")

    def __init__(self) -> None:
        self.chain: Counter[str] = Counter()
        self.view: Counter[str] = Counter()
        self.active: Counter[str] = Counter()
        self.matched: Counter[str] = Counter()

    def available_micro(self, asset: str) -> int:
        """Return what a new order may give; negative when the view is older than the claims."""
        return self.view[asset] - self.active[asset] - self.matched[asset]

    def lacks(self, asset: str, amount_micro: int) -> Refusal | None:
        """Return the venue's refusal when this account cannot pay an amount, else None."""
        if amount_micro <= self.available_micro(asset):
            return None
        return answers.not_enough_balance(
            balance_micro=self.view[asset],
            active_micro=self.active[asset],
            matched_micro=self.matched[asset],
            amount_micro=amount_micro,
        )


class Chain:
    """All accounts, the fees that were taken, and the sets that are outstanding per market."""

    __slots__ = ("accounts", "deposited_micro", "fees_micro", "sets_micro")

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.deposited_micro = 0
        self.fees_micro = 0
        self.sets_micro: Counter[str] = Counter()  # by condition

    def deposit(self, account_id: str, amount_micro: int) -> None:
        """Bring collateral in from outside; raises ValueError when it is not positive."""
        if amount_micro <= 0:
            raise ValueError(f"a deposit must be positive: {amount_micro}")
        self.accounts[account_id].chain[COLLATERAL] += amount_micro
        self.deposited_micro += amount_micro

    def transact(
        self,
        moves: Mapping[tuple[str, str], int],
        *,
        condition_id: str,
        sets_micro: int,
        fees_micro: int,
    ) -> None:
        """Move amounts of (account, asset) and sets, all or nothing.

        Sets are minted when positive, merged when negative. Raises RevertedError, with
        nothing changed, when an account would go below zero.
        """
        for (account_id, asset), amount in moves.items():
            if self.accounts[account_id].chain[asset] + amount < 0:
                raise RevertedError(f"{account_id} has too little of {asset}")
        for (account_id, asset), amount in moves.items():
            self.accounts[account_id].chain[asset] += amount
        self.sets_micro[condition_id] += sets_micro
        self.fees_micro += fees_micro

    def split(
        self, account_id: str, condition_id: str, token_ids: tuple[str, str], size_micro: int
    ) -> None:
        """Turn collateral into sets, or with a negative size sets into collateral.

        One token of each is one dollar, without a fee. Raises RevertedError when either is short.
        """
        moves = {(account_id, token_id): size_micro for token_id in token_ids}
        moves[account_id, COLLATERAL] = -size_micro
        self.transact(moves, condition_id=condition_id, sets_micro=size_micro, fees_micro=0)

    def refresh(self, account_id: str, asset: str) -> None:
        """Let the venue look at the chain again."""
        account = self.accounts[account_id]
        account.view[asset] = account.chain[asset]
