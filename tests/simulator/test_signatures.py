"""Hashes and signatures against what the official client 1.2.1 computed for a known key."""

import sys

import pytest

from trading.simulator.keys import ApiKey
from trading.simulator.signatures import (
    SignedOrder,
    deposit_wallet,
    login_is_signed,
    read_address,
)

ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
ORDER = {
    "salt": 479249096354,
    "maker": ADDRESS,
    "signer": ADDRESS,
    "tokenId": "104239898038807136052399800151408521467737075933964991162589336683346093173875",
    "makerAmount": "5200000",
    "takerAmount": "10000000",
    "side": "BUY",
    "signatureType": 0,
    "timestamp": "1795350000123",
    "metadata": "0x" + "00" * 32,
    "builder": "0x" + "00" * 32,
}
SIGNATURE = (
    "0xd2faa263818e537148470e56ece69b8b40ed8f6887bfcf9c22429c7678f81f67"
    "59b90eab29ef53c690bad7bef6c9943760c506d4efe50197c9e351e6030f6dfe1c"
)
WALLET = "0x" + "11" * 20
NESTED_SIGNATURE = (  # of the deposit wallet, as the official client makes it
    "0xe787cbb924029c5c39fb057ef9e3fe4015cc96b71c11ea1be47f54125ca85821"
    "5b7e08786912ca3f5695adc68bb6972e70e3598fcf59b47475c9b949044c0cb51b"
    "3264e159346253e26a64e00b69032db0e7d32f94628de3e6eecb50304d7af3d2"  # domain
    "d1d13869fb9ae0b07f016c371899df334f0f8626441aa5f59086a0e6b7d0c4cf"  # order
    + (
        b"Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,"
        b"uint256 takerAmount,uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,"
        b"bytes32 builder)"
    ).hex()
    + "00ba"
)
LOGIN_SIGNATURE = (
    "0x7eb7ecf72427e1251efa8a178c3f07ef9fe13bc5274d1b496f6fe3ccea7e5426"
    "34c762b75220b9ad921944c70fbad104107de4ae66989954c00e6c9f8cede15a1b"
)
EXCHANGE = "0xE111180000d2663C0091e4f400237545B87B996B"
NEG_RISK = "0xe2222d279d744050d28e00520010520000310F59"


def signed(exchange=EXCHANGE, chain_id=137, **changes):
    return SignedOrder(chain_id=chain_id, exchange=exchange, fields=ORDER | changes)


def login(**changes):
    values = {
        "chain_id": 137,
        "address": ADDRESS,
        "timestamp": "1795350000",
        "nonce": 0,
        "signature": LOGIN_SIGNATURE,
    }
    return login_is_signed(**(values | changes))


class TestOrder:
    def test_has_the_hash_that_the_client_computes(self):
        known = "0xd0256f3f3a1f5cb9104c4e472a0be9170db79a4b3ff8f68adf68dd8d18d5b7a9"

        assert signed().order_id == known

    def test_of_a_negative_risk_market_has_another_hash(self):
        known = "0x9f3e779f4d94d0b52d8e50fbdb96d53b0092353691cfdd93b91ec1a88f28923d"
        safe = {"maker": "0x" + "11" * 20, "signatureType": 2}

        assert signed(NEG_RISK, **safe).order_id == known

    def test_is_known_by_its_signer(self):
        assert signed().is_signed_by(ADDRESS, SIGNATURE)
        assert signed().is_signed_by(ADDRESS, SIGNATURE[:-2] + "01")  # 1 for 28, as some write it

    @pytest.mark.parametrize(
        "other",
        [signed(NEG_RISK), signed(chain_id=1), signed(side="SELL"), signed(salt=1)],
        ids=lambda one: one.order_id[:8],
    )
    def test_is_not_known_by_a_signature_of_another(self, other):
        assert not other.is_signed_by(ADDRESS, SIGNATURE)

    @pytest.mark.parametrize(
        "signature",
        [
            *("", "0x", SIGNATURE[2:], SIGNATURE[:-2], SIGNATURE + "00", SIGNATURE[:-2] + "1b"),
            *(SIGNATURE[:-2] + "ff", "0x" + "00" * 65, "0x" + "ff" * 65, SIGNATURE + "\n"),
            "0x" + "00" * 64 + "1b",
        ],
    )
    def test_is_not_known_by_what_is_no_signature(self, signature):
        assert not signed().is_signed_by(ADDRESS, signature)


class TestOrderOfADepositWallet:
    nested = {"maker": WALLET, "signer": WALLET, "signatureType": 3}

    def test_has_the_hash_that_the_client_computes(self):
        known = "0x834bc95117e996e131c4d711808d15347a112fb10641dab979257b32be33eb31"

        assert signed(**self.nested).order_id == known

    def test_is_known_by_its_owner(self):
        assert signed(**self.nested).is_signed_for(WALLET, ADDRESS, NESTED_SIGNATURE)

    @pytest.mark.parametrize(
        "change",
        [
            *({"exchange": NEG_RISK}, {"chain_id": 1}, {"salt": 1}, {"side": "SELL"}),
            {"makerAmount": "5200001"},
        ],
        ids=str,
    )
    def test_is_not_known_by_a_signature_of_another(self, change):
        other = signed(**(self.nested | change))

        assert not other.is_signed_for(WALLET, ADDRESS, NESTED_SIGNATURE)

    def test_is_not_known_for_another_wallet_or_by_another_owner(self):
        order = signed(**self.nested)

        assert not order.is_signed_for("0x" + "22" * 20, ADDRESS, NESTED_SIGNATURE)
        assert not order.is_signed_for(WALLET, NEG_RISK, NESTED_SIGNATURE)

    @pytest.mark.parametrize(
        "signature",
        [
            *("", "0x", NESTED_SIGNATURE[:132], NESTED_SIGNATURE[:-4], NESTED_SIGNATURE + "00"),
            *(NESTED_SIGNATURE[:-1] + "b", "0x" + "00" * 65 + NESTED_SIGNATURE[132:]),
            NESTED_SIGNATURE[2:],
        ],
        ids=lambda text: f"{len(text)} chars",
    )
    def test_is_not_known_by_what_is_no_signature(self, signature):
        assert not signed(**self.nested).is_signed_for(WALLET, ADDRESS, signature)

    def test_is_not_signed_by_the_plain_signature_of_its_owner(self):
        assert not signed(**self.nested).is_signed_for(WALLET, ADDRESS, SIGNATURE)
        assert not signed(**self.nested).is_signed_by(ADDRESS, NESTED_SIGNATURE[:132])


def test_each_owner_has_one_deposit_wallet_which_is_an_address_of_its_own():
    wallets = [deposit_wallet(owner) for owner in (ADDRESS, NEG_RISK, ADDRESS)]

    assert wallets[0] == wallets[2] != wallets[1]
    assert [read_address(wallet) for wallet in wallets] == wallets


class TestLogin:
    def test_is_known_by_its_signer(self):
        assert login()

    @pytest.mark.parametrize(
        "change", [{"chain_id": 1}, {"nonce": 1}, {"timestamp": "1795350001"}, {"signature": "0x"}]
    )
    def test_is_not_known_when_something_else_was_signed(self, change):
        assert not login(**change)


@pytest.mark.parametrize(
    ("method", "path", "body", "signature"),
    [
        ("DELETE", "/order", '{"orderID":"0xabc"}', "SgVbJVzEod9TaCRG_iwJOPmGysEQG_8_be3aa1ckrJc="),
        ("GET", "/data/orders", "", "AQCdnYU4fJw-ijRMADWvb1KhjL-Lg8IzpQn6rW5ZtT8="),
    ],
)
def test_the_key_signs_a_request_as_the_client_does(method, path, body, signature):
    key = ApiKey(
        api_key="1",
        address=ADDRESS,
        nonce=0,
        secret="c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ=",
        passphrase="2",
    )
    message = f"1795350000{method}{path}{body}".encode()

    assert key.signs(signature, message)
    assert not key.signs(signature, message + b" ")
    assert not key.signs("ä", message)


def test_an_address_is_read_in_any_case_and_nothing_else():
    assert read_address(ADDRESS.lower()) == ADDRESS
    assert [read_address(text) for text in ("", "0x12", ADDRESS + "0", ADDRESS[2:])] == [None] * 4


def test_the_recursion_limit_stays_as_it_is():
    # A library for signatures raises it so far that a nested text ends the process.
    assert sys.getrecursionlimit() < 10_000
