"""Which calls of contracts are signed: exact allowances, and sets that are split, merged, redeemed.

Arguments are read word by word and have to be written the one plain way: what could be read in two
ways is refused. Sources: polymarket.md sections 1 and 9 for the methods, the Solidity ABI for their
encoding.
"""

from collections.abc import Callable

from trading.signer.terms import Code, Policy, Refused, among, same
from trading.signing.calls import Call

APPROVE = bytes.fromhex("095ea7b3")  # approve(address,uint256)
APPROVE_ALL = bytes.fromhex("a22cb465")  # setApprovalForAll(address,bool)
SPLIT = bytes.fromhex("72ce4275")  # splitPosition(address,bytes32,bytes32,uint256[],uint256)
MERGE = bytes.fromhex("9e7212ad")  # mergePositions(address,bytes32,bytes32,uint256[],uint256)
REDEEM = bytes.fromhex("01b7037c")  # redeemPositions(address,bytes32,bytes32,uint256[])
UNLIMITED = 2**256 - 1
_WORD = 32
_BOTH_OUTCOMES = [2, 1, 2]  # the length of the list and its two members


def check_call(call: Call, policy: Policy) -> Refused | None:
    """Return why a call is not signed, None when it may be."""
    if call.value_wei != 0:
        return Refused(code=Code.CARRIES_VALUE, reason="no call here may send coins of the chain")
    rules = _rules_of(call.target, policy)
    if rules is None:
        return Refused(
            code=Code.TARGET_UNKNOWN, reason=f"the policy knows no contract {call.target!r:.60}"
        )
    rule = rules.get(call.data[:4])
    if rule is None:
        return Refused(
            code=Code.METHOD_UNKNOWN,
            reason=f"method 0x{call.data[:4].hex()} of {call.target} is not one that is signed",
        )
    words = _words(call.data[4:])
    if words is None:
        return _malformed("are not whole words")
    return rule(words, policy)


Rule = Callable[[list[int], Policy], Refused | None]


def _rules_of(target: str, policy: Policy) -> dict[bytes, Rule] | None:
    if same(target, policy.collateral):
        return {APPROVE: _approve}
    if same(target, policy.conditional_tokens):
        return {APPROVE_ALL: _approve_all}
    if among(target, policy.set_targets):
        return {SPLIT: _split, MERGE: _merge, REDEEM: _redeem}
    return None


def _approve(words: list[int], policy: Policy) -> Refused | None:
    if len(words) != 2:
        return _malformed("are not a spender and an amount")
    spender, amount_micro = _address(words[0]), words[1]
    if spender is None:
        return _malformed("name no spender")
    if amount_micro == UNLIMITED:
        return Refused(code=Code.APPROVAL_UNLIMITED, reason="an allowance needs an exact amount")
    if amount_micro == 0:
        return None  # takes an allowance away, from whomever
    if amount_micro > policy.approval_micro_max:
        return Refused(
            code=Code.APPROVAL_TOO_LARGE,
            reason=f"{amount_micro} is above the bound {policy.approval_micro_max}",
        )
    return _check_spender(spender, policy)


def _approve_all(words: list[int], policy: Policy) -> Refused | None:
    if len(words) != 2 or words[1] not in (0, 1):
        return _malformed("are not an operator and a yes or no")
    operator = _address(words[0])
    if operator is None:
        return _malformed("name no operator")
    return _check_spender(operator, policy) if words[1] else None


def _check_spender(spender: str, policy: Policy) -> Refused | None:
    if among(spender, policy.never_approve):
        return Refused(code=Code.SPENDER_NEVER, reason=f"{spender} must never get an allowance")
    if not among(spender, policy.spenders):
        return Refused(code=Code.SPENDER_UNKNOWN, reason=f"the policy knows no spender {spender}")
    return None


def _split(words: list[int], policy: Policy) -> Refused | None:
    refused = _check_set(words, policy, with_amount=True)
    if refused is None and words[4] > policy.split_micro_max:
        return Refused(
            code=Code.SPLIT_TOO_LARGE,
            reason=f"{words[4]} is above the bound {policy.split_micro_max}",
        )
    return refused


def _merge(words: list[int], policy: Policy) -> Refused | None:
    return _check_set(words, policy, with_amount=True)


def _redeem(words: list[int], policy: Policy) -> Refused | None:
    return _check_set(words, policy, with_amount=False)


def _check_set(words: list[int], policy: Policy, *, with_amount: bool) -> Refused | None:
    """Check collateral, no parent, condition, place of the list, perhaps an amount, the list."""
    head = 5 if with_amount else 4
    if len(words) != head + len(_BOTH_OUTCOMES):
        return _malformed("are not those of a set of two outcomes")
    collateral = _address(words[0])
    if collateral is None or not same(collateral, policy.collateral):
        return Refused(code=Code.COLLATERAL_UNKNOWN, reason="the set is not of our collateral")
    if words[1] != 0 or words[3] != head * _WORD or words[head:] != _BOTH_OUTCOMES:
        return _malformed("are not those of both outcomes of one condition")
    if with_amount and words[4] == 0:
        return _malformed("say an amount of nothing")
    return None


def _words(data: bytes) -> list[int] | None:
    if len(data) % _WORD:
        return None
    return [
        int.from_bytes(data[start : start + _WORD], "big") for start in range(0, len(data), _WORD)
    ]


def _address(word: int) -> str | None:
    return f"0x{word:040x}" if 0 < word < 2**160 else None


def _malformed(what: str) -> Refused:
    return Refused(code=Code.ARGUMENTS_MALFORMED, reason=f"the arguments {what}")
