"""Calls of contracts, as a wallet makes them: alone in a transaction, or several in a batch."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a contract: the method's four bytes and its arguments are in `data`."""

    target: str
    value_wei: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One call from the wallet's own address, and the most that it may cost."""

    chain_id: int
    nonce: int
    max_priority_fee_per_gas_wei: int
    max_fee_per_gas_wei: int
    gas_limit: int
    call: Call
