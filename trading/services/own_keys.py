"""Whether a number is the private key of a wallet of ours, told by the address that follows.

No key is read for that: the keystore says its address in clear.
"""

import json
from collections.abc import Callable

from django.conf import settings

from trading.signer.key import KeyRefusedError, SigningKey

KEYSTORE_BYTES_MAX = 65_536


def own_addresses() -> frozenset[str]:
    """Return the addresses of the keys that are known here, in lower case; none without a wallet.

    The key of the local venue is no secret: its money is play money.
    """
    found = set()
    if settings.WALLET_TYPE == "EOA" and settings.WALLET_FUNDER:
        found.add(settings.WALLET_FUNDER.lower())
    try:
        text = settings.SIGNER_KEYSTORE.read_bytes()[:KEYSTORE_BYTES_MAX]
        address = str(json.loads(text).get("address", "")).lower().removeprefix("0x")
        if len(address) == 40:
            found.add(f"0x{address}")
    except (OSError, ValueError, AttributeError):
        pass  # no keystore, or none that says an address
    return frozenset(found)


def opens_own_wallet() -> Callable[[str], bool] | None:
    """Return what says whether 64 hex digits are a key of ours, None while we have no wallet."""
    addresses = own_addresses()
    if not addresses:
        return None

    def opens(digits: str) -> bool:
        try:
            return SigningKey(bytes.fromhex(digits)).address.lower() in addresses
        except (KeyRefusedError, ValueError):
            return False

    return opens
