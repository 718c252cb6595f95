"""One configured value: what kinds there are, and how each is read from and written as text.

Inside, every value is a whole number, a truth value or a word: dollars, ratios and factors in
millionths, seconds in milliseconds. Nothing is rounded and nothing passes through a float. A value
that is not understood comes back as a Complaint, never as an exception: people write configuration.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from trading.engine.units import UnitError, text_from_micro, unsigned_micro_from_text

Exact: TypeAlias = bool | int | str

MS_PER_MICRO_SECONDS = 1_000  # a second written as millionths, in milliseconds
QUOTED_MAX = 20  # characters of a bad value that a message repeats; a key is longer

_WHOLE = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_WEI = re.compile(r"([0-9]{1,24})(?:\.([0-9]{1,18}))?(?:e([0-9]{1,2}))?", re.ASCII)
_SWITCH = {"true": True, "false": False}


class Kind(StrEnum):
    """What a value means. The value is the unit as people read it."""

    SWITCH = "on or off"
    DOLLARS = "$"
    RATIO = "ratio"
    FACTOR = "times"
    SECONDS = "s"
    MILLISECONDS = "ms"
    COUNT = "count"
    WEI = "wei"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with a value and what to write instead."""

    problem: str
    remedy: str


# What a person should have written, by kind.
_EXAMPLES = {
    Kind.SWITCH: "true or false",
    Kind.DOLLARS: 'dollars in quotes, such as "2" or "0.50"',
    Kind.RATIO: 'a ratio in quotes, such as "0.015" for 1.5 %',
    Kind.FACTOR: 'a factor in quotes, such as "1.2"',
    Kind.SECONDS: 'seconds in quotes, such as "1.0"',
    Kind.MILLISECONDS: "a whole number of milliseconds, such as 5000",
    Kind.COUNT: "a whole number, such as 3",
    Kind.WEI: 'wei in quotes, such as "500e9" for 500 gwei',
    Kind.WORD: "one of its words",
}
_PLAIN_NUMBERS = (Kind.COUNT, Kind.MILLISECONDS)


def read(kind: Kind, value: object, *, lenient: bool) -> Exact | Complaint:
    """Return the exact value, or what is wrong with it.

    `lenient` takes what PolyArb-X files hold: a bare whole number for an amount, and True or TRUE
    in quotes. Bounds are not checked here.
    """
    remedy = f"write {_EXAMPLES[kind]}"
    if kind is Kind.SWITCH:
        return _read_switch(value, remedy, lenient)
    if value is None:
        return Complaint("is empty", remedy)
    if isinstance(value, bool):
        return Complaint("is a truth value", remedy)
    if isinstance(value, float):
        return Complaint("is a float, which has no exact value", remedy)
    if isinstance(value, int):
        if kind not in _PLAIN_NUMBERS and not lenient:
            return Complaint("is a bare number", remedy)
        if value < 0 or value.bit_length() > 100:
            return Complaint("is negative" if value < 0 else "is far too large", remedy)
        value = str(value)
    if not isinstance(value, str):
        return Complaint(f"is a {_shape(value)}", remedy)
    return _read_text(kind, value, remedy)


def write(kind: Kind, value: Exact) -> str:
    """Return the one text of an exact value: what is stored, hashed and shown."""
    if kind is Kind.SWITCH:
        return "true" if value else "false"
    if kind in (Kind.DOLLARS, Kind.RATIO, Kind.FACTOR):
        return text_from_micro(int(value))
    if kind is Kind.SECONDS:
        return text_from_micro(int(value) * MS_PER_MICRO_SECONDS)
    return str(value)


def quoted(text: str) -> str:
    """Return a value as a message may repeat it: short, on one line, and never a whole key."""
    return repr(text if len(text) <= QUOTED_MAX else f"{text[:8]}...")


def _read_switch(value: object, remedy: str, lenient: bool) -> bool | Complaint:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        return Complaint("is not a truth value", remedy)
    known = _SWITCH.get(value.lower() if lenient else value)
    return Complaint(f"is {quoted(value)}", remedy) if known is None else known


def _read_text(kind: Kind, text: str, remedy: str) -> Exact | Complaint:
    bad = Complaint(f"is {quoted(text)}", remedy)
    if kind is Kind.WORD:
        return text
    if kind in _PLAIN_NUMBERS:
        return int(text) if _WHOLE.fullmatch(text) else bad
    if kind is Kind.WEI:
        return _read_wei(text, bad)
    try:
        micro = unsigned_micro_from_text(text)
    except UnitError as error:
        what = "is negative" if text.startswith("-") else bad.problem
        detail = " (at most 6 decimals)" if "decimals" in str(error) else ""
        return Complaint(f"{what}{detail}", remedy)
    if kind is not Kind.SECONDS:
        return micro
    if micro % MS_PER_MICRO_SECONDS:
        return Complaint(f"is {quoted(text)} (at most 3 decimals)", remedy)
    return micro // MS_PER_MICRO_SECONDS


def _read_wei(text: str, bad: Complaint) -> int | Complaint:
    """Read 500000000000, 500e9 or 0.5e12: exact, whole, and not longer than any real price."""
    match = _WEI.fullmatch(text)
    if match is None:
        return bad
    whole, fraction, exponent = match.group(1), match.group(2) or "", int(match.group(3) or "0")
    digits = fraction.rstrip("0")
    if len(digits) > exponent:
        return Complaint(f"is {quoted(text)}, which is no whole number of wei", bad.remedy)
    return int(f"{whole}{digits}{'0' * (exponent - len(digits))}")


def _shape(value: object) -> str:
    if isinstance(value, dict):
        return "mapping"
    return "list" if isinstance(value, list | tuple) else type(value).__name__
