"""How a private call can fail, and what that says about the order in it.

Three kinds, and the difference is money. NOT_SENT: nothing arrived, the same order may be posted
again. REFUSED: the venue answered and did not do it. UNKNOWN: it may have been done; who sent an
order has to look it up by its hash. What is not surely one of the first two is UNKNOWN.

Statuses and texts: polymarket.md sections 5.5 and 5.6.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from trading.adapters.account_fields import ID_LENGTH_MAX, sentence
from trading.adapters.http_reads import quote
from trading.engine.codes import VenueMode
from trading.signing.headers import ApiCredentials

TEXT_LENGTH_MAX = 200
REFUSING = frozenset({400, 401, 403, 404, 425, 429})
PERMANENT = frozenset({400, 401, 403, 404})
# Every server in front of the venue may say 503. Only with these words it is the venue itself.
MODES = (
    ("post-only mode", VenueMode.POST_ONLY),
    ("trading is currently cancel-only", VenueMode.CANCEL_ONLY),
    ("trading is currently disabled", VenueMode.DISABLED),
)
POST_ONLY_CODE = "post_only_mode"
RESTARTING_STATUS = 425
# The venue turns errors into statuses by their text: this one is a time-out inside it.
GAVE_UP = "context canceled"
VERSION_MISMATCH = "order_version_mismatch"  # the one refusal that may come with status 200
SECRET_LENGTH_MIN = 4  # what is shorter would blacken half of every text
HIDDEN = "***"
RETRY_AFTER_S_MAX = 300


class FailureKind(StrEnum):
    """What is known about a request that failed."""

    NOT_SENT = "NOT_SENT"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"


class CallFailed(Exception):  # noqa: N818 - a failed call is an answer here as good as any other
    """A private call brought no answer that can be used. Its texts hold no credentials.

    `text` is what the venue said, or what happened instead; `status` the HTTP status, None without
    one; `heartbeat_id` the one that the venue expects when it refused a heartbeat.
    """

    def __init__(
        self,
        name: str,
        kind: FailureKind,
        text: str,
        *,
        status: int | None = None,
        code: str = "",
        retry_after_ms: int = 0,
        heartbeat_id: str | None = None,
    ) -> None:
        said = text[:TEXT_LENGTH_MAX]
        where = f"HTTP {status}: " if status is not None else ""
        super().__init__(f"{name}: {kind}: {where}{said}")
        self.kind = kind
        self.text = said
        self.status = status
        self.code = code
        self.retry_after_ms = retry_after_ms
        self.heartbeat_id = heartbeat_id

    @property
    def permanent(self) -> bool:
        """Whether the same request cannot succeed later."""
        return self.kind is FailureKind.REFUSED and self.status in PERMANENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the body of a refusal says; empty and 0 for what it does not say."""

    text: str
    code: str
    retry_after_ms: int
    heartbeat_id: str | None  # the expected one; None: not about a heartbeat


class _Refused(msgspec.Struct):
    """Any of these may be missing; a value of another kind than expected counts as missing."""

    error: Any = ""
    errorMsg: Any = ""  # noqa: N815
    error_msg: Any = ""
    code: Any = ""
    retry_after_seconds: Any = 0
    heartbeat_id: Any = None


def refusal(body: bytes) -> Said | None:
    """Read the body of a refusal; None when it is not the venue's form of one."""
    try:
        said = msgspec.json.decode(body, type=_Refused)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    said_so = (said.error, said.errorMsg, said.error_msg)
    texts = [text for text in said_so if isinstance(text, str) and text]
    if not texts:
        return None
    wait_s, expected = said.retry_after_seconds, said.heartbeat_id
    knows = isinstance(wait_s, int) and not isinstance(wait_s, bool) and wait_s > 0
    return Said(
        text=sentence(texts[0]),
        code=sentence(said.code) if isinstance(said.code, str) else "",
        retry_after_ms=min(wait_s, RETRY_AFTER_S_MAX) * 1_000 if knows else 0,
        heartbeat_id=expected
        if isinstance(expected, str) and len(expected) <= ID_LENGTH_MAX
        else None,
    )


def refused(
    name: str, status: int, body: bytes, retry_after_ms: int, secrets: Iterable[str]
) -> CallFailed:
    """Return the failure that an answer with another status than 200 stands for."""
    said = refusal(body)
    if said is not None:
        text = without(secrets, said.text)
    else:
        text = quote(without(secrets, body.decode(errors="replace")).encode())
    return CallFailed(
        name,
        kind_of(status, said),
        text,
        status=status,
        code=without(secrets, said.code) if said is not None else "",
        retry_after_ms=max(retry_after_ms, said.retry_after_ms if said is not None else 0),
        heartbeat_id=said.heartbeat_id if said is not None else None,
    )


def kind_of(status: int, said: Said | None) -> FailureKind:
    """Return what an answer with this status, which is not 200, says about the request."""
    text = said.text if said is not None else ""
    code = said.code if said is not None else ""
    if GAVE_UP in text.lower():
        return FailureKind.UNKNOWN
    if status in REFUSING or (status == 503 and mode_of_text(text, code) is not None):
        return FailureKind.REFUSED
    return FailureKind.UNKNOWN


def venue_mode_of(failure: CallFailed) -> VenueMode | None:
    """Return the mode that a refusal tells of, None when it tells of none."""
    if failure.kind is not FailureKind.REFUSED:
        return None
    if failure.status == RESTARTING_STATUS:
        return VenueMode.RESTARTING
    return mode_of_text(failure.text, failure.code) if failure.status == 503 else None


def mode_of_text(text: str, code: str = "") -> VenueMode | None:
    """Return the mode that the venue's words tell of; also those of a failed leg in a batch."""
    if code == POST_ONLY_CODE:
        return VenueMode.POST_ONLY
    words = text.lower()
    return next((mode for start, mode in MODES if words.startswith(start)), None)


def secrets_of(credentials: ApiCredentials) -> tuple[str, ...]:
    """Return what must stand in no text; the key too, although it only names us."""
    return credentials.secret, credentials.passphrase, credentials.api_key


def repeats(credentials: ApiCredentials, raw: bytes) -> bool:
    """Say whether an answer holds what only we may say; the key itself stands in many."""
    return any(
        len(one) >= SECRET_LENGTH_MIN and one.rstrip("=").encode() in raw
        for one in (credentials.secret, credentials.passphrase)
    )


def without(secrets: Iterable[str], text: str) -> str:
    """Return a text in which no secret stands, in any case and with or without its padding."""
    for secret in secrets:
        bare = secret.rstrip("=")
        if len(bare) >= SECRET_LENGTH_MIN:
            text = re.sub(re.escape(bare) + "=*", HIDDEN, text, flags=re.IGNORECASE)
    return text
