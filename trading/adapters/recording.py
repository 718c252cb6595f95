"""Reading a recording: frames in a compressed file, and its markets beside it.

`X.frames.jsonl.zst` (or `.gz`) holds one market-channel frame a line, `X.markets.json` the markets.
Where the markets say when each was first recorded, it was recorded as it came: its time never goes
back, whatever old stamp the first book of a quiet market has. Else a step back is a leap in time.
Nothing in them is trusted: every size has a limit, and a file that ends in the middle of a line or
does not unpack is an error that names the line, after all whole lines before it were given out.
"""

import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from trading.adapters.clob_rest import fee_schedule
from trading.adapters.decimals import micro_from_number
from trading.adapters.feed import FeedError, MarketRecord
from trading.adapters.gamma_market import (
    CONDITION_ID,
    OUTCOME_LENGTH_MAX,
    QUESTION_LENGTH_MAX,
    SLUG_LENGTH_MAX,
    TOKEN_ID,
    FeeNumbers,
    plain,
)
from trading.config.venues import RecordingDefaults
from trading.engine.codes import MarketState
from trading.engine.events import MarketStatus
from trading.engine.market import TICKS_MICRO, FeeSchedule, MarketSpec

MIB = 1_048_576
FEED_NAME = "recorded"
SUFFIXES = (".frames.jsonl.zst", ".frames.jsonl.gz")
MARKETS_SUFFIX = ".markets.json"
PARTIAL = ".partial."  # in the name of a recording that is being made, or was cut off


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingLimits:
    """What a recording may hold at most."""

    file_bytes_max: int = 2_048 * MIB  # as it lies on the disk
    line_bytes_max: int = 4 * MIB
    frames_max: int = 50_000_000
    markets_bytes_max: int = 16 * MIB
    markets_max: int = 5_000


# This unpacks to 128 MiB at the very worst, and usually to some twenty kibibytes.
_PIECE_BYTES = 4_096
_GZIP_WINDOW = 31  # zlib's way to say "with a gzip header"
_WINDOW_BYTES_MAX = 128 * MIB
_TAKER_DELAY_MS_MAX = 60_000


class RecordingError(FeedError):
    """A recording that cannot be read, or not any further. Trying again does not help.

    `torn` says that all there was before the end is good.
    """

    def __init__(self, message: str, *, torn: bool = False) -> None:
        super().__init__(message, permanent=True)
        self.torn = torn


class _Stamp(msgspec.Struct):
    """The one field of a frame that pacing needs."""

    timestamp: str


class _Place(msgspec.Struct):
    market: str = ""


_PLACES = msgspec.json.Decoder(_Place | list[_Place])
_STAMPS = msgspec.json.Decoder(_Stamp | list[_Stamp])


class _Market(msgspec.Struct, rename="camel"):
    condition_id: str
    slug: str
    question: str
    outcomes: tuple[str, str]
    clob_token_ids: tuple[str, str]
    end_ms: int | None = None
    payouts: tuple[Decimal, Decimal] | None = None
    fee_schedule: FeeNumbers | None = None
    order_price_min_tick_size: Decimal | None = None
    order_min_size: Decimal | None = None
    taker_delay_ms: int = 0
    # Only of what was recorded as it came, see trading.adapters.recorder.
    recorded_ms: int | None = None
    fee_unknown: bool = False
    protocol: str = "v1"
    neg_risk_event_id: str = ""
    neg_risk_legs: int = 0
    neg_risk_augmented: bool = False
    seconds_delay: int = 0


def markets_path(frames: Path) -> Path:
    """Return where the markets of a frames file lie. Raises RecordingError for another name."""
    for suffix in SUFFIXES:
        if frames.name.endswith(suffix):
            return frames.with_name(frames.name.removesuffix(suffix) + MARKETS_SUFFIX)
    raise RecordingError(f"{frames.name}: no recording, its name ends in none of {SUFFIXES}")


def load_markets(path: Path, defaults: RecordingDefaults) -> list[MarketRecord]:
    """Read the markets of a recording. Parameters that it does not carry are the defaults.

    The end of a recorded market is in the past, and an engine that knew it would not trade: it goes
    into the record for people and not into the spec. Raises RecordingError naming the market.
    """
    records = []
    for index, market in enumerate(_read_markets(path)):
        try:
            records.append(_record(market, defaults))
        except ValueError as error:
            raise RecordingError(f"{path.name}: [{index}].{error}") from error
    tokens = [token_id for record in records for token_id in record.spec.token_ids]
    if len(set(tokens)) != len(tokens):
        raise RecordingError(f"{path.name}: a token stands in two markets")
    return records


def began_ms(path: Path) -> int | None:
    """Return when a recording began that was made as it came, None for any other.

    `path` is that of the markets. Raises RecordingError.
    """
    times = [market.recorded_ms for market in _read_markets(path)]
    known = [time for time in times if time is not None]
    return min(known) if len(known) == len(times) else None


def _read_markets(path: Path) -> list[_Market]:
    limits = RecordingLimits()
    try:
        size = path.stat().st_size
        raw = path.read_bytes() if size <= limits.markets_bytes_max else b""
    except OSError as error:
        raise RecordingError(f"{path.name}: cannot be read ({error.strerror})") from error
    if size > limits.markets_bytes_max:
        raise RecordingError(f"{path.name}: larger than {limits.markets_bytes_max} bytes")
    try:
        markets = msgspec.json.decode(raw, type=list[_Market])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordingError(f"{path.name}: {error}") from error
    if not 0 < len(markets) <= limits.markets_max:
        raise RecordingError(f"{path.name}: {len(markets)} markets, not 1 to {limits.markets_max}")
    return markets


def ended(record: MarketRecord) -> MarketStatus:
    """Return what is told of a recorded market when it is over: resolved, where that is known."""
    return MarketStatus(
        condition_id=record.spec.condition_id,
        state=MarketState.RESOLVED if record.winning_token_id else MarketState.CLOSED,
        winning_token_id=record.winning_token_id,
    )


def read_frames(
    path: Path,
    limits: RecordingLimits | None = None,
    *,
    on_bytes: Callable[[int], None] = lambda _: None,
) -> Iterator[tuple[bytes, int]]:
    """Yield (frame, venue time in ms) line by line; `on_bytes` hears how much of the file is read.

    Raises RecordingError naming the first line that is torn, too long or no frame.
    """
    limits = limits or RecordingLimits()
    number = 0
    for number, line in enumerate(_lines(path, limits, on_bytes), 1):
        if number > limits.frames_max:
            raise RecordingError(f"{path.name}: more than {limits.frames_max} frames")
        yield line, _stamp(line, f"{path.name}: line {number}")
    if not number:
        raise RecordingError(f"{path.name}: holds no frames")


def frame_markets(raw: bytes) -> set[str]:
    """Return the condition ids of a frame. Raises RecordingError for one that cannot be recorded.

    Whatever this takes, `read_frames` gives back.
    """
    _stamp(raw, "what came")
    frame = _PLACES.decode(raw)
    return {one.market for one in (frame if isinstance(frame, list) else [frame])}


def _stamp(line: bytes, place: str) -> int:
    """Return when a frame was sent; several messages in one frame count by the latest."""
    try:
        stamps = _STAMPS.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordingError(f"{place} is no frame: {error}") from error
    texts = [one.timestamp for one in stamps] if isinstance(stamps, list) else [stamps.timestamp]
    for text in texts or [""]:
        if not (text.isascii() and text.isdigit() and 12 <= len(text) <= 14):
            raise RecordingError(f"{place}: timestamp: {text!r:.40} is not in milliseconds")
    return max(int(text) for text in texts)


def _lines(path: Path, limits: RecordingLimits, on_bytes: Callable[[int], None]) -> Iterator[bytes]:
    """Yield whole lines without their ends."""
    number, rest = 1, b""
    try:
        for piece in _unpacked(path, limits, on_bytes):
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                _check_length(line, path, number, limits)
                yield line
                number += 1
            _check_length(rest, path, number, limits)
    except (zlib.error, zstandard.ZstdError, EOFError) as error:
        raise RecordingError(f"{path.name}: line {number} is torn: {error}", torn=True) from error
    except OSError as error:
        raise RecordingError(f"{path.name}: cannot be read ({error.strerror})") from error
    if rest:
        text = f"{path.name}: line {number} is torn: the file ends inside it"
        raise RecordingError(text, torn=True)


def _check_length(line: bytes, path: Path, number: int, limits: RecordingLimits) -> None:
    if len(line) > limits.line_bytes_max:
        raise RecordingError(
            f"{path.name}: line {number} is longer than {limits.line_bytes_max} bytes"
        )


def _unpacked(
    path: Path, limits: RecordingLimits, on_bytes: Callable[[int], None]
) -> Iterator[bytes]:
    """Yield the unpacked file in pieces. Raises EOFError when the packed data ends too early."""
    markets_path(path)  # the name has to be that of a recording
    packed_with_gzip = path.name.endswith(".gz")
    unpacker: Any = None
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size > limits.file_bytes_max:
            raise RecordingError(f"{path.name}: larger than {limits.file_bytes_max} bytes")
        while piece := file.read(_PIECE_BYTES):
            on_bytes(file.tell())
            while piece:
                if unpacker is None:
                    unpacker = _new_unpacker(gzip=packed_with_gzip)
                yield unpacker.decompress(piece)
                if not unpacker.eof:
                    break
                # Packed files may be joined end to end; the next one starts here.
                piece, unpacker = unpacker.unused_data, None
    if unpacker is not None:
        raise EOFError("the packed data ends too early")


def _new_unpacker(*, gzip: bool) -> Any:
    if gzip:
        return zlib.decompressobj(_GZIP_WINDOW)
    return zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES_MAX).decompressobj()


def _record(market: _Market, defaults: RecordingDefaults) -> MarketRecord:
    """Check one market. Raises ValueError naming the field."""
    first, second = market.clob_token_ids
    if not CONDITION_ID.fullmatch(market.condition_id):
        raise ValueError(f"conditionId: {market.condition_id!r:.80} is not 32 bytes in hex")
    if first == second or not (TOKEN_ID.fullmatch(first) and TOKEN_ID.fullmatch(second)):
        raise ValueError("clobTokenIds: not two different token ids")
    tick_micro = defaults.tick_micro
    if market.order_price_min_tick_size is not None:
        tick_micro = micro_from_number(market.order_price_min_tick_size, "orderPriceMinTickSize")
    if tick_micro not in TICKS_MICRO:
        raise ValueError(f"orderPriceMinTickSize: {market.order_price_min_tick_size} is no tick")
    if not 0 <= market.taker_delay_ms <= _TAKER_DELAY_MS_MAX:
        raise ValueError(f"takerDelayMs: {market.taker_delay_ms} ms is out of range")
    min_order_size_micro = defaults.min_order_size_micro
    if market.order_min_size is not None:
        min_order_size_micro = micro_from_number(market.order_min_size, "orderMinSize")
    spec = MarketSpec(
        condition_id=market.condition_id,
        token_ids=(first, second),
        tick_micro=tick_micro,
        min_order_size_micro=min_order_size_micro,
        fee=None if market.fee_unknown else _fee(market.fee_schedule, defaults),
        taker_delay_ms=market.taker_delay_ms,
        protocol=market.protocol,
        neg_risk_event_id=market.neg_risk_event_id,
        neg_risk_legs=market.neg_risk_legs,
        neg_risk_augmented=market.neg_risk_augmented,
        seconds_delay=market.seconds_delay,
    )
    yes_outcome, no_outcome = market.outcomes
    return MarketRecord(
        spec=spec,
        slug=plain(market.slug, SLUG_LENGTH_MAX),
        question=plain(market.question, QUESTION_LENGTH_MAX),
        yes_outcome=plain(yes_outcome, OUTCOME_LENGTH_MAX),
        no_outcome=plain(no_outcome, OUTCOME_LENGTH_MAX),
        source=FEED_NAME,
        ends_at_ms=market.end_ms,
        winning_token_id=_winner(market),
    )


def _winner(market: _Market) -> str:
    """Return the token that paid a dollar; none where both paid a part or nobody knows."""
    if market.payouts is None or sorted(market.payouts) != [0, 1]:
        return ""
    return market.clob_token_ids[market.payouts.index(Decimal(1))]


def _fee(numbers: FeeNumbers | None, defaults: RecordingDefaults) -> FeeSchedule:
    if numbers is None:
        return defaults.fee
    return fee_schedule(
        numbers.rate, numbers.exponent, taker_only=numbers.taker_only, name="feeSchedule"
    )
