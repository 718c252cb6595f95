"""Asks the signer: one connection, made when it is needed and made again when it was lost.

Nothing is asked twice by itself. A request whose answer did not come may have been signed and
counted; only the caller knows whether it still wants it.
"""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar, cast

import msgspec

from trading.signer.protocol import (
    FRAME_BYTES_MAX,
    LENGTH_BYTES,
    VERSION,
    Answer,
    HelloAnswer,
    HelloRequest,
    LoginAnswer,
    LoginRequest,
    OrdersAnswer,
    OrderSignature,
    OrdersRequest,
    RefusedAnswer,
    Request,
    TransactionAnswer,
    TransactionRequest,
    WalletBatchAnswer,
    WalletBatchRequest,
    frame,
    read_answer,
)
from trading.signer.terms import Refused
from trading.signing.calls import Call, Transaction
from trading.signing.digests import order_hash
from trading.signing.orders import SigningDomain, UnsignedOrder
from trading.signing.transactions import SignedTransaction

Wanted = TypeVar("Wanted", bound=msgspec.Struct)


class SignerDown(Exception):  # noqa: N818 - the word that the engine's states use
    """The signer gave no answer that can be used.

    `permanent` says that trying again helps nobody: it speaks another version, or answers for
    orders that nobody asked about. Otherwise it may be starting again.
    """

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


class SignerClient:
    """The signer behind one socket. Requests may overlap; each has `timeout_s`, connecting too."""

    def __init__(self, path: Path, *, timeout_s: float = 2.0) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._connection: _Connection | None = None
        self._connecting = asyncio.Lock()
        self._last_id = 0

    async def hello(self) -> HelloAnswer:
        """Return who signs and on what terms. Raises SignerDown."""
        answer = await self._ask(HelloRequest(id=self._next_id()))
        if not isinstance(answer, HelloAnswer) or answer.version != VERSION:
            raise SignerDown("the signer speaks another version; restart it", permanent=True)
        return answer

    async def sign_login(self, *, timestamp_s: int, nonce: int) -> LoginAnswer | Refused:
        """Have a login for API keys signed. Raises SignerDown."""
        request = LoginRequest(id=self._next_id(), timestamp_s=timestamp_s, nonce=nonce)
        return _expected(await self._ask(request), LoginAnswer)

    async def sign_orders(
        self, domain: SigningDomain, orders: Sequence[UnsignedOrder]
    ) -> tuple[OrderSignature, ...] | Refused:
        """Have orders signed, all or none; the answers are in the same order. Raises SignerDown."""
        request = OrdersRequest(id=self._next_id(), domain=domain, orders=list(orders))
        answer = _expected(await self._ask(request), OrdersAnswer)
        if isinstance(answer, Refused):
            return answer
        hashes = [order_hash(order, domain) for order in orders]
        if [one.order_hash for one in answer.signed] != hashes:
            raise SignerDown("the signer answered for other orders", permanent=True)
        return answer.signed

    async def sign_transaction(self, transaction: Transaction) -> SignedTransaction | Refused:
        """Have a transaction of a plain wallet signed. Raises SignerDown."""
        request = TransactionRequest(id=self._next_id(), transaction=transaction)
        answer = _expected(await self._ask(request), TransactionAnswer)
        if isinstance(answer, Refused):
            return answer
        return SignedTransaction(raw=answer.raw, transaction_hash=answer.transaction_hash)

    async def sign_wallet_batch(
        self, *, chain_id: int, nonce: int, deadline_s: int, calls: Sequence[Call]
    ) -> str | Refused:
        """Have calls of the deposit wallet signed for the relayer. Raises SignerDown."""
        request = WalletBatchRequest(
            id=self._next_id(),
            chain_id=chain_id,
            nonce=nonce,
            deadline_s=deadline_s,
            calls=list(calls),
        )
        answer = _expected(await self._ask(request), WalletBatchAnswer)
        return answer if isinstance(answer, Refused) else answer.signature

    def close(self) -> None:
        """Hang up; what still waits is told that the signer is down."""
        if self._connection is not None:
            self._connection.abort()
            self._connection = None

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    async def _ask(self, request: Request) -> Answer:
        connection: _Connection | None = None
        try:
            async with asyncio.timeout(self._timeout_s):
                connection = await self._connected()
                return await connection.ask(request)
        except TimeoutError as error:
            if connection is not None:
                connection.abort()  # an answer that comes late finds nobody
            raise SignerDown(
                f"the signer did not answer within {self._timeout_s:g} s", permanent=False
            ) from error

    async def _connected(self) -> "_Connection":
        async with self._connecting:
            if self._connection is None or self._connection.is_lost:
                try:
                    _, made = await asyncio.get_running_loop().create_unix_connection(
                        _Connection, os.fspath(self._path)
                    )
                except OSError as error:
                    raise SignerDown(
                        f"no signer answers at {self._path}: {error.strerror}", permanent=False
                    ) from error
                self._connection = made
            return self._connection


class _Connection(asyncio.Protocol):
    """Matches answers with those who wait for them."""

    def __init__(self) -> None:
        self.is_lost = False
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._waiting: dict[int, asyncio.Future[Answer]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    async def ask(self, request: Request) -> Answer:
        """Send one request and wait for its answer. Raises SignerDown."""
        if self._transport is None or self.is_lost:
            raise SignerDown("the signer hung up", permanent=False)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[request.id] = future
        try:
            self._transport.write(frame(request))
            return await future
        finally:
            self._waiting.pop(request.id, None)

    def abort(self) -> None:
        """Hang up at once."""
        self.is_lost = True
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= LENGTH_BYTES:
            end = LENGTH_BYTES + int.from_bytes(self._buffer[:LENGTH_BYTES], "big")
            if end > LENGTH_BYTES + FRAME_BYTES_MAX:
                self.abort()
                return
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[LENGTH_BYTES:end])
            del self._buffer[:end]
            try:
                answer = read_answer(body)
            except msgspec.DecodeError:
                self.abort()  # whoever is there is no signer of this version
                return
            # An answer to nothing (0) is about a frame that the signer could not read.
            numbers = [answer.id] if answer.id else list(self._waiting)
            for future in filter(None, map(self._waiting.get, numbers)):
                if not future.done():
                    future.set_result(answer)

    def connection_lost(self, _error: Exception | None) -> None:
        self.is_lost = True
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(SignerDown("the signer hung up", permanent=False))


def _expected(answer: Answer, kind: type[Wanted]) -> Wanted | Refused:
    if isinstance(answer, RefusedAnswer):
        return Refused(code=answer.code, reason=answer.reason)
    if not isinstance(answer, kind):
        raise SignerDown("the signer answered something else", permanent=True)
    return answer
