"""Over a real socket: what a client sees of a request or an answer that is lost."""

import httpx
import pytest

from tests.simulator.official import ANN_KEY, VENUE, ClobClient, Wallet, compact, serving, wall_ms


@pytest.fixture(scope="module")
def running():
    with serving(drills=True) as (address, venue):
        yield address, venue


@pytest.fixture
def post(running):
    address, venue = running
    client = ClobClient(address, VENUE.chain_id, key=ANN_KEY)
    creds = client.create_or_derive_api_key()
    wallet = Wallet(ANN_KEY)
    wallet.creds = creds
    client.set_api_creds(creds)
    (market, *_) = venue.markets.values()

    def send(timeout=5):
        body = compact(wallet.order(market.listing.token_ids[0]))
        headers = wallet.headers("POST", "/order", body, wall_ms() // 1_000)
        return httpx.post(
            f"{address}/order", content=body, headers=headers, timeout=timeout, trust_env=False
        )

    client.cancel_all()
    return send


def begin(address, **said):
    answer = httpx.post(f"{address}/simulator/faults", json=said, trust_env=False)
    assert answer.status_code == 200


def open_orders(running):
    venue = running[1]
    (owner,) = venue.wallets
    return len(venue.exchange.open_orders(owner))


@pytest.mark.parametrize(("kind", "placed"), [("request_lost", 0), ("answer_lost", 1)])
def test_a_connection_ends_before_the_answer(running, post, kind, placed):
    begin(running[0], kind=kind)

    with pytest.raises(httpx.RemoteProtocolError):
        post()
    assert open_orders(running) == placed
    assert post().json()["status"] == "live"


@pytest.mark.parametrize(("kind", "placed"), [("request_lost", 0), ("answer_lost", 1)])
def test_an_answer_does_not_come_at_all(running, post, kind, placed):
    begin(running[0], kind=kind, hangs=True)

    with pytest.raises(httpx.ReadTimeout):
        post(timeout=0.3)
    assert open_orders(running) == placed
    assert post().json()["status"] == "live"
