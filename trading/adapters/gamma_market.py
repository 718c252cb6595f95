"""One market of Gamma's listing, checked field by field.

Gamma sends JSON inside strings, numbers as JSON floats and null for anything. A listing that cannot
be read exactly is refused with the name of the field; nothing in it is guessed.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from trading.adapters.clob_rest import fee_schedule
from trading.engine.market import FeeSchedule
from trading.engine.units import MICRO

SLUG_LENGTH_MAX = 200
QUESTION_LENGTH_MAX = 500
OUTCOME_LENGTH_MAX = 100
VERSION_LENGTH_MAX = 10
NESTED_LENGTH_MAX = 2_000  # of a list that is written inside a string
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

CONDITION_ID = re.compile(r"0x[0-9a-fA-F]{64}", re.ASCII)
TOKEN_ID = re.compile(r"[1-9][0-9]{0,77}", re.ASCII)
_EVENT_ID = re.compile(r"[0-9a-zA-Z-]{1,80}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What Gamma says about one market. Fees: both None when Gamma says nothing about them."""

    condition_id: str
    token_ids: tuple[str, str]
    outcomes: tuple[str, str]
    slug: str
    question: str
    protocol: str
    fees_enabled: bool | None
    fee: FeeSchedule | None
    neg_risk: bool
    neg_risk_event_id: str
    neg_risk_augmented: bool
    event_slug: str
    accepting_orders: bool
    seconds_delay: int
    ends_at_ms: int | None
    volume: Decimal  # of the last 24 hours, in dollars: only for putting markets in order
    tag_slugs: tuple[str, ...]


class FeeNumbers(msgspec.Struct, rename="camel"):
    """A `feeSchedule` as sent."""

    rate: Decimal
    exponent: Decimal
    taker_only: bool


class _Event(msgspec.Struct, rename="camel"):
    slug: str | None = None
    neg_risk: bool | None = None
    neg_risk_augmented: bool | None = None
    neg_risk_market_id: str | None = msgspec.field(default=None, name="negRiskMarketID")


class _Tag(msgspec.Struct):
    slug: str | None = None


class GammaMarket(msgspec.Struct, rename="camel"):
    """The fields that are read. Absent and null are the same to Gamma."""

    condition_id: str
    clob_token_ids: str
    outcomes: str
    slug: str
    question: str
    version: str | None = None
    active: bool | None = None
    closed: bool | None = None
    archived: bool | None = None
    accepting_orders: bool | None = None
    enable_order_book: bool | None = None
    fees_enabled: bool | None = None
    fee_schedule: FeeNumbers | None = None
    neg_risk: bool | None = None
    neg_risk_market_id: str | None = msgspec.field(default=None, name="negRiskMarketID")
    seconds_delay: int | None = None
    end_date: str | None = None
    volume24hr: Decimal | None = None
    volume_num: Decimal | None = None
    events: list[_Event] | None = None
    tags: list[_Tag] | None = None


class _Name(msgspec.Struct, rename="camel"):
    slug: Any = None
    condition_id: Any = None


def market_from(raw: bytes | msgspec.Raw) -> GammaMarket:
    """Return the fields as sent. Raises ValueError naming the field."""
    try:
        return msgspec.json.decode(raw, type=GammaMarket)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def listing_from(market: GammaMarket) -> Listing:
    """Return the fields as understood. Raises ValueError naming the field."""
    condition_id = market.condition_id
    if not CONDITION_ID.fullmatch(condition_id):
        raise ValueError(f"conditionId: {condition_id!r:.80} is not 32 bytes in hex")
    first, second = _pair(market.clob_token_ids, "clobTokenIds")
    for token_id in (first, second):
        if not TOKEN_ID.fullmatch(token_id):
            raise ValueError(f"clobTokenIds: {token_id!r:.80} is not a token id")
    if first == second:
        raise ValueError("clobTokenIds: both are the same")
    yes, no = _pair(market.outcomes, "outcomes")
    event = market.events[0] if market.events else _Event()
    return Listing(
        condition_id=condition_id,
        token_ids=(first, second),
        outcomes=(plain(yes, OUTCOME_LENGTH_MAX), plain(no, OUTCOME_LENGTH_MAX)),
        slug=plain(market.slug, SLUG_LENGTH_MAX),
        question=plain(market.question, QUESTION_LENGTH_MAX),
        protocol=plain(market.version or "unknown", VERSION_LENGTH_MAX),
        fees_enabled=market.fees_enabled,
        fee=_fee(market),
        neg_risk=market.neg_risk is True,
        neg_risk_event_id=_neg_risk_event_id(market, event),
        neg_risk_augmented=event.neg_risk_augmented is True,
        event_slug=plain(event.slug or "", SLUG_LENGTH_MAX),
        accepting_orders=market.accepting_orders is True,
        seconds_delay=_seconds_delay(market),
        ends_at_ms=_milliseconds(market.end_date),
        volume=_volume(market),
        tag_slugs=tuple(tag.slug for tag in market.tags or () if tag.slug),
    )


def name_of(raw: bytes | msgspec.Raw) -> str:
    """Return how to call a market that cannot be read, as well as can be."""
    try:
        name = msgspec.json.decode(raw, type=_Name)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "a market without a readable name"
    for text in (name.slug, name.condition_id):
        if isinstance(text, str) and plain(text, SLUG_LENGTH_MAX):
            return plain(text, SLUG_LENGTH_MAX)
    return "a market without a name"


def plain(text: str, length_max: int) -> str:
    """Return the printable part of a text, short enough for its column.

    Databases refuse zero bytes, terminals obey control characters, and neither says anything here.
    """
    return "".join(character for character in text if character.isprintable())[:length_max]


def _pair(text: str, field: str) -> tuple[str, str]:
    """Read the list of two that Gamma writes inside a string."""
    if len(text) > NESTED_LENGTH_MAX:
        raise ValueError(f"{field}: {len(text)} characters")
    try:
        values = msgspec.json.decode(text, type=list[str])
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"{field}: {text!r:.80} is not a list of texts: {error}") from error
    if len(values) != 2:
        raise ValueError(f"{field}: {len(values)} entries, not two")
    return values[0], values[1]


def _fee(market: GammaMarket) -> FeeSchedule | None:
    """Return the schedule, rate 0 where fees are off, and None where Gamma leaves it open."""
    schedule = market.fee_schedule
    if market.fees_enabled is False:
        return FeeSchedule(rate_micro=0, exponent=1)
    if schedule is None:
        return None
    return fee_schedule(
        schedule.rate, schedule.exponent, taker_only=schedule.taker_only, name="feeSchedule"
    )


def _neg_risk_event_id(market: GammaMarket, event: _Event) -> str:
    """Return the id that groups the outcomes of one neg-risk event; empty for other markets."""
    if market.neg_risk is not True:
        if event.neg_risk is True:
            raise ValueError("negRisk: false in an event that is neg-risk")
        return ""
    group = market.neg_risk_market_id or event.neg_risk_market_id or ""
    if not _EVENT_ID.fullmatch(group):
        raise ValueError(f"negRiskMarketID: {group!r:.80} does not name a neg-risk event")
    return group


def _seconds_delay(market: GammaMarket) -> int:
    seconds = market.seconds_delay or 0
    if not 0 <= seconds <= 86_400:
        raise ValueError(f"secondsDelay: {seconds} s is out of range")
    return seconds


def _milliseconds(text: str | None) -> int | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"endDate: {text!r:.60} is not a time") from error
    if moment.tzinfo is None:
        raise ValueError(f"endDate: {text!r:.60} has no time zone")
    return int((moment - EPOCH).total_seconds()) * 1000


def _volume(market: GammaMarket) -> Decimal:
    """Return what the market traded lately; a market that does not say comes last."""
    volume = market.volume24hr if market.volume24hr is not None else market.volume_num
    if volume is None or not volume.is_finite() or not 0 <= volume < MICRO * MICRO:
        return Decimal(0)
    return volume
