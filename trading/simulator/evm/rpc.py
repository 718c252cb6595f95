"""JSON-RPC to the local chain: blocking, one connection for each thread, a revert with its reason.

The standard library's client takes a third of the time of a larger one, and each trade of a wallet
waits for several answers.
"""

import json
import threading
from http.client import HTTPConnection, HTTPException
from typing import Any

from trading.simulator.accounts import RevertedError

ANSWER_S_MAX = 30
REVERTED = 3  # the code of a call that a contract refused
REASON_LENGTH_MAX = 200


class ChainError(Exception):
    """The chain cannot be used. `permanent`: asking again does not help."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


class Rpc:
    """Asks one node on this machine. Safe to use from several threads."""

    def __init__(self, host: str, port: int) -> None:
        self.url = f"http://{host}:{port}"
        self.port = port
        self._host = host
        self._mine = threading.local()

    def ask(self, method: str, *params: Any) -> Any:
        """Return the result of a call.

        Raises RevertedError with the contract's reason, or ChainError: permanent when the node
        refuses the question, not so when there is no answer.
        """
        question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        try:
            answer = json.loads(self._post(json.dumps(question).encode()))
        except (OSError, HTTPException, ValueError) as error:
            self.close()
            raise ChainError(f"no answer to {method}: {error}", permanent=False) from error
        if "error" in answer:
            message = str(answer["error"].get("message", ""))[:REASON_LENGTH_MAX]
            if answer["error"].get("code") == REVERTED or "revert" in message:
                raise RevertedError(message.removeprefix("execution reverted: "))
            raise ChainError(f"{method} was refused: {message}", permanent=True)
        return answer["result"]

    def close(self) -> None:
        """Close the connection of this thread; the next question opens another one."""
        connection = getattr(self._mine, "connection", None)
        if connection is not None:
            connection.close()
            self._mine.connection = None

    def _post(self, body: bytes) -> bytes:
        connection = getattr(self._mine, "connection", None)
        if connection is None:
            connection = HTTPConnection(self._host, self.port, timeout=ANSWER_S_MAX)
            self._mine.connection = connection
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        said: bytes = connection.getresponse().read()
        return said
