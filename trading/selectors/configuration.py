"""The keys of the configuration as people and programs read them: the one schema, in words."""

from collections.abc import Mapping
from dataclasses import dataclass

from trading.config.keys import KEYS, Key
from trading.config.values import Kind, write

TYPES = {
    Kind.SWITCH: "switch",
    Kind.DOLLARS: "amount",
    Kind.RATIO: "ratio",
    Kind.FACTOR: "factor",
    Kind.SECONDS: "duration",
    Kind.MILLISECONDS: "duration",
    Kind.COUNT: "whole number",
    Kind.WEI: "gas price",
    Kind.WORD: "word",
}
_UNITLESS = (Kind.SWITCH, Kind.WORD, Kind.RATIO, Kind.COUNT)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """One key, every value as text in its one form. Empty where there is nothing to say."""

    name: str
    type: str
    unit: str
    lowest: str
    highest: str
    words: tuple[str, ...]  # all that it may be, when it is one of a few
    default: str
    ceilings: Mapping[int, str]  # by phase: the most that it may be there
    help: str


def key_facts() -> list[KeyFacts]:
    """Return every key in the order of the schema."""
    return [_facts(key) for key in KEYS.values()]


def _facts(key: Key) -> KeyFacts:
    def text(value: int | None) -> str:
        return "" if value is None else write(key.kind, value)

    words = key.words
    if key.kind is Kind.SWITCH:
        words = ("true", "false") if key.offered else ("false",)
    return KeyFacts(
        name=key.name,
        type=TYPES[key.kind],
        unit="" if key.kind in _UNITLESS else key.unit,
        lowest=text(key.lowest),
        highest=text(key.highest),
        words=words,
        default=write(key.kind, key.default),
        ceilings={phase: write(key.kind, most) for phase, most in key.ceilings.items()},
        help=key.help,
    )
