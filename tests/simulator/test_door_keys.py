"""Who may ask at the private doors: logins, API keys, and signed requests."""

import pytest

from tests.simulator.asking import NOON_S, Asker, nothing_happened
from tests.simulator.builders import NOON_MS
from tests.simulator.official import ANN_KEY, BEN_KEY, SETTINGS, Wallet, compact
from trading.simulator import keys, local_venue
from trading.simulator.doors import AGE_S_MAX
from trading.simulator.keys import KeyRing
from trading.simulator.server import VenueServer

BAD_KEY = (401, {"error": "Unauthorized/Invalid api key"})
BAD_LOGIN = (401, {"error": "Invalid L1 Request headers"})
PRIVATE = [
    *(("GET", "/auth/api-keys"), ("DELETE", "/auth/api-key"), ("POST", "/order")),
    *(("POST", "/orders"), ("DELETE", "/order"), ("DELETE", "/orders"), ("DELETE", "/cancel-all")),
    *(("DELETE", "/cancel-market-orders"), ("GET", "/data/orders"), ("GET", "/data/order/0x1")),
    *(("GET", "/data/trades"), ("GET", "/balance-allowance"), ("POST", "/v1/heartbeats")),
    *(("GET", "/balance-allowance/update"), ("GET", "/auth/ban-status/closed-only")),
]


@pytest.fixture
def asker():
    return Asker()


@pytest.fixture
async def ann(asker):
    return await asker.admit(ANN_KEY)


class TestLogin:
    @pytest.mark.parametrize(
        "change",
        [
            {"POLY_ADDRESS": Wallet(BEN_KEY).address},
            {"POLY_ADDRESS": "0x12"},
            {"POLY_ADDRESS": ""},
            {"POLY_SIGNATURE": "0x" + "ab" * 65},
            {"POLY_SIGNATURE": "0x" + "00" * 65},
            {"POLY_SIGNATURE": "not a signature"},
            {"POLY_NONCE": "1"},
            {"POLY_NONCE": "-1"},
            {"POLY_NONCE": "9" * 78},
            {"POLY_NONCE": "9" * 5_000},
            {"POLY_TIMESTAMP": str(NOON_S + 1)},
            {"POLY_TIMESTAMP": "now"},
            {"POLY_TIMESTAMP": "9" * 5_000},
            {"POLY_TIMESTAMP": ""},
        ],
        ids=str,
    )
    async def test_headers_that_the_wallet_did_not_sign_open_no_account(self, asker, change):
        headers = Wallet(ANN_KEY).login(NOON_S) | change

        for method, path in (("POST", "/auth/api-key"), ("GET", "/auth/derive-api-key")):
            assert await asker.send(method, path, headers) == BAD_LOGIN
        assert asker.venue.records.users == set()

    @pytest.mark.parametrize("late_s", [-AGE_S_MAX - 1, AGE_S_MAX + 1])
    async def test_a_stale_login_is_refused(self, asker, late_s):
        headers = Wallet(ANN_KEY).login(NOON_S + late_s)

        assert await asker.send("POST", "/auth/api-key", headers) == BAD_LOGIN

    @pytest.mark.parametrize("late_s", [-AGE_S_MAX, AGE_S_MAX])
    async def test_a_clock_that_is_a_little_off_is_no_trouble(self, asker, late_s):
        headers = Wallet(ANN_KEY).login(NOON_S + late_s)

        assert (await asker.send("POST", "/auth/api-key", headers))[0] == 200

    async def test_a_secret_that_could_be_guessed_is_refused(self):
        with pytest.raises(ValueError, match="16 bytes"):
            KeyRing(b"short")

    async def test_what_is_secret_is_not_shown(self):
        key = KeyRing(SETTINGS.secret).derive("0x1", 0)

        assert key.secret not in repr(key)
        assert key.passphrase not in repr(key)
        assert "secret of" not in repr(SETTINGS)

    async def test_only_so_many_wallets_are_let_in(self, asker, monkeypatch):
        monkeypatch.setattr(local_venue, "USERS_MAX", 1)
        await asker.admit(ANN_KEY)

        refused = (400, {"error": "Could not create api key"})
        login = Wallet(BEN_KEY).login(NOON_S)
        assert await asker.send("POST", "/auth/api-key", login) == refused
        again = Wallet(ANN_KEY).login(NOON_S, nonce=1)
        assert (await asker.send("POST", "/auth/api-key", again))[0] == 200

    async def test_a_venue_without_doors_keeps_no_keys(self, asker):
        asker.server = VenueServer(asker.venue, lambda: NOON_MS)

        headers = Wallet(ANN_KEY).login(NOON_S)
        assert (await asker.send("POST", "/auth/api-key", headers))[0] == 404


class TestEveryPrivateRequest:
    @pytest.mark.parametrize(("method", "path"), PRIVATE, ids=str)
    @pytest.mark.parametrize(
        "change",
        [
            {"POLY_SIGNATURE": "AAAA"},
            {"POLY_SIGNATURE": ""},
            {"POLY_TIMESTAMP": str(NOON_S + 1)},
            {"POLY_PASSPHRASE": "guessed"},
            {"POLY_API_KEY": "guessed"},
            {"POLY_ADDRESS": Wallet(BEN_KEY).address},
        ],
        ids=str,
    )
    async def test_is_refused_when_its_headers_are_wrong(self, asker, ann, method, path, change):
        headers = ann.headers(method, path, "", NOON_S) | change

        assert await asker.send(method, path, headers) == BAD_KEY

    @pytest.mark.parametrize(("method", "path"), PRIVATE, ids=str)
    async def test_is_refused_without_headers_and_when_stale(self, asker, ann, method, path):
        assert await asker.send(method, path) == BAD_KEY
        for late_s in (-AGE_S_MAX - 1, AGE_S_MAX + 1):
            headers = ann.headers(method, path, "", NOON_S + late_s)
            assert await asker.send(method, path, headers) == BAD_KEY

    async def test_is_refused_when_its_body_is_another_one(self, asker, ann):
        body = compact(ann.order(asker.tokens[0]))
        headers = ann.headers("POST", "/order", body, NOON_S)

        assert await asker.send("POST", "/order", headers, body + " ") == BAD_KEY
        assert nothing_happened(asker, ann)

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            *(("POST", "/order"), ("POST", "/orders"), ("DELETE", "/order")),
            *(
                ("DELETE", "/orders"),
                ("DELETE", "/cancel-market-orders"),
                ("POST", "/v1/heartbeats"),
            ),
        ],
        ids=str,
    )
    @pytest.mark.parametrize(
        "body",
        ["", "{", "7", "null", "[7]", '"x"', "[[]]", "[" * 100_000, "{}", '{"a":1}', "NaN"],
        ids=lambda body: body[:9],
    )
    async def test_with_a_body_that_makes_no_sense_is_a_refusal(
        self, asker, ann, method, path, body
    ):
        status, said = await asker.ask(ann, method, path, body)

        assert status == 400
        assert said["error"]


class TestKeyRing:
    def test_holds_only_so_many_keys(self, monkeypatch):
        monkeypatch.setattr(keys, "KEYS_MAX", 2)
        ring = KeyRing(SETTINGS.secret)
        made = [ring.create("0x1", nonce) for nonce in range(3)]

        assert made[:2] != [None, None]
        assert made[2] is None
        assert ring.derive("0x1", 1) == made[1]

    def test_another_secret_makes_another_key(self):
        assert KeyRing(b"a" * 16).create("0x1", 0) != KeyRing(b"b" * 16).create("0x1", 0)
