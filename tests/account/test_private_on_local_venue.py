"""Our private client on the local venue: everything that an account can ask for, really asked."""

import asyncio
import json

import pytest

from tests.account.secrets import failure
from tests.simulator.official import ANN_KEY, BEN_KEY, serving, wall_ms
from trading.adapters.failures import FailureKind, venue_mode_of
from trading.engine.codes import Side, TradeState
from trading.engine.codes import VenueMode as Mode
from trading.simulator.codes import VenueMode

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def running():
    with serving() as (address, venue):
        yield address, venue


@pytest.fixture
def tokens(running):
    (market, *_) = running[1].markets.values()
    return market.listing.token_ids


@pytest.fixture
async def ann(make_trader):
    trader = make_trader(ANN_KEY)
    await trader.log_in()
    await trader.client.cancel_all()
    return trader


async def test_a_key_is_made_once_and_is_the_same_afterwards(make_trader):
    ben = make_trader(BEN_KEY)

    first = await ben.log_in(nonce=5)
    again = await ben.log_in(nonce=5)  # cannot be made again, and is derived
    other = await ben.log_in(nonce=6)

    assert first == again
    assert first.api_key != other.api_key
    assert not await ben.client.closed_only()


async def test_a_login_that_somebody_else_signed_is_refused(make_trader, ann):
    ben = make_trader(BEN_KEY)

    failed = await failure(ben.client.login(ann.sign_login))

    assert (failed.kind, failed.status) == (FailureKind.REFUSED, 401)
    assert failed.text == "Invalid L1 Request headers"


async def test_a_deleted_key_opens_nothing(running, make_trader):
    ben = make_trader(BEN_KEY)
    await ben.log_in(nonce=7)
    ben.wallet.client.set_api_creds(ben.wallet.creds)
    ben.wallet.client.host = running[0]
    await asyncio.to_thread(ben.wallet.client.delete_api_key)

    failed = await failure(ben.client.open_orders())

    assert (failed.kind, failed.status, failed.permanent) == (FailureKind.REFUSED, 401, True)
    assert failed.text == "Unauthorized/Invalid api key"


async def test_resting_orders_are_seen_and_cancelled(ann, tokens):
    first, second = await ann.post(ann.order(tokens[0]), ann.order(tokens[1], size=50))

    assert (first.success, first.status, first.error) == (True, "live", "")
    assert (first.making_micro, first.taking_micro, first.trade_ids) == (0, 0, ())
    found = await ann.client.order(first.order_hash)
    assert found is not None
    assert (found.token_id, found.side, found.status) == (tokens[0], Side.BUY, "LIVE")
    assert (found.price_micro, found.size_micro, found.matched_micro) == (10_000, 100_000_000, 0)
    assert [one.order_hash for one in await ann.client.open_orders()] == [
        first.order_hash,
        second.order_hash,
    ]
    done = await ann.client.cancel((first.order_hash, "0x" + "00" * 32))
    assert done.cancelled == (first.order_hash,)
    assert [order_hash for order_hash, _ in done.not_cancelled] == ["0x" + "00" * 32]
    assert await ann.client.order(first.order_hash) is None
    assert (await ann.client.cancel_all()).cancelled == (second.order_hash,)


async def test_a_batch_answers_for_each_leg_also_when_one_is_refused(ann, tokens):
    good, small = await ann.post(ann.order(tokens[0]), ann.order(tokens[1], size=1))

    assert (good.status, good.error) == ("live", "")
    assert (small.success, small.status, small.order_hash) == (True, "", "")
    assert small.error.endswith("is invalid. Size (1) lower than the minimum: 5")


async def test_the_same_order_twice_is_refused_as_a_duplicate(ann, tokens):
    body = ann.order(tokens[0])
    leg = await ann.post_one(body)

    failed = await failure(ann.post_one(body))

    assert (failed.kind, failed.status) == (FailureKind.REFUSED, 400)
    assert failed.text == f"order {leg.order_hash} is invalid. Duplicated."


async def test_a_trade_is_the_same_in_its_answer_and_in_the_list(ann, tokens):
    before = {trade.trade_id for trade in await ann.client.trades()}
    leg = await ann.post_one(ann.fok(tokens[0]))

    assert leg.status == "matched"
    assert len(leg.trade_ids) == 1
    (trade,) = [one for one in await ann.client.trades() if one.trade_id not in before]
    assert trade.trade_id == leg.trade_ids[0]
    assert trade.taker_order_hash == leg.order_hash
    assert (trade.token_id, trade.side) == (tokens[0], Side.BUY)
    assert trade.size_micro == leg.taking_micro
    assert sum(part.size_micro for part in trade.makers) == trade.size_micro
    while trade.state is not TradeState.CONFIRMED:
        await asyncio.sleep(0.05)
        (trade,) = await ann.client.trades(trade_id=trade.trade_id)
    assert trade.transaction_hash.startswith("0x")
    assert await ann.client.trades(after_s=trade.matched_s) == ()
    assert trade in await ann.client.trades(after_s=trade.matched_s - 1)


async def test_a_killed_fok_is_refused_in_the_venues_words(ann, tokens):
    failed = await failure(ann.post_one(ann.order(tokens[0], order_type="FOK")))

    assert failed.kind is FailureKind.REFUSED
    assert failed.text.startswith("order couldn't be fully filled. FOK orders")


async def test_balances_are_the_venues_view(ann, tokens):
    await ann.client.refresh_balance(None, 0)
    await ann.client.refresh_balance(tokens[1], 0)

    dollars = await ann.client.balance(None, 0)
    shares = await ann.client.balance(tokens[1], 0)

    assert 9_000_000_000 < dollars.balance_micro <= 10_000_000_000
    assert len(dollars.allowances) == 2
    assert shares.balance_micro == 0
    failed = await failure(ann.client.balance(None, 2))
    assert (failed.kind, failed.text) == (FailureKind.REFUSED, "Invalid signature_type")


async def test_heartbeats_go_on_with_the_id_that_is_expected(make_trader):
    trader = make_trader("0x" + "33" * 32)  # they cannot be ended again
    await trader.log_in()
    first = await trader.client.heartbeat("")
    second = await trader.client.heartbeat(first)

    failed = await failure(trader.client.heartbeat(first))

    assert (failed.kind, failed.heartbeat_id) == (FailureKind.REFUSED, second)
    assert await trader.client.heartbeat(failed.heartbeat_id)


async def test_many_open_orders_come_in_pages(ann, tokens):
    hashes = []
    for _ in range(7):
        legs = await ann.post(*(ann.order(tokens[0]) for _ in range(15)))
        hashes += [leg.order_hash for leg in legs]
        await asyncio.sleep(0.4)  # the venue takes 40 orders a second

    assert [one.order_hash for one in await ann.client.open_orders()] == hashes


@pytest.mark.parametrize(
    ("mode", "expected", "status"),
    [
        (VenueMode.RESTARTING, Mode.RESTARTING, 425),
        (VenueMode.POST_ONLY, Mode.POST_ONLY, 503),
        (VenueMode.CANCEL_ONLY, Mode.CANCEL_ONLY, 503),
        (VenueMode.DISABLED, Mode.DISABLED, 503),
    ],
)
async def test_each_mode_of_the_venue_is_recognised(running, ann, tokens, mode, expected, status):
    running[1].exchange.gate.set(mode, 0)
    try:
        failed = await failure(ann.post_one(ann.order(tokens[0])))
    finally:
        running[1].exchange.gate.set(VenueMode.OPEN, 0)

    assert (failed.kind, failed.status) == (FailureKind.REFUSED, status)
    assert venue_mode_of(failed) is expected


async def test_too_many_orders_are_refused_with_a_time_to_wait(make_trader, tokens):
    trader = make_trader("0x" + "44" * 32)
    await trader.log_in()
    batches = [[trader.order(tokens[0]) for _ in range(15)] for _ in range(5)]
    for batch in batches[:4]:  # sixty orders at once are allowed
        await trader.post(*batch)

    failed = await failure(trader.post(*batches[4]))

    assert (failed.kind, failed.status, failed.text) == (
        FailureKind.REFUSED,
        429,
        "Too Many Requests",
    )
    assert failed.retry_after_ms >= 1_000


async def test_what_is_signed_is_exactly_what_is_sent(ann, tokens):
    # Spaces and the order of keys are the caller's; nothing is written anew on the way.
    body = json.dumps([ann.order(tokens[0])], indent=3).encode()

    answer = await ann.client.post_orders(body)

    assert answer.legs[0].status == "live"
    assert answer.sent_ns < answer.answered_ns


async def test_the_clock_of_the_venue(ann):
    assert abs(await ann.client.server_time_s() - wall_ms() // 1_000) <= 1
