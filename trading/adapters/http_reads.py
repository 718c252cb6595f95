"""Requests over HTTP, with a limit on everything: rate, time, and size of the answer.

HttpClient asks and says of a failure whether any of the request can have left this machine: that is
what decides about an order. HttpReader stands on it for public reads: every failure becomes a
FeedError that says whether trying again can help. Nothing is retried here: who asked knows whether
the answer is still wanted.
"""

import asyncio
import logging
import ssl
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias, TypeVar
from urllib.parse import urlencode

import httpx
import msgspec

from trading.adapters.feed import FeedError, MonotonicClock

NS_PER_MS = 1_000_000
QUOTE_LENGTH_MAX = 200  # of an answer that is quoted in a message
RETRY_AFTER_MS_MAX = 300_000
TRANSIENT_STATUSES = frozenset({408, 425, 429})
GZIP_WINDOW = 31  # zlib's way to say "with a gzip header"

# At level DEBUG this library writes down every header that it packs for HTTP/2, passwords too.
logging.getLogger("hpack").setLevel(logging.INFO)

Shape = TypeVar("Shape")
# Asked when the first byte is about to leave; returns why it must not, empty when it may.
Gate: TypeAlias = Callable[[], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Time-outs of one host. `total_ms` holds even against an answer that trickles in."""

    connect_ms: int = 5_000
    read_ms: int = 8_000
    total_ms: int = 15_000
    connections_max: int = 8
    keepalive_ms: int = 5_000  # how long a connection without requests is kept


class RateLimiter:
    """Keeps within `requests` in any window of `window_ms`, by time stamps alone.

    Half of them may go at once, the other half is spread over the window: so no window, wherever it
    starts, holds more than all of them.
    """

    def __init__(self, *, requests: int, window_ms: int) -> None:
        if requests < 2 or window_ms < 1:
            raise ValueError("a rate limit needs two requests and a window")
        half = requests // 2
        self._interval_ns = -(-window_ms * NS_PER_MS // half)
        self._burst_ns = self._interval_ns * (half - 1)
        self._next_ns = 0
        self._blocked_until_ns = 0

    def wait_ns(self, now_ns: int) -> int:
        """Return how many nanoseconds the next free place is away, without taking it."""
        next_ns = max(self._next_ns, now_ns)
        return max(max(next_ns - self._burst_ns, self._blocked_until_ns) - now_ns, 0)

    def reserve(self, now_ns: int) -> int:
        """Take the next free place and return how many nanoseconds to wait for it."""
        wait_ns = self.wait_ns(now_ns)
        self._next_ns = max(self._next_ns, now_ns) + self._interval_ns
        return wait_ns

    def block(self, until_ns: int) -> None:
        """Let nothing through before that moment: the venue asked for it."""
        self._blocked_until_ns = max(self._blocked_until_ns, until_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One kind of request and its limits."""

    name: str  # for messages: "POST /books"
    method: str
    limiter: RateLimiter
    body_bytes_max: int


class _Refusal(msgspec.Struct):
    """The venue's form of an error."""

    error: str = ""


@cache
def _tls() -> ssl.SSLContext:
    """Return the one TLS context of this process: reading the certificates takes 20 ms."""
    return httpx.create_ssl_context(trust_env=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """A whole answer, whatever it says. Times are the monotonic clock's."""

    status: int
    body: bytes
    retry_after_ms: int  # how long the venue asked us to stay away, 0: it did not say
    sent_ns: int  # when the request began to leave


class HttpError(Exception):
    """No whole answer came. `sent` False: surely nothing of the request left this machine."""

    def __init__(self, text: str, *, sent: bool) -> None:
        super().__init__(text)
        self.text = text
        self.sent = sent


class _Stays(Exception):  # noqa: N818 - no fault: somebody said that it must not leave
    """The gate did not let a request out."""


class _Departure:
    """Asks the gate, and notes when the first byte of a request is about to be written."""

    def __init__(self, clock: MonotonicClock, gate: Gate | None) -> None:
        self._clock = clock
        self._gate = gate
        self.sent_ns: int | None = None

    async def __call__(self, event: str, _info: object) -> None:
        """Take a step of the client: "http11.send_request_headers.started" and others."""
        if self.sent_ns is None and event.endswith(".send_request_headers.started"):
            if self._gate is not None and (why := self._gate()):
                raise _Stays(why)
            self.sent_ns = self._clock.monotonic_ns()


class HttpClient:
    """Requests to one host. Keeps its connections between them; follows and retries nothing."""

    def __init__(self, base_url: str, settings: HttpSettings, clock: MonotonicClock) -> None:
        self._clock = clock
        self._total_s = settings.total_ms / 1000
        self._client = httpx.AsyncClient(
            base_url=base_url,
            verify=_tls(),
            http2=base_url.startswith("https://"),
            timeout=httpx.Timeout(settings.read_ms / 1000, connect=settings.connect_ms / 1000),
            limits=httpx.Limits(
                max_connections=settings.connections_max,
                keepalive_expiry=settings.keepalive_ms / 1000,
            ),
            follow_redirects=False,
            # The environment is read in one place only, and a proxy is not among its settings.
            trust_env=False,
            headers={"accept": "application/json", "accept-encoding": "gzip"},
        )

    async def ask(
        self,
        endpoint: Endpoint,
        path: str,
        *,
        params: list[tuple[str, str]] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        gate: Gate | None = None,
    ) -> HttpAnswer:
        """Wait for a place within the limit, ask, and return the answer. Raises HttpError.

        Much may pass while it waits for its place, for a connection or for the other side: the gate
        is asked after all that.
        """
        wait_ns = endpoint.limiter.reserve(self._clock.monotonic_ns())
        if wait_ns:
            await asyncio.sleep(wait_ns / 1e9)
        departure = _Departure(self._clock, gate)
        content_type = {"content-type": "application/json"} if body is not None else {}
        request = self._client.build_request(
            endpoint.method,
            path,
            params=urlencode(params) if params else None,
            content=body,
            headers={**content_type, **(headers or {})},
            extensions={"trace": departure},
        )
        try:
            async with asyncio.timeout(self._total_s):
                response = await self._client.send(request, stream=True)
                try:
                    answer = await _whole_body(response, endpoint)
                finally:
                    await response.aclose()
        except _Stays as stays:
            raise HttpError(str(stays), sent=False) from None
        except TimeoutError as error:
            raise HttpError(
                f"no whole answer within {self._total_s:g} s", sent=departure.sent_ns is not None
            ) from error
        except (httpx.TransportError, ssl.SSLError) as error:
            text = f"{type(error).__name__} {error}".strip()
            raise HttpError(f"{text:.200}", sent=departure.sent_ns is not None) from error
        return HttpAnswer(
            status=response.status_code,
            body=answer,
            retry_after_ms=_retry_after_ms(response.headers.get("retry-after", "")),
            sent_ns=departure.sent_ns or self._clock.monotonic_ns(),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class HttpReader:
    """Public reads of one host."""

    def __init__(self, base_url: str, settings: HttpSettings, clock: MonotonicClock) -> None:
        self._clock = clock
        self._client = HttpClient(base_url, settings, clock)

    async def read(
        self,
        endpoint: Endpoint,
        path: str,
        *,
        params: list[tuple[str, str]] | None = None,
        body: bytes | None = None,
    ) -> bytes:
        """Return the body of a 200 answer. Raises FeedError for everything else."""
        try:
            answer = await self._client.ask(endpoint, path, params=params, body=body)
        except HttpError as error:
            raise FeedError(f"{endpoint.name}: {error.text}", permanent=False) from error
        if answer.status != 200:
            raise self._refused(endpoint, answer)
        return answer.body

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _refused(self, endpoint: Endpoint, answer: HttpAnswer) -> FeedError:
        status = answer.status
        if answer.retry_after_ms:
            until_ns = self._clock.monotonic_ns() + answer.retry_after_ms * NS_PER_MS
            endpoint.limiter.block(until_ns)
        return FeedError(
            f"{endpoint.name}: HTTP {status}: {_error_text(answer.body)}",
            permanent=status < 500 and status not in TRANSIENT_STATUSES,
            status=status,
            retry_after_ms=answer.retry_after_ms,
        )


async def _whole_body(response: httpx.Response, endpoint: Endpoint) -> bytes:
    """Collect the body, unpacked, and stop as soon as it is larger than allowed.

    The limit counts what comes out of the decompressor, whose output is bounded before it is made:
    a small answer that unpacks to gigabytes ends here too.
    """
    limit = endpoint.body_bytes_max
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise HttpError(f"encoding {encoding:.40} not asked for", sent=True)
    unpacker = zlib.decompressobj(GZIP_WINDOW) if encoding == "gzip" else None
    collected = bytearray()
    async for piece in response.aiter_raw():
        if unpacker is None:
            collected += piece
        else:
            try:
                collected += unpacker.decompress(piece, limit - len(collected) + 1)
            except zlib.error as error:
                raise HttpError(f"broken gzip: {error}", sent=True) from error
        if len(collected) > limit:
            raise HttpError(f"the answer is larger than {limit} bytes", sent=True)
    if unpacker is not None and not unpacker.eof:
        raise HttpError("the gzip answer is cut off", sent=True)
    return bytes(collected)


def _retry_after_ms(text: str) -> int:
    """Return the header's seconds in milliseconds; 0 for none, a date, or nonsense."""
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        return 0
    return min(int(text) * 1000, RETRY_AFTER_MS_MAX)


def _error_text(answer: bytes) -> str:
    """Return the venue's own words, or the beginning of whatever came instead."""
    try:
        text = msgspec.json.decode(answer, type=_Refusal).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = ""
    return (text or quote(answer))[:QUOTE_LENGTH_MAX]


def quote(answer: bytes) -> str:
    """Return the beginning of an answer, fit for a message."""
    start = answer[:QUOTE_LENGTH_MAX].decode("utf-8", "replace")
    return repr(" ".join(start.split()))


def decoded(answer: bytes, shape: type[Shape], endpoint: Endpoint) -> Shape:
    """Decode an answer, or raise FeedError naming the field.

    What is no JSON at all may be a proxy's page or a torn answer: worth another try later.
    """
    try:
        return msgspec.json.decode(answer, type=shape)
    except msgspec.ValidationError as error:
        raise FeedError(f"{endpoint.name}: {error}", permanent=True) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        text = f"{endpoint.name}: the answer is not JSON ({error}): {quote(answer)}"
        raise FeedError(text, permanent=False) from error
