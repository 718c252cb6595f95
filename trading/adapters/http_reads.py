"""Public reads over HTTP, with a limit on everything: rate, time, and size of the answer.

Every failure becomes a FeedError that says whether trying again can help. Nothing is retried here:
who asked knows whether the answer is still wanted.
"""

import asyncio
import ssl
import zlib
from dataclasses import dataclass
from functools import cache
from typing import TypeVar
from urllib.parse import urlencode

import httpx
import msgspec

from trading.adapters.feed import FeedError, MonotonicClock

NS_PER_MS = 1_000_000
QUOTE_LENGTH_MAX = 200  # of an answer that is quoted in a message
RETRY_AFTER_MS_MAX = 300_000
TRANSIENT_STATUSES = frozenset({408, 425, 429})
GZIP_WINDOW = 31  # zlib's way to say "with a gzip header"

Shape = TypeVar("Shape")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Time-outs of one host. `total_ms` holds even against an answer that trickles in."""

    connect_ms: int = 5_000
    read_ms: int = 8_000
    total_ms: int = 15_000
    connections_max: int = 8


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

    def reserve(self, now_ns: int) -> int:
        """Take the next free place and return how many nanoseconds to wait for it."""
        self._next_ns = max(self._next_ns, now_ns)
        wait_ns = max(self._next_ns - self._burst_ns, self._blocked_until_ns) - now_ns
        self._next_ns += self._interval_ns
        return max(wait_ns, 0)

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


class HttpReader:
    """Reads of one host. Keeps its connections between requests."""

    def __init__(self, base_url: str, settings: HttpSettings, clock: MonotonicClock) -> None:
        self._clock = clock
        self._total_s = settings.total_ms / 1000
        self._client = httpx.AsyncClient(
            base_url=base_url,
            verify=_tls(),
            http2=base_url.startswith("https://"),
            timeout=httpx.Timeout(settings.read_ms / 1000, connect=settings.connect_ms / 1000),
            limits=httpx.Limits(max_connections=settings.connections_max),
            follow_redirects=False,
            # The environment is read in one place only, and a proxy is not among its settings.
            trust_env=False,
            headers={"accept": "application/json", "accept-encoding": "gzip"},
        )

    async def read(
        self,
        endpoint: Endpoint,
        path: str,
        *,
        params: list[tuple[str, str]] | None = None,
        body: bytes | None = None,
    ) -> bytes:
        """Return the body of a 200 answer. Raises FeedError for everything else."""
        wait_ns = endpoint.limiter.reserve(self._clock.monotonic_ns())
        if wait_ns:
            await asyncio.sleep(wait_ns / 1e9)
        headers = {"content-type": "application/json"} if body is not None else None
        request = self._client.build_request(
            endpoint.method,
            path,
            params=urlencode(params) if params else None,
            content=body,
            headers=headers,
        )
        try:
            async with asyncio.timeout(self._total_s):
                response = await self._client.send(request, stream=True)
                try:
                    answer = await _whole_body(response, endpoint)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise FeedError(
                f"{endpoint.name}: no whole answer within {self._total_s:g} s", permanent=False
            ) from error
        except httpx.TransportError as error:
            text = f"{type(error).__name__} {error}".strip()
            raise FeedError(f"{endpoint.name}: {text:.200}", permanent=False) from error
        if response.status_code != 200:
            raise self._refused(endpoint, response, answer)
        return answer

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _refused(self, endpoint: Endpoint, response: httpx.Response, answer: bytes) -> FeedError:
        status = response.status_code
        retry_after_ms = _retry_after_ms(response.headers.get("retry-after", ""))
        if retry_after_ms:
            until_ns = self._clock.monotonic_ns() + retry_after_ms * NS_PER_MS
            endpoint.limiter.block(until_ns)
        return FeedError(
            f"{endpoint.name}: HTTP {status}: {_error_text(answer)}",
            permanent=status < 500 and status not in TRANSIENT_STATUSES,
            status=status,
            retry_after_ms=retry_after_ms,
        )


async def _whole_body(response: httpx.Response, endpoint: Endpoint) -> bytes:
    """Collect the body, unpacked, and stop as soon as it is larger than allowed.

    The limit counts what comes out of the decompressor, whose output is bounded before it is made:
    a small answer that unpacks to gigabytes ends here too.
    """
    limit = endpoint.body_bytes_max
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise FeedError(f"{endpoint.name}: encoding {encoding:.40} not asked for", permanent=False)
    unpacker = zlib.decompressobj(GZIP_WINDOW) if encoding == "gzip" else None
    collected = bytearray()
    async for piece in response.aiter_raw():
        if unpacker is None:
            collected += piece
        else:
            try:
                collected += unpacker.decompress(piece, limit - len(collected) + 1)
            except zlib.error as error:
                raise FeedError(
                    f"{endpoint.name}: broken gzip: {error}", permanent=False
                ) from error
        if len(collected) > limit:
            raise FeedError(
                f"{endpoint.name}: the answer is larger than {limit} bytes", permanent=False
            )
    if unpacker is not None and not unpacker.eof:
        raise FeedError(f"{endpoint.name}: the gzip answer is cut off", permanent=False)
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
    return (text or _quote(answer))[:QUOTE_LENGTH_MAX]


def _quote(answer: bytes) -> str:
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
        text = f"{endpoint.name}: the answer is not JSON ({error}): {_quote(answer)}"
        raise FeedError(text, permanent=False) from error
