"""What is known about the venue, from the mapping that config/venues.yaml is read into.

Unknown keys, missing keys and values out of bounds are refused by name. Whether an address is the
right one is for a test to say; here it only has to look like one.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TypeVar
from urllib.parse import urlsplit

from trading.engine.market import TICKS_MICRO, FeeSchedule
from trading.engine.units import MICRO, UnitError, unsigned_micro_from_text

LIST_LENGTH_MAX = 100
WORD_LENGTH_MAX = 100
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# A local venue for drills speaks without encryption, and only on this machine.
_SCHEMES = {"https": False, "wss": False, "http": True, "ws": True}


class VenuesError(ValueError):
    """A value that is missing, unknown or out of bounds; the message begins with its field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """Base addresses, without a slash at the end."""

    clob: str
    market_ws: str
    user_ws: str
    gamma: str
    data: str
    relayer: str
    geoblock: str
    polygon_rpcs: tuple[str, ...]  # asked in this order


@dataclass(frozen=True, slots=True, kw_only=True)
class Contracts:
    """Checksummed addresses on the chain."""

    conditional_tokens: str
    exchange: str
    neg_risk_exchange: str
    exchange_v3: str
    pusd: str
    usdc_e: str
    collateral_onramp: str
    collateral_offramp: str
    collateral_adapter: str
    neg_risk_collateral_adapter: str
    neg_risk_adapter: str
    position_manager: str
    router: str
    binary_module: str
    neg_risk_module: str
    combinatorial_module: str
    auto_redeem_operator: str
    proxy_factory: str
    safe_factory: str
    deposit_wallet_factory: str
    deposit_wallet_beacon: str
    deposit_wallet_implementation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Requests that the venue allows in `window_ms`, and the share of them that we use."""

    window_ms: int
    use_percent: int
    clob_reads: int
    post_books: int
    gamma_markets: int
    gamma_events: int
    balance_allowance: int
    balance_allowance_update: int
    post_order: int
    post_orders: int
    cancel_all: int
    ledger_reads: int
    relayer_submits_per_minute: int
    orders_per_batch_max: int

    def ours(self, allowed: int) -> int:
        """Return our share of an allowed number, rounded down, and two at least."""
        return max(allowed * self.use_percent // 100, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainLimits:
    """How the chain is read and written. `pol_price_micro` is in millionths of a dollar."""

    request_ms: int
    backoff_ms: int
    backoff_ms_max: int
    blocks_back_max: int
    requests_per_second: int
    confirmations: int
    poll_every_ms: int
    receipt_within_ms: int  # patience with one offer of gas, before a higher one is made
    pol_price_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedLimits:
    """How the live feed is run."""

    markets_max: int
    slug_prefixes: tuple[str, ...]
    tag_slugs: tuple[str, ...]
    discover_every_ms: int
    pages_max: int
    tokens_per_socket_max: int
    ping_every_ms: int
    pong_within_ms: int
    handshake_ms: int
    message_bytes_max: int
    first_books_within_ms: int
    replace_every_ms: int
    backoff_ms: int
    backoff_ms_max: int
    stable_after_ms: int
    control_every_ms: int
    control_tokens: int
    books_chunk_max: int
    snapshot_every_ms: int
    silent_after_ms: int
    silence_lag_ms: int
    taker_delay_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingDefaults:
    """Parameters of recorded markets whose file does not name their own."""

    fee: FeeSchedule
    tick_micro: int
    min_order_size_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSettings:
    """The whole file."""

    chain_id: int
    hosts: Hosts
    contracts: Contracts
    never_approve: tuple[str, ...]
    ticks_micro: tuple[int, ...]
    rates: Rates
    chain: ChainLimits
    feed: FeedLimits
    recordings: RecordingDefaults


# Bounds of whole numbers that are not simply "1 to 10 million".
_BOUNDS = {
    "rates.window_ms": (1_000, 600_000),
    "rates.use_percent": (1, 100),
    "rates.orders_per_batch_max": (1, 15),
    "chain.request_ms": (100, 60_000),
    "chain.blocks_back_max": (0, 100),
    "chain.requests_per_second": (2, 10_000),
    "chain.confirmations": (1, 256),
    "feed.markets_max": (1, 5_000),
    "feed.discover_every_ms": (1_000, 3_600_000),
    "feed.pages_max": (1, 1_000),
    "feed.tokens_per_socket_max": (2, 200),
    "feed.ping_every_ms": (1_000, 10_000),
    "feed.pong_within_ms": (10_000, 120_000),
    "feed.message_bytes_max": (65_536, 67_108_864),
    "feed.replace_every_ms": (30_000, 86_400_000),
    "feed.control_every_ms": (100, 600_000),
    "feed.control_tokens": (2, 1_000),
    "feed.books_chunk_max": (1, 500),
    "feed.silent_after_ms": (1_000, 600_000),
    "feed.taker_delay_ms": (0, 60_000),
}
_DEFAULT_BOUNDS = (1, 10_000_000)
Value = TypeVar("Value")


def venue_settings(mapping: Mapping[str, object]) -> VenueSettings:
    """Check a mapping as read from YAML. Raises VenuesError, whose text begins with the field."""
    names = {"chain_id", "hosts", "contracts", "never_approve", "ticks", "rates", "feed"}
    _check_keys(mapping, names | {"chain", "recordings"}, "")
    feed = dict(_block(mapping, "feed", _names(FeedLimits)))
    slug_prefixes = _list(feed.pop("slug_prefixes"), "feed.slug_prefixes", _word)
    tag_slugs = _list(feed.pop("tag_slugs"), "feed.tag_slugs", _word)
    return VenueSettings(
        chain_id=_whole(mapping["chain_id"], "chain_id"),
        hosts=_hosts(mapping),
        contracts=Contracts(
            **_each(_block(mapping, "contracts", _names(Contracts)), "contracts", _address)
        ),
        never_approve=_list(mapping["never_approve"], "never_approve", _address),
        ticks_micro=_ticks(mapping["ticks"]),
        rates=Rates(**_each(_block(mapping, "rates", _names(Rates)), "rates", _whole)),
        chain=_chain(mapping),
        feed=FeedLimits(
            slug_prefixes=slug_prefixes, tag_slugs=tag_slugs, **_each(feed, "feed", _whole)
        ),
        recordings=_recordings(mapping),
    )


def _hosts(mapping: Mapping[str, object]) -> Hosts:
    block = dict(_block(mapping, "hosts", _names(Hosts)))
    rpcs = _list(block.pop("polygon_rpcs"), "hosts.polygon_rpcs", _url)
    if not rpcs:
        raise VenuesError("hosts.polygon_rpcs: is empty; name one endpoint at least")
    return Hosts(polygon_rpcs=rpcs, **_each(block, "hosts", _url))


def _chain(mapping: Mapping[str, object]) -> ChainLimits:
    block = dict(
        _block(mapping, "chain", _names(ChainLimits) - {"pol_price_micro"} | {"pol_price"})
    )
    price_micro = _micro(block.pop("pol_price"), "chain.pol_price", lowest=1)
    return ChainLimits(pol_price_micro=price_micro, **_each(block, "chain", _whole))


def _recordings(mapping: Mapping[str, object]) -> RecordingDefaults:
    place = "recordings"
    block = _block(mapping, place, {"fee_schedule", "tick", "min_order_size"})
    return RecordingDefaults(
        fee=_fee(_block(block, f"{place}.fee_schedule", {"rate", "exponent"})),
        tick_micro=_tick(block["tick"], f"{place}.tick"),
        min_order_size_micro=_micro(block["min_order_size"], f"{place}.min_order_size", lowest=1),
    )


def _fee(schedule: Mapping[str, object]) -> FeeSchedule:
    place = "recordings.fee_schedule"
    rate_micro = _micro(schedule["rate"], f"{place}.rate", highest=MICRO)
    exponent = schedule["exponent"]
    if exponent not in ("0", "1", "2", "3", "4"):
        raise VenuesError(f'{place}.exponent: {exponent!r:.40} is not "0" to "4"')
    return FeeSchedule(rate_micro=rate_micro, exponent=int(str(exponent)))


def _ticks(value: object) -> tuple[int, ...]:
    ticks = _list(value, "ticks", _tick)
    if sorted(ticks, reverse=True) != list(TICKS_MICRO):
        raise VenuesError("ticks: not those that the engine knows; change both together")
    return ticks


def _tick(value: object, place: str) -> int:
    micro = _micro(value, place)
    if micro not in TICKS_MICRO:
        raise VenuesError(f"{place}: {value!r:.40} is not a tick that the engine knows")
    return micro


def _micro(value: object, place: str, *, lowest: int = 0, highest: int = 10**15) -> int:
    if not isinstance(value, str):
        raise VenuesError(f"{place}: {value!r:.40} is not a decimal in quotes")
    try:
        micro = unsigned_micro_from_text(value)
    except UnitError as error:
        raise VenuesError(f"{place}: {error}") from error
    if not lowest <= micro <= highest:
        raise VenuesError(f"{place}: {value!r:.40} is out of bounds")
    return micro


def _whole(value: object, place: str) -> int:
    lowest, highest = _BOUNDS.get(place, _DEFAULT_BOUNDS)
    # True is an int to Python, and nobody's number of milliseconds.
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        raise VenuesError(f"{place}: {value!r:.40} is not a whole number {lowest} to {highest}")
    return value


def _url(value: object, place: str) -> str:
    if not isinstance(value, str) or len(value) > 200 or value.endswith("/"):
        raise VenuesError(f"{place}: {value!r:.80} is not an address without a slash at its end")
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
    except ValueError as error:
        raise VenuesError(f"{place}: {error}") from error
    only_here = _SCHEMES.get(parts.scheme)
    if only_here is None or not host or parts.username is not None or parts.query or parts.fragment:
        raise VenuesError(f"{place}: {value!r:.80} is not an https or wss address of a host")
    if only_here and host not in _LOOPBACK:
        raise VenuesError(f"{place}: {parts.scheme} is for this machine only, not for {host:.80}")
    return value


def _address(value: object, place: str) -> str:
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise VenuesError(f"{place}: {value!r:.80} is not 20 bytes in hex, in quotes")
    return value


def _word(value: object, place: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= WORD_LENGTH_MAX:
        raise VenuesError(f"{place}: {value!r:.40} is not a word of 1 to {WORD_LENGTH_MAX} letters")
    return value


def _names(shape: type) -> set[str]:
    return {one.name for one in fields(shape)}


def _block(mapping: Mapping[str, object], place: str, names: set[str]) -> Mapping[str, object]:
    """Return the mapping at the last word of `place`, with exactly these keys."""
    value = mapping[place.rpartition(".")[2]]
    if not isinstance(value, Mapping):
        raise VenuesError(f"{place}: {value!r:.40} is not a block of keys")
    _check_keys(value, names, place)
    return value


def _check_keys(mapping: Mapping[str, object], names: set[str], place: str) -> None:
    before = f"{place}." if place else ""
    for key in mapping:
        if key not in names:
            raise VenuesError(f"{before}{key!s:.60}: is no key here; remove it or correct its name")
    for name in sorted(names):
        if name not in mapping:
            raise VenuesError(f"{before}{name}: is missing; it has no default")


def _each(
    block: Mapping[str, object], place: str, read: Callable[[object, str], Value]
) -> dict[str, Value]:
    return {key: read(value, f"{place}.{key}") for key, value in block.items()}


def _list(value: object, place: str, read: Callable[[object, str], Value]) -> tuple[Value, ...]:
    if not isinstance(value, list) or len(value) > LIST_LENGTH_MAX:
        raise VenuesError(f"{place}: {value!r:.40} is not a list of at most {LIST_LENGTH_MAX}")
    result = tuple(read(one, f"{place}[{index}]") for index, one in enumerate(value))
    if len(set(result)) != len(result):
        raise VenuesError(f"{place}: an entry stands twice")
    return result
