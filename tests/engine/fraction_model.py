"""The same money in exact fractions, written a second time from the documents.

Nothing of the product is imported here: prices, sizes and dollars are Fractions, every rounding is
spelled out, and the best set is found by trying every size. Slow and plain on purpose.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

MICRO = Fraction(1, 1_000_000)
FEE_STEP = Fraction(1, 100_000)
CENT = Fraction(1, 100)


def round_up(value: Fraction, step: Fraction = MICRO) -> Fraction:
    return ceil(value / step) * step


def round_down(value: Fraction, step: Fraction = MICRO) -> Fraction:
    return floor(value / step) * step


def exact_fee(rate: Fraction, exponent: int, price: Fraction, size: Fraction) -> Fraction:
    """C * r * (p * (1 - p)) ** e, polymarket.md section 6."""
    return size * rate * (price * (1 - price)) ** exponent


@dataclass(frozen=True)
class Leg:
    asks: tuple[tuple[Fraction, Fraction], ...]
    rate: Fraction
    exponent: int
    tick: Fraction
    size_min: Fraction

    def fills(self, size: Fraction) -> list[tuple[Fraction, Fraction]]:
        left, fills = size, []
        for price, offered in self.asks:
            taken = min(left, offered)
            if taken > 0:
                fills.append((price, taken))
                left -= taken
        assert left == 0, "more than is offered"
        return fills

    def cost(self, size: Fraction) -> Fraction:
        return sum((round_up(price * taken) for price, taken in self.fills(size)), Fraction(0))

    def fee(self, size: Fraction) -> Fraction:
        return sum(
            (
                round_up(exact_fee(self.rate, self.exponent, price, taken), FEE_STEP)
                for price, taken in self.fills(size)
            ),
            Fraction(0),
        )

    def takes(self, size: Fraction, limit: Fraction) -> bool:
        """Whether the venue takes a marketable BUY of so many shares at a limit price."""
        return (
            (limit * size / CENT).denominator == 1
            and size >= self.size_min
            and limit * size >= 1
            and (limit / self.tick).denominator == 1
            and self.tick <= limit <= 1 - self.tick
        )

    def limits(self, sizes: list[Fraction]) -> list[Fraction]:
        """Return the worst price that each of these ascending sizes touches."""
        limits, levels = [], iter(self.asks)
        price, reach = next(levels)
        for size in sizes:
            while size > reach:
                price, offered = next(levels)
                reach += offered
            limits.append(price)
        return limits


@dataclass(frozen=True)
class Terms:
    payout: Fraction
    cost_max: Fraction
    profit_min: Fraction
    slippage_max: Fraction
    allowance: Fraction
    gas: Fraction
    raise_to_minimum: bool


@dataclass(frozen=True)
class Answer:
    """Either a code, or a size with its cost, fee and net."""

    code: str
    size: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)
    fee: Fraction = Fraction(0)
    net: Fraction = Fraction(0)
    raised: bool = False


def value(legs: list[Leg], terms: Terms, size: Fraction) -> Answer:
    fee = sum((leg.fee(size) for leg in legs), Fraction(0))
    cost = sum((leg.cost(size) for leg in legs), Fraction(0)) + fee
    net = round_down(terms.payout * size) - cost - terms.gas - round_up(cost * terms.allowance)
    return Answer("", size, cost, fee, net)


def venue_sizes(legs: list[Leg]) -> list[Fraction]:
    """Return every whole hundredth of a share that each leg offers and the venue takes."""
    depth = min(sum((offered for _, offered in leg.asks), Fraction(0)) for leg in legs)
    sizes = [hundredths * CENT for hundredths in range(1, floor(depth / CENT) + 1)]
    for leg in legs:
        pairs = zip(sizes, leg.limits(sizes), strict=True)
        sizes = [size for size, limit in pairs if leg.takes(size, limit)]
    return sizes


def within_slippage(leg: Leg, ratio: Fraction) -> Leg:
    worst = leg.asks[0][0] * (1 + ratio)
    asks = tuple(level for level in leg.asks if level[0] <= worst)
    return Leg(asks, leg.rate, leg.exponent, leg.tick, leg.size_min)


def _reason(answer: Answer, terms: Terms) -> str:
    if answer.net <= 0:
        return "EDGE_NOT_POSITIVE"
    return "BELOW_MIN_PROFIT" if answer.net / answer.cost < terms.profit_min else ""


def _best(legs: list[Leg], terms: Terms) -> Answer:
    answers = [value(legs, terms, size) for size in venue_sizes(legs)]
    if not answers:
        return Answer("NO_DEPTH")
    smallest = answers[0]
    if smallest.cost > terms.cost_max:
        code = _reason(smallest, terms)
        if code:
            return Answer(code)
        if not terms.raise_to_minimum:
            return Answer("BELOW_VENUE_MINIMUM")
        return Answer("", smallest.size, smallest.cost, smallest.fee, smallest.net, raised=True)
    paid = [answer for answer in answers if answer.cost <= terms.cost_max]
    good = [answer for answer in paid if not _reason(answer, terms)]
    if good:
        return max(good, key=lambda answer: (answer.net, -answer.size))
    return Answer(_reason(max(paid, key=lambda answer: answer.net), terms))


def best_set(legs: list[Leg], terms: Terms) -> Answer:
    """The answer that walk_sets has to give, found by trying every size."""
    if any(not leg.asks for leg in legs):
        return Answer("NO_DEPTH")
    within = [within_slippage(leg, terms.slippage_max) for leg in legs]
    answer = _best(within, terms)
    if not answer.code or within == legs:
        return answer
    deeper = _best(legs, terms)
    if not deeper.code:
        return Answer("SLIPPAGE_LIMIT")
    return deeper if answer.code == "NO_DEPTH" else answer


@dataclass
class Held:
    size: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)  # with fees


@dataclass
class Ledger:
    """Average-cost accounting without any rounding: what the integer books must stay close to.

    Cash is exact in both; the result differs by at most one micro for each time that shares left.
    """

    cash: Fraction = Fraction(0)
    realised: Fraction = Fraction(0)
    held: dict[str, Held] = field(default_factory=dict)
    departures: int = 0

    def buy(self, token: str, price: Fraction, size: Fraction, fee: Fraction) -> None:
        paid = round_up(price * size) + fee
        self.cash -= paid
        held = self.held.setdefault(token, Held())
        held.size += size
        held.cost += paid

    def sell(self, token: str, price: Fraction, size: Fraction, fee: Fraction) -> None:
        self._leave({token: size}, round_down(price * size) - fee)

    def retire(self, shares: dict[str, Fraction], proceeds: Fraction, gas: Fraction) -> None:
        self._leave(shares, proceeds - gas)

    def burn(self, gas: Fraction) -> None:
        self._leave({}, -gas)

    def _leave(self, shares: dict[str, Fraction], received: Fraction) -> None:
        self.cash += received
        self.realised += received
        for token, size in shares.items():
            held = self.held[token]
            gone = held.cost * size / held.size
            held.size -= size
            held.cost -= gone
            self.realised -= gone
            self.departures += 2  # cost and fees are rounded apart
