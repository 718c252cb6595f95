"""The venue's relayer: it sends what the owner of a deposit wallet signed, and pays the gas.

The protocol is small (polymarket.md section 9): a nonce, a signed batch of calls, a state that is
polled. The venue's SDK is not used for it: it holds the key itself, retries on its own, and knows
no outcome "unknown". Its facts are here, and the signature is the signer's.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from polyarb_site.clock import Clock
from trading.wallets.messages import (
    Call,
    Confirmed,
    Outcome,
    RefusalCode,
    Refused,
    Reverted,
    Unknown,
)
from trading.wallets.ports import IntentLog, Signer, SignerError, VenueTime
from trading.wallets.relayer_api import (
    Busy,
    NonceIs,
    Progress,
    Rejected,
    RelayerApi,
    RelayerError,
    SignedBatch,
    State,
    Submitted,
)

NS_PER_S = 1_000_000_000
REPEAT_S_MIN = 30  # what has to be left until its deadline for handing a batch in again
_REFERENCE = re.compile(
    r"batch:([0-9]{1,18}):([0-9]{1,18}):([0-9]{1,4}):([0-9A-Za-z-]{0,100})", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositSettings:
    """Whose wallet it is, and how patiently its batches are followed."""

    owner: str  # the address of the key
    wallet: str
    factory: str
    deadline_s: int = 600  # a batch is void after so long
    grace_s: int = 60  # and nothing is concluded from that before so much later
    poll_every_ms: int = 2_000
    polls_max: int = 100
    tries_max: int = 10  # of a batch that the relayer is too busy for
    calls_max: int = 10  # in one batch


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """A batch that was signed and may be under way; the id is empty while nobody told it."""

    nonce: int
    deadline_s: int
    calls: int  # how many
    transaction_id: str = ""

    @property
    def reference(self) -> str:
        return f"batch:{self.nonce}:{self.deadline_s}:{self.calls}:{self.transaction_id}"


class DepositWallet:
    """Sends batches of one deposit wallet, one at a time. No two different ones are signed for one
    nonce before it is known that the first cannot happen any more."""

    def __init__(
        self,
        settings: DepositSettings,
        *,
        api: RelayerApi,
        signer: Signer,
        intents: IntentLog,
        clock: Clock,
        venue_time: VenueTime | None = None,
    ) -> None:
        """Without `venue_time` nobody notices a clock that is wrong before batches expire."""
        self._settings = settings
        self._api = api
        self._signer = signer
        self._intents = intents
        self._clock = clock
        self._venue_time = venue_time
        self._lock = asyncio.Lock()
        self._unknown: _Sent | None = None

    @property
    def calls_max(self) -> int:
        """Return how many calls one batch may carry."""
        return self._settings.calls_max

    async def execute(self, calls: Sequence[Call]) -> Outcome:
        """Make these calls in one batch and wait for its end."""
        if not 0 < len(calls) <= self._settings.calls_max:
            code = RefusalCode.TOO_MANY_CALLS if calls else RefusalCode.NO_CALLS
            text = f"{len(calls)} calls; a batch has 1 to {self._settings.calls_max}"
            return Refused(code=code, text=text)
        async with self._lock:
            try:
                nonce = await self._api.nonce(self._settings.owner)
            except RelayerError as error:
                return Refused(code=RefusalCode.RELAYER_UNREADABLE, text=error.message)
            if self._unknown is not None:
                # Its number stays its own until a look-up has told that it cannot happen any more:
                # a number that another batch has used tells nothing of the first one.
                if nonce <= self._unknown.nonce:
                    text = f"what became of {self._unknown.reference} is not known"
                    return Refused(code=RefusalCode.WALLET_BUSY, text=text)
                self._unknown = None
            if off := await self._clock_off():
                return Refused(code=RefusalCode.CLOCK_OFF, text=off)
            return await self._send(tuple(calls), nonce)

    async def replace(self) -> Outcome:
        """Refuse: the relayer pays the gas and decides how much."""
        text = "the relayer pays the gas; there is nothing to offer"
        return Refused(code=RefusalCode.WALLET_BUSY, text=text)

    async def look_up(self, reference: str) -> Outcome:
        """Return what became of a batch. Raises ValueError for what is no reference of ours.

        Unknown also for one whose nonce was used while nobody told its id: it was carried out most
        likely, and only the balances on the chain can tell.
        """
        sent, known = _read(reference), False
        try:
            if sent.transaction_id:
                progress = await self._progress(sent)
                known = progress is not None
                ended = _end_of(sent, progress) if progress is not None else None
                if ended is not None:
                    return self._known(sent, ended)
            nonce = await self._api.nonce(self._settings.owner)
        except RelayerError as error:
            return Unknown(reference=reference, reason=error.message)
        if nonce > sent.nonce:
            reason = f"nonce {sent.nonce} was used; compare the balances on the chain"
            return Unknown(reference=reference, reason=reason, number_used=True)
        if self._may_still_happen(sent, nonce):
            reason = f"nonce {sent.nonce} still waits"
            return Unknown(reference=reference, reason=reason, may_be_lost=not known)
        if off := await self._clock_off():
            return Unknown(reference=reference, reason=off)
        reason = "its deadline passed before it was carried out"
        return self._known(sent, Reverted(reference=reference, reason=reason, gas_micro=0))

    async def repeat(self, reference: str, calls: Sequence[Call]) -> Outcome:
        """Hand in again what may be lost: the same calls under the same number and deadline.

        A number is carried out once, so this cannot happen twice. Nothing is handed in unless these
        are all the calls that there were, and there is still time. Raises ValueError as `look_up`.
        """
        sent = _read(reference)
        left_s = sent.deadline_s - self._clock.now_ns() // NS_PER_S
        if len(calls) != sent.calls or left_s < REPEAT_S_MIN:
            reason = f"{len(calls)} of its {sent.calls} calls are known, {left_s} s are left"
            return Unknown(reference=reference, reason=reason)
        async with self._lock:
            try:
                batch = await self._signed(tuple(calls), sent)
                self._unknown = sent
                answer = await self._api.submit(batch)
            except (SignerError, RelayerError) as error:
                return Unknown(reference=reference, reason=error.message)
            if not isinstance(answer, Submitted):
                return Unknown(reference=reference, reason=answer.text)
            return await self._follow(replace(sent, transaction_id=answer.transaction_id))

    def _known(self, sent: _Sent, outcome: Outcome) -> Outcome:
        """Somebody hears how a batch ended: the wallet need not wait for it any more."""
        if self._unknown is not None and self._unknown.nonce == sent.nonce:
            self._unknown = None
        return outcome

    async def close(self) -> None:
        """Close the connections to the relayer."""
        await self._api.close()

    async def _send(self, calls: tuple[Call, ...], nonce: int) -> Outcome:
        """Sign for a nonce, write down, hand in; again only after a clear "not taken"."""
        text = ""
        for _ in range(self._settings.tries_max):
            deadline_s = self._clock.now_ns() // NS_PER_S + self._settings.deadline_s
            sent = _Sent(nonce=nonce, deadline_s=deadline_s, calls=len(calls))
            try:
                batch = await self._signed(calls, sent)
            except SignerError as error:
                return Refused(code=RefusalCode.SIGNER_REFUSED, text=error.message)
            await self._intents.about_to_send(sent.reference, calls)
            self._unknown = sent
            try:
                answer = await self._api.submit(batch)
            except RelayerError as error:
                if not error.sent:
                    self._unknown = None
                    return Refused(code=RefusalCode.RELAYER_UNREADABLE, text=error.message)
                return Unknown(reference=sent.reference, reason=error.message)
            if isinstance(answer, Submitted):
                return await self._follow(replace(sent, transaction_id=answer.transaction_id))
            self._unknown, text = None, answer.text
            if isinstance(answer, Rejected) or (
                isinstance(answer, NonceIs) and answer.nonce <= nonce
            ):
                return Refused(code=RefusalCode.RELAYER_REFUSED, text=text)
            if isinstance(answer, NonceIs):
                nonce = answer.nonce
            wait_ms = answer.retry_after_ms if isinstance(answer, Busy) else 0
            await asyncio.sleep(max(wait_ms, self._settings.poll_every_ms) / 1000)
        return Refused(code=RefusalCode.WALLET_BUSY, text=text)

    async def _signed(self, calls: tuple[Call, ...], sent: _Sent) -> SignedBatch:
        """Return a batch as it is handed in. Raises SignerError."""
        signature = await self._signer.sign_wallet_batch(calls, sent.nonce, sent.deadline_s)
        return SignedBatch(
            owner=self._settings.owner,
            factory=self._settings.factory,
            wallet=self._settings.wallet,
            nonce=sent.nonce,
            deadline_s=sent.deadline_s,
            calls=calls,
            signature=signature,
        )

    async def _follow(self, sent: _Sent) -> Outcome:
        """Ask for the state until it is an end, at most as often as the settings say.

        A relayer that has forgotten it says so at once: what then is up to a look-up.
        """
        self._unknown = sent
        reason = f"no end after {self._settings.polls_max} questions"
        for _ in range(self._settings.polls_max):
            try:
                progress = await self._progress(sent)
            except RelayerError as error:
                reason = error.message
            else:
                if progress is None:
                    reason = f"the relayer does not know {sent.transaction_id}"
                    break
                ended = _end_of(sent, progress)
                if ended is not None:
                    self._unknown = None
                    return ended
            await asyncio.sleep(self._settings.poll_every_ms / 1000)
        return Unknown(reference=sent.reference, reason=reason)

    async def _progress(self, sent: _Sent) -> Progress | None:
        """Return how far a batch is, None when the relayer does not know it. RelayerError else."""
        try:
            return await self._api.progress(sent.transaction_id)
        except RelayerError as error:
            if error.permanent:
                return None
            raise

    async def _clock_off(self) -> str:
        """Return how wrong our clock is, empty for not more than the grace, or when not known.

        Deadlines are judged by the clock of the chain: by a wrong one of ours they would have
        passed before a batch arrives, or be taken for passed while it may still be carried out.
        """
        told_s = await self._venue_time() if self._venue_time is not None else None
        if told_s is None:
            return ""
        off_s = self._clock.now_ns() // NS_PER_S - told_s
        if abs(off_s) <= self._settings.grace_s:
            return ""
        side = "ahead of" if off_s > 0 else "behind"
        return f"this machine's clock is {abs(off_s)} s {side} the venue's: set it right"

    def _may_still_happen(self, sent: _Sent, nonce: int) -> bool:
        """Say whether a batch can still be carried out, when the wallet's nonce is `nonce`."""
        now_s = self._clock.now_ns() // NS_PER_S
        return nonce <= sent.nonce and now_s <= sent.deadline_s + self._settings.grace_s


def _read(reference: str) -> _Sent:
    """Return the batch of a reference; ValueError for what is none of ours."""
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        text = "no reference of a batch: batch:NONCE:DEADLINE:CALLS:ID"
        raise ValueError(f"{reference!r:.80} is {text}")
    nonce, deadline_s, calls, transaction_id = found.groups()
    return _Sent(
        nonce=int(nonce),
        deadline_s=int(deadline_s),
        calls=int(calls),
        transaction_id=transaction_id,
    )


def _end_of(sent: _Sent, progress: Progress) -> Outcome | None:
    """Return how a batch ended, None for one that has not."""
    if progress.state is State.CONFIRMED:
        return Confirmed(
            reference=sent.reference,
            transaction_hash=progress.transaction_hash,
            block=0,
            gas_used=0,
            gas_micro=0,
        )
    if progress.state in (State.FAILED, State.INVALID):
        reason = progress.problem or f"the relayer says {progress.state}"
        return Reverted(reference=sent.reference, reason=reason, gas_micro=0)
    return None
