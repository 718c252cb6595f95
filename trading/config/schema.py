"""Reads a configuration against the keys, completely or not at all.

Whatever is wrong is named all at once, field by field, each with what to write instead.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from trading.config.keys import KEYS, PLAY_CEILINGS, SHADOW, Key
from trading.config.values import Complaint, Exact, Kind, quoted, read, write
from trading.engine.limits import Limits

NAME_SHOWN_MAX = 60


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One field that cannot be used, or was left out on import: why, and what to do."""

    field: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.field} {self.problem}; {self.remedy}"


class ConfigProblems(Exception):  # noqa: N818 - the plural is the point
    """A configuration was refused. `problems` names every bad field, not only the first."""

    def __init__(self, problems: tuple[ConfigProblem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


@dataclass(frozen=True, slots=True)
class ParsedConfig:
    """Every key with an exact value within its bounds."""

    values: Mapping[str, Exact]
    warnings: tuple[ConfigProblem, ...] = ()

    @property
    def dry_run(self) -> bool:
        """Return whether this is paper trading."""
        return self.switch("DRY_RUN")

    @property
    def real_money(self) -> bool:
        """Return whether it may cost anybody money: neither paper nor play money."""
        return not self.dry_run and not self.switch("PLAY_MONEY")

    def switch(self, name: str) -> bool:
        """Return a truth value; raises KeyError for a name that is no switch."""
        if KEYS[name].kind is not Kind.SWITCH:
            raise KeyError(name)
        return bool(self.values[name])

    def number(self, name: str) -> int:
        """Return a whole number in the unit of its kind: micro dollars, millionths, ms, wei."""
        if KEYS[name].kind in (Kind.SWITCH, Kind.WORD):
            raise KeyError(name)
        return int(self.values[name])

    def word(self, name: str) -> str:
        """Return a word; raises KeyError for a name that is no word."""
        if KEYS[name].kind is not Kind.WORD:
            raise KeyError(name)
        return str(self.values[name])

    def texts(self) -> dict[str, str]:
        """Return all values in their one text form, which parse() reads back: what is stored."""
        return {name: write(KEYS[name].kind, value) for name, value in self.values.items()}


def parse(values: Mapping[str, object], *, strict: bool) -> ParsedConfig:
    """Return the configuration; a key that is not given has its safe default.

    `strict` is for our own files and for people: an unknown key is an error. Otherwise, for files
    of PolyArb-X, it is a warning, amounts may be bare numbers, and what this engine does not offer
    is switched off with a warning. Raises ConfigProblems.
    """
    problems: list[ConfigProblem] = []
    warnings: list[ConfigProblem] = []
    exact: dict[str, Exact] = {}
    for name in values:
        if name not in KEYS:
            (problems if strict else warnings).append(_unknown(name, strict))
    for key in KEYS.values():
        outcome = _read_key(key, values[key.name], strict) if key.name in values else key.default
        if isinstance(outcome, Complaint):
            problems.append(ConfigProblem(key.name, outcome.problem, outcome.remedy))
            continue
        if not key.offered and outcome is True and not strict:
            remedy = "it was taken as false; nothing of it will run"
            warnings.append(ConfigProblem(key.name, "is not part of this engine", remedy))
            outcome = False
        exact[key.name] = outcome
    problems += _cross_problems(exact)
    if problems:
        raise ConfigProblems(tuple(problems))
    return ParsedConfig(MappingProxyType(exact), tuple(warnings))


def phase_problems(config: ParsedConfig, phase: int) -> list[ConfigProblem]:
    """Return why the configuration does not fit the phase: its mode, and each exceeded ceiling."""
    if phase == SHADOW:
        if config.dry_run:
            return []
        remedy = "set it to true, or promote to a live phase first"
        return [ConfigProblem("DRY_RUN", "is false, and phase 0 is paper only", remedy)]
    if config.dry_run:
        remedy = "set it to false, or go back to phase 0"
        return [ConfigProblem("DRY_RUN", f"is true, and phase {phase} is live", remedy)]
    problems = []
    if config.switch("PLAY_MONEY"):
        problem = f"is true, and phase {phase} trades with real money"
        problems.append(ConfigProblem("PLAY_MONEY", problem, "choose a profile of this phase"))
    return problems + _above(config, phase, f"phase {phase}")


def play_problems(config: ParsedConfig) -> list[ConfigProblem]:
    """Return why the configuration cannot trade with play money: paper, or above the ceilings."""
    if config.dry_run:
        remedy = "set it to false, or start in shadow"
        return [ConfigProblem("DRY_RUN", "is true, and play money is no paper", remedy)]
    return _above(config, PLAY_CEILINGS, "play money")


def to_limits(config: ParsedConfig, *, phase: int = SHADOW, play_money: bool = False) -> Limits:
    """Return the engine's limits. Exact: no value is rounded on the way.

    Paper has no ceiling. A live configuration in a phase without one, which phase_problems refuses
    anyway, gets the lowest there is.
    """
    number, switch = config.number, config.switch
    ceilings = KEYS["TRADE_SIZE"].ceilings
    bound_as = PLAY_CEILINGS if play_money else phase
    ceiling = 0 if config.dry_run else ceilings.get(bound_as, min(ceilings.values()))
    return Limits(
        trade_size_micro=number("TRADE_SIZE"),
        min_profit_ratio_micro=number("MIN_PROFIT_THRESHOLD"),
        position_max_micro=number("MAX_POSITION_SIZE"),
        daily_loss_max_micro=number("MAX_DAILY_LOSS"),
        slippage_max_ratio_micro=number("MAX_SLIPPAGE"),
        gas_cost_max_micro=number("MAX_GAS_COST"),
        balance_min_micro=number("BALANCE_MIN"),
        breaker_failures_max=number("CONSECUTIVE_FAILURES_THRESHOLD"),
        breaker_fail_ratio_micro=number("FAIL_RATE_THRESHOLD"),
        breaker_sample_min=number("BREAKER_SAMPLE_MIN"),
        breaker_window=number("BREAKER_WINDOW"),
        breaker_open_ms=number("BREAKER_OPEN_MS"),
        gas_per_set_micro=number("GAS_PER_SET"),
        slippage_allowance_ratio_micro=number("SLIPPAGE_ALLOWANCE"),
        pair_enabled=switch("ATOMIC_ARBITRAGE_ENABLED"),
        neg_risk_enabled=switch("NEGRISK_ARBITRAGE_ENABLED"),
        book_age_ms_max=number("BOOK_AGE_MS_MAX"),
        resync_every_ms=number("RESYNC_EVERY_MS"),
        cooldown_ms=number("COOLDOWN_MS"),
        ending_guard_ms=number("ENDING_GUARD_MS"),
        submit_deadline_ms=number("SUBMIT_DEADLINE_MS"),
        complete_deadline_ms=number("COMPLETE_DEADLINE_MS"),
        unwind_deadline_ms=number("UNWIND_DEADLINE_MS"),
        merge_deadline_ms=number("MERGE_DEADLINE_MS"),
        leg_loss_max_micro=number("LEG_LOSS_MAX"),
        delayed_markets=switch("DELAYED_MARKETS_ENABLED"),
        raise_to_minimum=switch("RAISE_TO_MINIMUM") and config.dry_run,
        live_ceiling_micro=ceiling,
    )


def _above(config: ParsedConfig, phase: int, name: str) -> list[ConfigProblem]:
    """Return each value that is above the ceiling of a phase, which the texts call `name`."""
    problems = []
    for key in KEYS.values():
        ceiling = key.ceilings.get(phase)
        if ceiling is not None and config.number(key.name) > ceiling:
            value, most = write(key.kind, config.values[key.name]), write(key.kind, ceiling)
            problem = f"is {value}, above the {most} of {name}"
            problems.append(ConfigProblem(key.name, problem, f"set it to {most} or less"))
    return problems


def _read_key(key: Key, value: object, strict: bool) -> Exact | Complaint:
    outcome = read(key.kind, value, lenient=not strict)
    if isinstance(outcome, Complaint):
        return outcome
    if key.words and outcome not in key.words:
        return Complaint(f"is {quoted(str(outcome))}", f"write {' or '.join(key.words)}")
    if not key.offered and outcome is True and strict:
        return Complaint("is on, and this engine has no such strategy", "write false")
    if key.lowest is None or key.highest is None:
        return outcome
    if key.lowest <= int(outcome) <= key.highest:
        return outcome
    lowest, highest = write(key.kind, key.lowest), write(key.kind, key.highest)
    side = "below" if int(outcome) < key.lowest else "above"
    bound = lowest if side == "below" else highest
    return Complaint(
        f"is {side} {bound} {key.unit}", f"write a value from {lowest} to {highest} {key.unit}"
    )


def _unknown(name: object, strict: bool) -> ConfigProblem:
    """Name an unknown key, and never its value: nobody knows what it is."""
    shown = str(name)[:NAME_SHOWN_MAX]
    if not strict:
        return ConfigProblem(shown, "is not a key of this portal", "it was left out")
    near = difflib.get_close_matches(shown, KEYS, n=1)
    hint = f"did you mean {near[0]}?" if near else "remove it"
    return ConfigProblem(shown, "is not a key of this portal", hint)


def _cross_problems(exact: Mapping[str, Exact]) -> list[ConfigProblem]:
    """Return what is wrong between two values that are each right."""
    problems = []
    if exact.get("PLAY_MONEY") and exact.get("DRY_RUN"):
        problem = "is true, and paper is no play money"
        problems.append(ConfigProblem("PLAY_MONEY", problem, "set one of it and DRY_RUN to false"))
    if {"TRADE_SIZE", "MAX_POSITION_SIZE"} <= exact.keys() and (
        int(exact["TRADE_SIZE"]) > int(exact["MAX_POSITION_SIZE"])
    ):
        problem = "is above MAX_POSITION_SIZE, so that no set would ever be allowed"
        problems.append(ConfigProblem("TRADE_SIZE", problem, "lower it, or raise the other"))
    if {"BREAKER_SAMPLE_MIN", "BREAKER_WINDOW"} <= exact.keys() and (
        int(exact["BREAKER_SAMPLE_MIN"]) > int(exact["BREAKER_WINDOW"])
    ):
        problem = "is above BREAKER_WINDOW, so that the failed share would never count"
        problems.append(
            ConfigProblem("BREAKER_SAMPLE_MIN", problem, "lower it, or raise the other")
        )
    return problems
