"""What is signed, and for each way to say no the request that is refused for that and no more."""

from dataclasses import replace

import pytest
from eth_hash.auto import keccak

from tests.signer.builders import (
    DEAD_EXCHANGE,
    NOTHING,
    NOW_NS,
    STRANGER,
    TODAY,
    approve,
    approve_all,
    merge,
    order,
    plain_policy,
    policy,
    redeem,
    sale,
    split,
    transaction,
)
from tests.signer.golden import ADDRESS, DOMAIN
from trading.signer import call_rules
from trading.signer.policy import (
    NS_PER_DAY,
    Allowed,
    BatchAsked,
    LoginAsked,
    OrdersAsked,
    TransactionAsked,
    decide,
    spend_of_day,
)
from trading.signer.terms import Code, DaySpend, Refused
from trading.signing.calls import Call
from trading.signing.orders import SignatureType

NOW_S = NOW_NS // 10**9
ABROAD = replace(DOMAIN, chain_id=1)
ELSEWHERE = replace(DOMAIN, neg_risk_exchange=STRANGER)


def orders(*several, domain=DOMAIN):
    return OrdersAsked(domain=domain, orders=several or (order(), order(salt=8)))


def batch(*calls, **changes):
    values = {"chain_id": 137, "nonce": 3, "deadline_s": NOW_S + 600, "calls": calls}
    return BatchAsked(**(values | changes))


def tx(call=None, **changes):
    return TransactionAsked(transaction=transaction(call, **changes))


def login(timestamp_s=NOW_S, nonce=0):
    return LoginAsked(timestamp_s=timestamp_s, nonce=nonce)


def decided(asked, rules=None, spend=NOTHING):
    return decide(asked, spend, rules or policy(), NOW_NS)


PLAIN = plain_policy()
PLAIN_ORDER = order(maker=ADDRESS, signer=ADDRESS, signature_type=SignatureType.EOA)


@pytest.mark.parametrize(
    ("asked", "rules"),
    [
        (orders(), policy()),
        (orders(*[order(maker_micro=1_000_000)] * 15), policy()),
        (orders(PLAIN_ORDER), PLAIN),
        (orders(sale(maker_micro=50_000_000)), policy()),
        (orders(order(neg_risk=True)), policy()),
        (orders(), policy(phase=0, play_money=True)),
        (login(), policy()),
        (login(NOW_S - 300), policy()),
        (tx(merge()), PLAIN),
        (tx(redeem()), PLAIN),
        (tx(split()), PLAIN),
        (tx(approve()), PLAIN),
        (tx(approve(), gas_limit=600_000, max_fee_per_gas_wei=500 * 10**9), PLAIN),
        (batch(merge()), policy()),
        (batch(approve(), approve_all(), redeem()), policy()),
        (batch(approve(amount_micro=100_000_000)), policy()),
        (batch(merge()), policy(phase=0)),  # what is held can be merged in every phase
        (batch(approve(DEAD_EXCHANGE, 0)), policy()),  # takes an allowance away
        (batch(approve_all(STRANGER, 0)), policy()),
    ],
)
def test_it_is_signed(asked, rules):
    assert isinstance(decided(asked, rules), Allowed)


REFUSED = [
    (Code.CHAIN_MISMATCH, orders(domain=ABROAD), policy()),
    (Code.CHAIN_MISMATCH, tx(chain_id=1), PLAIN),
    (Code.CHAIN_MISMATCH, batch(merge(), chain_id=1), policy()),
    (Code.EXCHANGE_UNKNOWN, orders(domain=ELSEWHERE), policy()),
    (Code.EXCHANGE_UNKNOWN, orders(domain=replace(DOMAIN, exchange=STRANGER)), policy()),
    (Code.EXCHANGE_UNKNOWN, orders(domain=replace(DOMAIN, version="3")), policy()),
    (Code.WALLET_MISMATCH, orders(order(maker=STRANGER)), policy()),
    (Code.WALLET_MISMATCH, orders(order(signer=ADDRESS)), policy()),
    (Code.WALLET_MISMATCH, orders(order(signature_type=SignatureType.POLY_PROXY)), policy()),
    (Code.WALLET_MISMATCH, orders(order()), PLAIN),
    (Code.WRONG_WALLET_KIND, tx(), policy()),
    (Code.WRONG_WALLET_KIND, batch(merge()), PLAIN),
    (Code.LOGIN_TIME_OFF, login(NOW_S - 301), policy()),
    (Code.LOGIN_TIME_OFF, login(NOW_S + 301), policy()),
    (Code.MALFORMED, login(nonce=-1), policy()),
    (Code.MALFORMED, tx(nonce=-1), PLAIN),
    (Code.MALFORMED, batch(merge(), nonce=2**60), policy()),
    (Code.PHASE_SIGNS_NO_ORDERS, orders(), policy(phase=0)),
    (Code.BATCH_EMPTY, OrdersAsked(domain=DOMAIN, orders=()), policy()),
    (Code.BATCH_EMPTY, batch(), policy()),
    (Code.BATCH_TOO_LONG, orders(*[order(maker_micro=1_000_000)] * 16), policy()),
    (Code.BATCH_TOO_LONG, orders(), policy(orders_per_batch_max=1)),
    (Code.BATCH_TOO_LONG, batch(*[merge()] * 4), policy()),
    (Code.ORDER_MALFORMED, orders(order(salt=2**53)), policy()),
    (Code.ORDER_MALFORMED, orders(order(salt=-1)), policy()),
    (Code.ORDER_MALFORMED, orders(order(token_id=str(2**256))), policy()),
    (Code.ORDER_MALFORMED, orders(order(token_id="0x12")), policy()),
    (Code.ORDER_MALFORMED, orders(order(token_id="٣")), policy()),
    (Code.ORDER_MALFORMED, orders(order(token_id="")), policy()),
    (Code.ORDER_MALFORMED, orders(order(maker_micro=0)), policy()),
    (Code.ORDER_MALFORMED, orders(order(taker_micro=-5)), policy()),
    (Code.ORDER_MALFORMED, orders(order(timestamp_ms=0)), policy()),
    (Code.PRICE_OUT_OF_RANGE, orders(order(taker_micro=4_800_000)), policy()),
    (Code.PRICE_OUT_OF_RANGE, orders(sale(taker_micro=10_000_000)), policy()),
    (Code.BUY_TOO_LARGE, orders(order(maker_micro=6_000_001)), policy()),
    (Code.SALE_TOO_LARGE, orders(sale(maker_micro=50_000_001)), policy()),
    (Code.DAY_SPENT, orders(*[order(maker_micro=5_000_001)] * 4), policy()),
    (Code.TARGET_UNKNOWN, batch(approve(target=STRANGER)), policy()),
    (Code.TARGET_UNKNOWN, tx(approve(target=STRANGER)), PLAIN),
    (Code.METHOD_UNKNOWN, batch(replace(merge(), data=b"\xa9\x05\x9c\xbb" + bytes(64))), policy()),
    (Code.METHOD_UNKNOWN, batch(replace(approve(), target=merge().target)), policy()),
    (Code.METHOD_UNKNOWN, batch(replace(merge(), data=b"")), policy()),
    (Code.ARGUMENTS_MALFORMED, batch(merge(more=b"\0")), policy()),
    (Code.ARGUMENTS_MALFORMED, batch(merge(more=bytes(32))), policy()),
    (Code.ARGUMENTS_MALFORMED, batch(merge(parent=1)), policy()),
    (Code.ARGUMENTS_MALFORMED, batch(merge(amount_micro=0)), policy()),
    (Code.ARGUMENTS_MALFORMED, batch(merge(outcomes=(2, 1, 1))), policy()),
    (Code.ARGUMENTS_MALFORMED, batch(approve_all(yes=2)), policy()),
    (Code.ARGUMENTS_MALFORMED, batch(approve_all(operator=0)), policy()),
    (Code.ARGUMENTS_MALFORMED, batch(approve(spender=2**160)), policy()),
    (Code.ARGUMENTS_MALFORMED, batch(replace(approve(), data=approve().data[:36])), policy()),
    (Code.CARRIES_VALUE, batch(replace(merge(), value_wei=1)), policy()),
    (Code.CARRIES_VALUE, tx(replace(merge(), value_wei=1)), PLAIN),
    (Code.COLLATERAL_UNKNOWN, batch(merge(collateral=STRANGER)), policy()),
    (Code.SPENDER_UNKNOWN, batch(approve(STRANGER)), policy()),
    (Code.SPENDER_UNKNOWN, batch(approve_all(STRANGER)), policy()),
    (Code.SPENDER_NEVER, batch(approve(DEAD_EXCHANGE)), policy()),
    (Code.SPENDER_NEVER, tx(approve_all(DEAD_EXCHANGE)), PLAIN),
    (Code.APPROVAL_UNLIMITED, batch(approve(amount_micro=2**256 - 1)), policy()),
    (Code.APPROVAL_TOO_LARGE, batch(approve(amount_micro=100_000_001)), policy()),
    (Code.SPLIT_TOO_LARGE, batch(split(10_000_001)), policy()),
    (Code.GAS_LIMIT_TOO_HIGH, tx(gas_limit=600_001), PLAIN),
    (Code.GAS_LIMIT_TOO_HIGH, tx(gas_limit=0), PLAIN),
    (Code.GAS_PRICE_TOO_HIGH, tx(max_fee_per_gas_wei=500 * 10**9 + 1), PLAIN),
    (Code.GAS_PRICE_TOO_HIGH, tx(max_priority_fee_per_gas_wei=100 * 10**9 + 1), PLAIN),
    (Code.DEADLINE_OFF, batch(merge(), deadline_s=NOW_S + 601), policy()),
    (Code.DEADLINE_OFF, batch(merge(), deadline_s=NOW_S), policy()),
]
# These are answers to what comes through the socket, and to a full disk: test_desk.py.
ELSEWHERE_TESTED = {Code.UNKNOWN_REQUEST, Code.TOO_LARGE, Code.SPEND_NOT_RECORDED}


@pytest.mark.parametrize(("code", "asked", "rules"), REFUSED)
def test_it_is_refused(code, asked, rules):
    refused = decided(asked, rules)

    assert isinstance(refused, Refused)
    assert refused.code is code
    assert refused.reason


def test_each_way_to_say_no_has_a_request_that_is_refused_for_it():
    assert {code for code, _, _ in REFUSED} == set(Code) - ELSEWHERE_TESTED


def test_an_unlimited_allowance_is_refused_even_by_a_policy_without_a_bound():
    rules = policy(approval_micro_max=2**63 - 1)

    refused = decided(batch(approve(amount_micro=2**256 - 1)), rules)

    assert refused.code is Code.APPROVAL_UNLIMITED


def test_a_refusal_names_the_order_that_it_is_about():
    refused = decided(orders(order(), order(maker_micro=6_000_001)))

    assert refused.reason == "orders[1]: 6000001 is above 6000000"


class TestTheDaysBound:
    def test_counts_the_dollars_of_buys(self):
        allowed = decided(orders(order(), order(), sale()))

        assert allowed.spend == DaySpend(day=TODAY, spent_micro=9_600_000)

    def test_may_be_reached_exactly(self):
        spend = DaySpend(day=TODAY, spent_micro=15_200_000)

        allowed = decided(orders(order()), spend=spend)

        assert allowed.spend.spent_micro == 20_000_000

    def test_refuses_one_millionth_more(self):
        spend = DaySpend(day=TODAY, spent_micro=15_200_001)

        assert decided(orders(order()), spend=spend).code is Code.DAY_SPENT

    def test_never_stops_a_sale(self):
        spend = DaySpend(day=TODAY, spent_micro=20_000_000)

        assert decided(orders(sale()), spend=spend).spend == spend

    def test_starts_anew_with_the_next_utc_day(self):
        spend = DaySpend(day=TODAY - 1, spent_micro=20_000_000)

        allowed = decided(orders(order()), spend=spend)

        assert allowed.spend == DaySpend(day=TODAY, spent_micro=4_800_000)

    def test_is_not_freed_by_a_clock_that_went_back(self):
        spend = DaySpend(day=TODAY, spent_micro=20_000_000)

        assert spend_of_day(spend, NOW_NS - NS_PER_DAY) == spend


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"orders_per_batch_max": 16}, "orders_per_batch_max: the venue takes 15"),
        ({"phase": 4}, "phase: there is none"),
        ({"phase": -1}, "phase: -1"),
        ({"day_buy_micro_max": 0}, "day_buy_micro_max: 0"),
        ({"approval_micro_max": 2**256 - 1}, "approval_micro_max: "),
        ({"maker": "0x12"}, "maker: '0x12' is not 20 bytes"),
        ({"spenders": (DEAD_EXCHANGE.lower(),)}, "spenders: one of them stands in never_approve"),
        ({"signature_type": SignatureType.EOA}, "maker: a plain wallet is its own maker"),
    ],
)
def test_a_policy_that_binds_nothing_is_refused_by_its_field(changes, field):
    with pytest.raises(ValueError, match=f"^{field}"):
        policy(**changes)


@pytest.mark.parametrize(
    ("selector", "method"),
    [
        (call_rules.APPROVE, "approve(address,uint256)"),
        (call_rules.APPROVE_ALL, "setApprovalForAll(address,bool)"),
        (call_rules.SPLIT, "splitPosition(address,bytes32,bytes32,uint256[],uint256)"),
        (call_rules.MERGE, "mergePositions(address,bytes32,bytes32,uint256[],uint256)"),
        (call_rules.REDEEM, "redeemPositions(address,bytes32,bytes32,uint256[])"),
    ],
)
def test_a_methods_four_bytes_are_those_of_its_name(selector, method):
    assert keccak(method.encode())[:4] == selector


def test_a_call_of_nothing_at_all_is_refused():
    nothing = Call(target="", value_wei=0, data=b"")

    assert decided(batch(nothing)).code is Code.TARGET_UNKNOWN
