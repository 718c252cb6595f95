"""One owner, one API key, two wallets: what is whose, and which maker the venue takes."""

from dataclasses import replace

import pytest

from tests.simulator.asking import Asker, nothing_happened
from tests.simulator.official import ANN_KEY, BEN_KEY, SETTINGS, compact
from trading.simulator.codes import COLLATERAL
from trading.simulator.local_venue import PLAY_MONEY_MICRO
from trading.simulator.signatures import deposit_wallet

NOT_THE_MAKER = (
    400,
    {"error": "maker address not allowed, please use the deposit wallet flow"},
)
NOT_THE_SIGNER = (
    400,
    {"error": "the order signer address has to be the address of the API KEY"},
)


@pytest.fixture
def asker():
    return Asker()


@pytest.fixture
async def ann(asker):
    return await asker.admit(ANN_KEY, signature_type=3)


async def post(asker, wallet, **changes):
    return await asker.ask(
        wallet, "POST", "/order", compact(wallet.order(asker.tokens[0], **changes))
    )


def account_of(asker, wallet):
    return asker.venue.exchange.chain.accounts[wallet.funder]


class TestDepositWallet:
    async def test_places_an_order_that_its_owner_signed(self, asker, ann):
        status, said = await post(asker, ann)

        assert (status, said["status"]) == (200, "live")
        (order,) = asker.venue.exchange.open_orders(ann.address)
        assert order.account_id == ann.funder != ann.address
        assert account_of(asker, ann).active[COLLATERAL] == 1_000_000
        assert asker.venue.exchange.chain.accounts[ann.address].active[COLLATERAL] == 0

    async def test_of_somebody_else_is_no_maker(self, asker, ann):
        ben = deposit_wallet((await asker.admit(BEN_KEY)).address)

        for changes in ({"maker": ben}, {"maker": ben, "signer": ben}):
            assert await post(asker, ann, **changes) == NOT_THE_MAKER
        assert nothing_happened(asker, ann)

    async def test_signs_in_its_own_name(self, asker, ann):
        assert await post(asker, ann, signer=ann.address) == NOT_THE_SIGNER

    async def test_does_not_take_the_signature_of_an_order_that_was_changed(self, asker, ann):
        for changes in ({"salt": 1}, {"side": "SELL"}, {"signature": "0x12"}):
            assert await post(asker, ann, **changes) == (400, {"error": "invalid signature"})
        assert nothing_happened(asker, ann)

    async def test_is_not_the_maker_of_an_order_of_type_0(self, asker, ann):
        assert await post(asker, ann, signatureType=0) == NOT_THE_SIGNER
        assert await post(asker, ann, signatureType=0, signer=ann.address) == NOT_THE_MAKER

    async def test_is_not_there_on_a_venue_without_them(self):
        asker = Asker(wallet_of=None)
        ann = await asker.admit(ANN_KEY, signature_type=3)

        assert await post(asker, ann) == NOT_THE_MAKER

    async def test_is_told_to_whoever_asks(self, asker, ann):
        target = f"/simulator/wallets/{ann.address.lower()}"

        assert await asker.send("GET", target) == (200, {"0": ann.address, "3": ann.funder})
        assert (await asker.send("GET", "/simulator/wallets/ann"))[0] == 404


class TestBothWallets:
    async def test_have_play_money_and_a_balance_each(self, asker, ann):
        await post(asker, ann)
        account_of(asker, ann).view[COLLATERAL] = 5

        target = "/balance-allowance?asset_type=COLLATERAL&signature_type="
        balances = [
            (await asker.ask(ann, "GET", f"{target}{kind}"))[1]["balance"] for kind in ("", 0, 3)
        ]
        assert balances == [str(PLAY_MONEY_MICRO)] * 2 + ["5"]
        update = target.replace("allowance", "allowance/update")
        await asker.ask(ann, "GET", f"{update}3")
        assert account_of(asker, ann).view[COLLATERAL] == PLAY_MONEY_MICRO

    @pytest.mark.parametrize("kind", ["1", "2", "4", "-1", "x", "9" * 70])
    async def test_are_all_that_there_is(self, asker, ann, kind):
        target = f"/balance-allowance?asset_type=COLLATERAL&signature_type={kind}"

        refused = (400, {"error": "Invalid signature_type"})
        assert await asker.ask(ann, "GET", target) == refused

    async def test_are_seen_and_cancelled_with_one_key(self, asker, ann):
        plain = await asker.admit(BEN_KEY)
        await post(asker, ann)
        await post(asker, plain)
        same = ann.client.builder
        same.signature_type, same.funder = 0, ann.address
        await post(asker, ann)

        _, page = await asker.ask(ann, "GET", "/data/orders")
        assert {row["maker_address"] for row in page["data"]} == {ann.address, ann.funder}
        _, done = await asker.ask(ann, "DELETE", "/cancel-all")
        assert len(done["canceled"]) == 2
        assert len(asker.venue.exchange.open_orders(plain.address)) == 1


class TestAVenueForDepositWalletsOnly:
    @pytest.fixture
    def asker(self):
        return Asker(replace(SETTINGS, deposit_wallets_only=True))

    async def test_takes_them(self, asker, ann):
        assert (await post(asker, ann))[0] == 200

    async def test_refuses_an_address_that_signs_for_itself(self, asker):
        plain = await asker.admit(BEN_KEY)

        assert await post(asker, plain) == NOT_THE_MAKER
        assert nothing_happened(asker, plain)
