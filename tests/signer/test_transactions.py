"""Transactions and batches of calls against what eth_account makes of them, byte by byte."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.signer.golden import key
from trading.signing.calls import Call, Transaction
from trading.signing.digests import wallet_batch_digest
from trading.signing.transactions import signed_transaction

OTHER = Path(__file__).parent / "eth_account_answers.py"


@pytest.fixture(scope="module")
def answers():
    done = subprocess.run(
        [sys.executable, str(OTHER), "20261122", "60"], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_sixty_random_transactions_are_those_of_eth_account(answers):
    for answer in answers["transactions"]:
        fields = answer["fields"]
        call = Call(
            target=fields["to"],
            value_wei=fields["value"],
            data=bytes.fromhex(fields["data"][2:]),
        )

        made = signed_transaction(
            Transaction(
                chain_id=fields["chainId"],
                nonce=fields["nonce"],
                max_priority_fee_per_gas_wei=fields["maxPriorityFeePerGas"],
                max_fee_per_gas_wei=fields["maxFeePerGas"],
                gas_limit=fields["gas"],
                call=call,
            ),
            key().sign,
        )

        assert made.raw.hex() == answer["raw"]
        assert made.transaction_hash == answer["hash"]


def test_sixty_random_batches_have_the_signature_of_eth_account(answers):
    for answer in answers["batches"]:
        message = answer["message"]
        calls = [
            Call(target=one["target"], value_wei=one["value"], data=bytes.fromhex(one["data"]))
            for one in message["calls"]
        ]

        digest = wallet_batch_digest(
            wallet=message["wallet"],
            nonce=message["nonce"],
            deadline_s=message["deadline"],
            calls=calls,
            chain_id=137,
        )

        assert f"0x{key().sign(digest).hex()}" == answer["signature"]


def test_what_is_no_address_is_refused():
    call = Call(target="0x1234", value_wei=0, data=b"")

    with pytest.raises(ValueError, match="20 bytes"):
        wallet_batch_digest(
            wallet="0x" + "11" * 20, nonce=0, deadline_s=1, calls=[call], chain_id=137
        )
