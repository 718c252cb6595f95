"""A venue whose process is killed owes its users what it owed before, to the unit."""

import shutil
import sqlite3
import stat
from contextlib import closing

import pytest

from tests.simulator.builders import NOON_MS, balances_of, collateral_of, shares_of
from tests.simulator.keeping import Kept
from tests.simulator.official import ANN_KEY, BEN_KEY, SETTINGS, Wallet, compact
from trading.engine.units import MICRO
from trading.simulator.accounts import Chain
from trading.simulator.codes import COLLATERAL, SHARES
from trading.simulator.keeper import FILE_NAME, Keeper, StateError
from trading.simulator.local_venue import PLAY_MONEY_MICRO
from trading.simulator.markets import LOCAL_FLOW

TAKES = {"price": 0.99, "size": 10, "order_type": "FAK"}


@pytest.fixture
def kept(tmp_path):
    kept = Kept(tmp_path / "state")
    yield kept
    kept.keeper.close()


@pytest.fixture
async def ann(kept):
    return await kept.admit(ANN_KEY)


async def trades_of(kept, wallet):
    return (await kept.ask(wallet, "GET", "/data/trades"))[1]["data"]


class TestAfterARestart:
    async def test_keys_open_as_before_and_deleted_ones_do_not(self, kept, ann):
        ben = await kept.admit(BEN_KEY)
        await kept.ask(ben, "DELETE", "/auth/api-key")
        kept.restart()

        assert await kept.ask(ann, "GET", "/auth/api-keys") == (
            200,
            {"apiKeys": [ann.creds.api_key]},
        )
        assert (await kept.ask(ben, "GET", "/auth/api-keys"))[0] == 401
        headers = ben.login(NOON_MS // 1_000)
        assert (await kept.send("GET", "/auth/derive-api-key", headers))[0] == 400

    async def test_open_orders_rest_as_before_and_are_cancelled(self, kept, ann):
        (_, first), _ = await kept.post(ann, 0)
        (_, second), _ = await kept.post(ann, 1, price=0.02)
        before = await kept.ask(ann, "GET", "/data/orders")
        owed = kept.owed()
        kept.restart()

        assert await kept.ask(ann, "GET", "/data/orders") == before
        assert kept.owed() == owed
        assert kept.account(ann).active[COLLATERAL] == 3_000_000
        book = kept.venue.book(kept.tokens[0])
        assert {"price": "0.01", "size": "100"} in book["bids"]
        _, done = await kept.ask(ann, "DELETE", "/cancel-all")
        assert done["canceled"] == [first["orderID"], second["orderID"]]
        assert kept.account(ann).active[COLLATERAL] == 0
        kept.restart()
        assert (await kept.ask(ann, "GET", "/data/orders"))[1]["data"] == []

    async def test_an_order_that_was_taken_is_a_duplicate_for_ever(self, kept, ann):
        (_, live), live_body = await kept.post(ann, 0)
        (status, _), killed_body = await kept.post(ann, 0, order_type="FOK")
        assert status == 400
        await kept.ask(ann, "DELETE", "/cancel-all")
        (status, _), refused_body = await kept.post(ann, 0, price=0.5, size=10**6)
        assert status == 400
        kept.restart()
        kept.restart()

        for body in (live_body, killed_body):
            _, said = await kept.ask(ann, "POST", "/order", body)
            assert said["error"].endswith("is invalid. Duplicated.")
        assert live["orderID"] in (await kept.ask(ann, "POST", "/order", live_body))[1]["error"]
        _, said = await kept.ask(ann, "POST", "/order", refused_body)  # was never taken
        assert said["error"].startswith("not enough balance")

    async def test_allowances_and_their_old_view_are_as_before(self, kept, ann):
        sent = {"spender": SETTINGS.exchange, "asset_type": "COLLATERAL", "amount": "7"}
        await kept.ask(ann, "POST", "/simulator/approvals", compact(sent | {"signature_type": 3}))
        owed = kept.owed()
        kept.restart()

        assert kept.owed() == owed
        account = kept.account(ann)
        assert account.allowed[COLLATERAL, SETTINGS.exchange] == 7
        assert account.allowed_view[COLLATERAL, SETTINGS.exchange] > 7
        assert account.allowed_view[SHARES, SETTINGS.neg_risk_exchange] > 0

    async def test_a_dead_mans_switch_is_still_armed(self, kept, ann):
        await kept.post(ann, 0)
        body = compact({"heartbeat_id": ""})
        _, said = await kept.ask(ann, "POST", "/v1/heartbeats", body)
        kept.restart()
        status, _ = await kept.ask(ann, "POST", "/v1/heartbeats", compact(said))
        assert status == 200
        assert kept.venue.exchange.open_orders(ann.address)

        kept.restart(down_ms=20_000)
        assert kept.venue.exchange.open_orders(ann.address) == []
        assert kept.account(ann).active[COLLATERAL] == 0

    async def test_an_order_that_ended_meanwhile_has_ended(self, kept, ann):
        wallet = Wallet(ANN_KEY, 3)
        wallet.creds = ann.creds
        expiration = str(kept.now_ms // 1_000 + 70)
        (status, _), _ = await kept.post(ann, 0, order_type="GTD", expiration=expiration)
        assert status == 200
        kept.restart(down_ms=11_000)

        assert kept.venue.exchange.open_orders(ann.address) == []
        kept.wait(20)
        kept.restart()
        assert kept.venue.exchange.open_orders(ann.address) == []

    async def test_the_flow_goes_on_around_its_fair_value(self, kept, ann):
        """Else a leg bought before would cost more both ways than any bound allows."""
        kept.wait(60_000)
        (market,) = kept.venue.markets.values()
        market.flow.jump(150_000 if market.flow.fair_micro < 500_000 else -150_000, 0, kept.now_ms)
        await kept.post(ann, 0)
        before_micro = market.flow.fair_micro
        kept.restart()

        (market,) = kept.venue.markets.values()
        assert abs(market.flow.fair_micro - before_micro) <= LOCAL_FLOW.drift_micro_max  # one step
        book = kept.venue.book(kept.tokens[0])
        middle = (float(book["bids"][-1]["price"]) + float(book["asks"][-1]["price"])) / 2
        assert abs(middle - before_micro / MICRO) <= 0.02

    async def test_a_fair_value_outside_of_the_range_is_brought_back_into_it(self, kept, ann):
        await kept.post(ann, 0)
        kept.keeper.close()
        with closing(sqlite3.connect(kept.keeper.path)) as file, file:
            assert file.execute("UPDATE rows SET body = '5' WHERE kind = 'fair'").rowcount == 1
        kept.start()

        (market,) = kept.venue.markets.values()
        low_micro = LOCAL_FLOW.fair_micro_min
        assert low_micro <= market.flow.fair_micro <= low_micro + LOCAL_FLOW.drift_micro_max

    async def test_another_flow_is_invented_with_other_ids(self, kept, ann):
        await kept.post(ann, 0, **TAKES)
        kept.wait(1_000)
        kept.restart()
        await kept.post(ann, 0, **TAKES)
        kept.wait(1_000)

        trades = await trades_of(kept, ann)
        assert len({trade["id"] for trade in trades}) == len(trades) == 2
        assert kept.keeper.past.run == 1


class TestAKillInTheLifeOfATrade:
    @pytest.mark.parametrize("after_ms", [0, 40, 100, 140, 160, 180, 200, 260])
    @pytest.mark.parametrize("down_ms", [0, 5_000])
    async def test_changes_nothing_of_its_end(self, kept, ann, tmp_path, after_ms, down_ms):
        calm = Kept(tmp_path / "other")
        same = await calm.admit(ANN_KEY)
        for one, wallet in ((kept, ann), (calm, same)):
            (_, said), _ = await one.post(wallet, 0, **TAKES)
            assert said["status"] == "matched"
            one.wait(after_ms)
        owed = kept.owed()
        kept.restart()
        assert kept.owed() == owed
        kept.restart(down_ms)
        for one in (kept, calm):
            one.wait(1_000)

        ends = [
            [(t["id"], t["status"], t["size"], t["transaction_hash"]) for t in trades]
            for trades in (await trades_of(kept, ann), await trades_of(calm, same))
        ]
        assert ends[0] == ends[1]
        assert ends[0][0][1] == "CONFIRMED"
        balances = balances_of(kept.venue.exchange, ann.funder)
        assert balances == balances_of(calm.venue.exchange, same.funder)
        assert balances["chain"][kept.tokens[0]] == round(float(ends[0][0][2]) * MICRO)
        assert balances["matched"] == {}
        calm.keeper.close()

    async def test_loses_no_money_and_no_shares(self, kept, ann):
        for number in (0, 1):
            for _ in range(4):
                await kept.post(ann, number, **TAKES)
                kept.wait(70)
                kept.restart()
                exchange = kept.venue.exchange
                assert collateral_of(exchange) == exchange.chain.deposited_micro
                (sets,) = exchange.chain.sets_micro.values()
                assert [shares_of(exchange, token) for token in kept.tokens] == [sets, sets]

    async def test_does_not_mine_again_what_a_chain_has_mined(self, kept, ann, monkeypatch):
        await kept.post(ann, 0, **TAKES)
        (trade,) = kept.venue.exchange.unsettled()
        kept.restart()
        mined = []
        monkeypatch.setattr(Chain, "has_mined", lambda _, trade_id: trade_id == mine)
        monkeypatch.setattr(Chain, "transact", lambda *_, trade_id, **__: mined.append(trade_id))
        mine = trade.event.trade_id
        kept.wait(1_000)

        assert mine not in mined
        paid = -trade.moves[ann.funder, COLLATERAL]
        assert kept.account(ann).chain[COLLATERAL] == PLAY_MONEY_MICRO - paid
        assert (await trades_of(kept, ann))[0]["status"] == "CONFIRMED"


class TestTheFile:
    async def test_is_for_one_process_at_a_time(self, kept, ann):
        with pytest.raises(StateError, match="stop the venue that uses it, or choose another"):
            Keeper(kept.directory, seed=1, markets=1)

    @pytest.mark.parametrize(("change", "said"), [({"seed": 2}, "seed"), ({"markets": 2}, "mark")])
    async def test_belongs_to_one_seed_and_its_markets(self, kept, ann, change, said):
        kept.keeper.close()

        with pytest.raises(StateError, match=f"its {said}.* is 1, not 2; start with that, or"):
            Keeper(kept.directory, **{"seed": 1, "markets": 1} | change)

    async def test_is_its_owners_alone(self, kept, ann):
        for path in kept.directory.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_that_is_none_is_refused_by_its_name(self, tmp_path):
        (tmp_path / FILE_NAME).write_bytes(b"no database " * 1_000)

        with pytest.raises(StateError, match=FILE_NAME):
            Keeper(tmp_path, seed=1, markets=1)
        with pytest.raises(StateError, match="choose another --state"):
            Keeper(tmp_path / FILE_NAME, seed=1, markets=1)

    async def test_with_a_torn_end_says_what_was_said_before(self, kept, ann, tmp_path):
        await kept.post(ann, 0)
        wal = kept.directory / f"{FILE_NAME}-wal"
        complete = wal.stat().st_size
        await kept.post(ann, 1)
        for cut, orders in ((0, 2), (1, 1), (wal.stat().st_size - complete, 1)):
            copy = shutil.copytree(kept.directory, tmp_path / f"cut {cut}")
            with (copy / wal.name).open("r+b") as file:
                file.truncate(wal.stat().st_size - cut)
            keeper = Keeper(copy, seed=1, markets=1)
            assert len(keeper.past.image["order"]) == orders
            keeper.close()

    async def test_that_cannot_be_written_any_more_answers_nobody(self, kept, ann):
        kept.keeper._file.close()

        for _ in range(2):
            with pytest.raises(StateError, match=FILE_NAME):
                await kept.post(ann, 0)

    async def test_grows_only_when_something_of_a_user_changed(self, kept, ann):
        kept.wait(2_000)
        before = kept.keeper._file.total_changes
        kept.wait(2_000)
        assert kept.keeper._file.total_changes == before
        await kept.post(ann, 0)
        assert kept.keeper._file.total_changes > before

    async def test_of_another_flow_is_refused(self, kept, ann):
        kept.keeper.close()
        with closing(sqlite3.connect(kept.keeper.path, isolation_level=None)) as file:
            file.execute("DELETE FROM rows WHERE kind = 'account' AND name LIKE 'flow%taker'")

        with pytest.raises(ValueError, match="other markets or another flow"):
            kept.start()
