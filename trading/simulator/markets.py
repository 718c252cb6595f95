"""Which markets a local venue lists, and what trades in each: invented, or from a recording."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from trading.engine.fees import fee_charged
from trading.engine.units import MICRO
from trading.simulator.event_flow import (
    OUTCOMES_MAX,
    OUTCOMES_MIN,
    EventFlow,
    EventSettings,
)
from trading.simulator.exchange import Exchange
from trading.simulator.flow import Flow, FlowSettings
from trading.simulator.flow_hand import OrderFlow
from trading.simulator.frames import Publisher
from trading.simulator.market_records import FEE, About, NegRiskEvent, invented
from trading.simulator.orders import Listing
from trading.simulator.recorded_flow import RecordedFlow, RecordedMarketFlow, Recording

MARKETS_MAX = 200  # invented ones
TICK_MICRO = 10_000
MIN_ORDER_SIZE_MICRO = 5 * MICRO
NO_CHAIN_FOR_EVENTS = (
    "neg-risk outcomes settle on the venue's own books only: add --no-chain, or list none"
)
# About ten updates a second in each market; a true gap every half a minute, a lagged leg as often.
# The jump of a lagged leg goes back: otherwise all prices would fall, and each would cost whoever
# waits with half a set more than its LEG_LOSS_MAX.
LOCAL_FLOW = FlowSettings(
    step_ms_min=20,
    step_ms_max=180,
    crossing_micro=3_000,
    crossing_ms=1_500,
    crossing_edge_micro=45_000,
    lag_micro=3_000,
    lag_returns=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """What trades on a venue: invented flow, or a recording and then nothing that is invented."""

    flow: FlowSettings = LOCAL_FLOW
    recording: Recording | None = None
    neg_risk_outcomes: int = 0  # of one neg-risk event beside the markets that stand alone

    @property
    def name(self) -> str:
        """What tells its past from that of another one; empty for invented markets alone."""
        if self.recording is not None:
            return self.recording.name
        return f"neg-risk-{self.neg_risk_outcomes}" if self.neg_risk_outcomes else ""

    def check(self, markets: int) -> None:
        """Raise ValueError for a number of markets that does not fit."""
        outcomes = self.neg_risk_outcomes
        if self.recording is not None and (markets or outcomes):
            name, number = ("markets", markets) if markets else ("neg-risk outcomes", outcomes)
            raise ValueError(f"{name} is {number}, set it to 0 beside a recording")
        if self.recording is None and not 1 <= markets <= MARKETS_MAX:
            raise ValueError(f"markets is {markets}, set it to 1 to {MARKETS_MAX}")
        if outcomes and not OUTCOMES_MIN <= outcomes <= OUTCOMES_MAX:
            raise ValueError(
                f"neg-risk outcomes is {outcomes}, set it to 0 or {OUTCOMES_MIN} to {OUTCOMES_MAX}"
            )


INVENTED = Programme()


@dataclass(slots=True, kw_only=True)
class LocalMarket:
    """One market with everything that belongs to it. `changed_ms`: the last change of its books.

    A flow may be shared with other markets.
    """

    listing: Listing
    about: About
    publisher: Publisher
    flow: OrderFlow
    changed_ms: int

    def end(self) -> None:
        """Let nothing happen in it any more."""
        self.flow.end(self.listing.condition_id)


def markets_of(
    exchange: Exchange,
    programme: Programme,
    questions: Sequence[str],
    random: Random,
    spenders: Sequence[str],
    now_ms: int,
) -> Iterator[LocalMarket]:
    """List what a programme has, one after another: an invented market for each question first.

    `spenders` are the exchanges of standard and of neg-risk markets. Raises ValueError for a
    recorded market without a fee, and for a neg-risk event on a chain.
    """
    spender = next(iter(spenders), "")
    for number, question in enumerate(questions, 1):
        yield invented_market(
            exchange,
            number,
            question=question,
            random=random,
            settings=programme.flow,
            spender=spender,
            now_ms=now_ms,
        )
    if programme.recording is not None:
        yield from recorded_markets(
            exchange, programme.recording, random=random, spender=spender, now_ms=now_ms
        )
    if programme.neg_risk_outcomes:
        yield from neg_risk_markets(
            exchange,
            range(len(questions) + 1, len(questions) + 1 + programme.neg_risk_outcomes),
            question=f"{questions[0]} neg-risk",
            random=random,
            settings=programme.flow,
            spender=spenders[1] if len(spenders) > 1 else "",
            now_ms=now_ms,
        )


def invented_market(
    exchange: Exchange,
    number: int,
    *,
    question: str,
    random: Random,
    settings: FlowSettings,
    spender: str,
    now_ms: int,
) -> LocalMarket:
    """List a market with invented flow around a fair value that is drawn here."""
    condition_id, token_ids = exchange.chain.market_ids(question)
    listing = Listing(
        condition_id=condition_id,
        token_ids=token_ids,
        tick_micro=TICK_MICRO,
        min_order_size_micro=MIN_ORDER_SIZE_MICRO,
        fee_micro=partial(fee_charged, FEE),
        spender=spender,
    )
    exchange.list_market(listing)
    publisher = Publisher([listing])
    fair_micro = random.randrange(settings.fair_micro_min, settings.fair_micro_max)
    flow = Flow(
        exchange=exchange,
        listing=listing,
        random=Random(random.getrandbits(64)),  # noqa: S311 - a simulation has to repeat itself
        settings=replace(settings, fair_micro=fair_micro),
        lag=publisher.lag,
        now_ms=now_ms,
    )
    return LocalMarket(
        listing=listing, about=invented(number), publisher=publisher, flow=flow, changed_ms=now_ms
    )


def neg_risk_markets(
    exchange: Exchange,
    numbers: Sequence[int],
    *,
    question: str,
    random: Random,
    settings: FlowSettings,
    spender: str,
    now_ms: int,
) -> list[LocalMarket]:
    """List one event with an outcome for each number, of which exactly one can come true.

    They settle on the venue's own books only: the chain has no neg-risk contracts. Raises
    ValueError where there is a chain.
    """
    if exchange.chain.described() is not None:
        raise ValueError(NO_CHAIN_FOR_EVENTS)
    event_id, _ = exchange.chain.market_ids(question)
    event = NegRiskEvent(event_id=event_id, slug=f"simulated-event-{numbers[0]}")
    fair_micro = MICRO // len(numbers)
    quiet = replace(
        settings,
        fair_micro_min=fair_micro // 2,
        crossing_micro=0,
        lag_micro=0,
        fair_micro=fair_micro,
    )
    made: list[tuple[Listing, About, Publisher]] = []
    flows: list[Flow] = []
    for place, number in enumerate(numbers, 1):
        condition_id, token_ids = exchange.chain.market_ids(f"{question} {place}")
        listing = Listing(
            condition_id=condition_id,
            token_ids=token_ids,
            tick_micro=TICK_MICRO,
            min_order_size_micro=MIN_ORDER_SIZE_MICRO,
            fee_micro=partial(fee_charged, FEE),
            neg_risk=True,
            spender=spender,
        )
        exchange.list_market(listing)
        publisher = Publisher([listing])
        flows.append(
            Flow(
                exchange=exchange,
                listing=listing,
                random=Random(random.getrandbits(64)),  # noqa: S311 - as above
                settings=quiet,
                lag=publisher.lag,
                now_ms=now_ms,
            )
        )
        said = f"Simulated event: will outcome {place} of {len(numbers)} come true?"
        about = About(number=number, slug=f"simulated-{number}", question=said, event=event)
        made.append((listing, about, publisher))
    flow = EventFlow(
        exchange,
        flows,
        random=Random(random.getrandbits(64)),  # noqa: S311 - as above
        fee_micro=partial(fee_charged, FEE),
        half_spread_micro=settings.half_spread_micro,
        tick_micro=TICK_MICRO,
        settings=EventSettings(),
    )
    return _sharing(flow, made, now_ms)


def recorded_markets(
    exchange: Exchange, recording: Recording, *, random: Random, spender: str, now_ms: int
) -> list[LocalMarket]:
    """List the markets of a recording, under their own ids where the chain lets them have those.

    Their fee, tick and least size are those of the recording; no order is held. Raises ValueError
    for a market without a fee.
    """
    flows: dict[str, RecordedMarketFlow] = {}
    made: list[tuple[Listing, About, Publisher]] = []
    for number, market in enumerate(recording.markets, 1):
        spec = market.spec
        if spec.fee is None:
            raise ValueError(f"{recording.name}: the fee of {market.slug} is not known")
        condition_id, token_ids = exchange.chain.recorded_ids(spec.condition_id, spec.token_ids)
        listing = Listing(
            condition_id=condition_id,
            token_ids=token_ids,
            tick_micro=spec.tick_micro,
            min_order_size_micro=spec.min_order_size_micro,
            fee_micro=partial(fee_charged, spec.fee),
            spender=spender,
            outcomes=market.outcomes,
        )
        exchange.list_market(listing)
        publisher = Publisher([listing])
        own_random = Random(random.getrandbits(64))  # noqa: S311 - as above
        flows[spec.condition_id] = RecordedMarketFlow(exchange, listing, own_random, publisher.lag)
        about = About(number=number, slug=market.slug, question=market.question, fee=spec.fee)
        made.append((listing, about, publisher))
    return _sharing(RecordedFlow(exchange, recording, flows, now_ms), made, now_ms)


def _sharing(
    flow: OrderFlow, made: Iterable[tuple[Listing, About, Publisher]], now_ms: int
) -> list[LocalMarket]:
    return [
        LocalMarket(listing=listing, about=about, publisher=publisher, flow=flow, changed_ms=now_ms)
        for listing, about, publisher in made
    ]
