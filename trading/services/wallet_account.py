"""The account as signer and venue know it: who signs, and what the venue tells only to itself.

The signer answers every process of its own user on its own host. Beside the engine these are the
jobs cluster and the wallet's commands: for a check they ask whose key it holds and on what terms,
and for the signature of a login; only `wallet_approve` asks for more. The web process asks it for
nothing. What the venue gives for a login, its API key, stays in the memory of this object.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from django.conf import settings

from polyarb_site.clock import Clock
from trading.adapters.clob_private import ClobPrivate
from trading.adapters.failures import CallFailed
from trading.adapters.live_parts import COLLATERAL
from trading.adapters.private_limits import PrivateSettings
from trading.services.wallet_place import WalletPlace, relayer_key
from trading.signer.client import SignerClient, SignerDown
from trading.signer.terms import Refused
from trading.signing.headers import ApiCredentials
from trading.signing.orders import SignatureType
from trading.wallets.books import BooksAccount, VenueBooks
from trading.wallets.facts import SignerSeen
from trading.wallets.ledgers import BooksSeen
from trading.wallets.messages import Kind
from trading.wallets.ports import ProbeError
from trading.wallets.relayer_api import RelayerKey

Value = TypeVar("Value")
KINDS = {SignatureType.EOA: Kind.EOA, SignatureType.POLY_1271: Kind.DEPOSIT}
SIGNATURE_TYPES = {kind: int(kind_id) for kind_id, kind in KINDS.items()}


def signer_socket(place: WalletPlace) -> Path:
    """Return where the signer of a place answers."""
    return settings.SIGNER_PLAY_SOCKET if place.play_money else settings.SIGNER_SOCKET


@dataclass(frozen=True, slots=True, kw_only=True)
class _Login:
    private: ClobPrivate
    credentials: ApiCredentials
    address: str


class VenueAccount:
    """Asks signer and venue in the name of one account. Each question raises ProbeError."""

    def __init__(self, place: WalletPlace, clock: Clock) -> None:
        self._place = place
        self._clock = clock
        self.client = SignerClient(signer_socket(place))
        self._signer: SignerSeen | ProbeError | None = None
        self._login: _Login | ProbeError | None = None
        self._books: VenueBooks | None = None

    async def signer(self) -> SignerSeen:
        """Return whose key the signer holds and what it signs for."""
        if self._signer is None:
            try:
                self._signer = await self._ask_signer()
            except ProbeError as error:
                self._signer = error
        return _or_raise(self._signer)

    async def wallet(self) -> tuple[Kind, str]:
        """Return the kind of the wallet and its address, empty for the one that follows by itself.

        The play wallet is the one that its signer was made for; that of real money is set.
        """
        if self._place.play_money:
            try:
                seen = await self.signer()
            except ProbeError:
                pass
            else:
                return seen.kind, seen.wallet
        return Kind(settings.WALLET_TYPE), settings.WALLET_FUNDER

    async def collateral_micro(self) -> int:
        """Return the venue's view of the collateral, as it is without being asked to look again."""
        kind, _ = await self.wallet()
        login = await self._logged_in()
        try:
            told = await login.private.balance(COLLATERAL, SIGNATURE_TYPES[kind])
        except CallFailed as failure:
            raise ProbeError(str(failure)) from None
        return told.balance_micro

    async def closed_only(self) -> bool:
        """Return whether the account may only close positions."""
        login = await self._logged_in()
        try:
            return await login.private.closed_only()
        except CallFailed as failure:
            raise ProbeError(str(failure)) from None

    async def let_it_look_again(self) -> None:
        """Have the venue read the chain anew: it refuses orders by its own view."""
        kind, _ = await self.wallet()
        login = await self._logged_in()
        try:
            await login.private.refresh_balance(COLLATERAL, SIGNATURE_TYPES[kind])
        except CallFailed as failure:
            raise ProbeError(str(failure)) from None

    async def books(self) -> BooksSeen:
        """Return what the venue's own books have of the wallet."""
        return await (await self.own_books()).read()

    async def own_books(self) -> VenueBooks:
        """Return the door to the venue's own books."""
        if self._books is None:
            kind, _ = await self.wallet()
            login = await self._logged_in()
            account = BooksAccount(
                address=login.address,
                credentials=login.credentials,
                signature_type=SIGNATURE_TYPES[kind],
            )
            self._books = VenueBooks(self._place.venue.hosts.clob, account, self._clock)
        return self._books

    async def relayer_key(self) -> RelayerKey | None:
        """Return the key of the relayer's API. The local venue's takes the one of the login."""
        if not self._place.play_money:
            return relayer_key()
        login = await self._logged_in()
        return RelayerKey(key=login.credentials.api_key, address=login.address)

    async def close(self) -> None:
        """Close every connection."""
        self.client.close()
        if self._books is not None:
            await self._books.close()
        if isinstance(self._login, _Login):
            await self._login.private.close()

    async def _ask_signer(self) -> SignerSeen:
        try:
            hello = await self.client.hello()
        except SignerDown as down:
            raise ProbeError(str(down)) from down
        policy = hello.policy
        if policy.signature_type not in KINDS:
            kind_id = int(policy.signature_type)
            raise ProbeError(f"the signer signs for wallets of type {kind_id}; only 0 and 3 trade")
        return SignerSeen(
            address=hello.address,
            chain_id=policy.chain_id,
            exchange=policy.exchange,
            kind=KINDS[policy.signature_type],
            wallet=policy.maker,
        )

    async def _logged_in(self) -> _Login:
        """Log in when that was not tried yet; a login that failed is not tried again."""
        if self._login is None:
            try:
                self._login = await self._log_in()
            except ProbeError as error:
                self._login = error
        return _or_raise(self._login)

    async def _log_in(self) -> _Login:
        address = (await self.signer()).address
        hosts, private_settings = self._place.venue.hosts, PrivateSettings()
        private = ClobPrivate(hosts.clob, private_settings, self._clock, address=address)

        async def sign_login(timestamp_s: int, nonce: int) -> str:
            answer = await self.client.sign_login(timestamp_s=timestamp_s, nonce=nonce)
            if isinstance(answer, Refused):
                raise SignerDown(f"{answer.code}: {answer.reason}", permanent=True)
            return answer.signature

        try:
            credentials = await private.login(sign_login)
        except CallFailed as failure:
            problem = f"the venue does not let us in: {failure}"
        except SignerDown as down:
            problem = f"the signer signs no login: {down}"
        else:
            return _Login(private=private, credentials=credentials, address=address)
        await private.close()
        raise ProbeError(problem)


def _or_raise(value: Value | ProbeError) -> Value:
    if isinstance(value, ProbeError):
        raise value
    return value
