"""A wallet on the local venue's own books, where no transaction could approve anything.

Both doors are the local venue's alone: what a wallet has and allows, and allowing it.
"""

from dataclasses import dataclass

import msgspec

from polyarb_site.clock import Clock
from trading.adapters.failures import refused, secrets_of
from trading.adapters.http_reads import (
    Endpoint,
    HttpAnswer,
    HttpClient,
    HttpError,
    HttpSettings,
    RateLimiter,
)
from trading.signing.headers import ApiCredentials, request_headers
from trading.wallets.approvals import Approval, Asset
from trading.wallets.ledgers import BooksSeen
from trading.wallets.ports import ProbeError

PATH = "/simulator/approvals"
ANSWER_BYTES_MAX = 65_536
NS_PER_S = 1_000_000_000
DIGITS_MAX = 78  # of 2**256 - 1, which stands for an allowance without limit
ASSETS = {Asset.COLLATERAL: "COLLATERAL", Asset.SHARES: "CONDITIONAL"}
SETTINGS = HttpSettings(connect_ms=3_000, read_ms=5_000, total_ms=6_000)


class _Books(msgspec.Struct):
    balance: str
    allowances: dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksAccount:
    """Whose wallet it is: the address of the key, its API key, and the type of the wallet."""

    address: str
    credentials: ApiCredentials
    signature_type: int


class VenueBooks:
    """Asks the local venue in the account's name. Raises ProbeError."""

    def __init__(self, base_url: str, account: BooksAccount, clock: Clock) -> None:
        self._http = HttpClient(base_url, SETTINGS, clock)
        self._account = account
        self._clock = clock
        self._ends = {method: _endpoint(method) for method in ("GET", "POST")}

    async def read(self) -> BooksSeen:
        """Return the dollars of the wallet and everything that it allows."""
        params = [("signature_type", str(self._account.signature_type))]
        answer = await self._ask("GET", params=params)
        try:
            told = msgspec.json.decode(answer.body, type=_Books)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ProbeError(f"GET {PATH}: {error}"[:200]) from error
        return BooksSeen(
            pusd_micro=_whole(told.balance),
            allowed=tuple(
                (asset, spender, _whole(amount))
                for asset, word in ASSETS.items()
                for spender, amount in told.allowances.get(word, {}).items()
            ),
        )

    async def approve(self, approval: Approval) -> None:
        """Set one approval; repeating it changes nothing."""
        body = {
            "spender": approval.spender,
            "asset_type": ASSETS[approval.asset],
            "amount": str(approval.micro),
            "signature_type": self._account.signature_type,
        }
        await self._ask("POST", body=msgspec.json.encode(body))

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()

    async def _ask(
        self, method: str, *, params: list[tuple[str, str]] | None = None, body: bytes | None = None
    ) -> HttpAnswer:
        end, account = self._ends[method], self._account
        headers = request_headers(
            account.credentials,
            address=account.address,
            timestamp_s=self._clock.now_ns() // NS_PER_S,
            method=method,
            path=PATH,
            body=body or b"",
        )
        try:
            answer = await self._http.ask(end, PATH, params=params, body=body, headers=headers)
        except HttpError as error:
            problem = f"{end.name}: {error.text}"
        else:
            if answer.status == 200:
                return answer
            secrets = (headers["POLY_SIGNATURE"], *secrets_of(account.credentials))
            problem = str(refused(end.name, answer.status, answer.body, 0, secrets))
        # Outside the handler, so that nothing of the request hangs on to the failure.
        raise ProbeError(problem)


def _endpoint(method: str) -> Endpoint:
    limiter = RateLimiter(requests=100, window_ms=1_000)
    return Endpoint(
        name=f"{method} {PATH}", method=method, limiter=limiter, body_bytes_max=ANSWER_BYTES_MAX
    )


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX):
        raise ProbeError(f"GET {PATH}: {text!r:.40} is not an amount in base units")
    return int(text)
