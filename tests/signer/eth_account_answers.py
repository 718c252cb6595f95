"""What eth_account makes of random transactions and batches, as JSON.

A process of its own, `python eth_account_answers.py SEED COUNT`: importing it raises Python's
recursion limit.
"""

import json
import random
import sys

from eth_account import Account
from eth_account.messages import encode_typed_data

KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
TYPES = {
    "EIP712Domain": [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
    ],
    "Batch": [
        {"name": "wallet", "type": "address"},
        {"name": "nonce", "type": "uint256"},
        {"name": "deadline", "type": "uint256"},
        {"name": "calls", "type": "Call[]"},
    ],
    "Call": [
        {"name": "target", "type": "address"},
        {"name": "value", "type": "uint256"},
        {"name": "data", "type": "bytes"},
    ],
}


def transaction(draw):
    fields = {
        "chainId": draw.choice((137, 31_337)),
        "nonce": draw.choice((0, 1, 127, 128, draw.getrandbits(40))),
        "maxPriorityFeePerGas": draw.choice((0, draw.getrandbits(36))),
        "maxFeePerGas": draw.getrandbits(38),
        "gas": draw.randint(21_000, 2_000_000),
        "to": Account.create(str(draw.random())).address,
        "value": draw.choice((0, draw.getrandbits(60))),
        "data": f"0x{draw.randbytes(draw.choice((0, 1, 55, 56, 68, 260, 70_000))).hex()}",
    }
    signed = Account.sign_transaction(fields, KEY)
    return {
        "fields": fields,
        "raw": signed.raw_transaction.hex().removeprefix("0x"),
        "hash": f"0x{signed.hash.hex().removeprefix('0x')}",
    }


def batch(draw):
    wallet = Account.create(str(draw.random())).address
    calls = [
        {
            "target": Account.create(str(draw.random())).address,
            "value": draw.choice((0, draw.getrandbits(60))),
            "data": draw.randbytes(draw.choice((0, 4, 68, 260))),
        }
        for _ in range(draw.randint(1, 5))
    ]
    message = {
        "wallet": wallet,
        "nonce": draw.getrandbits(30),
        "deadline": draw.getrandbits(31),
        "calls": calls,
    }
    domain = {
        "name": "DepositWallet",
        "version": "1",
        "chainId": 137,
        "verifyingContract": wallet,
    }
    typed = {"types": TYPES, "primaryType": "Batch", "domain": domain, "message": message}
    signed = Account.sign_message(encode_typed_data(full_message=typed), KEY)
    shown = [one | {"data": one["data"].hex()} for one in calls]
    return {
        "message": message | {"calls": shown},
        "signature": f"0x{signed.signature.hex().removeprefix('0x')}",
    }


if __name__ == "__main__":
    source = random.Random(int(sys.argv[1]))
    count = int(sys.argv[2])
    answers = {
        "transactions": [transaction(source) for _ in range(count)],
        "batches": [batch(source) for _ in range(count)],
    }
    sys.stdout.write(json.dumps(answers))
