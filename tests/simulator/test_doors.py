"""The private doors, asked directly: what is wrong is refused by its name and changes nothing."""

from base64 import b64encode

import pytest

from tests.simulator.asking import Asker, nothing_happened
from tests.simulator.official import ANN_KEY, BEN_KEY, SETTINGS, compact
from trading.engine.units import MICRO
from trading.simulator.codes import COLLATERAL
from trading.simulator.gates import Tier
from trading.simulator.local_venue import PLAY_MONEY_MICRO


@pytest.fixture
def asker():
    return Asker()


@pytest.fixture
async def ann(asker):
    return await asker.admit(ANN_KEY)


@pytest.fixture
async def ben(asker):
    return await asker.admit(BEN_KEY)


class TestOrder:
    async def test_is_placed_when_all_is_right(self, asker, ann):
        status, said = await asker.ask(ann, "POST", "/order", compact(ann.order(asker.tokens[0])))

        assert (status, said["status"], said["success"]) == (200, "live", True)

    async def test_is_refused_the_second_time(self, asker, ann):
        body = compact(ann.order(asker.tokens[0]))
        _, placed = await asker.ask(ann, "POST", "/order", body)

        refused = {"error": f"order {placed['orderID']} is invalid. Duplicated."}
        assert await asker.ask(ann, "POST", "/order", body) == (400, refused)
        assert len(asker.venue.exchange.open_orders(ann.address)) == 1

    async def test_that_somebody_else_signed_is_refused(self, asker, ann, ben):
        stolen = ann.order(asker.tokens[0])
        own_name = {**stolen, "owner": ben.creds.api_key}
        own_address = {
            **own_name,
            "order": stolen["order"] | {"maker": ben.address, "signer": ben.address},
        }
        texts = []
        for body in (stolen, own_name, own_address):
            status, said = await asker.ask(ben, "POST", "/order", compact(body))
            assert status == 400
            texts.append(said["error"])

        assert texts == [
            "the order owner has to be the owner of the API KEY",
            "the order signer address has to be the address of the API KEY",
            "invalid signature",
        ]
        assert nothing_happened(asker, ann, ben)

    @pytest.mark.parametrize(
        "change",
        [
            *({"salt": 1}, {"makerAmount": "2000000"}, {"takerAmount": "200000000"}),
            *({"side": "SELL"}, {"timestamp": "1"}, {"metadata": "0x" + "01" * 32}),
            *({"builder": "0x" + "01" * 32}, {"signature": "0x12"}),
            {"signature": "0x" + "ff" * 65},
        ],
        ids=str,
    )
    async def test_that_was_changed_after_signing_is_refused(self, asker, ann, change):
        body = compact(ann.order(asker.tokens[0], **change))

        refused = (400, {"error": "invalid signature"})
        assert await asker.ask(ann, "POST", "/order", body) == refused
        assert nothing_happened(asker, ann)

    @pytest.mark.parametrize(("number", "name"), [(1, "POLY_PROXY"), (2, "POLY_GNOSIS_SAFE")])
    async def test_of_another_kind_of_wallet_is_refused_by_name(self, asker, ann, number, name):
        body = compact(ann.order(asker.tokens[0], signatureType=number))

        said = f"Invalid signature_type: {name}, this venue takes EOA and POLY_1271"
        assert await asker.ask(ann, "POST", "/order", body) == (400, {"error": said})

    async def test_of_an_unknown_token_is_refused(self, asker, ann):
        refused = (404, {"error": "No orderbook exists for the requested token id"})

        assert await asker.ask(ann, "POST", "/order", compact(ann.order("77"))) == refused

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            *(("salt", "1"), ("salt", 1.5), ("salt", True), ("salt", -1), ("salt", 2**256)),
            *(("salt", None), ("maker", "0x12"), ("maker", 7), ("signer", ""), ("tokenId", 7)),
            *(("tokenId", "x"), ("tokenId", "9" * 78), ("makerAmount", 5), ("makerAmount", "-5")),
            *(("makerAmount", "1.5"), ("takerAmount", "9" * 19), ("takerAmount", "٣")),
            *(("side", "buy"), ("side", 0), ("expiration", 0), ("expiration", "soon")),
            *(("signatureType", "0"), ("signatureType", 4), ("timestamp", 1), ("metadata", "0x")),
            *(("builder", "0x" + "zz" * 32), ("signature", 7), ("signature", "")),
            ("signature", "0x" + "a" * 3_000),
        ],
        ids=lambda value: f"{value!s:.20}",
    )
    async def test_with_a_wrong_field_is_refused_by_its_name(self, asker, ann, field, value):
        body = compact(ann.order(asker.tokens[0], **{field: value}))
        status, said = await asker.ask(ann, "POST", "/order", body)

        assert status == 400
        assert said["error"].startswith("Invalid order payload: ")
        assert field in said["error"]
        assert nothing_happened(asker, ann)

    @pytest.mark.parametrize(
        "change", [{"orderType": "IOC"}, {"orderType": 1}, {"postOnly": "no"}, {"owner": None}]
    )
    async def test_with_a_wrong_envelope_is_refused_by_its_name(self, asker, ann, change):
        body = compact(ann.order(asker.tokens[0]) | change)
        status, said = await asker.ask(ann, "POST", "/order", body)

        assert status == 400
        assert next(iter(change)) in said["error"]

    async def test_with_an_unknown_or_missing_field_is_refused_by_its_name(self, asker, ann):
        unknown = ann.order(asker.tokens[0], nonce="0")
        missing = ann.order(asker.tokens[0])
        del missing["order"]["builder"]

        for body, name in ((unknown, "nonce"), (missing, "builder")):
            status, said = await asker.ask(ann, "POST", "/order", compact(body))
            assert status == 400
            assert f"field `{name}`" in said["error"]

    async def test_of_bytes_that_are_no_text_is_refused(self, asker, ann):
        body = compact(ann.order(asker.tokens[0])).replace("GTC", "G\\ud800C")

        assert (await asker.ask(ann, "POST", "/order", body))[0] == 400

    async def test_of_somebody_too_fast_is_refused_with_a_time_to_wait(self, asker, ann):
        said = [
            await asker.ask(ann, "POST", "/order", compact(ann.order(asker.tokens[0])))
            for _ in range(Tier().orders_burst + 1)
        ]

        assert said[-2][0] == 200
        refused = {"error": "Too Many Requests", "retry_after_seconds": 1}
        assert said[-1] == (429, refused)


class TestBatch:
    async def test_of_too_many_or_none_is_refused(self, asker, ann):
        legs = [ann.order(token_id) for token_id in (*asker.tokens, "77") * 5]
        legs.append(ann.order("77"))  # what will be refused anyway is counted too

        too_many = {"error": "Too many orders in payload: 16, max allowed: 15"}
        assert await asker.ask(ann, "POST", "/orders", compact(legs)) == (400, too_many)
        assert (await asker.ask(ann, "POST", "/orders", "[]"))[0] == 400
        assert nothing_happened(asker, ann)

    async def test_says_of_each_leg_what_became_of_it(self, asker, ann, ben):
        good = ann.order(asker.tokens[1])
        legs = [ben.order(asker.tokens[0]), good, ann.order("77"), good]
        _, answers = await asker.ask(ann, "POST", "/orders", compact(legs))

        assert [one["status"] for one in answers] == ["", "live", "", ""]
        assert [one["errorMsg"][:20] for one in answers] == [
            *(
                "the order owner has ",
                "",
                "No orderbook exists ",
                f"order {answers[1]['orderID']}"[:20],
            )
        ]

    async def test_with_one_malformed_leg_is_refused_as_a_whole(self, asker, ann):
        legs = [ann.order(asker.tokens[0]), ann.order(asker.tokens[0], salt="1")]
        status, said = await asker.ask(ann, "POST", "/orders", compact(legs))

        assert status == 400
        assert "`$[1].order.salt`" in said["error"]
        assert nothing_happened(asker, ann)


class TestCancels:
    @pytest.mark.parametrize("order_id", ["", "0x12", 7, None, "0x" + "g" * 64])
    async def test_an_id_that_is_none_is_refused(self, asker, ann, order_id):
        for path, body in (("/order", {"orderID": order_id}), ("/orders", [order_id])):
            status, said = await asker.ask(ann, "DELETE", path, compact(body))
            assert status == 400
            assert said["error"].startswith("Invalid orderID")

    async def test_an_unknown_order_is_not_cancelled(self, asker, ann):
        unknown = "0x" + "12" * 32
        status, said = await asker.ask(ann, "DELETE", "/order", compact({"orderID": unknown}))

        assert (status, said["canceled"], list(said["not_canceled"])) == (200, [], [unknown])

    async def test_a_market_that_is_not_said_cancels_nothing(self, asker, ann):
        await asker.ask(ann, "POST", "/order", compact(ann.order(asker.tokens[0])))

        assert (await asker.ask(ann, "DELETE", "/cancel-market-orders", "{}"))[0] == 400
        assert len(asker.venue.exchange.open_orders(ann.address)) == 1


class TestQueries:
    @pytest.mark.parametrize(
        ("target", "text"),
        [
            ("/data/orders?next_cursor=x", "invalid order params payload: next_cursor"),
            ("/data/trades?next_cursor=LTE=", "Invalid trade params payload: next_cursor"),
            (
                f"/data/trades?next_cursor={b64encode(b'9' * 5_000).decode()}",
                "Invalid trade params payload: next_cursor",
            ),
            (
                "/data/trades?after=noon",
                "Invalid trade params payload: after and before are seconds",
            ),
            ("/balance-allowance", "Invalid asset type"),
            ("/balance-allowance?asset_type=GOLD", "Invalid asset type"),
            ("/balance-allowance?asset_type=CONDITIONAL&token_id=7", "Invalid token id"),
            ("/balance-allowance?asset_type=COLLATERAL&signature_type=1", "Invalid signature_type"),
            ("/balance-allowance/update?asset_type=CONDITIONAL", "Invalid token id"),
        ],
    )
    async def test_that_make_no_sense_are_refused(self, asker, ann, target, text):
        assert await asker.ask(ann, "GET", target) == (400, {"error": text})

    async def test_a_page_behind_the_end_is_empty(self, asker, ann):
        cursor = b64encode(b"700").decode()
        _, page = await asker.ask(ann, "GET", f"/data/orders?next_cursor={cursor}")

        assert page == {"limit": 100, "count": 0, "next_cursor": "LTE=", "data": []}

    async def test_open_orders_lower_what_can_be_spent_and_not_the_balance(self, asker, ann):
        await asker.ask(ann, "POST", "/order", compact(ann.order(asker.tokens[0])))
        target = "/balance-allowance?asset_type=COLLATERAL&signature_type=0"
        _, said = await asker.ask(ann, "GET", target)

        account = asker.venue.exchange.chain.accounts[ann.address]
        assert said["balance"] == str(PLAY_MONEY_MICRO)
        assert account.available_micro(COLLATERAL) == PLAY_MONEY_MICRO - MICRO
        assert set(said["allowances"]) == {SETTINGS.exchange, SETTINGS.neg_risk_exchange}

    async def test_a_path_that_is_none_is_not_found(self, asker, ann):
        for method, path in (("PUT", "/order"), ("GET", "/order"), ("GET", "/data")):
            assert (await asker.ask(ann, method, path))[0] == 404
