"""Digests, signatures, headers and bodies against what the official client made, byte by byte."""

import json
import subprocess
import sys
from decimal import Decimal
from math import floor
from pathlib import Path

import pytest

from tests.signer.golden import (
    ADDRESS,
    API_KEY,
    DEPOSIT_WALLET,
    DOMAIN,
    VECTORS,
    domain_of,
    key,
    order_of,
)
from trading.engine.amounts import tick_decimals
from trading.engine.codes import Side
from trading.engine.units import unsigned_micro_from_text
from trading.signing.digests import (
    ORDER_TYPE,
    ORDER_TYPE_HASH,
    domain_separator,
    hash_and_signature,
    login_digest,
    nested_order_digest,
    order_digest,
    order_hash,
    order_signature,
)
from trading.signing.headers import (
    ApiCredentials,
    login_headers,
    request_headers,
    request_signature,
)
from trading.signing.orders import (
    SALT_MAX,
    InexactOrderError,
    SignatureType,
    Wallet,
    unsigned_order,
)
from trading.signing.wire import SignedOrder, order_body, orders_body

ORDERS = {one["label"]: one for one in VECTORS["orders"]}
OFFICIAL = Path(__file__).parent / "official_orders.py"
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
EOA = Wallet(maker=ADDRESS, signer=ADDRESS, signature_type=SignatureType.EOA)


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


@pytest.mark.parametrize("label", ORDERS)
class TestGoldenOrder:
    def test_has_the_domain_and_the_hash_of_the_client(self, label):
        vector = ORDERS[label]
        domain, order = domain_of(vector), order_of(vector["wire"])
        separator = domain_separator(137, vector["exchange"], vector["domain_version"])

        assert f"0x{separator.hex()}" == vector["domain_separator"]
        assert order_hash(order, domain) == vector["order_hash"]

    def test_has_the_signature_of_the_client(self, label):
        vector = ORDERS[label]
        domain, order = domain_of(vector), order_of(vector["wire"])
        signature = vector["wire"]["order"]["signature"]

        assert order_signature(order, domain, key().sign) == signature
        assert hash_and_signature(order, domain, key().sign) == (vector["order_hash"], signature)

    def test_has_the_body_of_the_client(self, label):
        wire = ORDERS[label]["wire"]
        signed = SignedOrder(
            order=order_of(wire), signature=wire["order"]["signature"], order_type="GTC"
        )

        assert order_body(signed, owner=API_KEY) == compact(wire)
        assert orders_body([signed, signed], owner=API_KEY) == compact([wire, wire])


def test_the_type_of_an_order_is_that_of_the_client():
    assert VECTORS["order_type_string"] == ORDER_TYPE
    assert f"0x{ORDER_TYPE_HASH.hex()}" == VECTORS["order_type_hash"]


def test_a_deposit_wallets_owner_signs_something_else_than_the_hash_of_the_order():
    order = order_of(ORDERS["standard_deposit_wallet_1271"]["wire"])

    assert nested_order_digest(order, DOMAIN) != order_digest(order, DOMAIN)


def test_a_signature_has_27_or_28_and_the_lower_half_of_the_curve():
    for number in range(64):
        signature = key().sign(number.to_bytes(32, "big"))

        assert len(signature) == 65
        assert signature[64] in (27, 28)
        assert int.from_bytes(signature[32:64], "big") <= CURVE_ORDER // 2


class TestHeaders:
    def test_of_a_login_are_those_of_the_client(self):
        known = VECTORS["l1_headers_timestamp_1795350000_nonce_0"]
        digest = login_digest(address=ADDRESS, timestamp_s=1795350000, nonce=0, chain_id=137)

        made = login_headers(
            address=ADDRESS,
            signature=f"0x{key().sign(digest).hex()}",
            timestamp_s=1795350000,
            nonce=0,
        )

        assert made == known
        assert list(made) == list(known)

    @pytest.mark.parametrize("vector", VECTORS["l2_hmac"], ids=lambda one: one["method"])
    def test_of_a_request_carry_the_clients_signature(self, vector):
        made = request_signature(
            vector["secret"],
            timestamp_s=vector["timestamp"],
            method=vector["method"],
            path=vector["path"],
            body=(vector["body"] or "").encode(),
        )

        assert made == vector["signature"]

    def test_show_no_secret_in_the_credentials_text(self):
        credentials = ApiCredentials(
            api_key=API_KEY, secret="c2VjcmV0LXNlY3JldA==", passphrase="open-sesame"
        )

        assert API_KEY not in repr(credentials)
        assert "c2Vj" not in repr(credentials)
        assert "sesame" not in repr(credentials)

    def test_refuse_a_secret_that_is_no_base64_without_repeating_it(self):
        with pytest.raises(ValueError, match="ask the venue for a key") as refused:
            ApiCredentials(api_key=API_KEY, secret="abcde", passphrase="open-sesame")

        assert "abcde" not in str(refused.value)


def plan(**changes):
    values = {
        "token_id": "123",
        "side": Side.BUY,
        "limit_micro": 480_000,
        "size_micro": 10_000_000,
        "tick_micro": 10_000,
        "market": True,
        "wallet": EOA,
        "salt": 7,
        "timestamp_ms": 1_795_350_000_123,
        "neg_risk": False,
    }
    return unsigned_order(**(values | changes))


class TestAnUnsignedOrder:
    @pytest.mark.parametrize(
        ("changes", "amounts"),
        [
            ({}, (4_800_000, 10_000_000)),
            ({"limit_micro": 570_000}, (5_700_000, 10_000_000)),  # 0.57: not lost here
            ({"side": Side.SELL}, (10_000_000, 4_800_000)),
            ({"market": False, "size_micro": 12_340_000}, (5_923_200, 12_340_000)),
            ({"limit_micro": 481_000, "tick_micro": 1_000}, (4_810_000, 10_000_000)),
        ],
    )
    def test_says_exactly_what_was_planned(self, changes, amounts):
        order = plan(**changes)

        assert (order.maker_micro, order.taker_micro) == amounts

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"size_micro": 10_010_000}, "10010000 shares at 480000 would become 10000000"),
            ({"market": False, "size_micro": 10_000_001}, "would become 10000000"),
            ({"side": Side.SELL, "size_micro": 10_000_001}, "would become 10000000"),
            ({"limit_micro": 485_000}, "the limit 485000 is not on the tick 10000"),
            ({"salt": SALT_MAX + 1}, "the salt is not from 0"),
            ({"salt": -1}, "the salt is not from 0"),
        ],
    )
    def test_is_refused_when_it_would_say_something_else(self, changes, why):
        with pytest.raises(InexactOrderError, match=why):
            plan(**changes)

    def test_of_a_deposit_wallet_names_the_wallet_twice(self):
        wallet = Wallet(
            maker=DEPOSIT_WALLET, signer=DEPOSIT_WALLET, signature_type=SignatureType.POLY_1271
        )

        order = plan(wallet=wallet)

        assert (order.maker, order.signer) == (DEPOSIT_WALLET, DEPOSIT_WALLET)
        assert order.signature_type is SignatureType.POLY_1271


def official(seed, count):
    done = subprocess.run(
        [sys.executable, str(OFFICIAL), str(seed), str(count)],
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def rebuilt(posted, wire):
    """Return the order with amounts of our own making, from what the client was asked for."""
    order = order_of(wire, neg_risk=posted["neg_risk"])
    price, size = (unsigned_micro_from_text(posted[name]) for name in ("price", "size"))
    return unsigned_order(
        token_id=order.token_id,
        side=order.side,
        limit_micro=price,
        size_micro=size,
        tick_micro=unsigned_micro_from_text(posted["tick"]),
        market=posted["market"],
        wallet=Wallet(maker=order.maker, signer=order.signer, signature_type=order.signature_type),
        salt=order.salt,
        timestamp_ms=order.timestamp_ms,
        neg_risk=order.neg_risk,
    )


def floats_lose(posted):
    """Say whether the client's floats cut off a unit: 0.57 times 100 is 56.99 to them."""
    price, size = Decimal(posted["price"]), Decimal(posted["size"])
    if not posted["market"]:
        return cut(size, 2)
    decimals = tick_decimals(unsigned_micro_from_text(posted["tick"])).price
    return cut(price, decimals) or cut(size * price, 2) or cut(size, 2)


def cut(number, decimals):
    return floor(float(number) * 10**decimals) != number * 10**decimals


def check_against_the_client(seed, count):
    """Make each order that the client posted again; return how often its floats lost a unit."""
    signing_key, lossy = key(), 0
    credentials = ApiCredentials(
        api_key=API_KEY,
        secret="c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ=",
        passphrase="0f1e2d3c",
    )
    for posted in official(seed, count):
        body = json.loads(posted["body"])
        wire = body[0] if posted["batch"] else body
        sent, planned = order_of(wire, neg_risk=posted["neg_risk"]), rebuilt(posted, wire)
        lossy += floats_lose(posted)
        assert planned == sent or floats_lose(posted)
        signed = SignedOrder(
            order=sent,
            signature=order_signature(sent, DOMAIN, signing_key.sign),
            order_type=wire["orderType"],
            post_only=wire["postOnly"],
        )
        made = (
            orders_body([signed, signed], owner=API_KEY)
            if posted["batch"]
            else order_body(signed, owner=API_KEY)
        )
        assert made == posted["body"].encode()
        headers = request_headers(
            credentials,
            address=ADDRESS,
            timestamp_s=int(posted["headers"]["poly_timestamp"]),
            method="POST",
            path=posted["path"],
            body=made,
        )
        assert {name.lower(): text for name, text in headers.items()} == posted["headers"]
    return lossy


def test_three_hundred_random_orders_leave_as_the_client_sends_them():
    assert check_against_the_client(seed=20_261_122, count=300) < 60


@pytest.mark.slow
def test_ten_thousand_random_orders_leave_as_the_client_sends_them():
    assert check_against_the_client(seed=1, count=10_000) < 2_000
