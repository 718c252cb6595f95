"""The policy as a person writes it, and each mistake by its name."""

from pathlib import Path

import pytest

from polyarb_site.yaml_files import read_yaml
from tests.signer.builders import ADAPTER, STRANGER
from tests.signer.golden import ADDRESS, EXCHANGE
from trading.config.venues import venue_settings
from trading.signer.policy_file import PolicyFileError, policy_from
from trading.signing.orders import SignatureType

CONFIG = Path(__file__).resolve().parents[2] / "config"
VENUE = venue_settings(read_yaml(CONFIG / "venues.yaml"))
EXAMPLE = read_yaml(CONFIG / "signer.example.yaml")


def test_the_example_is_a_policy_that_signs_no_orders():
    policy = policy_from(EXAMPLE, VENUE)

    assert (policy.chain_id, policy.signs_orders) == (137, False)
    assert (policy.order_buy_micro_max, policy.order_sale_micro_max) == (6_000_000, 50_000_000)
    assert policy.fee_per_gas_wei_max == 500 * 10**9
    assert policy.signature_type is SignatureType.POLY_1271


def test_the_contracts_are_those_of_the_venue():
    policy = policy_from(EXAMPLE, VENUE)

    assert policy.exchange == EXCHANGE
    assert policy.collateral == VENUE.contracts.pusd
    assert policy.conditional_tokens == VENUE.contracts.conditional_tokens
    assert policy.set_targets == (ADAPTER, VENUE.contracts.neg_risk_collateral_adapter)
    assert policy.spenders == (EXCHANGE, VENUE.contracts.neg_risk_exchange, *policy.set_targets)
    assert policy.never_approve == VENUE.never_approve


def test_play_money_may_name_the_contracts_of_a_chain_of_its_own():
    local = {"chain_id": 31_337, "collateral_adapter": STRANGER}

    policy = policy_from(EXAMPLE | {"play_money": True, "local": local}, VENUE)

    assert policy.chain_id == 31_337
    assert STRANGER in policy.set_targets
    assert STRANGER in policy.spenders
    assert ADAPTER not in policy.set_targets
    assert policy.exchange == EXCHANGE


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"local": {"chain_id": 1}}, "local: is for play money only"),
        ({"play_money": True, "local": {"router": STRANGER}}, "local.router: is no key here"),
        ({"play_money": True, "local": {"pusd": 12}}, "local.pusd: 12 is not a text"),
        ({"play_money": True, "local": {"chain_id": "1"}}, "local.chain_id: '1' is not a whole"),
        ({"play_money": True, "local": [1]}, "local: is not a block"),
        ({"play_money": 1}, "play_money: 1 is not true or false"),
        ({"max_day": "5"}, "max_day: is no key here"),
        ({"owner": 12}, "owner: 12 is not a text"),
        ({"owner": "0x12"}, "owner: '0x12' is not 20 bytes"),
        ({"signature_type": 4}, "signature_type: is not 0"),
        ({"signature_type": 0}, "maker: a plain wallet is its own maker"),
        ({"phase": True}, "phase: True is not a whole number"),
        ({"order_buy_max": 6}, "order_buy_max: 6 is not a text in quotes"),
        ({"order_buy_max": "-6"}, "order_buy_max: must not be negative"),
        ({"day_buy_max": "0"}, "day_buy_micro_max: 0 is not from 1"),
        ({"orders_per_batch_max": 16}, "orders_per_batch_max: the venue takes 15"),
    ],
)
def test_a_mistake_is_refused_by_its_field(changes, why):
    with pytest.raises(PolicyFileError, match=f"^{why}"):
        policy_from(EXAMPLE | changes, VENUE)


@pytest.mark.parametrize("name", [name for name in EXAMPLE if name != "local"])
def test_a_missing_key_is_refused(name):
    mapping = {key: value for key, value in EXAMPLE.items() if key != name}

    with pytest.raises(PolicyFileError, match=f"^{name}: is missing"):
        policy_from(mapping, VENUE)


def test_a_plain_wallet_is_its_own_maker():
    plain = EXAMPLE | {"signature_type": 0, "owner": ADDRESS, "maker": ADDRESS}

    assert policy_from(plain, VENUE).order_signer == ADDRESS
