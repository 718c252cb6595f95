"""The headers that say who asks: signed by the wallet (L1) or by an API key (L2).

Source: polymarket.md section 3. The body that is signed has to be the bytes that are sent.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCredentials:
    """An API key of the venue. The secret is url-safe base64; neither it nor the passphrase shows.

    Raises ValueError, which does not repeat it, when the secret is no base64.
    """

    api_key: str = field(repr=False)
    secret: str = field(repr=False)
    passphrase: str = field(repr=False)

    def __post_init__(self) -> None:
        """Find a damaged secret now instead of at the first order."""
        try:
            urlsafe_b64decode(self.secret)
        except ValueError:
            raise ValueError("secret: is not url-safe base64; ask the venue for a key") from None


def login_headers(*, address: str, signature: str, timestamp_s: int, nonce: int) -> dict[str, str]:
    """Return the L1 headers, for making and deriving API keys."""
    return {
        "POLY_ADDRESS": address,
        "POLY_SIGNATURE": signature,
        "POLY_TIMESTAMP": str(timestamp_s),
        "POLY_NONCE": str(nonce),
    }


def request_signature(
    secret: str, *, timestamp_s: int, method: str, path: str, body: bytes = b""
) -> str:
    """Return the HMAC over one request. `path` is without host and query."""
    message = f"{timestamp_s}{method}{path}".encode() + body
    return urlsafe_b64encode(hmac.digest(urlsafe_b64decode(secret), message, "sha256")).decode()


def request_headers(
    credentials: ApiCredentials,
    *,
    address: str,
    timestamp_s: int,
    method: str,
    path: str,
    body: bytes = b"",
) -> dict[str, str]:
    """Return the L2 headers of one request. `address` is the owner's, also for other wallets."""
    return {
        "POLY_ADDRESS": address,
        "POLY_SIGNATURE": request_signature(
            credentials.secret, timestamp_s=timestamp_s, method=method, path=path, body=body
        ),
        "POLY_TIMESTAMP": str(timestamp_s),
        "POLY_API_KEY": credentials.api_key,
        "POLY_PASSPHRASE": credentials.passphrase,
    }
