"""The limits of an address on the network, and what is said of those of a signer."""

import httpx
import pytest

from tests.simulator.asking import Asker
from tests.simulator.builders import NOON_MS
from tests.simulator.official import ANN_KEY, compact
from trading.simulator import windows as windows_module
from trading.simulator.server import VenueServer
from trading.simulator.windows import LIMITS, Limit, Windows

FEW = Limit(method="GET", path="/ok", short=2, long=5)


class TestWindows:
    def take(self, windows, after_ms, address="1.2.3.4", method="GET", path="/ok"):
        refusal = windows.take(address, method, path, NOON_MS + after_ms)
        return refusal.retry_after_s if refusal else 0

    def test_slide(self):
        windows = Windows((FEW,))

        assert [self.take(windows, at) for at in (0, 5_000, 6_000)] == [0, 0, 4]
        assert [self.take(windows, at) for at in (9_999, 10_000, 11_000)] == [1, 0, 4]

    def test_have_a_long_one_too(self):
        windows = Windows((FEW,))
        taken = [self.take(windows, at * 10_000) for at in range(6)]

        assert taken == [0] * 5 + [550]
        assert self.take(windows, 600_000) == 0

    def test_count_each_address_and_each_kind_for_itself(self):
        windows = Windows((FEW, Limit(method="", path="/auth/*", short=1)))
        for at in range(2):
            assert self.take(windows, at) == 0

        assert self.take(windows, 3) == 10
        assert self.take(windows, 3, address="5.6.7.8") == 0
        assert self.take(windows, 3, method="POST") == 0
        assert self.take(windows, 3, path="/auth/api-key", method="POST") == 0
        assert self.take(windows, 3, path="/auth/derive-api-key") == 10

    def test_forget_the_first_address_when_there_are_too_many(self, monkeypatch):
        monkeypatch.setattr(windows_module, "ADDRESSES_MAX", 2)
        windows = Windows((Limit(method="", path="*", short=1),))
        for address in "abc":
            self.take(windows, 0, address)

        assert [self.take(windows, 0, address) for address in "ca"] == [10, 0]

    @pytest.mark.parametrize(
        ("method", "path", "most"),
        [
            *(("GET", "/ok", 100), ("POST", "/order", 5_000), ("DELETE", "/cancel-all", 250)),
            *(("GET", "/balance-allowance/update", 50), ("GET", "/data/trades", 500)),
            *(("POST", "/books", 500), ("GET", "/time", 9_000), ("GET", "/auth/api-keys", 100)),
        ],
    )
    def test_are_those_of_the_venue(self, method, path, most):
        windows = Windows(LIMITS)
        taken = [self.take(windows, 0, method=method, path=path) for _ in range(most + 1)]

        assert taken == [0] * most + [10]


async def test_who_is_too_fast_is_told_when_to_come_back():
    asker = Asker()
    asker.server = VenueServer(asker.venue, lambda: NOON_MS, windows=Windows((FEW,)))
    transport = httpx.ASGITransport(asker.server)
    async with httpx.AsyncClient(transport=transport, base_url="http://venue") as client:
        answers = [await client.get("/ok") for _ in range(3)]

    assert [one.status_code for one in answers] == [200, 200, 429]
    assert answers[-1].json() == {"error": "Too Many Requests", "retry_after_seconds": 10}
    assert answers[-1].headers["retry-after"] == "10"


class TestHeaders:
    async def ask(self, asker, wallet, method, path, body=""):
        headers = wallet.headers(method, path, body, NOON_MS // 1_000)
        transport = httpx.ASGITransport(asker.server)
        async with httpx.AsyncClient(transport=transport, base_url="http://venue") as client:
            answer = await client.request(method, path, headers=headers, content=body)
        said = answer.headers
        return [said.get(f"Poly-RateLimit-{name}") for name in ("Remaining", "Reset", "Tier")]

    async def test_say_what_a_signer_has_left(self):
        asker = Asker()
        ann = await asker.admit(ANN_KEY)
        orders = compact([ann.order(token_id) for token_id in asker.tokens])

        assert await self.ask(asker, ann, "POST", "/orders", orders) == ["58", "1", "Standard"]
        assert await self.ask(asker, ann, "POST", "/orders", orders) == ["56", "1", "Standard"]
        assert await self.ask(asker, ann, "DELETE", "/cancel-all") == ["117", "1", "Standard"]

    async def test_are_said_to_nobody_else(self):
        asker = Asker()
        ann = await asker.admit(ANN_KEY)

        assert await self.ask(asker, ann, "GET", "/data/orders") == [None] * 3
        ann.creds.api_key = "guessed"
        assert await self.ask(asker, ann, "POST", "/orders", "[]") == [None] * 3
