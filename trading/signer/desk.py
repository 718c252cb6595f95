"""Answers requests: read, decide, put the spend on record, sign. In that order and in one piece."""

import logging
from collections.abc import Callable

from trading.signer.faults import StartRefusedError
from trading.signer.key import SigningKey
from trading.signer.policy import (
    Allowed,
    Asked,
    BatchAsked,
    LoginAsked,
    OrdersAsked,
    TransactionAsked,
    decide,
    spend_of_day,
)
from trading.signer.protocol import (
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
    read_request,
    refusal,
)
from trading.signer.spending import SpendFile
from trading.signer.terms import Code, Policy, Refused, same
from trading.signing.digests import hash_and_signature, login_digest, wallet_batch_digest
from trading.signing.transactions import signed_transaction

logger = logging.getLogger(__name__)


class SignerDesk:
    """One key, one policy, one count of the day. Not for several threads."""

    def __init__(
        self,
        *,
        key: SigningKey,
        policy: Policy,
        spend_file: SpendFile,
        now_ns: Callable[[], int],
    ) -> None:
        """Open the count. Raises StartRefusedError, also when the policy is for another key."""
        if not same(policy.owner, key.address):
            raise StartRefusedError(
                f"owner: the policy is for {policy.owner}, the key is that of {key.address}; "
                "give this key a policy of its own"
            )
        self._key = key
        self._policy = policy
        self._spend_file = spend_file
        self._now_ns = now_ns
        self._spend = spend_file.open()

    @property
    def address(self) -> str:
        """Whose key this is."""
        return self._key.address

    def close(self) -> None:
        """Write down exactly what was spent. Raises OSError."""
        self._spend_file.close(self._spend)

    def answer(self, body: bytes) -> Answer:
        """Return the answer to one request, whatever it is."""
        request = read_request(body)
        if isinstance(request, RefusedAnswer):
            answer: Answer = request
        elif isinstance(request, HelloRequest):
            answer = self._hello(request)
        else:
            answer = self._decided(request)
        if isinstance(answer, RefusedAnswer):
            # Reasons hold places, numbers and addresses, never a text of the request.
            logger.warning("refused %s: %s", answer.code, answer.reason)
        return answer

    def _hello(self, request: HelloRequest) -> HelloAnswer:
        return HelloAnswer(
            id=request.id,
            version=VERSION,
            address=self._key.address,
            policy=self._policy,
            spend=spend_of_day(self._spend, self._now_ns()),
        )

    def _decided(self, request: Request) -> Answer:
        asked = _asked(request)
        decision = decide(asked, self._spend, self._policy, self._now_ns())
        if isinstance(decision, Refused):
            return refusal(request.id, decision)
        problem = self._record(decision)
        if problem is not None:
            return refusal(request.id, problem)
        return self._signed(request.id, asked)

    def _record(self, decision: Allowed) -> Refused | None:
        """Count what will be signed. A spend that is not on disk is not signed."""
        if decision.spend == self._spend:
            return None
        try:
            self._spend_file.record(decision.spend)
        except OSError as error:
            return Refused(
                code=Code.SPEND_NOT_RECORDED,
                reason=f"the day's spend cannot be written: {error.strerror}; free the disk",
            )
        self._spend = decision.spend
        return None

    def _signed(self, request_id: int, asked: Asked) -> Answer:
        sign = self._key.sign
        if isinstance(asked, OrdersAsked):
            pairs = (hash_and_signature(one, asked.domain, sign) for one in asked.orders)
            return OrdersAnswer(
                id=request_id,
                signed=tuple(OrderSignature(order_hash=h, signature=s) for h, s in pairs),
            )
        if isinstance(asked, TransactionAsked):
            signed = signed_transaction(asked.transaction, sign)
            return TransactionAnswer(
                id=request_id, raw=signed.raw, transaction_hash=signed.transaction_hash
            )
        if isinstance(asked, BatchAsked):
            digest = wallet_batch_digest(
                wallet=self._policy.maker,
                nonce=asked.nonce,
                deadline_s=asked.deadline_s,
                calls=asked.calls,
                chain_id=asked.chain_id,
            )
            return WalletBatchAnswer(id=request_id, signature=f"0x{sign(digest).hex()}")
        digest = login_digest(
            address=self._key.address,
            timestamp_s=asked.timestamp_s,
            nonce=asked.nonce,
            chain_id=self._policy.chain_id,
        )
        return LoginAnswer(
            id=request_id, address=self._key.address, signature=f"0x{sign(digest).hex()}"
        )


def _asked(request: Request) -> Asked:
    if isinstance(request, OrdersRequest):
        return OrdersAsked(domain=request.domain, orders=request.orders)
    if isinstance(request, LoginRequest):
        return LoginAsked(timestamp_s=request.timestamp_s, nonce=request.nonce)
    if isinstance(request, TransactionRequest):
        return TransactionAsked(transaction=request.transaction)
    assert not isinstance(request, HelloRequest)  # has been answered
    return BatchAsked(
        chain_id=request.chain_id,
        nonce=request.nonce,
        deadline_s=request.deadline_s,
        calls=request.calls,
    )
