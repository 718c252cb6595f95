"""The strict reader of config/phases.yaml. What it does not know it refuses, by file and key."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from checks.criteria.definitions import (
    ALL_KEYS,
    Comparison,
    Criterion,
    Kind,
    PhaseDefinition,
    Unit,
    Window,
)
from checks.criteria.metrics import METRICS
from polyarb_site.yaml_files import Value, Where, read_yaml, require_keys
from trading.engine.units import MICRO, UnitError, micro_from_text
from trading.selectors.profiles import key_names

PHASES = 4
WINDOW_DAYS_MAX = 366
SAMPLE_MAX = 1_000_000
LIST_MAX = 50
TEXT_MAX = 300
MODES = ("SHADOW", "LIVE")
PHASE_KEYS = (
    *("number", "name", "mode", "profile", "trade_size", "trade_size_max", "planned_days"),
    *("goals", "entry_checks", "success", "kill", "exit", "entry"),
)
CRITERION_KEYS = ("id", "text", "metric", "window", "comparison", "bound", "unit", "sample_min")
CRITERION_OPTIONS = (
    *("coverage_percent", "fresh_minutes", "limit", "attestation", "restarts_on"),
    "unknown_allowed",
)
_ID = re.compile(r"[A-Z][A-Z0-9_]{2,59}", re.ASCII)
_NAME = re.compile(r"[a-z0-9_]{1,80}", re.ASCII)
_WORD = re.compile(r"[A-Z][A-Z_]{2,29}", re.ASCII)
E_ = TypeVar("E_", bound=StrEnum)


def load_phases(path: Path) -> tuple[PhaseDefinition, ...]:
    """Return the phases in their order. Raises ConfigError, which names file, key and remedy."""
    where = Where(str(path))
    data = read_yaml(path)
    require_keys(data, ("phases",), (), where)
    rows = _list(data["phases"], where.key("phases"))
    phases = tuple(_Phase(row, where.key("phases").item(i)).read() for i, row in enumerate(rows))
    numbers = [phase.number for phase in phases]
    if numbers != list(range(PHASES)):
        raise where.key("phases").error(
            f"holds the phases {numbers}", f"write the phases 0 to {PHASES - 1}, in order"
        )
    return phases


@dataclass(frozen=True, slots=True)
class _Phase:
    """One phase of the file."""

    value: Value
    where: Where

    def read(self) -> PhaseDefinition:
        data = _mapping(self.value, self.where)
        require_keys(data, PHASE_KEYS, (), self.where)
        at = self.where.key
        days_min, days_max = _planned(data["planned_days"], at("planned_days"))
        size = _dollars(data["trade_size"], at("trade_size"))
        most = _dollars(data["trade_size_max"], at("trade_size_max"))
        if most < size:
            raise at("trade_size_max").error("is below trade_size", "write the same or more")
        parts = {
            name: self._criteria(data[name], at(name), kind)
            for name, kind in (
                ("success", Kind.SUCCESS),
                ("kill", Kind.KILL),
                ("exit", Kind.EXIT),
                ("entry", Kind.ENTRY),
            )
        }
        mode = _text(data["mode"], at("mode"))
        if mode not in MODES:
            raise at("mode").error(f"{mode!r} is no mode", f"write {' or '.join(MODES)}")
        return PhaseDefinition(
            number=_whole(data["number"], at("number"), 0, PHASES - 1),
            name=_text(data["name"], at("name")),
            mode=mode,
            profile=_matching(data["profile"], at("profile"), _NAME),
            trade_size_micro=size,
            trade_size_max_micro=most,
            days_min=days_min,
            days_max=days_max,
            goals=_texts(data["goals"], at("goals")),
            entry_checks=_texts(data["entry_checks"], at("entry_checks")),
            **parts,
        )

    def _criteria(self, value: Value, where: Where, kind: Kind) -> tuple[Criterion, ...]:
        found = tuple(
            _Criterion(row, where.item(i), kind).read() for i, row in enumerate(_list(value, where))
        )
        ids = [one.id for one in found]
        for i, name in enumerate(ids):
            if name in ids[:i]:
                raise where.item(i).key("id").error(f"{name} stands twice", "give it another id")
        return found


@dataclass(frozen=True, slots=True)
class _Criterion:
    """One criterion of the file."""

    value: Value
    where: Where
    kind: Kind

    def read(self) -> Criterion:
        data = _mapping(self.value, self.where)
        require_keys(data, CRITERION_KEYS, CRITERION_OPTIONS, self.where)
        at = self.where.key
        name = _text(data["metric"], at("metric"))
        metric = METRICS.get(name)
        if metric is None:
            raise at("metric").error(
                f"{name[:60]!r} is no metric", f"choose one of {', '.join(sorted(METRICS))}"
            )
        unit = _word(data["unit"], at("unit"), Unit)
        if unit is not metric.unit:
            raise at("unit").error(f"{name} is counted in {metric.unit}", f"write {metric.unit}")
        comparison = _word(data["comparison"], at("comparison"), Comparison)
        for key, needed in (
            ("limit", metric.needs_limit),
            ("attestation", metric.needs_attestation),
        ):
            if needed != (key in data):
                told, remedy = ("needs it", "add it") if needed else ("knows none", "remove it")
                raise at(key).error(f"the metric {name} {told}", remedy)
        return Criterion(
            id=_matching(data["id"], at("id"), _ID),
            kind=self.kind,
            text=_text(data["text"], at("text")),
            metric=name,
            window=self._window(data["window"]),
            comparison=comparison,
            bounds=self._bounds(data["bound"], comparison, unit),
            unit=unit,
            sample_min=_whole(data["sample_min"], at("sample_min"), 0, SAMPLE_MAX),
            coverage_percent=_whole(
                data.get("coverage_percent", 0), at("coverage_percent"), 0, 100
            ),
            fresh_minutes=_whole(data.get("fresh_minutes", 0), at("fresh_minutes"), 0, 60 * 24 * 7),
            limit=_amount(data["limit"], at("limit"), Unit.PERCENT) if "limit" in data else None,
            attestation=_matching(data["attestation"], at("attestation"), _WORD)
            if "attestation" in data
            else "",
            restarts_on=self._restarts(data.get("restarts_on", [])),
            unknown_allowed=self._unknown_allowed(data),
        )

    def _unknown_allowed(self, data: Mapping[str, Value]) -> bool:
        value, where = data.get("unknown_allowed", False), self.where.key("unknown_allowed")
        if not isinstance(value, bool):
            raise where.error("is not true or false", "write true, or leave it out")
        if value and self.kind is not Kind.KILL:
            raise where.error("is for kill criteria alone", "remove it")
        return value

    def _window(self, value: Value) -> Window | int:
        where = self.where.key("window")
        if isinstance(value, str):
            return _word(value, where, Window)
        return _whole(value, where, 1, WINDOW_DAYS_MAX)

    def _bounds(self, value: Value, comparison: Comparison, unit: Unit) -> tuple[Fraction, ...]:
        where = self.where.key("bound")
        if comparison is not Comparison.WITHIN:
            return (_amount(value, where, unit),)
        rows = _list(value, where)
        if len(rows) != 2:
            raise where.error("is not two bounds", 'write the lower and the upper: ["-3", "10"]')
        low, high = (_amount(row, where.item(i), unit) for i, row in enumerate(rows))
        if low > high:
            raise where.error("the lower bound is above the upper", "exchange them")
        return low, high

    def _restarts(self, value: Value) -> tuple[str, ...]:
        where = self.where.key("restarts_on")
        if value == ALL_KEYS:
            return (ALL_KEYS,)
        names, known = _texts(value, where), key_names()
        for i, name in enumerate(names):
            if name not in known:
                raise where.item(i).error(f"{name[:60]!r} is no key of a profile", "correct it")
        return names


def _planned(value: Value, where: Where) -> tuple[int, int | None]:
    if value == "open-ended":
        return 0, None
    data = _mapping(value, where)
    require_keys(data, ("min", "max"), (), where)
    low = _whole(data["min"], where.key("min"), 1, WINDOW_DAYS_MAX)
    return low, _whole(data["max"], where.key("max"), low, WINDOW_DAYS_MAX)


def _mapping(value: Value, where: Where) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise where.error("is not a mapping", "write `key: value` lines")
    return value


def _list(value: Value, where: Where) -> list[Value]:
    if not isinstance(value, list):
        raise where.error("is not a list", "write `- ` lines")
    if len(value) > LIST_MAX:
        raise where.error(f"has more than {LIST_MAX} lines", "shorten it")
    return value


def _text(value: Value, where: Where) -> str:
    if not isinstance(value, str) or not value.strip():
        raise where.error("is not a text", "write a text, in quotes when it looks like a number")
    if len(value) > TEXT_MAX:
        raise where.error(f"is longer than {TEXT_MAX} characters", "shorten it")
    return value


def _texts(value: Value, where: Where) -> tuple[str, ...]:
    return tuple(_text(one, where.item(i)) for i, one in enumerate(_list(value, where)))


def _matching(value: Value, where: Where, pattern: re.Pattern[str]) -> str:
    text = _text(value, where)
    if not pattern.fullmatch(text):
        raise where.error(f"{text[:60]!r} is no such name", f"write one like {pattern.pattern}")
    return text


def _whole(value: Value, where: Where, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise where.error("is not a whole number", "write the digits without quotes")
    if not low <= value <= high:
        raise where.error(f"{value} is out of bounds", f"write {low} to {high}")
    return value


def _word(value: Value, where: Where, words: type[E_]) -> E_:
    try:
        return words(_text(value, where))
    except ValueError as error:
        raise where.error(
            f"{str(value)[:60]!r} is not known", f"choose one of {', '.join(words)}"
        ) from error


def _micro(value: Value, where: Where, read: Callable[[str], int] = micro_from_text) -> int:
    try:
        return read(_text(value, where))
    except UnitError as error:
        raise where.error(str(error), 'write a plain amount in quotes, such as "2.5"') from error


def _dollars(value: Value, where: Where) -> int:
    micro = _micro(value, where)
    if micro <= 0:
        raise where.error("is not more than nothing", 'write an amount such as "2"')
    return micro


def _amount(value: Value, where: Where, unit: Unit) -> Fraction:
    """Return a bound in its natural unit; per cent as parts of one."""
    scale = MICRO * 100 if unit is Unit.PERCENT else MICRO
    if unit is Unit.TRUTH:
        if not isinstance(value, bool):
            raise where.error("is neither true nor false", "write true or false")
        return Fraction(int(value))
    return Fraction(_micro(value, where), scale)
