"""Who owns what: on the chain, in the venue's view of it, and what orders have laid claim to.

All amounts are millionths. The chain is the truth and moves when a trade is mined; the venue's view
is a copy that may be old. What an account can still pay is view - active - matched, where `active`
is what its open orders would give and `matched` what its trades have promised and not yet paid.
Collateral is conserved: all accounts + fees + outstanding sets = all deposits.

What an account gives is moved by the contract of the exchange, which needs an allowance for it: an
amount of collateral, all outcome tokens or none. The venue has a view of that too.
"""

from collections import Counter
from collections.abc import Mapping
from hashlib import sha256

from trading.simulator import answers
from trading.simulator.answers import Refusal
from trading.simulator.codes import COLLATERAL, SHARES, UNLIMITED


class RevertedError(Exception):
    """The chain refused a transaction: somebody has not what it would take. Nothing changed."""


class Account:
    """One wallet. Each mapping is from asset (COLLATERAL or a token id) to millionths.

    Allowances are by what may be taken (COLLATERAL or SHARES) and the contract that may.
    """

    __slots__ = ("active", "allowed", "allowed_view", "chain", "matched", "view")

    def __init__(self) -> None:
        self.chain: Counter[str] = Counter()
        self.view: Counter[str] = Counter()
        self.active: Counter[str] = Counter()
        self.matched: Counter[str] = Counter()
        self.allowed: Counter[tuple[str, str]] = Counter()
        self.allowed_view: Counter[tuple[str, str]] = Counter()

    def available_micro(self, asset: str) -> int:
        """Return what a new order may give; negative when the view is older than the claims."""
        return self.view[asset] - self.active[asset] - self.matched[asset]

    def lacks(self, asset: str, amount_micro: int, spender: str) -> Refusal | None:
        """Return the venue's refusal when this account cannot pay an amount, else None.

        An empty spender needs no allowance.
        """
        matched = self.matched[asset]
        if amount_micro > self.available_micro(asset):
            return answers.not_enough_balance(
                balance_micro=self.view[asset],
                active_micro=self.active[asset],
                matched_micro=matched,
                amount_micro=amount_micro,
            )
        allowed = self.allowed_view[_kind(asset), spender] if spender else UNLIMITED
        if amount_micro + matched > allowed:
            return answers.not_enough_allowance(
                spender=spender,
                allowance_micro=allowed,
                matched_micro=matched,
                amount_micro=amount_micro,
            )
        return None


class Chain:
    """All accounts, the fees that were taken, and the sets that are outstanding per market."""

    __slots__ = ("accounts", "deposited_micro", "fees_micro", "payouts", "sets_micro")

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.deposited_micro = 0
        self.fees_micro = 0
        self.sets_micro: Counter[str] = Counter()  # by condition
        self.payouts: dict[str, tuple[int, int]] = {}  # of resolved conditions: see `resolve`

    def restore(
        self, accounts: Mapping[str, "Account"], *, totals: tuple[int, int, Mapping[str, int]]
    ) -> None:
        """Put back the books of an earlier run: accounts without claims, and the totals.

        The totals are what was deposited, the fees, and the sets by condition.
        """
        self.accounts.update(accounts)
        self.deposited_micro, self.fees_micro, sets = totals
        self.sets_micro = Counter(sets)

    def described(self) -> dict[str, object] | None:
        """Return what a client needs to use the chain itself, None for the venue's own books."""
        return None

    def market_ids(self, question: str) -> tuple[str, tuple[str, str]]:
        """Return condition id and token ids of a question with two outcomes."""
        first, second = (str(int(_digest(f"{question} {name}"), 16)) for name in ("Yes", "No"))
        return f"0x{_digest(f'{question} condition')}", (first, second)

    def recorded_ids(
        self, condition_id: str, token_ids: tuple[str, str]
    ) -> tuple[str, tuple[str, str]]:
        """Return condition id and token ids under which a recorded market trades here: its own."""
        return condition_id, token_ids

    def deposit(self, account_id: str, amount_micro: int) -> None:
        """Bring collateral in from outside; raises ValueError when it is not positive."""
        if amount_micro <= 0:
            raise ValueError(f"a deposit must be positive: {amount_micro}")
        self.accounts[account_id].chain[COLLATERAL] += amount_micro
        self.deposited_micro += amount_micro

    def approve(self, account_id: str, spender: str, amount: int) -> None:
        """Let a contract take collateral up to an amount, instead of what it was allowed before.

        Raises ValueError for an amount that is none.
        """
        if not 0 <= amount <= UNLIMITED:
            raise ValueError(f"an allowance is 0 to 2**256 - 1: {amount}")
        self.accounts[account_id].allowed[COLLATERAL, spender] = amount

    def approve_all(self, account_id: str, spender: str, *, approved: bool) -> None:
        """Let a contract take any outcome token, or none any more."""
        self.accounts[account_id].allowed[SHARES, spender] = UNLIMITED if approved else 0

    def check_allowed(self, gives: Mapping[tuple[str, str], int], spender: str) -> None:
        """Raise RevertedError when a contract may not take what (account, asset) give."""
        for (account_id, asset), amount in gives.items():
            if spender and self.accounts[account_id].allowed[_kind(asset), spender] < amount:
                raise RevertedError(f"{account_id} allows {spender} too little of {asset}")

    def use_allowance(self, gives: Mapping[tuple[str, str], int], spender: str) -> None:
        """Lower what a contract may still take, after it took this."""
        for (account_id, asset), amount in gives.items():
            allowed = self.accounts[account_id].allowed
            if spender and allowed[_kind(asset), spender] != UNLIMITED:
                allowed[_kind(asset), spender] -= amount

    def transact(
        self,
        moves: Mapping[tuple[str, str], int],
        *,
        condition_id: str,
        sets_micro: int,
        fees_micro: int,
        trade_id: str = "",  # noqa: ARG002 - for chains that know trades
    ) -> None:
        """Move amounts of (account, asset) and sets, all or nothing; for a trade with its id.

        Sets are minted when positive, merged when negative. Raises RevertedError, with
        nothing changed, when an account would go below zero.
        """
        for (account_id, asset), amount in moves.items():
            if self.accounts[account_id].chain[asset] + amount < 0:
                raise RevertedError(f"{account_id} has too little of {asset}")
        self.note(moves, condition_id, sets_micro, fees_micro)

    def note(
        self,
        moves: Mapping[tuple[str, str], int],
        condition_id: str,
        sets_micro: int,
        fees_micro: int,
    ) -> None:
        """Write down what moved, wherever it did: amounts of (account, asset), sets, fees."""
        for (account_id, asset), amount in moves.items():
            self.accounts[account_id].chain[asset] += amount
        self.sets_micro[condition_id] += sets_micro
        self.fees_micro += fees_micro

    def has_mined(self, trade_id: str) -> bool:  # noqa: ARG002
        """Say whether a trade of an earlier run is on the chain although nobody noted it.

        It cannot be on the venue's own books: they are kept together with the state of each trade.
        """
        return False

    def transaction_hash(self, trade_id: str) -> str:
        """Return by which transaction a trade was mined."""
        return f"0x{sha256(trade_id.encode()).hexdigest()}"

    def split(
        self, account_id: str, condition_id: str, token_ids: tuple[str, str], size_micro: int
    ) -> None:
        """Turn collateral into sets, or with a negative size sets into collateral.

        One token of each is one dollar, without a fee. Raises RevertedError when either is short.
        """
        moves = {(account_id, token_id): size_micro for token_id in token_ids}
        moves[account_id, COLLATERAL] = -size_micro
        self.transact(moves, condition_id=condition_id, sets_micro=size_micro, fees_micro=0)

    def resolve(self, condition_id: str, payouts: tuple[int, int]) -> None:
        """Say what one token of each outcome is worth: (1, 0), (0, 1), or (1, 1) for half each.

        Raises RevertedError when it was said before.
        """
        if condition_id in self.payouts:
            raise RevertedError("payout denominator already set")
        self.payouts[condition_id] = payouts

    def redeem(self, account_id: str, condition_id: str, token_ids: tuple[str, str]) -> int:
        """Turn all of an account's tokens of a resolved market into collateral; return how much.

        Halves are rounded down. Raises RevertedError before the market is resolved.
        """
        payouts = self.payouts.get(condition_id)
        if payouts is None:
            raise RevertedError("result for condition not received yet")
        held = self.accounts[account_id].chain
        worth = sum(
            held[token] * share for token, share in zip(token_ids, payouts, strict=True)
        ) // sum(payouts)
        moves = {(account_id, token): -held[token] for token in token_ids}
        moves[account_id, COLLATERAL] = worth
        self.transact(moves, condition_id=condition_id, sets_micro=-worth, fees_micro=0)
        return worth

    def refresh(self, account_id: str, asset: str) -> None:
        """Let the venue look at the chain again, at a balance and what may be taken of it."""
        account = self.accounts[account_id]
        account.view[asset] = account.chain[asset]
        self.refresh_allowances(account_id, _kind(asset))

    def refresh_allowances(self, account_id: str, kind: str) -> None:
        """Let the venue look again at what may be taken of COLLATERAL or of SHARES."""
        account = self.accounts[account_id]
        for (what, spender), amount in account.allowed.items():
            if what == kind:
                account.allowed_view[what, spender] = amount


def _kind(asset: str) -> str:
    return COLLATERAL if asset == COLLATERAL else SHARES


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
