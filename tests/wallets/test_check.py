"""The lines of a wallet check: each can be ok, fail, and be unknown, which is never ok."""

import dataclasses

import pytest

from trading.engine.units import MICRO
from trading.wallets.approvals import Approval, Asset, Spenders, needed_approvals
from trading.wallets.check import check_lines
from trading.wallets.check_line import LineStatus, all_ok
from trading.wallets.facts import (
    OWN_BOOKS,
    EndpointSeen,
    NotSeen,
    Region,
    SignerSeen,
    WalletFacts,
    WalletWanted,
)
from trading.wallets.messages import Kind

OK, FAILED, UNKNOWN = LineStatus.OK, LineStatus.FAILED, LineStatus.UNKNOWN
OWNER, DEPOSIT, OLDER, DEAD = "0xAA", "0xBB", "0xCC", "0xDEAD"
SPENDERS = Spenders(exchange="0xE1", collateral_adapter="0xA1")
SIGNER = SignerSeen(address=OWNER, chain_id=137, exchange="0xe1", kind=Kind.DEPOSIT, wallet="0xbb")
OWN_SIGNER = dataclasses.replace(SIGNER, kind=Kind.EOA, wallet=OWNER)
NEEDED = needed_approvals(phase=1, standard=True, neg_risk=False, spenders=SPENDERS)
WANTED = WalletWanted(
    kind=Kind.DEPOSIT,
    chain_id=137,
    exchange="0xE1",
    endpoints_min=2,
    needed=NEEDED,
    never_approve=(DEAD,),
    balance_micro_min=10 * MICRO,
    balance_micro_max=20 * MICRO,
    allowance_micro_min=2 * MICRO,
    gas_wei_min=10**17,
)


def given(*more, exchange_micro=20 * MICRO, exchange_shares=1, adapter_shares=1):
    return (
        Approval(asset=Asset.COLLATERAL, spender="0xe1", name="exchange", micro=exchange_micro),
        Approval(asset=Asset.SHARES, spender="0xE1", name="exchange", micro=exchange_shares),
        Approval(asset=Asset.SHARES, spender="0xA1", name="adapter", micro=adapter_shares),
        *more,
    )


def endpoint(name, chain_id=137, problem=""):
    return EndpointSeen(name=name, chain_id=chain_id, problem=problem)


AWAY = EndpointSeen(name="two", chain_id=137, problem="no answer", in_use=False)
GOOD = WalletFacts(
    signer=SIGNER,
    funder=DEPOSIT,
    derived=(DEPOSIT, OLDER),
    deployed=True,
    endpoints=(endpoint("one"), endpoint("two")),
    block=100,
    pusd_micro=15 * MICRO,
    usdc_e_micro=0,
    approvals=given(),
    venue_micro=15 * MICRO,
    closed_only=False,
    region=Region(blocked=False, country="IE", region="L"),
    gas_wei=10**17,
    skew_ms=-1_999,
)


def lines(wanted=WANTED, **changes):
    found = check_lines(dataclasses.replace(GOOD, **changes), wanted)
    return {line.id: line for line in found}


def test_a_ready_wallet_is_ok_in_every_line():
    found = check_lines(GOOD, WANTED)

    assert all_ok(found)
    assert {line.next_step for line in found} == {""}
    assert [line.id for line in found] == [
        "signer",
        "signer_terms",
        "wallet",
        "rpc:one",
        "rpc:two",
        "rpc_count",
        "chain",
        "collateral",
        "usdc_e",
        "approval:exchange:collateral",
        "approval:exchange:shares",
        "approval:collateral_adapter:shares",
        "approvals_other",
        "venue_balance",
        "closed_only",
        "region",
        "clock",
    ]


def test_a_plain_wallet_is_ok_with_gas_of_its_own():
    wanted = dataclasses.replace(WANTED, kind=Kind.EOA)
    changes = {"signer": OWN_SIGNER, "funder": "0xaa", "deployed": False}
    found = check_lines(dataclasses.replace(GOOD, **changes), wanted)

    assert all_ok(found)
    assert "gas" in {line.id for line in found}


def test_no_lines_are_no_proof():
    assert not all_ok(())


FAILING = [
    ("signer_terms", {"signer": dataclasses.replace(SIGNER, chain_id=80_002)}, "chain 80002"),
    ("signer_terms", {"signer": dataclasses.replace(SIGNER, exchange="0xE2")}, "the exchange 0xE2"),
    ("signer_terms", {"signer": OWN_SIGNER}, "the wallet 0xAA (EOA)"),
    ("wallet", {"funder": "0xFF"}, "0xFF, which is not of the signer's key"),
    ("wallet", {"deployed": False}, "0xBB, not deployed"),
    (
        "rpc:one",
        {"endpoints": (endpoint("one", 80_002), endpoint("two"))},
        "chain 80002, 0 of 0 requests failed",
    ),
    ("rpc_count", {"endpoints": (endpoint("one"),)}, "1 of the right chain that answers"),
    ("rpc_count", {"endpoints": (endpoint("one"), AWAY)}, "1 of the right chain that answers"),
    ("collateral", {"pusd_micro": 10 * MICRO - 1}, "9.999999 pUSD"),
    ("collateral", {"pusd_micro": 20 * MICRO + 1}, "20.000001 pUSD"),
    ("usdc_e", {"usdc_e_micro": 1}, "0.000001 USDC.e"),
    ("approval:exchange:collateral", {"approvals": given(exchange_micro=0)}, "$0"),
    ("approval:exchange:collateral", {"approvals": given(exchange_micro=1_999_999)}, "$1.999999"),
    ("approval:exchange:collateral", {"approvals": given(exchange_micro=20_000_001)}, "$20.000001"),
    (
        "approval:exchange:collateral",
        {"approvals": given(exchange_micro=2**256 - 1)},
        "without limit",
    ),
    ("approval:exchange:shares", {"approvals": given(exchange_shares=0)}, "none"),
    ("approval:collateral_adapter:shares", {"approvals": given(adapter_shares=0)}, "none"),
    (
        "approvals_other",
        {
            "approvals": given(
                Approval(asset=Asset.COLLATERAL, spender="0xdead", name="old", micro=1)
            )
        },
        "forbidden old 0xdead: $0.000001",
    ),
    (
        "approvals_other",
        {"approvals": given(Approval(asset=Asset.SHARES, spender="0xR", name="router", micro=1))},
        "router 0xR: all outcome tokens",
    ),
    ("venue_balance", {"venue_micro": 14 * MICRO}, "venue 14, chain 15"),
    ("closed_only", {"closed_only": True}, "may only close positions"),
    ("region", {"region": Region(blocked=True, country="US", region="NY")}, "US NY, blocked"),
    ("clock", {"skew_ms": 2_000}, "2000 ms from the venue's"),
    ("clock", {"skew_ms": -2_000}, "-2000 ms from the venue's"),
]


@pytest.mark.parametrize(("line_id", "changes", "seen"), FAILING)
def test_what_is_wrong_fails_its_line_and_says_what_to_do(line_id, changes, seen):
    line = lines(**changes)[line_id]

    assert (line.status, line.seen) == (FAILED, seen)
    assert line.next_step


@pytest.mark.parametrize(
    "changes",
    [
        {"pusd_micro": 10 * MICRO},
        {"pusd_micro": 20 * MICRO},
        {"approvals": given(exchange_micro=2 * MICRO)},
        {"funder": OLDER, "signer": dataclasses.replace(SIGNER, wallet=OLDER)},
        {"skew_ms": 1_999},
    ],
)
def test_at_each_bound_it_is_ok(changes):
    found = lines(**changes)

    assert {line.status for line in found.values() if line.id != "venue_balance"} == {OK}


@pytest.mark.parametrize(
    ("field", "line_ids"),
    [
        ("signer", {"signer", "signer_terms"}),
        ("funder", {"signer_terms", "wallet"}),
        ("derived", {"wallet"}),
        ("deployed", {"wallet"}),
        ("block", {"chain"}),
        ("pusd_micro", {"collateral", "venue_balance"}),
        ("usdc_e_micro", {"usdc_e"}),
        (
            "approvals",
            {
                "approval:exchange:collateral",
                "approval:exchange:shares",
                "approval:collateral_adapter:shares",
                "approvals_other",
            },
        ),
        ("venue_micro", {"venue_balance"}),
        ("closed_only", {"closed_only"}),
        ("region", {"region"}),
        ("skew_ms", {"clock"}),
    ],
)
def test_what_is_not_seen_is_unknown_and_not_ok(field, line_ids):
    found = lines(**{field: NotSeen("nobody answers")})

    assert {line.id for line in found.values() if line.status is UNKNOWN} == line_ids
    assert not all_ok(tuple(found.values()))
    for line_id in line_ids:
        assert found[line_id].seen == "not known: nobody answers"
        assert found[line_id].next_step


def test_an_endpoint_that_does_not_answer_is_unknown():
    silent = endpoint("one", None, "no answer")

    assert lines(endpoints=(silent, endpoint("two")))["rpc:one"].status is UNKNOWN


def test_an_endpoint_that_stopped_answering_is_unknown():
    line = lines(endpoints=(endpoint("one"), AWAY))["rpc:two"]

    assert (line.status, line.seen) == (UNKNOWN, "not known: no answer")


def test_how_an_endpoint_does_is_told():
    seen = EndpointSeen(
        name="one", chain_id=137, problem="no answer", block=7, requests=12, errors=1
    )

    line = lines(endpoints=(seen, endpoint("two")))["rpc:one"]

    assert line.status is OK
    assert line.seen == "chain 137, block 7, 1 of 12 requests failed, the last time: no answer"


def test_on_its_own_books_nothing_of_a_chain_is_dropped_or_missed():
    changes = dict.fromkeys(("endpoints", "block", "usdc_e_micro", "gas_wei"), OWN_BOOKS)
    wanted = dataclasses.replace(WANTED, kind=Kind.EOA)
    found = lines(wanted, **changes, signer=OWN_SIGNER, funder=OWNER)

    assert all_ok(tuple(found.values()))
    for line_id in ("rpc_count", "chain", "usdc_e", "gas"):
        assert found[line_id].seen == "the venue settles on its own books: nothing to check"


class TestPlayMoney:
    wanted = dataclasses.replace(WANTED, more_is_harmless=True)

    def test_may_have_approvals_without_limit(self):
        more = Approval(asset=Asset.SHARES, spender="0xR", name="router", micro=1)
        found = lines(self.wanted, approvals=given(more, exchange_micro=2**256 - 1))

        assert all_ok(tuple(found.values()))
        assert found["approval:exchange:collateral"].seen == "without limit"
        assert found["approvals_other"].seen == "router 0xR: all outcome tokens"

    def test_may_not_have_too_little(self):
        found = lines(self.wanted, approvals=given(exchange_micro=1_999_999))

        assert found["approval:exchange:collateral"].status is FAILED

    def test_may_not_have_a_forbidden_one(self):
        dead = Approval(asset=Asset.COLLATERAL, spender="0xdead", name="old", micro=1)

        found = lines(self.wanted, approvals=given(dead))

        assert found["approvals_other"].status is FAILED


def test_an_approval_that_was_not_read_is_unknown():
    found = lines(approvals=given()[1:])

    assert found["approval:exchange:collateral"].status is UNKNOWN


class TestAPlainWallet:
    wanted = dataclasses.replace(WANTED, kind=Kind.EOA)

    def test_of_another_address_fails(self):
        assert lines(self.wanted, funder="0xFF")["wallet"].status is FAILED

    def test_of_an_unknown_signer_is_unknown(self):
        nobody = NotSeen("the signer is down")

        found = lines(self.wanted, signer=nobody, derived=nobody, funder="0xFF")

        assert found["wallet"].status is UNKNOWN

    def test_without_gas_money_fails(self):
        line = lines(self.wanted, signer=OWN_SIGNER, funder=OWNER, gas_wei=10**17 - 1)["gas"]

        assert (line.status, line.seen) == (FAILED, "0.099999 POL")

    def test_a_deposit_wallet_needs_no_gas_money(self):
        assert "gas" not in lines(gas_wei=0)


def test_shadow_needs_no_approval_and_a_left_over_one_fails():
    shadow = dataclasses.replace(WANTED, needed=(), balance_micro_min=0)

    assert lines(shadow)["approvals_other"].status is FAILED
    assert lines(shadow, approvals=())["approvals_other"].status is OK
