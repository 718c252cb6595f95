"""The vectors of the official client and the key that they were made with."""

import json
from pathlib import Path

from trading.engine.codes import Side
from trading.signer.key import SigningKey
from trading.signing.orders import SignatureType, SigningDomain, UnsignedOrder

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))
KEY_TEXT = VECTORS["private_key"]  # the first development key of Hardhat, known to everybody
ADDRESS = VECTORS["address"]
API_KEY = "f4f247b7-4ac7-ff29-a152-04fda0a8755a"
EXCHANGE = "0xE111180000d2663C0091e4f400237545B87B996B"
NEG_RISK_EXCHANGE = "0xe2222d279d744050d28e00520010520000310F59"
DEPOSIT_WALLET = "0x1111111111111111111111111111111111111111"
DOMAIN = SigningDomain(chain_id=137, exchange=EXCHANGE, neg_risk_exchange=NEG_RISK_EXCHANGE)


def key():
    return SigningKey.from_text(KEY_TEXT)


def domain_of(vector):
    exchange = vector["exchange"]
    return SigningDomain(
        chain_id=VECTORS["chain_id"],
        exchange=exchange,
        neg_risk_exchange=exchange,
        version=vector["domain_version"],
    )


def order_of(wire, *, neg_risk=False):
    """Return the order that a posted body carries."""
    fields = wire["order"]
    return UnsignedOrder(
        salt=fields["salt"],
        maker=fields["maker"],
        signer=fields["signer"],
        token_id=fields["tokenId"],
        maker_micro=int(fields["makerAmount"]),
        taker_micro=int(fields["takerAmount"]),
        side=Side(fields["side"]),
        signature_type=SignatureType(fields["signatureType"]),
        timestamp_ms=int(fields["timestamp"]),
        neg_risk=neg_risk,
    )
