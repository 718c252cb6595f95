"""A WebSocket client for an ASGI application, without a server and without a network.

Like channels.testing.WebsocketCommunicator, whose package wants a second server installed.
"""

import json

from asgiref.testing import ApplicationCommunicator


class WebSocketPage(ApplicationCommunicator):
    """One connection of one page."""

    def __init__(self, application, path, headers=()):
        scope = {
            "type": "websocket",
            "path": path,
            "query_string": b"",
            "headers": list(headers),
            "subprotocols": [],
        }
        super().__init__(application, scope)

    async def connect(self, timeout=3):
        """Return whether it was accepted, and the close code when not."""
        await self.send_input({"type": "websocket.connect"})
        answer = await self.receive_output(timeout)
        if answer["type"] == "websocket.close":
            code = answer.get("code", 1000)
            await self.disconnect(code)  # as a server tells the application then
            return False, code
        return True, None

    async def send_text(self, text):
        await self.send_input({"type": "websocket.receive", "text": text})

    async def send_json(self, data):
        await self.send_text(json.dumps(data))

    async def receive_json(self, timeout=5):
        answer = await self.receive_output(timeout)
        assert answer["type"] == "websocket.send", answer
        return json.loads(answer["text"])

    async def close_code(self, timeout=5):
        """Return the code of the close that comes next, whatever is said before it."""
        while True:
            answer = await self.receive_output(timeout)
            if answer["type"] == "websocket.close":
                await self.disconnect(answer["code"])
                return answer["code"]

    async def disconnect(self, code=1000):
        await self.send_input({"type": "websocket.disconnect", "code": code})
        await self.wait(3)
