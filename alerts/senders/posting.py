"""One HTTP request with limits: no redirects, a time-out over all, little of the answer read."""

import hashlib
import hmac
import ssl
from collections.abc import Mapping
from datetime import datetime
from functools import cache

import httpx

from alerts.senders.messages import USER_AGENT, Message, SendFailed
from polyarb_site.clock import Clock, SystemClock

ANSWER_BYTES_MAX = 16_384
AFTER_S_MAX = 600
NS = 1_000_000_000
# Asked to try again, or too early: everything else of 4xx is for good.
TEMPORARY = (408, 425, 429)


def signature(key: str, timestamp: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of "timestamp.body" in hex."""
    return hmac.new(key.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def headers_of(message: Message, key: str, body: bytes, now: datetime) -> dict[str, str]:
    """Return what a receiver checks: which message it is, and with a key that it is from us."""
    headers = {
        "Content-Type": "application/json",
        "X-PolyArb-Delivery": message.key,
        "X-PolyArb-Repeated": "true" if message.repeated else "false",
    }
    if not key:
        return headers
    timestamp = str(int(now.timestamp()))
    return {
        **headers,
        "X-PolyArb-Timestamp": timestamp,
        "X-PolyArb-Signature": signature(key, timestamp, body),
    }


def request(
    method: str,
    url: str,
    *,
    timeout_s: float,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    clock: Clock | None = None,
) -> int:
    """Send one request and return the status, which is 2xx. Raises SendFailed for all else."""
    clock = clock or SystemClock()
    ends_ns = clock.monotonic_ns() + int(timeout_s * NS)
    sent = {"User-Agent": USER_AGENT, **(headers or {})}
    try:
        # A proxy or a .netrc of the environment would see or change what is sent.
        with (
            httpx.Client(
                timeout=timeout_s, follow_redirects=False, trust_env=False, verify=_tls()
            ) as client,
            client.stream(method, url, content=body or None, headers=sent) as answer,
        ):
            status, after = answer.status_code, answer.headers.get("Retry-After", "")
            if 200 <= status < 300:
                # Taken. Whatever the rest of the answer does, it is not sent again.
                return status
            _read_some(answer, ends_ns, clock)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise SendFailed(_said("no connection", error)) from None
    except httpx.TimeoutException:
        raise SendFailed(f"no answer within {timeout_s:g} s", may_have_arrived=True) from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise SendFailed("the address is no http:// or https:// address", permanent=True) from None
    except httpx.HTTPError as error:
        raise SendFailed(_said("the connection broke", error), may_have_arrived=True) from None
    raise _refusal(status, after)


@cache
def _tls() -> ssl.SSLContext:
    """Return the one TLS context of this process: reading the certificates takes 30 ms."""
    return httpx.create_ssl_context(trust_env=False)


def _read_some(answer: httpx.Response, ends_ns: int, clock: Clock) -> None:
    """Read a little of an answer, so that an ordinary connection ends in order."""
    size = 0
    for piece in answer.iter_raw():
        size += len(piece)
        if size > ANSWER_BYTES_MAX or clock.monotonic_ns() > ends_ns:
            return


def _said(what: str, error: httpx.HTTPError) -> str:
    """Return the kind of failure. The library's own text may hold parts of the address."""
    return f"{what} ({type(error).__name__})"


def _refusal(status: int, after: str) -> SendFailed:
    if 300 <= status < 400:
        return SendFailed(f"HTTP {status}: it redirects, which is not followed", permanent=True)
    temporary = status >= 500 or status in TEMPORARY
    after_s = min(int(after), AFTER_S_MAX) if after.isascii() and after.isdigit() else 0
    return SendFailed(f"HTTP {status}", permanent=not temporary, after_s=after_s)
