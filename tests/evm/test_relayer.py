"""The relayer's door, on the local chain and on the venue's own books: the same answers."""

import json
from random import Random

import pytest

from tests.helpers.evm import CONTRACTS, Wallet, call, sign_batch
from tests.simulator.builders import NOON_MS, RICH_MICRO
from trading.simulator.answers import Refusal
from trading.simulator.batches import Batch
from trading.simulator.book_calls import APPROVE, APPROVE_ALL, MERGE, REDEEM, SPLIT, BookExecutor
from trading.simulator.codes import COLLATERAL, DEPOSIT_WALLET
from trading.simulator.evm.evm_chain import EvmChain
from trading.simulator.evm.executor import EvmExecutor
from trading.simulator.keys import KeyRing
from trading.simulator.local_venue import LocalVenue
from trading.simulator.relayer import CALLS_MAX, Relayer, RelayerSettings
from trading.simulator.relaying import RelayQueue
from trading.simulator.requests import Request
from trading.simulator.signatures import deposit_wallet

pytestmark = pytest.mark.slow

SPENDERS = (CONTRACTS.exchange, CONTRACTS.neg_risk_exchange)
FAR_AHEAD_S = 10**11
DOLLAR = 1_000_000
ADAPTER = CONTRACTS.collateral_adapter
seeds = iter(range(1_000, 10**6))


class World:
    """A venue with a relayer, and one owner with a key and a deposit wallet."""

    def __init__(self, local):
        self.seed = next(seeds)
        self.local = local
        self.venue = LocalVenue(
            seed=self.seed,
            markets=1,
            now_ms=NOON_MS,
            wallet_of=local.deposit_wallet_of if local else deposit_wallet,
            spenders=SPENDERS,
            chain=EvmChain(local, SPENDERS) if local else None,
        )
        self.chain = self.venue.exchange.chain
        self.executor = EvmExecutor(local) if local else BookExecutor(self.venue, CONTRACTS)
        self.keys = KeyRing(b"a secret of this test")
        self.now_ms = NOON_MS
        settings = RelayerSettings(chain_id=137, factory=CONTRACTS.deposit_wallet_factory)
        queue = RelayQueue(Random(self.seed))
        self.relayer = Relayer(settings, self.executor, queue, self.keys)
        self.owner = Wallet(local)
        self.key = self.keys.create(self.owner.address, 0)
        self.venue.admit(self.owner.address)
        self.wallet = self.venue.wallets[self.owner.address][DEPOSIT_WALLET]
        (market,) = self.venue.markets.values()
        self.condition_id, self.token_ids = market.listing.condition_id, market.listing.token_ids

    def headers(self, key=None, address=None):
        return {
            "relayer_api_key": key or self.key.api_key,
            "relayer_api_key_address": address or self.owner.address,
        }

    def ask(self, method, path, body=b"", headers=None, **query):
        request = Request(
            method=method,
            path=path,
            query={name: [value] for name, value in query.items()},
            headers=self.headers() if headers is None else headers,
            body=body,
        )
        return self.relayer.door(request)(request, self.now_ms)

    def nonce(self):
        return int(
            self.ask(
                "GET",
                "/v1/account/transactions/params",
                address=self.owner.address,
                type="WALLET",
            )["nonce"]
        )

    def body(self, *calls, nonce=None, deadline_s=FAR_AHEAD_S, signer=None):
        """Return what the official client posts."""
        batch = Batch(
            wallet=self.wallet,
            nonce=self.nonce() if nonce is None else nonce,
            deadline_s=deadline_s,
            calls=calls,
        )
        return {
            "type": "WALLET",
            "from": self.owner.address,
            "to": CONTRACTS.deposit_wallet_factory,
            "nonce": str(batch.nonce),
            "signature": f"0x{sign_batch((signer or self.owner).key, batch).hex()}",
            "metadata": "",
            "depositWalletParams": {
                "depositWallet": self.wallet,
                "deadline": str(deadline_s),
                "calls": [
                    {"target": one.target, "value": "0", "data": f"0x{one.data.hex()}"}
                    for one in calls
                ],
            },
        }

    def submit(self, *calls, changed=None, **more):
        """Submit a batch, of which some fields were changed after it was signed."""
        body = self.body(*calls, **more) | (changed or {})
        return self.ask("POST", "/submit", json.dumps(body).encode())

    def state(self, answer):
        found = self.ask("GET", f"/v1/account/transactions/{answer['transactionID']}")
        return found["state"], found["error_msg"]

    def wait(self, duration_ms=60_000):
        self.now_ms += duration_ms
        self.relayer.advance(self.now_ms)

    def done(self, *calls):
        """Submit, wait and return the last state with its error."""
        answer = self.submit(*calls)
        self.wait()
        return self.state(answer)

    def holdings(self):
        for asset in (COLLATERAL, *self.token_ids):
            self.chain.refresh(self.wallet, asset)
        view = self.chain.accounts[self.wallet].view
        return tuple(view[asset] for asset in (COLLATERAL, *self.token_ids))

    def sets(self, signature, *amount):
        condition = bytes.fromhex(self.condition_id[2:])
        values = (CONTRACTS.pusd, bytes(32), condition, [1, 2], *amount)
        return call(ADAPTER, signature, *values)


@pytest.fixture(params=["chain", "books"])
def world(request):
    return World(request.getfixturevalue("local_chain") if request.param == "chain" else None)


def approvals():
    return (
        call(CONTRACTS.pusd, APPROVE, ADAPTER, 50 * DOLLAR),
        call(CONTRACTS.conditional_tokens, APPROVE_ALL, ADAPTER, True),
    )


def refusal(answer):
    assert isinstance(answer, Refusal)
    return answer.http, answer.text


CONFIRMED = ("STATE_CONFIRMED", None)


def test_a_batch_goes_from_new_to_confirmed_and_is_executed(world):
    answer = world.submit(*approvals(), world.sets(SPLIT, 30 * DOLLAR))
    assert answer["state"] == "STATE_NEW"
    assert world.state(answer) == ("STATE_NEW", None)
    assert world.holdings() == (RICH_MICRO, 0, 0)
    states = []
    while world.state(answer)[0] != "STATE_CONFIRMED":
        states.append(world.state(answer)[0])
        world.wait(100)

    assert list(dict.fromkeys(states)) == ["STATE_NEW", "STATE_EXECUTED", "STATE_MINED"]
    assert world.holdings() == (RICH_MICRO - 30 * DOLLAR, 30 * DOLLAR, 30 * DOLLAR)
    assert world.nonce() == 1


def test_several_sets_are_merged_in_one_batch(world):
    world.done(*approvals(), world.sets(SPLIT, 30 * DOLLAR))

    assert world.done(world.sets(MERGE, 10 * DOLLAR), world.sets(MERGE, 5 * DOLLAR)) == CONFIRMED

    assert world.holdings() == (RICH_MICRO - 15 * DOLLAR, 15 * DOLLAR, 15 * DOLLAR)


def test_a_redemption_pays_for_the_winner(world):
    world.done(*approvals(), world.sets(SPLIT, 30 * DOLLAR))
    world.chain.resolve(world.condition_id, (1, 0))

    assert world.done(world.sets(REDEEM)) == CONFIRMED

    assert world.holdings() == (RICH_MICRO, 0, 0)


@pytest.mark.parametrize(
    ("calls", "reason"),
    [
        (lambda w: [w.sets(SPLIT, DOLLAR)], "exceeds allowance"),
        (lambda w: [w.sets(MERGE, DOLLAR)], "approval"),
        (lambda w: [*approvals(), w.sets(MERGE, DOLLAR)], ""),
        (lambda w: [*approvals(), w.sets(REDEEM)], "result for condition not received yet"),
        (lambda w: [*approvals(), w.sets(SPLIT, 51 * DOLLAR)], "exceeds allowance"),
    ],
    ids=["split-unallowed", "merge-unapproved", "merge-short", "redeem-early", "split-too-much"],
)
def test_a_batch_that_reverts_fails_and_changes_nothing(world, calls, reason):
    before = world.holdings()

    state, error = world.done(*calls(world))

    assert state == "STATE_FAILED"
    assert "revert" in error
    if world.local:  # the words are the contracts'; on the books they are ours
        assert reason in error
    assert world.holdings() == before
    assert world.nonce() == 0
    assert world.chain.accounts[world.wallet].allowed[COLLATERAL, ADAPTER] == 0


def test_a_wallet_with_an_action_under_way_is_busy(world):
    first = world.submit(*approvals())

    assert refusal(world.submit(*approvals())) == (
        400,
        f"wallet busy: active action {first['transactionID']}",
    )
    world.wait()
    assert world.submit(*approvals())["state"] == "STATE_NEW"


@pytest.mark.parametrize("nonce", [0, 2])
def test_a_nonce_that_is_not_the_wallets_is_named_with_the_right_one(world, nonce):
    world.done(*approvals())

    assert refusal(world.submit(*approvals(), nonce=nonce)) == (
        400,
        f"batch nonce {nonce} does not match on-chain nonce 1",
    )


def test_the_26th_submission_of_a_minute_is_refused(world):
    for _ in range(25):
        world.ask("POST", "/submit", b"{}")

    answer = world.submit(*approvals(), nonce=0)

    assert refusal(answer) == (429, "Too Many Requests")
    assert answer.retry_after_s == 60


def test_a_batch_of_another_signer_is_refused(world):
    stranger = Wallet(None)

    assert refusal(world.submit(*approvals(), signer=stranger)) == (400, "invalid signature")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"type": "SAFE"}, "unsupported transaction type"),
        ({"from": f"0x{1:040x}"}, "from is not the address of the API key"),
        ({"to": CONTRACTS.pusd}, "to is not the deposit wallet factory"),
        ({"nonce": "-1"}, "invalid request body"),
        ({"metadata": "x" * 501}, "invalid request body"),
        ({"more": 1}, "invalid request body"),
        ({"depositWalletParams": None}, "a batch has nonce, signature and calls"),
        ({"signature": "0x12"}, "invalid signature"),
    ],
    ids=str,
)
def test_a_submission_that_is_wrong_names_what_is(world, changes, said):
    http, text = refusal(world.submit(*approvals(), changed=changes))

    assert http == 400
    assert said in text


def test_a_batch_for_another_wallet_is_refused(world):
    body = world.body(*approvals())
    body["depositWalletParams"]["depositWallet"] = CONTRACTS.pusd

    answer = world.ask("POST", "/submit", json.dumps(body).encode())

    assert refusal(answer) == (400, "depositWallet is not the wallet of from")


def test_a_batch_is_refused_after_its_deadline(world):
    late = world.submit(*approvals(), deadline_s=NOON_MS // 1_000 - 1)

    assert refusal(late) == (400, "batch deadline has passed")


@pytest.mark.parametrize("count", [0, CALLS_MAX + 1])
def test_a_batch_has_some_calls_and_not_too_many(world, count):
    one = call(CONTRACTS.pusd, APPROVE, ADAPTER, 1)

    assert "calls" in refusal(world.submit(*[one] * count))[1]


@pytest.mark.parametrize(
    "path",
    [
        ("GET", "/v1/account/transactions/params"),
        ("GET", "/v1/account/transactions/123"),
        ("POST", "/submit"),
    ],
    ids=str,
)
def test_without_the_right_key_nothing_is_told_or_done(world, path):
    other = f"0x{1:040x}"
    for headers in ({}, world.headers(key="x"), world.headers(address=other)):
        answer = world.ask(*path, headers=headers)
        assert refusal(answer) == (401, "Unauthorized/Invalid api key")


def test_an_owner_sees_no_action_of_another(world):
    answer = world.submit(*approvals())
    stranger = Wallet(None)
    key = world.keys.create(stranger.address, 0)

    path = f"/v1/account/transactions/{answer['transactionID']}"
    found = world.ask("GET", path, headers=world.headers(key.api_key, stranger.address))

    assert refusal(found) == (404, "transaction not found")


def test_a_wallet_is_there_after_it_was_created(world):
    stranger = Wallet(None)
    world.owner, world.key = stranger, world.keys.create(stranger.address, 0)
    wallet = world.executor.wallet_of(stranger.address)
    assert world.ask("GET", "/deployed", address=wallet) == {"deployed": False}
    body = {
        "type": "WALLET-CREATE",
        "from": stranger.address,
        "to": CONTRACTS.deposit_wallet_factory,
        "metadata": "",
    }

    answer = world.ask("POST", "/submit", json.dumps(body).encode())
    world.wait()

    assert world.state(answer) == CONFIRMED
    assert world.ask("GET", "/deployed", address=wallet) == {"deployed": True}
    assert world.ask("GET", "/deployed", address=stranger.address, type="WALLET")["deployed"]


def test_a_wallet_that_is_not_there_yet_takes_no_batch(world):
    world.owner = Wallet(None)
    world.key = world.keys.create(world.owner.address, 0)
    world.wallet = world.executor.wallet_of(world.owner.address)

    answer = world.submit(*approvals())

    assert refusal(answer) == (400, "deposit wallet is not deployed")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/deployed", {}),
        ("/deployed", {"address": "0x12"}),
        ("/v1/account/transactions/params", {"type": "WALLET"}),
        ("/v1/account/transactions/params", {"type": "SAFE", "address": f"0x{1:040x}"}),
    ],
    ids=str,
)
def test_a_question_without_sense_is_refused(world, path, query):
    assert refusal(world.ask("GET", path, **query))[0] == 400


def test_the_books_know_no_other_call():
    world = World(None)
    calls = [call(CONTRACTS.pusd, "transfer(address,uint256)", ADAPTER, 1)]

    state, error = world.done(*calls)

    assert (state, "no such call" in error) == ("STATE_FAILED", True)
