"""JSON-RPC of the chain over several endpoints, none of which is trusted alone.

One that fails stays away for a while, twice as long each time, and the next is asked. What money
depends on is asked of two: when they differ, nobody knows, and RpcDisagreesError says so. With one
endpoint left its word counts alone; `Agreed.witnesses` tells how many there were.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from trading.adapters.feed import MonotonicClock
from trading.wallets.rpc_node import (
    EndpointStatus,
    RpcDisagreesError,
    RpcError,
    RpcNode,
    RpcRefusedError,
    RpcSettings,
    quantity,
)

WITNESSES = 2

# Where the endpoints are now, asked when none of them answers; nothing when nobody can say.
FindAgain: TypeAlias = Callable[[], Awaitable[tuple[str, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """An answer, and how many endpoints gave the same one."""

    value: object
    witnesses: int


class RpcPool:
    """All endpoints together."""

    def __init__(
        self,
        settings: RpcSettings,
        clock: MonotonicClock,
        *,
        find_again: FindAgain | None = None,
    ) -> None:
        """Without `find_again` the endpoints stay where the settings say."""
        if not settings.urls:
            raise ValueError("hosts.polygon_rpcs: no endpoint; name one in config/venues.yaml")
        self._settings = settings
        self._clock = clock
        self._find_again = find_again
        self._urls: tuple[str, ...] = ()
        self._nodes: list[RpcNode] = []
        self._move_to(settings.urls)
        self._block: int | None = None

    async def ask(self, method: str, params: Sequence[object] = ()) -> object:
        """Return the result of the first endpoint that gives one.

        Raises RpcRefusedError when the chain says no, RpcError when nobody answers.
        """
        problems: list[RpcError] = []
        for node in self._ready():
            try:
                return await node.ask(method, params)
            except RpcRefusedError:
                raise
            except RpcError as error:
                problems.append(error)
        if await self._moved():
            return await self.ask(method, params)
        raise self._nobody(method, problems)

    async def agree(
        self, method: str, params: Sequence[object], *, fields: Sequence[str] = ()
    ) -> Agreed:
        """Return what two endpoints say alike; what one says when only one answers.

        Of an object these `fields` are compared, since nodes add others of their own. None is "not
        yet": it is the answer as long as one says it. Raises RpcDisagreesError when they differ,
        RpcRefusedError when all refuse, RpcError as `ask` does.
        """
        answers = await self._witnesses(method, params)
        values = [answer for _, answer in answers]
        if None in values and not any(isinstance(value, RpcRefusedError) for value in values):
            return Agreed(value=None, witnesses=len(values))
        if len({_comparable(value, fields) for value in values}) > 1:
            for node, _ in answers:
                node.disagreed += 1
            names = " and ".join(node.name for node, _ in answers)
            raise RpcDisagreesError(f"{names} answer {method} differently at the same block")
        if isinstance(values[0], RpcRefusedError):
            raise values[0]
        return Agreed(value=values[0], witnesses=len(values))

    async def block(self) -> tuple[int, int]:
        """Return the newest block that all witnesses have, and how many witnesses there were.

        Raises RpcDisagreesError when they are too far apart or went back, RpcError as `ask` does.
        """
        limit = self._settings.blocks_back_max
        heights: list[tuple[RpcNode, int]] = []
        back: list[str] = []
        for node, answer in await self._witnesses("eth_blockNumber", ()):
            if isinstance(answer, RpcRefusedError):
                raise answer
            try:
                number = quantity(answer, f"{node.name} eth_blockNumber")
            except RpcError as error:
                node.fail(error.message)
                back.append(error.message)
                continue
            if node.saw_block(number):
                heights.append((node, number))
            else:
                back.append(node.last_problem)
        if not heights:
            raise RpcDisagreesError("; ".join(back))
        lowest, highest = min(n for _, n in heights), max(n for _, n in heights)
        if highest - lowest > limit:
            for node, _ in heights:
                node.disagreed += 1
            told = ", ".join(f"{node.name} {number}" for node, number in heights)
            raise RpcDisagreesError(f"the newest blocks are more than {limit} apart: {told}")
        alone = len(heights) == 1
        if alone and self._block is not None and lowest < self._block - limit:
            name = heights[0][0].name
            raise RpcDisagreesError(
                f"{name} is at block {lowest}, but {self._block} was seen before"
            )
        self._block = max(lowest, self._block or 0) if alone else lowest
        return lowest, len(heights)

    async def check(self) -> None:
        """Ask every endpoint for its chain, so that `status` can tell. Raises nothing of theirs."""
        asked = (node for node in self._nodes if not node.out_because)
        await asyncio.gather(*(_answer(node, "eth_chainId", ()) for node in asked))

    def status(self) -> tuple[EndpointStatus, ...]:
        """Return how each endpoint is doing, in the order of the settings."""
        return tuple(
            EndpointStatus(
                name=node.name,
                chain_id=node.chain_id,
                out_because=node.out_because,
                away=not node.out_because and not node.is_ready(),
                requests=node.requests,
                errors=node.errors,
                went_back=node.went_back,
                disagreed=node.disagreed,
                block=node.block,
                last_problem=node.last_problem,
            )
            for node in self._nodes
        )

    async def close(self) -> None:
        """Close the connections."""
        for node in self._nodes:
            await node.close()

    async def _witnesses(
        self, method: str, params: Sequence[object]
    ) -> list[tuple[RpcNode, object | RpcRefusedError]]:
        """Ask two endpoints at once, and further ones for each that fails."""
        waiting = self._ready()
        answers: list[tuple[RpcNode, object | RpcRefusedError]] = []
        problems: list[RpcError] = []
        while waiting and len(answers) < WITNESSES:
            wanted = WITNESSES - len(answers)
            asked, waiting = waiting[:wanted], waiting[wanted:]
            for node, answer in zip(
                asked,
                await asyncio.gather(*(_answer(node, method, params) for node in asked)),
                strict=True,
            ):
                if isinstance(answer, RpcError) and not isinstance(answer, RpcRefusedError):
                    problems.append(answer)
                else:
                    answers.append((node, answer))
        if not answers and await self._moved():
            return await self._witnesses(method, params)
        if not answers:
            raise self._nobody(method, problems)
        return answers

    async def _moved(self) -> bool:
        """Ask where the endpoints are; return whether they are elsewhere now, and go there."""
        urls = await self._find_again() if self._find_again is not None else ()
        if not urls or urls == self._urls:
            return False
        left = self._nodes
        self._move_to(urls)
        for node in left:
            await node.close()
        return True

    def _move_to(self, urls: tuple[str, ...]) -> None:
        self._urls = urls
        self._nodes = [
            RpcNode(name, url, self._settings, self._clock)
            for name, url in zip(endpoint_names(urls), urls, strict=True)
        ]

    def _ready(self) -> list[RpcNode]:
        return [node for node in self._nodes if node.is_ready()]

    def _nobody(self, method: str, problems: list[RpcError]) -> RpcError:
        if all(node.out_because for node in self._nodes):
            reasons = "; ".join(node.out_because for node in self._nodes)
            return RpcError(f"no endpoint is left: {reasons}", permanent=True)
        told = [error.message for error in problems] or [
            node.out_because or f"{node.name} stays away after: {node.last_problem}"
            for node in self._nodes
        ]
        return RpcError(f"no endpoint answers {method}: {'; '.join(told)}", permanent=False)


async def _answer(node: RpcNode, method: str, params: Sequence[object]) -> object | RpcError:
    try:
        return await node.ask(method, params)
    except RpcError as error:
        return error


def _comparable(answer: object, fields: Sequence[str]) -> tuple[str, ...]:
    if isinstance(answer, RpcRefusedError):
        return ("refused",)
    if isinstance(answer, dict):
        return tuple(str(answer.get(name)).lower() for name in fields)
    return (str(answer).lower(),)


def endpoint_names(urls: Sequence[str]) -> list[str]:
    """Return host names, numbered where one stands twice."""
    hosts = [urlsplit(url).netloc for url in urls]
    return [
        host if hosts.count(host) == 1 else f"{host}#{hosts[: index + 1].count(host)}"
        for index, host in enumerate(hosts)
    ]
