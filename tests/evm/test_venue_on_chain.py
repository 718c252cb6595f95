"""A venue whose trades settle on the local chain: what its wallets have is what the chain says."""

from random import Random

import pytest

from tests.helpers.evm import CONTRACTS, Wallet, ask
from tests.simulator.builders import (
    NOON_MS,
    PROMPT,
    RICH_MICRO,
    UNLIMITED,
    Client,
    collateral_of,
    make_listing,
)
from trading.engine import amounts
from trading.engine.codes import TradeState
from trading.engine.units import MICRO
from trading.simulator.accounts import RevertedError
from trading.simulator.codes import COLLATERAL, SHARES
from trading.simulator.events import TradeChanged
from trading.simulator.evm.evm_chain import EvmChain, is_wallet
from trading.simulator.exchange import Exchange
from trading.simulator.local_venue import LocalVenue

pytestmark = pytest.mark.slow

SPENDERS = (CONTRACTS.exchange, CONTRACTS.neg_risk_exchange)
ALL = 2**256 - 1


class Venue:
    """One market, one wallet that allowed the exchange, and somebody of the flow."""

    def __init__(self, local_chain, question):
        self.local = local_chain
        self.chain = EvmChain(local_chain, SPENDERS)
        self.exchange = Exchange(
            random=Random(question),  # trade ids must be new to the chain
            amounts=amounts,
            now_ms=NOON_MS,
            settlement=PROMPT,
            chain=self.chain,
        )
        condition_id, token_ids = self.chain.market_ids(question)
        self.yes, self.no = token_ids
        listing = make_listing(
            condition_id=condition_id, token_ids=token_ids, spender=CONTRACTS.exchange
        )
        self.condition_id = condition_id
        self.exchange.list_market(listing)
        self.wallet = Wallet(local_chain)
        self.ann = self.wallet.address
        for account in (self.ann, "flow"):
            self.exchange.open_account(account, UNLIMITED)
            self.chain.deposit(account, RICH_MICRO)
            self.chain.approve(account, CONTRACTS.exchange, ALL)
            self.chain.approve_all(account, CONTRACTS.exchange, approved=True)
        self.exchange.split("flow", self.yes, 1_000 * MICRO)
        for account in (self.ann, "flow"):
            for asset in (COLLATERAL, self.yes, self.no):
                self.exchange.refresh_view(account, asset)
        self.client = Client(self.exchange)

    def states(self):
        events = self.exchange.take_events()
        return [event.state for event in events if isinstance(event, TradeChanged)]

    def on_chain(self):
        """Return pUSD and both tokens of the wallet, from the chain itself."""
        held = self.local.balances(self.ann, (self.yes, self.no))
        return held.pusd_micro, *held.tokens_micro.values()

    def in_books(self):
        account = self.chain.accounts[self.ann]
        return tuple(account.chain[asset] for asset in (COLLATERAL, self.yes, self.no))


@pytest.fixture
def venue(local_chain, request):
    return Venue(local_chain, request.node.nodeid)


def buy(venue):
    """Let the wallet buy ten shares for five dollars and 0.125 in fees."""
    venue.client.place("flow", "SELL", venue.yes, 50, 10)
    return venue.client.place(venue.ann, "BUY", venue.yes, 50, 10)


def test_a_trade_moves_the_wallets_pusd_and_tokens_when_it_is_mined(venue):
    buy(venue)
    assert venue.on_chain() == (RICH_MICRO, 0, 0)  # a match is not a fill

    venue.client.wait(1_000)

    assert venue.states() == [TradeState.MATCHED, TradeState.MINED, TradeState.CONFIRMED]
    assert venue.on_chain() == (RICH_MICRO - 5_125_000, 10 * MICRO, 0)
    assert venue.in_books() == venue.on_chain()
    assert venue.chain.accounts[venue.ann].view[venue.yes] == 10 * MICRO


def test_the_transaction_of_a_trade_is_one_of_the_chain(venue):
    buy(venue)
    venue.client.wait(1_000)
    mined = [e for e in venue.exchange.take_events() if isinstance(e, TradeChanged)][-1]

    receipt = ask(venue.local.rpc_url, "eth_getTransactionReceipt", mined.transaction_hash)

    assert receipt["status"] == "0x1"
    assert int(receipt["to"], 16) == int(CONTRACTS.exchange, 16)
    assert venue.chain.has_mined(mined.trade_id)
    # A venue that starts again finds it in the logs.
    assert (
        EvmChain(venue.local, SPENDERS).transaction_hash(mined.trade_id)
        == receipt["transactionHash"]
    )


def test_buyers_of_both_tokens_mint_a_set_on_the_chain(venue):
    venue.client.place("flow", "BUY", venue.no, 60, 10)
    venue.client.place(venue.ann, "BUY", venue.yes, 40, 10)
    venue.client.wait(1_000)

    pusd, yes, no = venue.on_chain()

    assert (yes, no) == (10 * MICRO, 0)
    assert RICH_MICRO - pusd == 4 * MICRO + 120_000  # and 5 % of 0.4 x 0.6 x 10 in fees


def test_sellers_of_both_tokens_merge_a_set_on_the_chain(venue):
    buy(venue)
    venue.client.wait(1_000)
    venue.client.place("flow", "SELL", venue.no, 40, 10)
    venue.client.place(venue.ann, "SELL", venue.yes, 60, 10, "FOK")
    venue.client.wait(1_000)

    pusd, yes, no = venue.on_chain()

    assert (yes, no) == (0, 0)
    assert venue.in_books() == (pusd, 0, 0)


def test_collateral_is_conserved(venue):
    buy(venue)
    venue.client.place("flow", "BUY", venue.no, 60, 10)
    venue.client.place(venue.ann, "BUY", venue.yes, 40, 10)
    venue.client.wait(1_000)

    assert collateral_of(venue.exchange) == venue.chain.deposited_micro


@pytest.mark.parametrize(
    ("to", "signature", "nothing"),
    [
        (CONTRACTS.pusd, "approve(address,uint256)", 0),
        (CONTRACTS.conditional_tokens, "setApprovalForAll(address,bool)", False),
    ],
)
def test_a_trade_fails_when_its_allowance_was_revoked(venue, to, signature, nothing):
    buy(venue)
    venue.client.wait(1_000)
    venue.states()
    before = venue.on_chain()
    if to == CONTRACTS.pusd:
        buy(venue)
    else:
        venue.client.place("flow", "BUY", venue.yes, 50, 10)
        venue.client.place(venue.ann, "SELL", venue.yes, 50, 10)

    venue.wallet.send(to, signature, CONTRACTS.exchange, nothing)
    venue.client.wait(1_000)

    assert venue.states() == [TradeState.MATCHED, TradeState.RETRYING, TradeState.FAILED]
    assert venue.on_chain() == before
    assert not venue.chain.accounts[venue.ann].matched.total()  # what it had promised is free again


def test_a_trade_fails_when_the_money_was_spent_meanwhile(venue):
    buy(venue)
    transfer = "transfer(address,uint256)"
    venue.wallet.send(CONTRACTS.pusd, transfer, CONTRACTS.usdc_e, RICH_MICRO)

    venue.client.wait(1_000)

    assert venue.states()[-1] is TradeState.FAILED
    assert venue.on_chain() == (0, 0, 0)


def test_the_venue_sees_what_an_owner_did_when_it_looks_again(venue):
    transfer = "transfer(address,uint256)"
    venue.wallet.send(CONTRACTS.pusd, transfer, CONTRACTS.usdc_e, MICRO)
    venue.wallet.send(CONTRACTS.pusd, "approve(address,uint256)", CONTRACTS.exchange, 7)
    account = venue.chain.accounts[venue.ann]
    assert account.view[COLLATERAL] == RICH_MICRO

    venue.exchange.refresh_view(venue.ann, COLLATERAL)

    assert account.view[COLLATERAL] == RICH_MICRO - MICRO
    assert account.allowed_view[COLLATERAL, CONTRACTS.exchange] == 7
    assert account.allowed_view[SHARES, CONTRACTS.exchange] == ALL


def test_a_trade_id_that_was_used_before_fails(local_chain, venue):
    """As when a venue forgot its past and its chain did not."""
    buy(venue)
    venue.client.wait(1_000)
    before = venue.on_chain()
    trade_id = next(e.trade_id for e in venue.exchange.take_events() if isinstance(e, TradeChanged))
    moves = {(venue.ann, venue.yes): MICRO, ("flow", venue.yes): -MICRO}

    with pytest.raises(RevertedError, match="another trade"):
        venue.chain.transact(
            moves,
            condition_id=venue.condition_id,
            sets_micro=0,
            fees_micro=0,
            trade_id=trade_id,
        )

    assert venue.on_chain() == before == venue.in_books()


def test_the_flow_trades_among_itself_on_the_venues_own_books(venue):
    venue.exchange.open_account("more", UNLIMITED)
    venue.chain.deposit("more", RICH_MICRO)
    venue.chain.approve("more", CONTRACTS.exchange, ALL)
    venue.chain.refresh("more", COLLATERAL)
    block = venue.local.block_number()

    venue.client.place("flow", "SELL", venue.yes, 50, 10)
    venue.client.place("more", "BUY", venue.yes, 50, 10)
    venue.client.wait(1_000)

    assert venue.states()[-1] is TradeState.CONFIRMED
    assert venue.local.block_number() == block


def test_a_wallet_that_sells_more_than_the_operator_ever_had_still_settles(venue):
    """The operator makes the sets that the flow's side of a trade needs."""
    venue.chain.deposit("flow", 3_000_000 * MICRO)
    venue.exchange.split("flow", venue.yes, 2_000_000 * MICRO)
    venue.chain.deposit(venue.ann, 2_000_000 * MICRO)
    for account, asset in (("flow", venue.yes), (venue.ann, COLLATERAL)):
        venue.exchange.refresh_view(account, asset)

    venue.client.place("flow", "SELL", venue.yes, 50, 1_500_000)
    venue.client.place(venue.ann, "BUY", venue.yes, 50, 1_500_000)
    venue.client.wait(1_000)

    assert venue.states()[-1] is TradeState.CONFIRMED
    assert venue.on_chain()[1] == 1_500_000 * MICRO


def test_the_whole_venue_lists_markets_of_the_chain_and_says_where_it_is(local_chain):
    chain = EvmChain(local_chain, SPENDERS)

    venue = LocalVenue(
        seed=7,
        markets=2,
        now_ms=NOON_MS,
        chain=chain,
        wallet_of=local_chain.deposit_wallet_of,
        spenders=SPENDERS,
    )

    owner = Wallet(local_chain).address
    assert venue.admit(owner)
    for condition_id, market in venue.markets.items():
        here = (condition_id, market.listing.token_ids)
        assert chain.market_ids(f"7 {market.about.number}") == here
    for wallet in venue.wallets[owner].values():
        assert local_chain.balances(wallet, ()).pusd_micro == RICH_MICRO
        allowed = local_chain.allowances(wallet, CONTRACTS.exchange)
        assert (allowed.pusd_micro, allowed.tokens) == (ALL, True)
    said = venue.info()["chain"]
    assert said["rpc"] == local_chain.rpc_url
    assert said["chain_id"] == 137
    assert said["contracts"]["collateral_adapter"] == CONTRACTS.collateral_adapter


def test_a_venue_without_a_chain_says_so():
    venue = LocalVenue(seed=7, markets=1, now_ms=NOON_MS)

    assert venue.info() == {"label": "SIMULATED, settles on its own books", "chain": None}


@pytest.mark.parametrize("name", ["flow", "maker-1", "0x12", f"0x{1:041x}"])
def test_only_an_address_is_a_wallet(name):
    assert not is_wallet(name)
    assert is_wallet(f"0x{1:040x}")


REDEEM = "redeemPositions(address,bytes32,bytes32,uint256[])"


def test_a_market_that_ends_pays_on_the_chain_and_there_alone(venue):
    buy(venue)
    venue.client.wait(1_000)
    pusd, bought, _ = venue.on_chain()
    venue.exchange.resolve(venue.yes, venue.client.now_ms)
    with pytest.raises(RevertedError, match="redeems through the collateral adapter"):
        venue.exchange.redeem(venue.ann, venue.yes)
    condition = bytes.fromhex(venue.condition_id[2:])
    arguments = (CONTRACTS.pusd, bytes(32), condition, [1, 2])
    venue.wallet.send(
        CONTRACTS.conditional_tokens,
        "setApprovalForAll(address,bool)",
        CONTRACTS.collateral_adapter,
        True,
    )
    venue.wallet.send(CONTRACTS.collateral_adapter, REDEEM, *arguments)

    assert venue.on_chain() == (pusd + bought, 0, 0)
    assert venue.exchange.redeem("flow", venue.yes) > 0
    with pytest.raises(RevertedError, match="already set"):
        venue.exchange.resolve(venue.no, venue.client.now_ms)
