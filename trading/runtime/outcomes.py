"""How a request ended that was not carried out, as the desk is told of it."""

from trading.engine.codes import Refusal
from trading.execution.requests import (
    BatchFailed,
    CallFailed,
    ExitAnswered,
    ExitState,
    FailureKind,
    SendBatch,
    SendExit,
)


def cause_of(failure: CallFailed) -> Refusal:
    """Return what a failed opening means: without the signer nothing goes, nor without a login."""
    return Refusal.SIGNER_DOWN if failure.code.startswith("SIGNER") else Refusal.USER_CHANNEL_DOWN


def refused(code: str, text: str) -> CallFailed:
    """Return a call that we ourselves kept from leaving."""
    return CallFailed(kind=FailureKind.NOT_SENT, code=code, text=text)


def local(batch: SendBatch, failure: CallFailed) -> BatchFailed:
    """Return a batch that never left us."""
    return BatchFailed(batch=batch.batch, failure=failure, local=True)


def not_done(request: SendExit, text: str) -> ExitAnswered:
    """Return an exit of which nothing was handed over."""
    return ExitAnswered(
        set_id=request.set_id,
        state=ExitState.NOT_DONE,
        condition_id=request.condition_ids[0],
        text=text,
    )
