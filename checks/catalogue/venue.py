"""Checks of the venue that would be traded on: its channel, its clock, its chain, its sizes.

They are part of the category operations. Each opens connections of its own. A recording is a venue
without network, clock and chain: what it has is opened, what it has not is said, and nothing of it
counts for a live phase.
"""

from collections.abc import Sequence
from typing import Any

from checks.catalogue.base import (
    Category,
    Check,
    Priority,
    Scene,
    Seen,
    everywhere,
    failed,
    passed,
    unknown,
)
from polyarb_site import formats
from trading.selectors.phase_profiles import feed_options_of, size_of_phase
from trading.services.refusals import ServiceRefused
from trading.services.venue_probes import (
    RECORDED,
    EndpointSeen,
    Heard,
    MarketHeard,
    ask_endpoints,
    clock_skew_ms,
    listen,
)

SKEW_MS_MAX = 2_000
# People wait for a run of all checks: none of these takes more than about six seconds.
BOOK_SECONDS = 5.0
MARKETS_ENOUGH = 2  # to hear a book
SIZES_SECONDS = 5.0  # what has come by then is judged
SIZES_MARKETS_MAX = 100  # those that the engine watches, the busiest first
SIZES_RECORDED_SECONDS = 2.0
ENDPOINTS_WANTED = 2
MICRO = 1_000_000
NOT_LIVE = "a recording cannot be traded on live"


def market_channel(scene: Scene) -> Seen:
    """Connect to the market channel as the engine does, and wait for a whole book."""
    if scene.venue == RECORDED and scene.live:
        return failed(NOT_LIVE)
    heard = listen(
        scene.venue,
        _options(scene),
        scene.clock,
        seconds=BOOK_SECONDS,
        markets_max=MARKETS_ENOUGH,
    )
    facts: dict[str, Any] = {
        "venue": scene.venue,
        "frames": heard.frames,
        "books": heard.books,
        "first_book_ms": heard.first_book_ms,
    }
    if not heard.books:
        why = f": {heard.problem}" if heard.problem else f" within {BOOK_SECONDS:.0f} s"
        return failed(f"{scene.venue} delivered no book{why}", **facts)
    return passed(
        f"{scene.venue} delivered a book after {formats.millis(heard.first_book_ms)}", **facts
    )


def venue_clock(scene: Scene) -> Seen:
    """Ask the venue's REST interface what time it is."""
    if scene.venue == RECORDED:
        if scene.live:
            return failed(NOT_LIVE)
        return passed("the venue is a recording: it has no clock, and none was asked", asked=False)
    try:
        skew_ms = clock_skew_ms(scene.venue, scene.clock)
    except ServiceRefused as refused:
        return failed(
            f"{scene.venue} does not answer: {refused.message}"[:500], remedy=refused.remedy
        )
    told = f"the clock of {scene.venue} is {formats.millis(abs(skew_ms))}"
    told += f" {'ahead of' if skew_ms >= 0 else 'behind'} ours, to half a second"
    judge = passed if abs(skew_ms) <= SKEW_MS_MAX else failed
    return judge(told, skew_ms=skew_ms, asked=True)


def endpoint_answers(scene: Scene) -> Seen:
    """Ask every endpoint of the chain for its newest block: one has to answer."""
    return _endpoints(scene, 1)


def endpoints_answer(scene: Scene) -> Seen:
    """Ask every endpoint of the chain for its newest block: two have to answer."""
    return _endpoints(scene, ENDPOINTS_WANTED)


def _endpoints(scene: Scene, wanted: int) -> Seen:
    if scene.venue == RECORDED and scene.live:
        return failed(NOT_LIVE)
    try:
        seen = ask_endpoints(scene.venue, scene.clock)
    except ServiceRefused as refused:
        return unknown(refused.message, remedy=refused.remedy)
    if seen is None:
        what = "a recording" if scene.venue == RECORDED else "settled on its own books"
        return passed(f"{scene.venue} is {what}: it has no chain, and none was asked", chain=False)
    facts: dict[str, Any] = {"chain": True, "endpoints": [_endpoint_facts(one) for one in seen]}
    good = [one for one in seen if one.block is not None]
    if len(seen) < wanted and good and scene.venue != "polymarket":
        return passed("the one endpoint of the chain on this machine answers", **facts)
    told = f"{len(good)} of {formats.plural(len(seen), 'endpoint')} answered"
    if len(good) < wanted:
        silent = "; ".join(f"{one.name}: {one.problem}" for one in seen if one.block is None)
        return failed(f"{told}; {silent}"[:500] if silent else told, **facts)
    newest = max(one.block for one in good if one.block is not None)
    return passed(f"{told}, the newest block is {formats.count(newest)}", **facts)


def _endpoint_facts(one: EndpointSeen) -> dict[str, Any]:
    return {"name": one.name, "block": one.block, "problem": one.problem}


def sizes_fit(scene: Scene) -> Seen:
    """Price the smallest set of each watched market by the books that come now."""
    if scene.venue == RECORDED and scene.live:
        return failed(NOT_LIVE)
    try:
        size = size_of_phase(scene.account, scene.phase)
    except ServiceRefused as refused:
        return unknown(refused.message, remedy=refused.remedy)
    if size is None:
        return unknown(f"there is no profile for phase {scene.phase}")
    recorded = scene.venue == RECORDED
    heard = listen(
        scene.venue,
        _options(scene),
        scene.clock,
        seconds=SIZES_RECORDED_SECONDS if recorded else SIZES_SECONDS,
        markets_max=SIZES_MARKETS_MAX,
        markets_wanted=SIZES_MARKETS_MAX,
    )
    if not heard.markets:
        why = heard.problem or "no market's two books came in time"
        return unknown(f"nothing is known of {scene.venue}: {why}"[:500])
    return _judged(scene, heard, size.trade_size_micro, size.profile)


def _judged(scene: Scene, heard: Heard, size_micro: int, profile: str) -> Seen:
    markets = heard.markets
    costs = sorted(one.cost_micro for one in markets if one.cost_micro is not None)
    fit = sum(cost <= size_micro for cost in costs)
    share_micro = fit * MICRO // len(markets)
    half_micro = costs[(len(costs) - 1) // 2] if costs else None
    facts: dict[str, Any] = {
        "profile": profile,
        "trade_size_micro": size_micro,
        "watched": len(markets),
        "tradable": fit,
        "share_micro": share_micro,
        "cheapest_micro": costs[0] if costs else None,
        "half_of_them_micro": half_micro,
        "markets": [_market_facts(one) for one in _cheapest(markets)],
    }
    told = (
        f"{formats.percent(share_micro, decimals=0)} of {len(markets)} watched markets can be"
        f" traded at {formats.money(size_micro)} a set"
    )
    if not costs:
        return failed(f"{told}: none offers enough for its smallest set", **facts)
    told += (
        f"; the cheapest set costs {formats.money(costs[0])}, and half of them need"
        f" {formats.money(half_micro)}"
    )
    if fit:
        return passed(told, **facts)
    if not scene.live:
        return passed(f"{told}; on paper the smallest set is taken instead, and marked", **facts)
    return failed(told, **facts)


def _cheapest(markets: Sequence[MarketHeard]) -> list[MarketHeard]:
    return sorted(markets, key=lambda one: (one.cost_micro is None, one.cost_micro or 0))[:10]


def _market_facts(one: MarketHeard) -> dict[str, Any]:
    return {"market": one.slug[:100], "smallest_set_micro": one.cost_micro, "why": one.problem}


def _options(scene: Scene) -> dict[str, str]:
    """Return how the feed is played here: a recording as fast as it can be read."""
    if scene.venue != RECORDED:
        return {}
    return {**feed_options_of(scene.account, RECORDED), "speed": "max"}


OPERATIONS = Category.OPERATIONS
VENUE_CHECKS: tuple[Check, ...] = (
    Check(
        id="operations.rpc_one",
        category=OPERATIONS,
        title="An endpoint of the chain answers",
        needed="one at least, on the venue's own chain",
        remedy="Correct hosts.polygon_rpcs in config/venues.yaml, or the network of this host.",
        runbook="rpc",
        priorities=everywhere(Priority.P0),
        look=endpoint_answers,
        time_ms_max=6_500,
    ),
    Check(
        id="operations.rpc_two",
        category=OPERATIONS,
        title="Two endpoints of the chain answer",
        needed="two at least; a chain on this machine has one",
        remedy="Name a second endpoint, of another operator, in config/venues.yaml.",
        runbook="rpc",
        priorities=everywhere(Priority.P1),
        look=endpoints_answer,
        time_ms_max=6_500,
    ),
    Check(
        id="operations.market_channel",
        category=OPERATIONS,
        title="The market channel delivers a book",
        needed="a whole book within 5 s",
        remedy="Look at the network of this host, and at the venue; for the local one, start it:"
        " make run FEED=simulator.",
        runbook="venue-connection",
        priorities=everywhere(Priority.P0),
        look=market_channel,
        time_ms_max=6_500,
    ),
    Check(
        id="operations.venue_clock",
        category=OPERATIONS,
        title="The venue answers, and its clock is ours",
        needed="an answer, and within 2 s",
        remedy="Set this host's clock by NTP: timedatectl set-ntp true.",
        runbook="venue-connection",
        priorities=everywhere(Priority.P0),
        look=venue_clock,
        time_ms_max=5_000,
    ),
    Check(
        id="operations.sizes_fit",
        category=OPERATIONS,
        title="Watched markets can be traded at this size",
        needed="one market at least whose smallest set costs no more than TRADE_SIZE",
        remedy="Save a revision of the profile with a larger TRADE_SIZE, up to the phase's ceiling,"
        " and ask for its approval.",
        runbook="configuration",
        priorities=everywhere(Priority.P1),
        look=sizes_fit,
        time_ms_max=6_500,
    ),
)
