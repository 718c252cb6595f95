"""Policies, orders and calls that differ from plain ones in what a test is about."""

from tests.signer.golden import ADDRESS, DEPOSIT_WALLET, EXCHANGE, NEG_RISK_EXCHANGE
from trading.engine.codes import Side
from trading.signer.terms import DaySpend, Policy
from trading.signing.calls import Call, Transaction
from trading.signing.orders import SignatureType, UnsignedOrder

NOW_NS = 1_795_350_000 * 10**9
TODAY = NOW_NS // (86_400 * 10**9)
NOTHING = DaySpend(day=TODAY, spent_micro=0)
PUSD = "0xC011a7E12a19f7B1f670d46F03B03f3342E82DFB"
TOKENS = "0x4D97DCd97eC945f40cF65F87097ACe5EA0476045"
ADAPTER = "0xAdA100Db00Ca00073811820692005400218FcE1f"
DEAD_EXCHANGE = "0x4bFb41d5B3570DeFd03C39a9A4D8dE6Bd8B8982E"
STRANGER = "0x2222222222222222222222222222222222222222"
CONDITION = 7


def policy(**changes):
    values = {
        "chain_id": 137,
        "owner": ADDRESS,
        "maker": DEPOSIT_WALLET,
        "signature_type": SignatureType.POLY_1271,
        "exchange": EXCHANGE,
        "neg_risk_exchange": NEG_RISK_EXCHANGE,
        "collateral": PUSD,
        "conditional_tokens": TOKENS,
        "set_targets": (ADAPTER,),
        "spenders": (EXCHANGE, NEG_RISK_EXCHANGE, ADAPTER),
        "never_approve": (DEAD_EXCHANGE,),
        "phase": 1,
        "play_money": False,
        "orders_per_batch_max": 15,
        "order_buy_micro_max": 6_000_000,
        "order_sale_micro_max": 50_000_000,
        "day_buy_micro_max": 20_000_000,
        "calls_per_batch_max": 3,
        "approval_micro_max": 100_000_000,
        "split_micro_max": 10_000_000,
        "gas_limit_max": 600_000,
        "fee_per_gas_wei_max": 500 * 10**9,
        "deadline_s_max": 600,
    }
    return Policy(**(values | changes))


def plain_policy(**changes):
    """The policy of a plain wallet."""
    return policy(**({"maker": ADDRESS, "signature_type": SignatureType.EOA} | changes))


def order(**changes):
    """A BUY of 10 shares for 4.80 dollars by the deposit wallet."""
    values = {
        "salt": 7,
        "maker": DEPOSIT_WALLET,
        "signer": DEPOSIT_WALLET,
        "token_id": "123",
        "maker_micro": 4_800_000,
        "taker_micro": 10_000_000,
        "side": Side.BUY,
        "signature_type": SignatureType.POLY_1271,
        "timestamp_ms": 1_795_350_000_123,
        "neg_risk": False,
    }
    return UnsignedOrder(**(values | changes))


def sale(**changes):
    return order(
        **({"side": Side.SELL, "maker_micro": 10_000_000, "taker_micro": 4_800_000} | changes)
    )


def words(*values):
    return b"".join(
        (int(one, 16) if isinstance(one, str) else one).to_bytes(32, "big") for one in values
    )


def approve(spender=EXCHANGE, amount_micro=50_000_000, target=PUSD):
    data = bytes.fromhex("095ea7b3") + words(spender, amount_micro)
    return Call(target=target, value_wei=0, data=data)


def approve_all(operator=EXCHANGE, yes=1, target=TOKENS):
    data = bytes.fromhex("a22cb465") + words(operator, yes)
    return Call(target=target, value_wei=0, data=data)


def split(amount_micro=5_000_000):
    data = words(PUSD, 0, CONDITION, 0xA0, amount_micro, 2, 1, 2)
    return Call(target=ADAPTER, value_wei=0, data=bytes.fromhex("72ce4275") + data)


def merge(amount_micro=5_000_000, collateral=PUSD, parent=0, outcomes=(2, 1, 2), more=b""):
    data = words(collateral, parent, CONDITION, 0xA0, amount_micro, *outcomes) + more
    return Call(target=ADAPTER, value_wei=0, data=bytes.fromhex("9e7212ad") + data)


def redeem():
    data = words(PUSD, 0, CONDITION, 0x80, 2, 1, 2)
    return Call(target=ADAPTER, value_wei=0, data=bytes.fromhex("01b7037c") + data)


def transaction(call=None, **changes):
    values = {
        "chain_id": 137,
        "nonce": 0,
        "max_priority_fee_per_gas_wei": 30 * 10**9,
        "max_fee_per_gas_wei": 100 * 10**9,
        "gas_limit": 400_000,
        "call": call or merge(),
    }
    return Transaction(**(values | changes))
