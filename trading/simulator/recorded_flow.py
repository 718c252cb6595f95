"""Order flow from a recording: the venue's books are the recorded ones, and users trade with them.

One account in each market rests an order at every recorded price. At each recorded instant its
orders become what the book was then: what did not change stays, so that a user keeps what it took
until the recording changes that price again. Both tokens share one book; a token of which the
recording says nothing new while the other's moves is published late, as it was recorded. Where the
recorded book is crossed the orders only rest until the next instant, so that whoever is quick gets
what crosses. At the end the recording begins again.

Chosen here: where both tokens say something at one instant the first one's book counts; sizes are
cut to hundredths; prices between the finest ticks are left out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple, TypeAlias

from trading.engine.market import TICKS_MICRO, MarketSpec
from trading.engine.units import MICRO
from trading.simulator.answers import Refusal
from trading.simulator.codes import OrderType
from trading.simulator.events import LevelChange
from trading.simulator.exchange import Exchange
from trading.simulator.flow_hand import HUNDREDTH_MICRO, NEVER_MS, FlowHand
from trading.simulator.orders import Listing

LEAP_MS = 60_000  # a longer gap, or a step back, is a leap in time: nothing before it holds after
LEAP_PAUSE_MS = 5_000  # what is left of a leap
LATE_MS_MAX = 20_000  # a token is published no later than this
SPEED_MICRO_MIN, SPEED_MICRO_MAX = 10_000, 100 * MICRO
CAPITAL_MICRO = 1_000_000 * MICRO

Levels: TypeAlias = dict[tuple[bool, int], int]  # (is it an ask, price_micro) -> size_micro


class Told(NamedTuple):
    """What a frame says of one token's book: all of it, or the levels that changed."""

    condition_id: str
    token_id: str
    is_whole: bool
    levels: Sequence[LevelChange]


Instant: TypeAlias = tuple[Sequence[Told], int]  # what a frame says, and when in ms of UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedMarket:
    """One market of a recording."""

    spec: MarketSpec
    slug: str
    question: str
    outcomes: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording to play: `frames` begins it anew. Speed is in millionths of real time."""

    name: str
    markets: tuple[RecordedMarket, ...]
    frames: Callable[[], Iterator[Instant]]
    speed_micro: int = MICRO

    def __post_init__(self) -> None:
        """Refuse a speed that the venue cannot keep; raises ValueError."""
        if not SPEED_MICRO_MIN <= self.speed_micro <= SPEED_MICRO_MAX:
            raise ValueError("speed: the venue plays a recording at 0.01 to 100 times real time")


class RecordedMarketFlow:
    """Keeps one market's book as the recording has it."""

    def __init__(
        self, exchange: Exchange, listing: Listing, random: Random, lag: Callable[[str, int], None]
    ) -> None:
        """Open and fund the account; `lag` is told which token's updates are late until when."""
        self.is_over = False
        self.is_crossed = False
        self.account_id = f"flow {listing.condition_id} recorded"
        self.listing = listing
        self._exchange = exchange
        self._lag = lag
        self._hand = FlowHand(exchange, listing, random, capital_micro=CAPITAL_MICRO)
        self._hand.open_account(self.account_id)
        self._books: dict[int, Levels] = {}  # by place of the token, once its whole book was shown
        self._resting: dict[tuple[bool, int], tuple[int, str]] = {}  # size as recorded, order id

    def learn(self, told: Told, place: int) -> bool:
        """Take what the recording says of the first (0) or the second token; False: of no use."""
        if told.is_whole:
            self._books[place] = {}
        book = self._books.get(place)
        if book is None:
            return False  # changes alone do not make a book
        for is_ask, price, size in told.levels:
            if size:
                book[is_ask, price] = size
            else:
                book.pop((is_ask, price), None)
        return True

    def show(self, touched: set[int], now_ms: int, until_ms: int) -> None:
        """Let the venue's book be the newest recorded one; `until_ms` is the next instant."""
        for place, token_id in enumerate(self.listing.token_ids):
            self._lag(token_id, now_ms if place in touched else now_ms + LATE_MS_MAX)
        wanted = self._wanted(self._books[min(touched)], is_yes=0 in touched)
        bid = max((price for is_ask, price in wanted if not is_ask), default=0)
        self.is_crossed = bid >= min((price for is_ask, price in wanted if is_ask), default=MICRO)
        self.go_on_holding(now_ms, until_ms)
        self._refine(wanted, now_ms)
        self._requote(wanted, now_ms)

    def go_on_holding(self, now_ms: int, until_ms: int) -> None:
        """Let what is crossed rest until after the next instant."""
        if self.is_crossed and not self.is_over:
            account_ids = [self.account_id]
            duration_ms = until_ms + 1 - now_ms
            self._exchange.hold(self.listing.condition_id, account_ids, now_ms, duration_ms)

    def withdraw(self, now_ms: int) -> None:
        """Leave nothing in the book: the recording leaps in time."""
        self._books.clear()
        self.is_crossed = False
        if self._resting and not self.is_over:
            for token_id in self.listing.token_ids:
                self._lag(token_id, now_ms)
            self._requote({}, now_ms)

    def _wanted(self, book: Levels, *, is_yes: bool) -> Levels:
        """Return a token's recorded book in prices of YES, as far as the venue can have it."""
        finest = TICKS_MICRO[-1]
        return {
            (is_ask, price) if is_yes else (not is_ask, MICRO - price): hundredths * HUNDREDTH_MICRO
            for (is_ask, price), size in book.items()
            if (hundredths := size // HUNDREDTH_MICRO) and not price % finest and 0 < price < MICRO
        }

    def _refine(self, wanted: Iterable[tuple[bool, int]], now_ms: int) -> None:
        token_id = self.listing.token_ids[0]
        tick = self._exchange.tick_micro(token_id)
        finer = (one for one in TICKS_MICRO if one <= tick and not tick % one)
        needed = next(one for one in finer if not any(price % one for _, price in wanted))
        if needed != tick:
            self._exchange.refine_tick(token_id, needed, now_ms)

    def _requote(self, wanted: Levels, now_ms: int) -> None:
        resting = self._resting
        stale = [key for key, (size, _) in resting.items() if wanted.get(key) != size]
        new = sorted(
            (key for key, size in wanted.items() if key not in resting or resting[key][0] != size),
            key=lambda key: key[1] if key[0] else -key[1],  # the best of each side first
        )
        if not (stale or new):
            return
        self._hand.see_to_all(self.account_id, sum(wanted[key] for key in new))
        orders = [
            self._hand.order(
                self.account_id,
                not is_ask,
                price,
                wanted[is_ask, price],
                OrderType.GTC,
                is_rest=True,
            )
            for is_ask, price in new
        ]
        answers = self._exchange.requote(
            self.listing.token_ids[0], [resting[key][1] for key in stale], orders, now_ms
        )
        if isinstance(answers, Refusal):
            return  # the next instant tries again
        for key in stale:
            del resting[key]
        for key, order, answer in zip(new, orders, answers, strict=True):
            if not isinstance(answer, Refusal):
                resting[key] = (wanted[key], order.order_id)


class RecordedFlow:
    """Plays a recording in all its markets; call `step` whenever `next_ms` has come."""

    def __init__(
        self,
        exchange: Exchange,
        recording: Recording,
        markets: Mapping[str, RecordedMarketFlow],
        now_ms: int,
    ) -> None:
        """Begin with the first instant; `markets` are by the recording's own condition ids."""
        self.next_ms = now_ms
        self._exchange = exchange
        self._recording = recording
        self._markets = markets
        self._tokens = {one.spec.condition_id: one.spec.token_ids for one in recording.markets}
        self._instants = _instants(recording.frames())
        self._ahead: Instant = next(self._instants)
        self._is_leap = False
        self._rest = 0  # of a millisecond, in millionths of the speed

    def step(self) -> None:
        """Let the books be those of the instant that is due now."""
        now_ms, (events, _) = self.next_ms, self._ahead
        self._exchange.advance(now_ms)
        if self._is_leap:
            for market in self._markets.values():
                market.withdraw(now_ms)
        self._read_on()
        touched: dict[str, set[int]] = {}
        for told in events:
            place = self._tokens[told.condition_id].index(told.token_id)
            if self._markets[told.condition_id].learn(told, place):
                touched.setdefault(told.condition_id, set()).add(place)
        for condition_id, market in self._markets.items():
            if touched.get(condition_id) and not market.is_over:
                market.show(touched[condition_id], now_ms, self.next_ms)
            else:
                market.go_on_holding(now_ms, self.next_ms)

    def end(self, condition_id: str) -> None:
        """Play nothing in a market any more; `condition_id` is the venue's."""
        for market in self._markets.values():
            market.is_over = market.is_over or market.listing.condition_id == condition_id
        if all(market.is_over for market in self._markets.values()):
            self.next_ms = NEVER_MS

    def fair(self, _condition_id: str) -> None:
        """Return None: a recording has its prices."""

    def resume(self, condition_id: str, fair_micro: int) -> None:
        """Refuse: a recording has its prices; raises ValueError."""
        raise ValueError(f"{condition_id} is recorded and has no fair value ({fair_micro} kept)")

    def _read_on(self) -> None:
        """Look at the next instant, and set when it is due."""
        before_ms = self._ahead[1]
        ahead = next(self._instants, None)
        begins_again = ahead is None
        if ahead is None:
            self._instants = _instants(self._recording.frames())
            ahead = next(self._instants)
        self._ahead = ahead
        gap_ms = self._ahead[1] - before_ms
        self._is_leap = begins_again or abs(gap_ms) > LEAP_MS
        if self._is_leap:
            gap_ms = LEAP_PAUSE_MS
        # Frames of two markets may be out of order by a little; time goes on all the same.
        ticks = max(gap_ms, 0) * MICRO + self._rest
        waits_ms, self._rest = divmod(ticks, self._recording.speed_micro)
        self.next_ms += waits_ms


def _instants(frames: Iterator[Instant]) -> Iterator[Instant]:
    """Join the frames of one and the same instant."""
    events: list[Told] = []
    at_ms = 0
    for said, said_ms in frames:
        if events and said_ms != at_ms:
            yield events, at_ms
            events = []
        events += said
        at_ms = said_ms
    if events:
        yield events, at_ms
