"""The world behind a live session: signer, private calls, user channel and wallet as one.

Failures become values here, because the desk decides what they mean. Who trades, from which wallet
and for which contracts is the signer's to say; it is compared with what this process was set up
for, and a difference is never papered over. An order's hash is computed here, without any key.

A venue that answers 401 has lost our API key. From then on nothing is sent with it, and the next
`open` logs in anew: with the same nonce as long as the venue makes or remembers a key for it, then
with the next one, because a key that was deleted may never come back.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from trading.adapters import failures
from trading.adapters.clob_private import KEY_UNKNOWN, ClobPrivate
from trading.adapters.clob_user import UserSink
from trading.adapters.http_reads import Gate
from trading.adapters.live_parts import (
    COLLATERAL,
    NONCES_MAX,
    ChainReads,
    ExitPort,
    Expected,
    HandedOver,
    Makers,
    Payload,
    VenueReads,
)
from trading.engine.codes import Side
from trading.engine.commands import OrderPlan
from trading.engine.events import OrderRefused
from trading.engine.market import MarketSpec
from trading.engine.units import cost_up
from trading.execution.messages import OpenOrder, PlacedLeg
from trading.execution.requests import (
    CallFailed,
    CancelByHash,
    CancelEverything,
    Cancelled,
    ExitAnswered,
    FailureKind,
    FindExit,
    LookedUp,
    LookUp,
    OutgoingOrder,
    SendExit,
)
from trading.signer.client import SignerClient, SignerDown
from trading.signer.terms import Policy, Refused
from trading.signing.digests import order_hash
from trading.signing.headers import ApiCredentials
from trading.signing.orders import (
    InexactOrderError,
    SigningDomain,
    Wallet,
    unsigned_order,
)
from trading.signing.wire import SignedOrder, orders_body
from trading.wallets.rpc_node import RpcError


@dataclass(slots=True, kw_only=True)
class _Open:
    """What there is once the signer has answered and the venue has let us in."""

    policy: Policy
    wallet: Wallet
    domain: SigningDomain
    private: ClobPrivate
    credentials: ApiCredentials
    exits: ExitPort


NO_SUCH_KEY = 400  # of this nonce the venue neither makes a key nor remembers one
_OTHER_TERMS = CallFailed(
    kind=FailureKind.NOT_SENT,
    code="SIGNER_MISMATCH",
    text="the signer came back with other terms; stop the engine and start it again",
)


class LiveVenue:
    """One account at one venue. Nothing can be sent before `open` has returned None."""

    trouble: tuple[type[Exception], ...] = (failures.CallFailed, RpcError)

    def __init__(
        self,
        *,
        signer: SignerClient,
        expected: Expected,
        makers: Makers,
        salt: Callable[[], int],
    ) -> None:
        self._signer = signer
        self._expected = expected
        self._makers = makers
        self._salt = salt
        self._open: _Open | None = None
        self._handed_over: HandedOver | None = None
        self._nonce = 0  # of our API key
        self._lost = False  # the API key, until a new login is complete
        self._logged_in = asyncio.Event()  # anew: whoever follows has to begin again
        self._retired: list[ExitPort] = []  # of lost keys; something may still wait in them

    def tell(self, handed_over: HandedOver) -> None:
        """Set whom to tell the reference of an exit before anything of it is sent."""
        self._handed_over = handed_over

    @property
    def logged_out(self) -> str:
        """Why nothing is sent any more although we were let in, empty while it is sent."""
        lost = self._open is not None and (self._lost or self._open.private.key_lost)
        return KEY_UNKNOWN if lost else ""

    async def open(self) -> CallFailed | None:
        """Reach the signer and log in; None when orders can be sent. Harmless when it is open."""
        try:
            hello = await self._signer.hello()
            if self._open is not None and hello.policy != self._open.policy:
                return _OTHER_TERMS
            if self._open is not None and not self.logged_out:
                return None
            if mismatch := self._expected.mismatch(hello.policy):
                return _failed(FailureKind.NOT_SENT, "SIGNER_MISMATCH", mismatch)
            await self._log_in(hello.policy)
        except SignerDown as down:
            return _failed(FailureKind.NOT_SENT, "SIGNER_DOWN", str(down))
        except failures.CallFailed as failure:
            problem = failed(failure)
            if not self.logged_out:
                return problem
            text = f"{KEY_UNKNOWN}, and did not let us in anew: {failure.text}"
            return replace(problem, text=text[:200])
        return None

    async def _log_in(self, policy: Policy) -> None:
        """Log in, the first time or anew, and let everything that holds the key begin again."""
        before = self._open
        self._lost = before is not None
        private = before.private if before is not None else self._makers.private(policy.owner)
        try:
            credentials = await self._new_credentials(private)
            if before is not None and credentials == before.credentials:
                exits = before.exits
            else:
                exits = await self._makers.exits(policy, credentials, private, self._told)
        except BaseException:
            if before is None:
                await private.close()
            raise
        if before is not None and exits is not before.exits:
            self._retired.append(before.exits)  # one for each nonce at most
        self._open = _Open(
            policy=policy,
            wallet=Wallet(
                maker=policy.maker,
                signer=policy.order_signer,
                signature_type=policy.signature_type,
            ),
            domain=SigningDomain(
                chain_id=policy.chain_id,
                exchange=policy.exchange,
                neg_risk_exchange=policy.neg_risk_exchange,
            ),
            private=private,
            credentials=credentials,
            exits=exits,
        )
        self._lost = False
        self._logged_in.set()

    async def _new_credentials(self, private: ClobPrivate) -> ApiCredentials:
        async def sign_login(timestamp_s: int, nonce: int) -> str:
            answer = await self._signer.sign_login(timestamp_s=timestamp_s, nonce=nonce)
            if isinstance(answer, Refused):
                raise SignerDown(f"{answer.code}: {answer.reason}", permanent=True)
            return answer.signature

        try:
            return await private.login(sign_login, self._nonce)
        except failures.CallFailed as failure:
            if failure.status == NO_SUCH_KEY:
                self._nonce = (self._nonce + 1) % NONCES_MAX
            raise

    async def _told(self, set_id: str, condition_id: str, reference: str) -> None:
        if self._handed_over is None:
            raise RuntimeError("nobody keeps the references of exits")
        await self._handed_over(set_id, condition_id, reference)

    async def follow(self, sink: UserSink) -> None:
        """Follow the user channel until cancelled, after each login with its key."""
        while True:
            self._logged_in.clear()
            channel = asyncio.ensure_future(
                self._makers.user(self._ready().credentials, sink).run()
            )
            anew = asyncio.ensure_future(self._logged_in.wait())
            try:
                await asyncio.wait({channel, anew}, return_when=asyncio.FIRST_COMPLETED)
                if channel.done():
                    channel.result()  # raises what the sink raised
            finally:
                channel.cancel()
                anew.cancel()
                await asyncio.gather(channel, anew, return_exceptions=True)

    # Orders

    def prepare(
        self, plan: OrderPlan, spec: MarketSpec, now_ms: int
    ) -> OutgoingOrder | OrderRefused:
        """Make an order and its hash. One that cannot say exactly what was planned is refused."""
        if self._open is None:
            return _refused(plan, "SIGNER_DOWN", "nobody is there to sign it yet")
        if self.logged_out:
            return _refused(plan, "NO_LOGIN", self.logged_out)
        neg_risk = bool(spec.neg_risk_event_id)
        try:
            order = unsigned_order(
                token_id=plan.token_id,
                side=plan.side,
                limit_micro=plan.limit_micro,
                size_micro=plan.size_micro,
                tick_micro=spec.tick_micro,
                market=True,
                wallet=self._open.wallet,
                salt=self._salt(),
                timestamp_ms=now_ms,
                neg_risk=neg_risk,
            )
        except InexactOrderError as error:
            return _refused(plan, "INEXACT", str(error))
        buys = plan.side is Side.BUY
        return OutgoingOrder(
            order_id=plan.order_id,
            order_hash=order_hash(order, self._open.domain),
            token_id=plan.token_id,
            side=plan.side,
            notional_micro=cost_up(plan.limit_micro, plan.size_micro) if buys else 0,
            payload=Payload(order=order, order_type="FOK" if plan.all_or_nothing else "FAK"),
        )

    async def sign(self, orders: tuple[OutgoingOrder, ...]) -> tuple[str, ...] | CallFailed:
        """Return a signature for each order, in their order."""
        if self.logged_out:
            return _failed(FailureKind.NOT_SENT, "NO_LOGIN", self.logged_out)
        ready = self._ready()
        unsigned = [_payload(one).order for one in orders]
        try:
            answer = await self._signer.sign_orders(ready.domain, unsigned)
        except SignerDown as down:
            return _failed(FailureKind.NOT_SENT, "SIGNER_DOWN", str(down))
        if isinstance(answer, Refused):
            return _failed(FailureKind.REFUSED, f"SIGNER_{answer.code}", answer.reason)
        return tuple(one.signature for one in answer)

    async def post(
        self, orders: tuple[OutgoingOrder, ...], signatures: tuple[str, ...], gate: Gate
    ) -> tuple[PlacedLeg, ...] | CallFailed:
        """Post the orders in one batch, if the gate lets it out when its first byte leaves."""
        if self.logged_out:
            return _failed(FailureKind.NOT_SENT, "NO_LOGIN", self.logged_out)
        ready = self._ready()
        signed = [
            SignedOrder(
                order=_payload(one).order, signature=signature, order_type=_payload(one).order_type
            )
            for one, signature in zip(orders, signatures, strict=True)
        ]
        body = orders_body(signed, owner=ready.credentials.api_key)
        try:
            return (await ready.private.post_orders(body, gate)).legs
        except failures.CallFailed as failure:
            return failed(failure)

    async def look_up(self, request: LookUp) -> LookedUp | CallFailed:
        """Read the open orders and all trades since a second, completely or not at all."""
        private = self._ready().private
        try:
            # The orders first: one that matches in between is then found among the trades.
            found = await private.open_orders() if request.order_hashes else ()
            trades = await private.trades(after_s=request.after_s)
        except failures.CallFailed as failure:
            return failed(failure)
        by_hash: dict[str, OpenOrder] = {one.order_hash: one for one in found}
        return LookedUp(
            look=request.look,
            orders=tuple((one, by_hash.get(one)) for one in request.order_hashes),
            trades=trades,
        )

    async def cancel(self, request: CancelByHash | CancelEverything) -> Cancelled:
        """Cancel orders."""
        everything = isinstance(request, CancelEverything)
        if self._open is None:
            text = "nobody has logged in yet"
            return Cancelled(
                everything=everything, result=_failed(FailureKind.NOT_SENT, "NO_LOGIN", text)
            )
        private = self._open.private
        try:
            if isinstance(request, CancelEverything):
                result = await private.cancel_all()
            else:
                result = await private.cancel(request.order_hashes)
        except failures.CallFailed as failure:
            return Cancelled(everything=everything, result=failed(failure))
        return Cancelled(everything=everything, result=result)

    async def beat(self, heartbeat_id: str) -> str | CallFailed:
        """Send a heartbeat and return the id of the next one."""
        if self._open is None:
            return _failed(FailureKind.NOT_SENT, "NO_LOGIN", "nobody has logged in yet")
        try:
            return await self._open.private.heartbeat(heartbeat_id)
        except failures.CallFailed as failure:
            return failed(failure)

    # Money

    async def exit(self, request: SendExit) -> ExitAnswered:
        """Merge, convert or redeem."""
        return await self._ready().exits.exit(request)

    async def find_exit(self, request: FindExit, held: dict[str, int]) -> ExitAnswered:
        """Find out what became of an exit."""
        return await self._ready().exits.find(request, held)

    async def refresh(self, token_ids: tuple[str, ...]) -> int | CallFailed:
        """Let the venue look at the chain again; return the collateral that it sees."""
        if self._open is None:
            return _failed(FailureKind.NOT_SENT, "NO_LOGIN", "nobody has logged in yet")
        private, kind = self._open.private, int(self._open.wallet.signature_type)
        try:
            for asset in (COLLATERAL, *token_ids):
                await private.refresh_balance(asset, kind)
            return (await private.balance(COLLATERAL, kind)).balance_micro
        except failures.CallFailed as failure:
            return failed(failure)

    def venue_reads(self) -> VenueReads:
        """Return what a reconciliation asks of the venue."""
        ready = self._ready()
        return VenueReads(ready.private, int(ready.wallet.signature_type))

    def chain_reads(self) -> ChainReads | None:
        """Return what a reconciliation asks of the chain, None without one."""
        return self._ready().exits.chain_reads()

    def figures(self) -> dict[str, Any]:
        """Return how the wallet's endpoints are doing, nothing before it is open."""
        return self._open.exits.figures() if self._open is not None else {}

    async def close(self) -> None:
        """Close every connection."""
        self._signer.close()
        for exits in self._retired:
            await exits.close()
        if self._open is not None:
            await self._open.exits.close()
            with contextlib.suppress(asyncio.CancelledError):
                await self._open.private.close()

    def _ready(self) -> _Open:
        if self._open is None:
            raise RuntimeError("the live venue is asked before it is open")
        return self._open


def failed(failure: failures.CallFailed) -> CallFailed:
    """Return a failed call as the desk takes it."""
    return CallFailed(
        kind=FailureKind(failure.kind),
        text=failure.text,
        status=failure.status or 0,
        code=failure.code,
        retry_after_ms=failure.retry_after_ms,
        venue_mode=failures.venue_mode_of(failure),
        heartbeat_id=failure.heartbeat_id or "",
    )


def _failed(kind: FailureKind, code: str, text: str) -> CallFailed:
    return CallFailed(kind=kind, code=code, text=text[:200])


def _refused(plan: OrderPlan, code: str, text: str) -> OrderRefused:
    return OrderRefused(order_id=plan.order_id, code=code, text=text[:200], local=True)


def _payload(order: OutgoingOrder) -> Payload:
    payload: Payload = order.payload
    return payload
