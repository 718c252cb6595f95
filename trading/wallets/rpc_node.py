"""One JSON-RPC endpoint of the chain, and what is remembered of it.

It is asked for its chain before its first use, and is out for good when that is another one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

from trading.adapters.feed import FeedError, MonotonicClock
from trading.adapters.http_reads import (
    NS_PER_MS,
    Endpoint,
    HttpReader,
    HttpSettings,
    RateLimiter,
    decoded,
)

ANSWER_BYTES_MAX = 4_194_304
MESSAGE_LENGTH_MAX = 200
DATA_LENGTH_MAX = 4_096
REVERT_CODE = 3
# An answer of the chain itself, the same wherever it is asked: no reason to try another endpoint.
REFUSALS = (
    *("revert", "invalid opcode", "out of gas", "insufficient funds", "nonce too low"),
    *("already known", "underpriced", "gas too low", "less than block base fee"),
)


class RpcError(Exception):
    """No endpoint gave an answer. `permanent` says that asking again cannot help."""

    def __init__(self, message: str, *, permanent: bool, retry_after_ms: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.permanent = permanent
        self.retry_after_ms = retry_after_ms


class RpcRefusedError(RpcError):
    """The chain answered no: a revert, a spent nonce. `data` is what a revert returned, in hex."""

    def __init__(self, message: str, *, code: int, data: str = "") -> None:
        super().__init__(message, permanent=True)
        self.code = code
        self.data = data


class RpcDisagreesError(RpcError):
    """Two endpoints contradict each other, or one contradicts what it said before."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcSettings:
    """Where the chain is read, and how patiently."""

    chain_id: int
    urls: tuple[str, ...]  # asked in this order
    request_ms: int = 6_000
    backoff_ms: int = 1_000
    backoff_ms_max: int = 60_000
    blocks_back_max: int = 5  # how far an endpoint may lag, or fall behind itself
    requests_per_second: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointStatus:
    """How an endpoint is doing. Counts are since the start and only grow."""

    name: str
    chain_id: int | None  # None: not asked yet
    out_because: str  # empty: not out
    away: bool  # not asked for a while, because it failed
    requests: int
    errors: int
    went_back: int  # times that its newest block was older than one it had named before
    disagreed: int
    block: int | None
    last_problem: str


class _Error(msgspec.Struct):
    message: str = ""
    code: int = 0
    data: object = None


class _Reply(msgspec.Struct):
    id: int | str | None = None
    result: object = msgspec.UNSET
    error: _Error | None = None


class RpcNode:
    """One endpoint with its memory."""

    def __init__(self, name: str, url: str, settings: RpcSettings, clock: MonotonicClock) -> None:
        parts = urlsplit(url)
        self.name = name
        self.chain_id: int | None = None
        self.out_because = ""
        self.requests = self.errors = self.went_back = self.disagreed = 0
        self.block: int | None = None
        self.last_problem = ""
        self._settings = settings
        self._clock = clock
        self._failures = 0
        self._away_until_ns = 0
        self._id = 0
        self._path = parts.path
        http = HttpSettings(
            connect_ms=settings.request_ms,
            read_ms=settings.request_ms,
            total_ms=settings.request_ms,
        )
        self._reader = HttpReader(f"{parts.scheme}://{parts.netloc}", http, clock)
        limiter = RateLimiter(requests=settings.requests_per_second, window_ms=1_000)
        # The name is the host alone: the rest of an address may be a key.
        self._endpoint = Endpoint(
            name=f"RPC {name}", method="POST", limiter=limiter, body_bytes_max=ANSWER_BYTES_MAX
        )

    def is_ready(self) -> bool:
        return not self.out_because and self._clock.monotonic_ns() >= self._away_until_ns

    async def ask(self, method: str, params: Sequence[object]) -> object:
        """Return the result. Raises RpcRefusedError, or RpcError and stays away for a while."""
        try:
            if self.chain_id is None:
                await self._check_chain()
            result = await self._post(method, params)
        except RpcRefusedError:
            self._failures = 0
            raise
        except RpcError as error:
            self.fail(error.message, away_ms=error.retry_after_ms)
            raise
        self._failures = 0
        return result

    def fail(self, problem: str, *, away_ms: int = 0) -> None:
        """Count a failure and stay away: longer after each in a row."""
        self.errors += 1
        self.last_problem = problem
        doubled_ms = self._settings.backoff_ms << min(self._failures, 20)
        self._failures += 1
        wait_ms = max(min(doubled_ms, self._settings.backoff_ms_max), away_ms)
        self._away_until_ns = self._clock.monotonic_ns() + wait_ms * NS_PER_MS

    def saw_block(self, number: int) -> bool:
        """Take the newest block that it names. False: it is older than what it named before.

        What it says now counts from here on: a chain that was really set back is found again.
        """
        before, self.block = self.block, number
        if before is None or number >= before - self._settings.blocks_back_max:
            self.block = max(number, before or 0)
            return True
        self.went_back += 1
        self.fail(f"{self.name} went back from block {before} to {number}")
        return False

    async def close(self) -> None:
        await self._reader.close()

    async def _check_chain(self) -> None:
        seen = quantity(await self._post("eth_chainId", ()), f"{self.name} eth_chainId")
        self.chain_id = seen
        if seen != self._settings.chain_id:
            self.out_because = (
                f"{self.name} is chain {seen}, not {self._settings.chain_id}; "
                "correct hosts.polygon_rpcs in config/venues.yaml"
            )
            raise RpcError(self.out_because, permanent=True)

    async def _post(self, method: str, params: Sequence[object]) -> object:
        self._id += 1
        request_id = self._id  # others ask while this one waits
        self.requests += 1
        body = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        try:
            answer = await self._reader.read(
                self._endpoint, self._path, body=msgspec.json.encode(body)
            )
            reply = decoded(answer, _Reply, self._endpoint)
        except FeedError as error:
            # Another time, or another endpoint, may do: nothing here is for ever.
            raise RpcError(
                error.message, permanent=False, retry_after_ms=error.retry_after_ms
            ) from error
        return self._result(method, request_id, reply)

    def _result(self, method: str, request_id: int, reply: _Reply) -> object:
        place = f"RPC {self.name} {method}"
        if reply.error is not None:
            text = f"{place}: {reply.error.code} {reply.error.message[:MESSAGE_LENGTH_MAX]!r}"
            if _is_refusal(reply.error):
                data = reply.error.data
                told = data[:DATA_LENGTH_MAX] if isinstance(data, str) else ""
                raise RpcRefusedError(text, code=reply.error.code, data=told)
            raise RpcError(text, permanent=False)
        if reply.id != request_id:
            raise RpcError(f"{place}: the answer is to another request", permanent=False)
        if reply.result is msgspec.UNSET:
            raise RpcError(f"{place}: the answer has no result", permanent=False)
        return reply.result


def quantity(value: object, what: str) -> int:
    """Return a number as the chain writes it: 0x and hex digits. Raises RpcError."""
    if isinstance(value, str) and value[:2] == "0x" and 2 < len(value) <= 66:
        digits = value[2:]
        if digits.isascii() and digits.isalnum():
            try:
                return int(digits, 16)
            except ValueError:
                pass
    raise RpcError(f"{what}: {value!r:.80} is not a number in hex", permanent=False)


def _is_refusal(error: _Error) -> bool:
    text = error.message.lower()
    return error.code == REVERT_CODE or any(words in text for words in REFUSALS)
