"""What changes between two revisions of a profile, and which of the changes are dangerous."""

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum

from trading.config.keys import KEYS
from trading.config.schema import ParsedConfig
from trading.config.values import Complaint, read, write


class RiskCode(StrEnum):
    """A change that a person has to see before it is made."""

    SWITCH_TO_LIVE = "SWITCH_TO_LIVE"
    INCREASE_POSITION_SIZE = "INCREASE_POSITION_SIZE"
    RELAX_SLIPPAGE = "RELAX_SLIPPAGE"
    LOWER_PROFIT_THRESHOLD = "LOWER_PROFIT_THRESHOLD"
    HIGH_RISK_PROFILE = "HIGH_RISK_PROFILE"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One key whose value differs. Texts as stored; `before` is None when there was nothing."""

    field: str
    unit: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class RiskFlag:
    """One danger, in words for the person who is about to take it."""

    code: RiskCode
    text: str


# The loosest values that any of the four profiles has. A live profile beyond one of them is
# HIGH_RISK_PROFILE: nobody has planned a phase for it.
LOOSEST_HIGHEST = {
    "TRADE_SIZE": "10",
    "MAX_POSITION_SIZE": "100",
    "MAX_DAILY_LOSS": "10",
    "MAX_SLIPPAGE": "0.03",
    "CONSECUTIVE_FAILURES_THRESHOLD": "5",
    "FAIL_RATE_THRESHOLD": "0.5",
    "MAX_GAS_COST": "1",
}
LOOSEST_LOWEST = {"MIN_PROFIT_THRESHOLD": "0.01"}
NEVER_PLANNED = ("NEGRISK_ARBITRAGE_ENABLED", "DELAYED_MARKETS_ENABLED")


def canonical(config: ParsedConfig) -> str:
    """Return the one text of a configuration: all keys sorted, each value in its one form."""
    return json.dumps(config.texts(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def sha256(config: ParsedConfig) -> str:
    """Return the hash of a configuration, the same however its values were typed."""
    return hashlib.sha256(canonical(config).encode("ascii")).hexdigest()


def diff(before: ParsedConfig | None, after: ParsedConfig) -> list[FieldChange]:
    """Return every key that differs, in the order of the schema; all of them without a before."""
    old = before.texts() if before is not None else {}
    new = after.texts()
    return [
        FieldChange(name, key.unit, old.get(name), new[name])
        for name, key in KEYS.items()
        if old.get(name) != new[name]
    ]


def risk_flags(before: ParsedConfig | None, after: ParsedConfig) -> list[RiskFlag]:
    """Return the dangers of going from one configuration to another.

    Without a before, the safe defaults are what it is compared with. Exactly half as much again,
    or exactly half, is not flagged: the bounds are "more than" and "less than".
    """
    flags = []
    if after.real_money and (before is None or not before.real_money):
        size = write(KEYS["TRADE_SIZE"].kind, after.values["TRADE_SIZE"])
        was = "play money" if before is not None and before.switch("PLAY_MONEY") else "paper"
        text = f"each set can cost up to ${size} of real money instead of {was}"
        flags.append(RiskFlag(RiskCode.SWITCH_TO_LIVE, text))
    grown = [n for n in ("MAX_POSITION_SIZE", "TRADE_SIZE") if _grew(n, before, after)]
    if grown:
        text = _moves(grown, before, after, "rises by more than half")
        flags.append(RiskFlag(RiskCode.INCREASE_POSITION_SIZE, text))
    if _grew("MAX_SLIPPAGE", before, after):
        text = _moves(["MAX_SLIPPAGE"], before, after, "is relaxed by more than half")
        flags.append(RiskFlag(RiskCode.RELAX_SLIPPAGE, text))
    threshold = "MIN_PROFIT_THRESHOLD"
    if 2 * after.number(threshold) < _old(threshold, before):
        text = _moves([threshold], before, after, "falls below half")
        flags.append(RiskFlag(RiskCode.LOWER_PROFIT_THRESHOLD, text))
    beyond = _beyond_every_plan(after)
    if beyond:
        text = f"live, and looser than every planned profile in {', '.join(beyond)}"
        flags.append(RiskFlag(RiskCode.HIGH_RISK_PROFILE, text))
    return flags


def _old(name: str, before: ParsedConfig | None) -> int:
    return before.number(name) if before is not None else int(KEYS[name].default)


def _grew(name: str, before: ParsedConfig | None, after: ParsedConfig) -> bool:
    return 2 * after.number(name) > 3 * _old(name, before)


def _moves(names: list[str], before: ParsedConfig | None, after: ParsedConfig, what: str) -> str:
    moves = [
        f"{name} {what}, from {write(KEYS[name].kind, _old(name, before))} to "
        f"{write(KEYS[name].kind, after.values[name])}"
        for name in names
    ]
    return "; ".join(moves)


def _beyond_every_plan(config: ParsedConfig) -> list[str]:
    """Return the keys in which a configuration for real money is looser than all four profiles."""
    if not config.real_money:
        return []
    bounds = {name: _exact(name, text) for name, text in LOOSEST_HIGHEST.items()}
    beyond = [name for name, bound in bounds.items() if config.number(name) > bound]
    lows = {name: _exact(name, text) for name, text in LOOSEST_LOWEST.items()}
    beyond += [name for name, bound in lows.items() if config.number(name) < bound]
    return beyond + [name for name in NEVER_PLANNED if config.switch(name)]


def _exact(name: str, text: str) -> int:
    value = read(KEYS[name].kind, text, lenient=False)
    if isinstance(value, Complaint):
        raise ValueError(f"{name}: {value.problem}")
    return int(value)
