"""config/venues.yaml: each address is the right one, and nothing in the file goes unread."""

import copy
import dataclasses
from pathlib import Path

import pytest
from eth_utils.address import is_checksum_address

from polyarb_site.yaml_files import read_yaml
from tests.feeds.listening import MachineClock
from trading.adapters.polymarket_feed import PolymarketFeed
from trading.adapters.polymarket_settings import feed_settings
from trading.config.venues import VenuesError, venue_settings
from trading.engine.market import TICKS_MICRO, FeeSchedule

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "config" / "venues.yaml"

# Typed from the venue's documentation once more, not copied from the file: two mistakes would have
# to agree. In lower case, so that only the checksum test speaks about the case of letters.
CONTRACTS = {
    "conditional_tokens": "0x4d97dcd97ec945f40cf65f87097ace5ea0476045",
    "exchange": "0xe111180000d2663c0091e4f400237545b87b996b",
    "neg_risk_exchange": "0xe2222d279d744050d28e00520010520000310f59",
    "exchange_v3": "0xe3333700ca9d93003f00f0f71f8515005f6c00aa",
    "pusd": "0xc011a7e12a19f7b1f670d46f03b03f3342e82dfb",
    "usdc_e": "0x2791bca1f2de4661ed88a30c99a7a9449aa84174",
    "collateral_onramp": "0x93070a847efef7f70739046a929d47a521f5b8ee",
    "collateral_offramp": "0x2957922eb93258b93368531d39facca3b4dc5854",
    "collateral_adapter": "0xada100db00ca00073811820692005400218fce1f",
    "neg_risk_collateral_adapter": "0xada2005600dec949baf300f4c6120000bdb6eaab",
    "neg_risk_adapter": "0xd91e80cf2e7be2e162c6513ced06f1dd0da35296",
    "position_manager": "0x006f54f7f9a22e0000cc2ab60031000000ae9fef",
    "router": "0x12121212006e4cd160d18e3f00711da5c3372600",
    "binary_module": "0x1000008dd9001b968442c1000017eae6e0da00ba",
    "neg_risk_module": "0x200000900045e3b6259600682756002200028933",
    "combinatorial_module": "0x30000034706c7d8e12009dab006be20000c031a8",
    "auto_redeem_operator": "0xa1200000d0002264c9a1698e001292d00e1b00af",
    "proxy_factory": "0xab45c5a4b0c941a2f231c04c3f49182e1a254052",
    "safe_factory": "0xaacfeea03eb1561c4e67d661e40682bd20e3541b",
    "deposit_wallet_factory": "0x00000000000fb5c9adea0298d729a0cb3823cc07",
    "deposit_wallet_beacon": "0x7a18edfe055488a3128f01f563e5b479d92ffc3a",
    "deposit_wallet_implementation": "0x58ca52ebe0dadfdf531cde7062e76746de4db1eb",
}
DEAD = {
    "0x4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e",
    "0xc5d563a36ae78145c45a50134d48a1215220f80a",
}
# An address that circulates as the adapter and is not it.
IMPOSTOR = "0xada100874d00e3331d00f2007a9c336a65009718"


@pytest.fixture
def mapping():
    return copy.deepcopy(read_yaml(FILE))


@pytest.fixture
def venue(mapping):
    return venue_settings(mapping)


class TestTheFile:
    def test_every_contract_is_the_venues(self, venue):
        contracts = dataclasses.asdict(venue.contracts)

        assert {name: address.lower() for name, address in contracts.items()} == CONTRACTS
        assert {address.lower() for address in venue.never_approve} == DEAD

    def test_every_address_carries_a_valid_checksum(self, venue):
        addresses = [*dataclasses.asdict(venue.contracts).values(), *venue.never_approve]

        assert [address for address in addresses if not is_checksum_address(address)] == []

    def test_each_address_and_host_stands_once_in_the_product(self, venue):
        stated = [*dataclasses.asdict(venue.contracts).values(), *venue.never_approve]
        hosts = dataclasses.asdict(venue.hosts)
        stated += [*hosts.pop("polygon_rpcs"), *hosts.values()]
        text = FILE.read_text().lower()

        assert [one for one in stated if text.count(one.lower()) != 1] == []
        assert IMPOSTOR not in text
        for source in (ROOT / "trading").rglob("*.py"):
            code = source.read_text().lower()
            assert [one for one in stated if one.lower() in code] == [], source

    def test_the_chain_is_polygon_and_ticks_are_the_engines(self, venue):
        assert venue.chain_id == 137
        assert sorted(venue.ticks_micro, reverse=True) == list(TICKS_MICRO)

    def test_hosts_are_the_venues(self, venue):
        assert venue.hosts.clob == "https://clob.polymarket.com"
        assert venue.hosts.gamma == "https://gamma-api.polymarket.com"
        assert venue.hosts.market_ws.endswith("ws-subscriptions-clob.polymarket.com/ws/market")
        assert venue.hosts.user_ws.endswith("ws-subscriptions-clob.polymarket.com/ws/user")

    def test_the_chain_is_read_from_two_at_least(self, venue):
        assert len(venue.hosts.polygon_rpcs) >= 2
        assert venue.chain.pol_price_micro == 1_000_000

    def test_recorded_markets_get_the_crypto_schedule(self, venue):
        assert venue.recordings.fee == FeeSchedule(rate_micro=70_000, exponent=1)
        assert venue.recordings.tick_micro == 10_000
        assert venue.recordings.min_order_size_micro == 5_000_000

    def test_we_ask_for_no_more_than_our_share(self, venue):
        settings = feed_settings(venue)

        assert settings.rest.books_per_window == 250
        assert settings.gamma.markets_per_window == 150
        assert settings.rest.window_ms == settings.gamma.window_ms == 10_000
        assert venue.rates.ours(venue.rates.relayer_submits_per_minute) == 12

    async def test_a_feed_can_be_made_of_it(self, venue):
        feed = PolymarketFeed(feed_settings(venue), clock=MachineClock(), jitter=lambda: 0.0)

        assert feed.status().connections_wanted == 0


def changed(mapping, path, value):
    """Set the value at a dotted path, or remove it."""
    *blocks, last = path.split(".")
    for block in blocks:
        mapping = mapping[block]
    if value is REMOVED:
        del mapping[last]
    else:
        mapping[last] = value


REMOVED = object()


class TestRefusals:
    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("chain_id", "137"),
            ("chain_id", True),
            ("chain_id", REMOVED),
            ("speed", 1),
            ("hosts", []),
            ("hosts.clob", "clob.polymarket.com"),
            ("hosts.clob", "https://clob.polymarket.com/"),
            ("hosts.clob", "http://clob.polymarket.com"),
            ("hosts.clob", "https://user:secret@clob.polymarket.com"),
            ("hosts.clob", "https://clob.polymarket.com?key=1"),
            ("hosts.clob", "https://"),
            ("hosts.clob", "https://[::1"),
            ("hosts.clob", "ftp://127.0.0.1"),
            ("hosts.market_ws", "ws://ws-subscriptions-clob.polymarket.com/ws/market"),
            ("hosts.backup", "https://x.y"),
            ("hosts.gamma", REMOVED),
            ("hosts.polygon_rpcs", []),
            ("hosts.polygon_rpcs", "https://polygon.drpc.org"),
            ("hosts.polygon_rpcs", ["https://polygon.drpc.org"] * 2),
            ("hosts.polygon_rpcs", ["http://polygon.drpc.org"]),
            ("hosts.polygon_rpcs", ["https://polygon.drpc.org?key=1"]),
            ("chain.pol_price", "0"),
            ("chain.pol_price", 1),
            ("chain.pol_price", REMOVED),
            ("chain.confirmations", 0),
            ("chain.speed", 1),
            ("contracts.exchange", "0xE111180000d2663C0091e4f400237545B87B996"),
            ("contracts.exchange", 1_285_512),
            ("contracts.exchange", None),
            ("contracts.exchange_v4", "0xE111180000d2663C0091e4f400237545B87B996B"),
            ("contracts.router", REMOVED),
            ("never_approve", "0x4bFb41d5B3570DeFd03C39a9A4D8dE6Bd8B8982E"),
            ("never_approve", ["0x4bFb41d5B3570DeFd03C39a9A4D8dE6Bd8B8982E"] * 2),
            ("never_approve", ["0x4bFb"]),
            ("ticks", ["0.1", "0.01"]),
            ("ticks", ["0.03"]),
            ("ticks", [0.1]),
            ("rates.use_percent", 101),
            ("rates.use_percent", 0),
            ("rates.post_books", -1),
            ("rates.post_books", "500"),
            ("rates.post_teas", 5),
            ("feed.tokens_per_socket_max", 201),
            ("feed.ping_every_ms", 20_000),
            ("feed.ping_every_ms", 10.0),
            ("feed.slug_prefixes", "btc-"),
            ("feed.slug_prefixes", [""]),
            ("feed.slug_prefixes", [5]),
            ("feed.tag_slugs", ["x" * 101]),
            ("feed.tag_slugs", REMOVED),
            ("feed.warp", 9),
            ("recordings.tick", "0.03"),
            ("recordings.tick", 0.01),
            ("recordings.min_order_size", "0"),
            ("recordings.min_order_size", "-5"),
            ("recordings.fee_schedule", None),
            ("recordings.fee_schedule.rate", "1.01"),
            ("recordings.fee_schedule.rate", "7%"),
            ("recordings.fee_schedule.exponent", 1),
            ("recordings.fee_schedule.exponent", "1.5"),
            ("recordings.fee_schedule.taker_only", True),
        ],
    )
    def test_a_wrong_value_is_refused_and_the_message_begins_with_its_field(
        self, mapping, path, value
    ):
        changed(mapping, path, value)

        with pytest.raises(VenuesError) as caught:
            venue_settings(mapping)

        assert str(caught.value).startswith((path, f"{path}["))

    @pytest.mark.parametrize("host", ["http://127.0.0.1:8080", "ws://localhost:1/ws/market"])
    def test_a_local_venue_needs_no_encryption(self, mapping, host):
        changed(mapping, "hosts.clob", host)

        assert venue_settings(mapping).hosts.clob == host

    def test_a_field_that_is_missing_is_named(self, mapping):
        changed(mapping, "feed.pages_max", REMOVED)

        with pytest.raises(VenuesError, match=r"^feed\.pages_max: is missing"):
            venue_settings(mapping)
