"""JSON-RPC endpoints on loopback that answer what the test says, lies included."""

from typing import Any

from tests.feeds.misbehaving import Answer, Request, Venue, as_json
from trading.wallets.rpc import RpcPool
from trading.wallets.rpc_node import RpcSettings

CHAIN = 137


class Fault:
    """A JSON-RPC error."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        self.error = {"code": code, "message": message} | ({} if data is None else {"data": data})


class Node:
    """One endpoint. `says[method]` is a value, a Fault, or a function of the parameters."""

    def __init__(self, server: Venue) -> None:
        self.server = server
        self.says: dict[str, Any] = {"eth_chainId": hex(CHAIN), "eth_blockNumber": hex(100)}
        self.asked: list[tuple[str, list[Any]]] = []
        self.breaks: Answer | None = None  # what is answered instead, whatever is asked
        server.answers["/key"] = self._answer

    @property
    def url(self) -> str:
        return f"{self.server.http_url}/key"

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    def times(self, method: str) -> int:
        return sum(asked == method for asked, _ in self.asked)

    def _answer(self, request: Request) -> Answer:
        call = request.json
        self.asked.append((call["method"], call["params"]))
        if self.breaks is not None:
            return self.breaks
        said = self.says.get(call["method"], Fault(-32601, "the method does not exist"))
        if callable(said):
            said = said(*call["params"])
        if isinstance(said, Fault):
            return as_json({"jsonrpc": "2.0", "id": call["id"], "error": said.error})
        return as_json({"jsonrpc": "2.0", "id": call["id"], "result": said})


def word(value: int) -> str:
    """Return a number as a contract answers it."""
    return f"0x{value:064x}"


def pool_of(*nodes: Node, clock: Any, find_again: Any = None, **changes: Any) -> RpcPool:
    """Return a pool over these endpoints that waits 300 ms for an answer."""
    urls = tuple(node.url for node in nodes)
    settings = {"chain_id": CHAIN, "urls": urls, "request_ms": 1_000} | changes
    return RpcPool(RpcSettings(**settings), clock, find_again=find_again)
