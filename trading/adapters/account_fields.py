"""Fields of private answers: the few forms in which the venue writes ids, amounts and times.

Each function returns the value, or raises WireError with the name of the field.
"""

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from trading.adapters.wire import SIZE_MICRO_MAX
from trading.engine.units import MICRO, UnitError, unsigned_micro_from_text

ID_LENGTH_MAX = 100
TEXT_LENGTH_MAX = 500  # of the venue's own sentences; messages cut them shorter
UINT_256_MAX = 2**256 - 1
# Times mix seconds and milliseconds. What is as large as the end of seconds is milliseconds.
SECONDS_MIN, SECONDS_END = 10**9, 10**11

ID = re.compile(rf"[!-~]{{1,{ID_LENGTH_MAX}}}")
_MISSING = re.compile(r"missing required field `([^`]+)`")
_PATH = re.compile(r" - at `\$\.?([^`]*)`$")
_WHOLE = re.compile(r"[0-9]{1,78}")

Row = TypeVar("Row")
Made = TypeVar("Made")


class WireError(ValueError):
    """A field is not what the venue promises. `field` is its path, `problem` what is wrong."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


def decoded(raw: bytes, shape: type[Made]) -> Made:
    """Decode, or raise WireError naming the field."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except msgspec.ValidationError as error:
        text = str(error)
        path, missing = _PATH.search(text), _MISSING.search(text)
        names = [found.group(1) for found in (path, missing) if found is not None]
        problem = "is missing" if missing else _PATH.sub("", text)
        raise WireError(".".join(names) or "answer", problem) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise WireError("answer", "is not JSON") from None


def each(name: str, rows: Iterable[Row], make: Callable[[Row], Made]) -> tuple[Made, ...]:
    """Convert all rows; an error names the row too."""
    made = []
    for index, row in enumerate(rows):
        try:
            made.append(make(row))
        except WireError as error:
            raise WireError(f"{name}[{index}].{error.field}", error.problem) from None
    return tuple(made)


def read_id(field: str, text: str) -> str:
    """Return a hash, an id or a cursor: short, and without anything that breaks a line."""
    if not ID.fullmatch(text):
        raise WireError(field, f"{text!r:.60} is not an id of 1 to {ID_LENGTH_MAX} characters")
    return text


def optional_id(field: str, text: str) -> str:
    """Return an id, or nothing where the venue has none yet."""
    return read_id(field, text) if text else ""


def sentence(text: str) -> str:
    """Return a sentence of the venue, fit for a message."""
    return "".join(c for c in text if c.isprintable())[:TEXT_LENGTH_MAX]


def amount_micro(field: str, text: str) -> int:
    """Return the millionths of shares or dollars in a decimal text."""
    try:
        micro = unsigned_micro_from_text(text)
    except UnitError as error:
        raise WireError(field, str(error)) from None
    if micro > SIZE_MICRO_MAX:
        raise WireError(field, f"{text!r:.60} is above any real amount")
    return micro


def price_micro(text: str) -> int:
    """Return the millionths of a price, which lies between 0 and 1."""
    micro = amount_micro("price", text)
    if not 0 < micro < MICRO:
        raise WireError("price", f"{text!r:.60} is not between 0 and 1")
    return micro


def base_units(field: str, text: str) -> int:
    """Return a whole number of up to 256 bits."""
    if not _WHOLE.fullmatch(text) or int(text) > UINT_256_MAX:
        raise WireError(field, f"{text!r:.60} is not a whole number of base units")
    return int(text)


def seconds(field: str, value: str | int | None) -> int:
    """Return whole seconds, rounded down, of a time in seconds or in milliseconds."""
    text = str(value) if value is not None else ""
    number = int(text) if _WHOLE.fullmatch(text) else 0
    whole_s = number // 1_000 if number >= SECONDS_END else number
    if not SECONDS_MIN <= whole_s < SECONDS_END:
        raise WireError(field, f"{text!r:.60} is no time in seconds or milliseconds")
    return whole_s
