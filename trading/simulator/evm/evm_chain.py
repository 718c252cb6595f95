"""The venue's Chain on the local chain: the accounts of wallets live there, the flow's do not.

The invented flow trades a hundred times a second with itself; that stays on the venue's own books.
When a wallet takes part in a trade, one transaction of the exchange moves what the wallet gives and
gets, and the operator's account is the other side for all of the flow, with its fees. What a wallet
has is what the chain says: the books keep a copy, read again at each `refresh`. Owners may send
transactions of their own meanwhile, and a settlement that misses the money or an allowance reverts.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from trading.engine.units import MICRO
from trading.simulator.accounts import Chain, RevertedError
from trading.simulator.codes import COLLATERAL, SHARES, UNLIMITED
from trading.simulator.evm.chain import LocalChain, Move

_WALLET = re.compile(r"0x[0-9a-fA-F]{40}")
# What the operator has of each market and of pUSD at first, and gets again when it runs low.
STOCK_MICRO = 1_000_000_000 * MICRO
SETS_MICRO = 1_000_000 * MICRO
HASHES_MAX = 10_000  # transaction hashes remembered by trade; older ones are found in the logs


class EvmChain(Chain):
    """Settles for wallets on a LocalChain. A few ms for each trade or balance of a wallet."""

    __slots__ = ("_hashes", "_spenders", "local")

    def __init__(self, local: LocalChain, spenders: Sequence[str]) -> None:
        """Take a running chain, and the contracts whose allowances the venue looks at."""
        super().__init__()
        self.local = local
        self._spenders = tuple(spenders)
        self._hashes: dict[str, str] = {}  # by trade id, the oldest first
        local.stock(STOCK_MICRO)

    def described(self) -> dict[str, object]:
        """Return what a client needs to use the chain itself."""
        local = self.local
        return {
            "rpc": local.rpc_url,
            "chain_id": local.chain_id,
            "contracts": dict(local.addresses),
        }

    def market_ids(self, question: str) -> tuple[str, tuple[str, str]]:
        """Open a question on the chain; the same question is the same market."""
        market = self.local.prepare_market(question.encode())
        return market.condition_id, market.token_ids

    def recorded_ids(
        self, condition_id: str, token_ids: tuple[str, str]
    ) -> tuple[str, tuple[str, str]]:
        """Open a question of its own for a recorded market: nobody chooses ids on a chain."""
        return self.market_ids(f"recorded {condition_id} {' '.join(token_ids)}")

    def deposit(self, account_id: str, amount_micro: int) -> None:
        """Bring collateral in from outside; raises ValueError when it is not positive."""
        super().deposit(account_id, amount_micro)
        if is_wallet(account_id):
            self.local.fund(account_id, amount_micro)

    def approve(self, account_id: str, spender: str, amount: int) -> None:
        """Let a contract take collateral, for a wallet without asking its owner.

        Raises ValueError for an amount that is none.
        """
        super().approve(account_id, spender, amount)
        if is_wallet(account_id):
            self.local.approve_for(account_id, spender, amount)

    def approve_all(self, account_id: str, spender: str, *, approved: bool) -> None:
        """Let a contract take any outcome token or none, for a wallet without asking its owner."""
        super().approve_all(account_id, spender, approved=approved)
        if is_wallet(account_id):
            self.local.approve_all_for(account_id, spender, approved=approved)

    def check_allowed(self, gives: Mapping[tuple[str, str], int], spender: str) -> None:
        """Check what the flow allows; for wallets the contract itself looks."""
        super().check_allowed(_of_the_flow(gives), spender)

    def use_allowance(self, gives: Mapping[tuple[str, str], int], spender: str) -> None:
        """Lower the flow's allowances; those of wallets were lowered by the transaction."""
        super().use_allowance(_of_the_flow(gives), spender)

    def transact(
        self,
        moves: Mapping[tuple[str, str], int],
        *,
        condition_id: str,
        sets_micro: int,
        fees_micro: int,
        trade_id: str = "",
    ) -> None:
        """Move amounts of (account, asset) and sets, all or nothing; for a trade with its id.

        Raises RevertedError, with nothing changed, when an account of the flow would go below
        zero or the chain refuses. One trade id moves what wallets have once.
        """
        flow = _of_the_flow(moves)
        for (account_id, asset), amount in flow.items():
            if self.accounts[account_id].chain[asset] + amount < 0:
                raise RevertedError(f"{account_id} has too little of {asset}")
        if len(flow) < len(moves):
            self._settle(moves, condition_id, sets_micro, fees_micro, trade_id)
        self.note(moves, condition_id, sets_micro, fees_micro)

    def resolve(self, condition_id: str, payouts: tuple[int, int]) -> None:
        """Say what one token of each outcome is worth; raises RevertedError when it was said."""
        super().resolve(condition_id, payouts)
        self.local.resolve(condition_id, payouts)

    def redeem(self, account_id: str, condition_id: str, token_ids: tuple[str, str]) -> int:
        """Redeem for the flow; a wallet does it on the chain, through the adapter."""
        if is_wallet(account_id):
            raise RevertedError("a wallet redeems through the collateral adapter")
        return super().redeem(account_id, condition_id, token_ids)

    def has_mined(self, trade_id: str) -> bool:
        """Say whether a trade of a wallet is on the chain, whoever noted it."""
        return self.local.is_settled(trade_id)

    def transaction_hash(self, trade_id: str) -> str:
        """Return by which transaction a trade was mined; one among the flow has an invented one."""
        found = self._hashes.get(trade_id) or self.local.settled_by(trade_id)
        return found or super().transaction_hash(trade_id)

    def refresh(self, account_id: str, asset: str) -> None:
        """Let the venue look at the chain again, at a balance and what may be taken of it."""
        if is_wallet(account_id):
            tokens = () if asset == COLLATERAL else (asset,)
            held = self.local.balances(account_id, tokens)
            balance = held.pusd_micro if asset == COLLATERAL else held.tokens_micro[asset]
            self.accounts[account_id].chain[asset] = balance
        super().refresh(account_id, asset)

    def refresh_allowances(self, account_id: str, kind: str) -> None:
        """Let the venue look again at what may be taken of COLLATERAL or of SHARES."""
        if is_wallet(account_id):
            allowed = self.accounts[account_id].allowed
            for spender in self._spenders:
                said = self.local.allowances(account_id, spender)
                allowed[COLLATERAL, spender] = said.pusd_micro
                allowed[SHARES, spender] = UNLIMITED if said.tokens else 0
        super().refresh_allowances(account_id, kind)

    def _settle(
        self,
        moves: Mapping[tuple[str, str], int],
        condition_id: str,
        sets_micro: int,
        fees_micro: int,
        trade_id: str,
    ) -> None:
        # The operator gives and gets what the whole flow does, and keeps the fees.
        operator: Counter[str] = Counter({COLLATERAL: fees_micro})
        for (_, asset), amount in _of_the_flow(moves).items():
            operator[asset] += amount
        self._restock(condition_id, operator)
        said = [
            Move(account=account_id, token_id=_token(asset), amount_micro=amount)
            for (account_id, asset), amount in (
                *((party, amount) for party, amount in moves.items() if is_wallet(party[0])),
                *(((self.local.operator, asset), amount) for asset, amount in operator.items()),
            )
            if amount
        ]
        # What is no trade (sets of a wallet) happens once too: block numbers never repeat.
        unique_id = trade_id or f"block {self.local.block_number()}"
        mined = self.local.settle(unique_id, condition_id, sets_micro, said)
        if not mined.logs:
            raise RevertedError(f"another trade was settled under the id {trade_id}")
        self._hashes[unique_id] = mined.transaction_hash
        if len(self._hashes) > HASHES_MAX:
            del self._hashes[next(iter(self._hashes))]

    def _restock(self, condition_id: str, needed: Mapping[str, int]) -> None:
        """Let the operator have what it is to give."""
        tokens = [asset for asset, amount in needed.items() if asset != COLLATERAL and amount < 0]
        held = self.local.balances(self.local.operator, tokens)
        lacking = max((-needed[token] - held.tokens_micro[token] for token in tokens), default=0)
        sets_micro = lacking + SETS_MICRO if lacking > 0 else 0
        if held.pusd_micro + min(needed[COLLATERAL], 0) < sets_micro:
            self.local.stock(STOCK_MICRO + sets_micro)
        if sets_micro:
            self.local.split(condition_id, sets_micro)


def is_wallet(account_id: str) -> bool:
    """Say whether an account is an address; the flow's have plain names."""
    return _WALLET.fullmatch(account_id) is not None


def _of_the_flow(moves: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    return {party: amount for party, amount in moves.items() if not is_wallet(party[0])}


def _token(asset: str) -> str:
    return "" if asset == COLLATERAL else asset
