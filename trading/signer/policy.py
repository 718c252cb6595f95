"""What is signed and what is not: one decision for each request, from the policy and the day.

Pure: the time and what was spent come in, the answer and the new spend go out. The order of asking
is the order of the codes in trading.signer.terms.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from trading.signer.call_rules import check_call
from trading.signer.terms import NUMBER_MAX, Code, DaySpend, Policy, Refused, same
from trading.signing.calls import Call, Transaction
from trading.signing.orders import SALT_MAX, SignatureType, SigningDomain, UnsignedOrder

DOMAIN_VERSION = "2"  # of the exchanges; "3" is a protocol that the engine does not trade on
LOGIN_SKEW_S_MAX = 300
NONCE_MAX = 2**53
TOKEN_DIGITS_MAX = 78
NS_PER_S = 1_000_000_000
NS_PER_DAY = 86_400 * NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginAsked:
    """A signature that makes or derives API keys."""

    timestamp_s: int
    nonce: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersAsked:
    """Orders that are signed all, or none of them."""

    domain: SigningDomain
    orders: Sequence[UnsignedOrder]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionAsked:
    """A transaction of a plain wallet."""

    transaction: Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAsked:
    """Calls of a deposit wallet, which the relayer sends."""

    chain_id: int
    nonce: int
    deadline_s: int
    calls: Sequence[Call]


Asked: TypeAlias = LoginAsked | OrdersAsked | TransactionAsked | BatchAsked


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """It may be signed, once `spend` is on record."""

    spend: DaySpend


def decide(asked: Asked, spend: DaySpend, policy: Policy, now_ns: int) -> Allowed | Refused:
    """Say whether a request is signed. Nothing is changed here; `Allowed` says what it costs."""
    if isinstance(asked, OrdersAsked):
        return _decide_orders(asked, spend, policy, now_ns)
    if isinstance(asked, LoginAsked):
        refused = _check_login(asked, now_ns)
    elif isinstance(asked, TransactionAsked):
        refused = _check_transaction(asked.transaction, policy)
    else:
        refused = _check_batch(asked, policy, now_ns)
    return refused or Allowed(spend=spend)


def spend_of_day(spend: DaySpend, now_ns: int) -> DaySpend:
    """Return what counts now: a new day starts at nothing, a clock that went back frees nothing."""
    today = now_ns // NS_PER_DAY
    return spend if today <= spend.day else DaySpend(day=today, spent_micro=0)


def _decide_orders(
    asked: OrdersAsked, spend: DaySpend, policy: Policy, now_ns: int
) -> Allowed | Refused:
    refused = _check_domain(asked.domain, policy) or _check_count(
        len(asked.orders), policy.orders_per_batch_max
    )
    if refused is not None:
        return refused
    if not policy.signs_orders:
        return _refused(Code.PHASE_SIGNS_NO_ORDERS, "phase 0 trades on paper only")
    for place, order in enumerate(asked.orders):
        refused = _check_order(order, policy)
        if refused is not None:
            return _refused(refused.code, f"orders[{place}]: {refused.reason}")
    spend = spend_of_day(spend, now_ns)
    buys_micro = sum(one.maker_micro for one in asked.orders if one.side == "BUY")
    spent_micro = spend.spent_micro + buys_micro
    if buys_micro and spent_micro > policy.day_buy_micro_max:
        return _refused(
            Code.DAY_SPENT,
            f"{buys_micro} more than the {spend.spent_micro} signed today would be above the "
            f"bound {policy.day_buy_micro_max}",
        )
    return Allowed(spend=DaySpend(day=spend.day, spent_micro=spent_micro))


def _check_domain(domain: SigningDomain, policy: Policy) -> Refused | None:
    if domain.chain_id != policy.chain_id:
        return _wrong_chain(domain.chain_id, policy)
    known = same(domain.exchange, policy.exchange) and same(
        domain.neg_risk_exchange, policy.neg_risk_exchange
    )
    if not known or domain.version != DOMAIN_VERSION:
        return _refused(Code.EXCHANGE_UNKNOWN, "the policy knows other exchanges than these")
    return None


def _check_order(order: UnsignedOrder, policy: Policy) -> Refused | None:
    wrong = _wrong_field(order)
    if wrong:
        return _refused(Code.ORDER_MALFORMED, f"{wrong} is out of its bounds")
    if not (
        same(order.maker, policy.maker)
        and same(order.signer, policy.order_signer)
        and order.signature_type == policy.signature_type
    ):
        return _refused(Code.WALLET_MISMATCH, "it is for another wallet than the policy's")
    is_buy = order.side == "BUY"
    dollars_micro, shares_micro = order.maker_micro, order.taker_micro
    if not is_buy:
        dollars_micro, shares_micro = shares_micro, dollars_micro
    if dollars_micro >= shares_micro:
        return _refused(Code.PRICE_OUT_OF_RANGE, "a share is worth less than one dollar")
    if is_buy and dollars_micro > policy.order_buy_micro_max:
        return _refused(
            Code.BUY_TOO_LARGE, f"{dollars_micro} is above {policy.order_buy_micro_max}"
        )
    if not is_buy and shares_micro > policy.order_sale_micro_max:
        return _refused(
            Code.SALE_TOO_LARGE, f"{shares_micro} is above {policy.order_sale_micro_max}"
        )
    return None


def _wrong_field(order: UnsignedOrder) -> str:
    """Return the field that no order can hold, empty when all are good."""
    token_id = order.token_id
    digits = token_id.isascii() and token_id.isdecimal() and len(token_id) <= TOKEN_DIGITS_MAX
    bounds = (
        ("salt", 0 <= order.salt <= SALT_MAX),
        ("token_id", digits and int(token_id) < 2**256),
        ("maker_micro", 0 < order.maker_micro <= NUMBER_MAX),
        ("taker_micro", 0 < order.taker_micro <= NUMBER_MAX),
        ("timestamp_ms", 0 < order.timestamp_ms <= NONCE_MAX),
    )
    return next((name for name, good in bounds if not good), "")


def _check_login(asked: LoginAsked, now_ns: int) -> Refused | None:
    if abs(asked.timestamp_s - now_ns // NS_PER_S) > LOGIN_SKEW_S_MAX:
        return _refused(
            Code.LOGIN_TIME_OFF, f"it is more than {LOGIN_SKEW_S_MAX} s off the signer's clock"
        )
    if not 0 <= asked.nonce <= NONCE_MAX:
        return _refused(Code.MALFORMED, "nonce is out of its bounds")
    return None


def _check_transaction(transaction: Transaction, policy: Policy) -> Refused | None:
    if policy.signature_type is not SignatureType.EOA:
        return _refused(Code.WRONG_WALLET_KIND, "the wallet's transactions go through the relayer")
    if transaction.chain_id != policy.chain_id:
        return _wrong_chain(transaction.chain_id, policy)
    if not 0 <= transaction.nonce <= NONCE_MAX:
        return _refused(Code.MALFORMED, "nonce is out of its bounds")
    if not 0 < transaction.gas_limit <= policy.gas_limit_max:
        return _refused(
            Code.GAS_LIMIT_TOO_HIGH, f"{transaction.gas_limit} is not 1 to {policy.gas_limit_max}"
        )
    price = transaction.max_fee_per_gas_wei
    if not 0 <= transaction.max_priority_fee_per_gas_wei <= price <= policy.fee_per_gas_wei_max:
        return _refused(
            Code.GAS_PRICE_TOO_HIGH,
            f"{price} is above {policy.fee_per_gas_wei_max}, or below its own priority fee",
        )
    return check_call(transaction.call, policy)


def _check_batch(asked: BatchAsked, policy: Policy, now_ns: int) -> Refused | None:
    if policy.signature_type is not SignatureType.POLY_1271:
        return _refused(Code.WRONG_WALLET_KIND, "only a deposit wallet sends batches")
    if asked.chain_id != policy.chain_id:
        return _wrong_chain(asked.chain_id, policy)
    refused = _check_count(len(asked.calls), policy.calls_per_batch_max)
    if refused is not None:
        return refused
    if not 0 <= asked.nonce <= NONCE_MAX:
        return _refused(Code.MALFORMED, "nonce is out of its bounds")
    if not 0 < asked.deadline_s - now_ns // NS_PER_S <= policy.deadline_s_max:
        return _refused(Code.DEADLINE_OFF, f"it is not within the next {policy.deadline_s_max} s")
    for place, call in enumerate(asked.calls):
        refused = check_call(call, policy)
        if refused is not None:
            return _refused(refused.code, f"calls[{place}]: {refused.reason}")
    return None


def _check_count(count: int, count_max: int) -> Refused | None:
    if count == 0:
        return _refused(Code.BATCH_EMPTY, "there is nothing in it")
    if count > count_max:
        return _refused(Code.BATCH_TOO_LONG, f"{count} are more than {count_max}")
    return None


def _wrong_chain(chain_id: int, policy: Policy) -> Refused:
    return _refused(Code.CHAIN_MISMATCH, f"chain {chain_id} is not the policy's {policy.chain_id}")


def _refused(code: Code, reason: str) -> Refused:
    return Refused(code=code, reason=reason)
