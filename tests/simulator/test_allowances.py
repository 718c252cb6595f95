"""What a contract may take of an account: checked at the order, and again when it takes it."""

import pytest

from tests.simulator.asking import Asker
from tests.simulator.builders import NO, YES, Client, balances_of, make_exchange
from tests.simulator.official import ANN_KEY, SETTINGS, compact
from trading.engine.codes import TradeState
from trading.engine.units import MICRO
from trading.simulator.answers import Refusal
from trading.simulator.codes import COLLATERAL, SHARES, UNLIMITED
from trading.simulator.events import TradeChanged
from trading.simulator.local_venue import PLAY_MONEY_MICRO

SPENDER = "0xAbC0"
ADAPTER = "0xAdA100Db00Ca00073811820692005400218FcE1f"


def make_client(dollars_micro, *, shares, accounts=("ann", "ben")):
    """Return a venue that needs allowances, which all accounts have given."""
    exchange = make_exchange(accounts=accounts, spender=SPENDER)
    for account_id in accounts:
        exchange.chain.approve(account_id, SPENDER, dollars_micro)
        exchange.chain.approve_all(account_id, SPENDER, approved=shares)
        for kind in (COLLATERAL, SHARES):
            exchange.chain.refresh_allowances(account_id, kind)
    return Client(exchange)


class TestABuy:
    def test_within_its_allowance_is_placed(self):
        client = make_client(4_000_000, shares=False)

        assert client.place("ann", "BUY", YES, 40, 10).status == "live"

    def test_above_its_allowance_is_refused_with_what_is_allowed(self):
        client = make_client(3_999_999, shares=True)

        answer = client.place("ann", "BUY", YES, 40, 10)

        assert answer == Refusal(
            http=400,
            text="not enough balance / allowance: the allowance is not enough -> spender: 0xabc0, "
            "allowance: 3999999, sum of matched orders: 0, order amount (inc. fees): 4000000",
        )
        assert balances_of(client.exchange, "ann")["active"] == {}

    def test_needs_an_allowance_for_its_fee_too(self):
        client = make_client(5_124_999, shares=True)
        client.place("ann", "SELL", YES, 50, 10)

        assert "allowance: 5124999" in client.place("ben", "BUY", YES, 50, 10).text
        client.exchange.chain.approve("ben", SPENDER, 5_125_000)
        client.exchange.refresh_view("ben", COLLATERAL)
        assert client.place("ben", "BUY", YES, 50, 10).status == "matched"

    def test_uses_up_its_allowance_when_it_is_mined(self):
        client = make_client(8_000_000, shares=True)
        client.place("ann", "SELL", YES, 50, 20)
        client.place("ben", "BUY", YES, 50, 10)
        said = client.place("ben", "BUY", YES, 50, 10).text
        client.wait(1_000)

        assert "allowance: 8000000, sum of matched orders: 5125000, order amount" in said
        assert client.exchange.chain.accounts["ben"].allowed[COLLATERAL, SPENDER] == 2_875_000
        assert client.exchange.chain.accounts["ben"].allowed_view[COLLATERAL, SPENDER] == 2_875_000

    def test_never_uses_up_an_unlimited_one(self):
        client = make_client(UNLIMITED, shares=True)
        client.place("ann", "SELL", YES, 50, 10)
        client.place("ben", "BUY", YES, 50, 10)
        client.wait(1_000)

        assert client.exchange.chain.accounts["ben"].allowed[COLLATERAL, SPENDER] == UNLIMITED


class TestASell:
    def test_of_approved_shares_is_placed(self):
        assert make_client(0, shares=True).place("ann", "SELL", NO, 40, 10).status == "live"

    def test_of_shares_that_are_not_approved_is_refused(self):
        answer = make_client(UNLIMITED, shares=False).place("ann", "SELL", NO, 40, 10)

        assert "the allowance is not enough -> spender: 0xabc0, allowance: 0, " in answer.text


class TestAnAllowanceThatIsTakenBack:
    def test_is_seen_by_the_venue_only_when_it_looks(self):
        client = make_client(UNLIMITED, shares=True)
        client.exchange.chain.approve("ann", SPENDER, 0)

        assert client.place("ann", "BUY", YES, 40, 10).status == "live"
        client.exchange.refresh_view("ann", COLLATERAL)
        assert "allowance: 0" in client.place("ann", "BUY", YES, 40, 10).text

    @pytest.mark.parametrize("account_id", ["ann", "ben"])
    def test_before_a_trade_is_mined_lets_it_fail_and_moves_nothing(self, account_id):
        client = make_client(UNLIMITED, shares=True)
        before = [balances_of(client.exchange, one) for one in ("ann", "ben")]
        client.place("ann", "SELL", YES, 50, 10)
        client.place("ben", "BUY", YES, 50, 10)
        client.exchange.chain.approve(account_id, SPENDER, 0)
        client.exchange.chain.approve_all(account_id, SPENDER, approved=False)
        client.wait(5_000)

        events = client.exchange.take_events()
        states = [event.state for event in events if isinstance(event, TradeChanged)]
        assert states == [TradeState.MATCHED, TradeState.RETRYING, TradeState.FAILED]
        assert [balances_of(client.exchange, one) for one in ("ann", "ben")] == before


@pytest.mark.parametrize("amount", [-1, UNLIMITED + 1])
def test_an_amount_that_no_contract_could_hold_is_refused(amount):
    with pytest.raises(ValueError, match="an allowance is 0 to"):
        make_client(0, shares=False).exchange.chain.approve("ann", SPENDER, amount)


class TestDoors:
    @pytest.fixture
    def asker(self):
        return Asker(approved=False)

    @pytest.fixture
    async def ann(self, asker):
        return await asker.admit(ANN_KEY, signature_type=3)

    async def approve(self, asker, ann, **changes):
        sent = {"spender": SETTINGS.exchange, "asset_type": "COLLATERAL", "amount": "7"}
        sent |= {"signature_type": 3} | changes
        return await asker.ask(ann, "POST", "/simulator/approvals", compact(sent))

    async def allowances(self, asker, ann, target="/balance-allowance?asset_type=COLLATERAL"):
        return (await asker.ask(ann, "GET", f"{target}&signature_type=3"))[1]["allowances"]

    async def test_show_what_the_venue_has_seen(self, asker, ann):
        nothing = {SETTINGS.exchange: "0", SETTINGS.neg_risk_exchange: "0"}
        assert await self.allowances(asker, ann) == nothing
        assert await self.approve(asker, ann) == (200, "")
        assert await self.allowances(asker, ann) == nothing
        update = "/balance-allowance/update?asset_type=COLLATERAL&signature_type=3"
        await asker.ask(ann, "GET", update)

        assert await self.allowances(asker, ann) == nothing | {SETTINGS.exchange: "7"}
        plain = (await asker.ask(ann, "GET", "/balance-allowance?asset_type=COLLATERAL"))[1]
        assert plain["allowances"] == nothing

    async def test_are_told_as_they_are_before_the_venue_has_seen_them(self, asker, ann):
        asker.venue.let_merge(ADAPTER)
        assert await self.approve(asker, ann) == (200, "")
        shares = {"asset_type": "CONDITIONAL", "amount": "1", "spender": ADAPTER}
        assert await self.approve(asker, ann, **shares) == (200, "")

        _, told = await asker.ask(ann, "GET", "/simulator/approvals?signature_type=3")

        assert told["balance"] == str(PLAY_MONEY_MICRO)
        assert told["allowances"]["COLLATERAL"][SETTINGS.exchange] == "7"
        assert told["allowances"]["CONDITIONAL"][ADAPTER] == str(UNLIMITED)
        status, _ = await asker.ask(ann, "GET", "/simulator/approvals?signature_type=1")
        assert status == 400

    async def test_approve_all_shares_or_none(self, asker, ann):
        target = f"/balance-allowance?asset_type=CONDITIONAL&token_id={asker.tokens[1]}"
        update = target.replace("allowance?", "allowance/update?")
        said = []
        for amount in ("1", "0"):
            await self.approve(asker, ann, asset_type="CONDITIONAL", amount=amount)
            await asker.ask(ann, "GET", f"{update}&signature_type=3")
            said.append((await self.allowances(asker, ann, target))[SETTINGS.exchange])

        assert said == [str(UNLIMITED), "0"]

    async def test_refuse_an_order_until_it_is_allowed(self, asker, ann):
        body = compact(ann.order(asker.tokens[0]))
        status, said = await asker.ask(ann, "POST", "/order", body)
        assert status == 400
        assert said["error"].startswith("not enough balance / allowance: the allowance is not enou")
        await self.approve(asker, ann, amount=str(MICRO))
        await asker.ask(ann, "GET", "/balance-allowance/update?asset_type=COLLATERAL")
        assert (await asker.ask(ann, "POST", "/order", body))[0] == 400  # the other wallet's

        update = "/balance-allowance/update?asset_type=COLLATERAL&signature_type=3"
        await asker.ask(ann, "GET", update)
        assert (await asker.ask(ann, "POST", "/order", body))[0] == 200

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"spender": "0x" + "12" * 20}, "Invalid payload: spender is none of 0xE1"),
            ({"spender": "0x12"}, "Invalid payload: "),
            ({"amount": str(2**256)}, "Invalid payload: amount must be below"),
            *(({"amount": 7}, "Invalid payload: "), ({"amount": "-1"}, "Invalid payload: ")),
            ({"asset_type": "GOLD"}, "Invalid payload: "),
            ({"signature_type": 1}, "Invalid signature_type"),
        ],
        ids=str,
    )
    async def test_refuse_an_approval_that_makes_no_sense(self, asker, ann, change, said):
        status, answer = await self.approve(asker, ann, **change)

        assert status == 400
        assert answer["error"].startswith(said)

    async def test_of_a_venue_that_asks_for_none_show_them_unlimited(self):
        asker = Asker(spenders=())
        ann = await asker.admit(ANN_KEY, signature_type=3)

        said = await self.allowances(asker, ann)
        assert set(said.values()) == {str(UNLIMITED)}
        assert (await self.approve(asker, ann))[0] == 400
