"""A rule from plain data, as a file, a form or a request gives it, and back. Every problem named.

The keys are those of PolyArb-X alert files, and ours beside them:

    id, name, description, enabled, severity, message, cooldown_seconds
    query: metric, operator, value, window_seconds, counting, aggregate, missing_seconds
    values_by_phase: {1: "10"}    phases: [1, 2, 3]    modes: [LIVE]
    actions: [{type: stop_trading}, {type: notify}, {type: log}]
    channels: [names]    inhibits: [rule ids]    escalate_seconds
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from alerts.rules.judging import ORDERED
from alerts.rules.metrics import METRICS, Kind, Metric
from alerts.rules.rule import (
    ENGINE_MODES,
    PHASES,
    Action,
    Aggregate,
    Bound,
    Comparison,
    Counting,
    Level,
    Rule,
)
from trading.engine.units import MICRO, UnitError, micro_from_text, text_from_micro

KEYS = frozenset(
    {
        *("id", "name", "description", "enabled", "severity", "message", "cooldown_seconds"),
        *("query", "values_by_phase", "phases", "modes", "actions", "channels", "inhibits"),
        "escalate_seconds",
    }
)
QUERY_KEYS = frozenset(
    {"metric", "operator", "value", "window_seconds", "counting", "aggregate", "missing_seconds"}
)
WINDOW_SECONDS_MAX = 3_600
COOLDOWN_SECONDS_MAX = 7 * 86_400
MISSING_SECONDS_MIN = 5
LIST_MAX = 50
TEXT_MAX = 500
_ID = re.compile(r"[A-Z][A-Z0-9_]{2,39}")
_AGGREGATES = {
    Kind.COUNTER: (Aggregate.RISE,),
    Kind.RATIO: (Aggregate.QUOTIENT,),
    Kind.NUMBER: (Aggregate.MEAN, Aggregate.MAX, Aggregate.MIN),
}
E_ = TypeVar("E_", Level, Comparison, Counting, Aggregate, Action)


class RuleProblems(ValueError):  # noqa: N818 - said to a person
    """A rule that does not say what it must. `problems` name field, problem and remedy."""

    def __init__(self, rule_id: str, problems: tuple[str, ...]) -> None:
        super().__init__(f"{rule_id}: {'; '.join(problems)}")
        self.rule_id = rule_id
        self.problems = problems


def parse_rule(values: Mapping[str, Any], *, known_rules: frozenset[str] = frozenset()) -> Rule:
    """Return the rule that plain data says. Raises RuleProblems with all that is wrong.

    `known_rules` are the ids that `inhibits` may name; empty: any.
    """
    return _Parser(values, known_rules).rule()


def rule_values(rule: Rule) -> dict[str, Any]:
    """Return a rule as plain data that parse_rule() gives the same rule for."""
    query: dict[str, Any] = {
        "metric": rule.metric,
        "operator": rule.comparison.value,
        "value": _bound_value(rule.bound),
        "window_seconds": rule.window_ms // 1_000,
        "counting": rule.counting.value,
        "missing_seconds": rule.missing_ms // 1_000,
    }
    if rule.aggregate is not None:
        query["aggregate"] = rule.aggregate.value
    return {
        "id": rule.rule_id,
        "name": rule.name,
        "description": rule.description,
        "enabled": rule.enabled,
        "severity": rule.level.value,
        "query": query,
        "values_by_phase": {
            str(phase): _bound_value(bound) for phase, bound in sorted(rule.bounds_by_phase.items())
        },
        "cooldown_seconds": rule.cooldown_ms // 1_000,
        "phases": sorted(rule.phases),
        "modes": sorted(rule.modes),
        "actions": [{"type": action.value} for action in Action if action in rule.actions],
        "channels": list(rule.channels),
        "inhibits": list(rule.inhibits),
        "escalate_seconds": rule.escalate_ms // 1_000,
        "message": rule.advice,
    }


def _bound_value(bound: Bound) -> bool | str:
    return bound if isinstance(bound, bool | str) else text_from_micro(bound)


class _Parser:
    """Reads one rule and collects what is wrong with it."""

    def __init__(self, values: Mapping[str, Any], known_rules: frozenset[str]) -> None:
        self._values = values
        self._known_rules = known_rules
        self._problems: list[str] = []
        query = values.get("query")
        self._query: Mapping[str, Any] = query if isinstance(query, Mapping) else {}
        if not isinstance(query, Mapping):
            self._wrong("query", "is missing", "say query: {metric, operator, value}")

    def rule(self) -> Rule:
        """Return the rule, or raise with everything that was found."""
        rule_id = self._text(self._values, "id", 40)
        if not _ID.fullmatch(rule_id):
            self._wrong(
                "id", f"{rule_id!r:.50} is no id", "3 to 40 of A-Z, 0-9 and _, as WS_DISCONNECTED"
            )
        self._unknown_keys()
        metric = self._metric()
        level = self._word(Level, self._values, "severity")
        comparison = self._word(Comparison, self._query, "operator")
        window_s = self._seconds(self._query, "window_seconds", WINDOW_SECONDS_MAX, 0)
        counting, aggregate = self._counting(metric, window_s)
        fields: dict[str, Any] = {
            "rule_id": rule_id,
            "name": self._text(self._values, "name", 100),
            "description": self._text(self._values, "description", TEXT_MAX),
            "advice": self._text(self._values, "message", TEXT_MAX),
            "enabled": self._truth("enabled"),
            "counting": counting,
            "aggregate": aggregate,
            "window_ms": window_s * 1_000,
            "cooldown_ms": 1_000
            * self._seconds(self._values, "cooldown_seconds", COOLDOWN_SECONDS_MAX, 0),
            "missing_ms": 1_000 * self._missing_seconds(),
            "escalate_ms": 1_000
            * self._seconds(self._values, "escalate_seconds", COOLDOWN_SECONDS_MAX, 0),
            "phases": frozenset(self._phases()),
            "modes": frozenset(self._modes()),
            "actions": self._actions(),
            "channels": tuple(self._names("channels")),
            "inhibits": tuple(self._inhibits(rule_id)),
        }
        bound = self._bound("query.value", self._query.get("value"), metric, comparison)
        by_phase = self._bounds_by_phase(metric, comparison)
        if self._problems:
            raise RuleProblems(rule_id or "rule", tuple(self._problems))
        assert level is not None
        assert comparison is not None
        assert bound is not None
        return Rule(
            level=level,
            metric=self._query["metric"],
            comparison=comparison,
            bound=bound,
            bounds_by_phase=by_phase,
            **fields,
        )

    def _wrong(self, field: str, problem: str, remedy: str) -> None:
        self._problems.append(f"{field} {problem}; {remedy}")

    def _unknown_keys(self) -> None:
        for prefix, values, known in (
            ("", self._values, KEYS),
            ("query.", self._query, QUERY_KEYS),
        ):
            for key in values:
                if key not in known:
                    self._wrong(
                        f"{prefix}{key!s:.40}",
                        "is no key of a rule",
                        f"use {', '.join(sorted(known))}",
                    )

    def _metric(self) -> Metric | None:
        name = self._query.get("metric")
        metric = METRICS.get(name) if isinstance(name, str) else None
        if metric is None and self._query:
            self._wrong(
                "query.metric", f"{name!r:.50} is no metric", f"use one of {', '.join(METRICS)}"
            )
        return metric

    def _counting(self, metric: Metric | None, window_s: int) -> tuple[Counting, Aggregate | None]:
        aggregate = None
        if "aggregate" in self._query:
            aggregate = self._word(Aggregate, self._query, "aggregate")
        if "counting" in self._query:
            counting = self._word(Counting, self._query, "counting") or Counting.AT_ONCE
        else:
            counting = _usual_counting(metric, window_s)
        if counting is Counting.AGGREGATED and aggregate is None and metric is not None:
            aggregate = next(iter(_AGGREGATES.get(metric.kind, ())), None)
        self._check_counting(metric, counting, aggregate, window_s)
        return counting, aggregate

    def _check_counting(
        self, metric: Metric | None, counting: Counting, aggregate: Aggregate | None, window_s: int
    ) -> None:
        if metric is None:
            return
        fitting = _AGGREGATES.get(metric.kind, ())
        if counting is Counting.AGGREGATED:
            if aggregate not in fitting:
                words = " or ".join(fitting) or "none: count it HELD_FOR or AT_ONCE"
                self._wrong("query.aggregate", f"does not fit {metric.name}", f"use {words}")
        elif aggregate is not None:
            self._wrong("query.aggregate", "needs counting AGGREGATED", "leave one of them out")
        elif metric.kind is Kind.RATIO:
            self._wrong("query.counting", "of a ratio is AGGREGATED", "give it a window")
        if counting is not Counting.AT_ONCE and not window_s:
            self._wrong("query.window_seconds", f"is 0 for {counting}", "give the window a length")
        if counting is Counting.AT_ONCE and window_s:
            self._wrong(
                "query.window_seconds",
                "has no meaning for AT_ONCE",
                "say 0, or counting HELD_FOR or AGGREGATED",
            )

    def _bound(
        self, field: str, value: object, metric: Metric | None, comparison: Comparison | None
    ) -> Bound | None:
        if metric is None or comparison is None:
            return None
        made = _bound_of(value, metric)
        if made is None:
            example = {Kind.BOOL: "true or false", Kind.TEXT: " or ".join(metric.values)}
            wanted = example.get(metric.kind, 'a number, with a fraction in quotes ("0.05")')
            self._wrong(field, f"{value!r:.40} does not fit {metric.name}", f"give {wanted}")
        elif comparison in ORDERED and isinstance(made, bool | str):
            self._wrong("query.operator", f"{comparison.value} orders no words", "use == or !=")
        return made

    def _bounds_by_phase(
        self, metric: Metric | None, comparison: Comparison | None
    ) -> dict[int, Bound]:
        given = self._values.get("values_by_phase") or {}
        if not isinstance(given, Mapping):
            self._wrong("values_by_phase", "is no mapping", 'say {1: "10", 2: "50"}')
            return {}
        found = {}
        for key, value in given.items():
            phase = _phase(key)
            if phase is None:
                self._wrong("values_by_phase", f"{key!r:.20} is no phase", "phases are 0 to 3")
                continue
            bound = self._bound(f"values_by_phase.{phase}", value, metric, comparison)
            if bound is not None:
                found[phase] = bound
        return found

    def _phases(self) -> list[int]:
        given = self._values.get("phases", list(PHASES))
        phases = [_phase(one) for one in given] if isinstance(given, list) else []
        if not phases or None in phases:
            self._wrong("phases", f"{given!r:.40} names no phases", "give a list such as [1, 2, 3]")
        return [phase for phase in phases if phase is not None]

    def _modes(self) -> list[str]:
        given = self._values.get("modes", list(ENGINE_MODES))
        fine = isinstance(given, list) and given and all(one in ENGINE_MODES for one in given)
        if not fine:
            self._wrong("modes", f"{given!r:.40} names no modes", "give a list of SHADOW and LIVE")
        return list(given) if fine else []

    def _actions(self) -> frozenset[Action]:
        given = self._values.get("actions", [{"type": "log"}])
        if not isinstance(given, list) or len(given) > LIST_MAX:
            self._wrong("actions", "is no list", "say [{type: notify}, {type: log}]")
            return frozenset()
        found = set()
        for item in given:
            kind = item.get("type") if isinstance(item, Mapping) else item
            # A PolyArb-X webhook is a channel here: its address is a secret and not in a rule.
            word = {"webhook": "notify", "email": "notify", "telegram": "notify"}.get(
                str(kind), str(kind)
            )
            if word in list(Action):
                found.add(Action(word))
            else:
                words = ", ".join(action.value for action in Action)
                self._wrong("actions", f"{kind!r:.40} is no action", f"use {words}")
        return frozenset(found)

    def _inhibits(self, rule_id: str) -> list[str]:
        names = self._names("inhibits")
        for name in names:
            if name == rule_id:
                self._wrong("inhibits", "names the rule itself", "leave it out")
            elif self._known_rules and name not in self._known_rules:
                self._wrong("inhibits", f"{name!r:.50} is no rule", "name a rule that is there")
        return names

    def _names(self, key: str) -> list[str]:
        given = self._values.get(key, [])
        fine = isinstance(given, list) and len(given) <= LIST_MAX
        if not fine or not all(isinstance(one, str) and 0 < len(one) <= 60 for one in given):
            self._wrong(key, "is no list of names", "give a list such as [night, office]")
            return []
        return list(dict.fromkeys(given))

    def _text(self, values: Mapping[str, Any], key: str, length_max: int) -> str:
        text = values.get(key, "")
        if not isinstance(text, str) or len(text) > length_max or "\x00" in text:
            self._wrong(key, "is no text of that length", f"at most {length_max} characters")
            return ""
        return text.strip()

    def _truth(self, key: str) -> bool:
        value = self._values.get(key, True)
        if not isinstance(value, bool):
            self._wrong(key, f"{value!r:.20} is neither true nor false", "say true or false")
            return True
        return value

    def _missing_seconds(self) -> int:
        seconds = self._seconds(self._query, "missing_seconds", WINDOW_SECONDS_MAX, 15)
        if seconds < MISSING_SECONDS_MIN:
            self._wrong(
                "query.missing_seconds",
                f"{seconds} is too short",
                f"at least {MISSING_SECONDS_MIN}: figures come once a second",
            )
        return seconds

    def _seconds(self, values: Mapping[str, Any], key: str, highest: int, default: int) -> int:
        value = values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= highest:
            self._wrong(key, f"{value!r:.20} is no number of seconds", f"0 to {highest}")
            return default
        return value

    def _word(self, kind: type[E_], values: Mapping[str, Any], key: str) -> E_ | None:
        value = values.get(key)
        try:
            return kind(str(value))
        except ValueError:
            words = ", ".join(member.value for member in kind)
            self._wrong(key, f"{value!r:.40} is unknown", f"use one of {words}")
            return None


def _usual_counting(metric: Metric | None, window_s: int) -> Counting:
    """Return what a window means where a file does not say it, as in those of PolyArb-X."""
    if not window_s or metric is None:
        return Counting.AT_ONCE
    return Counting.AGGREGATED if metric.kind in _AGGREGATES else Counting.HELD_FOR


def _bound_of(value: object, metric: Metric) -> Bound | None:
    """Return a bound of the metric's kind, None for what is none."""
    if metric.kind is Kind.BOOL:
        return value if isinstance(value, bool) else None
    if metric.kind is Kind.TEXT:
        known = {word.upper(): word for word in metric.values}
        return known.get(value.upper()) if isinstance(value, str) else None
    if isinstance(value, bool):
        return True if value and metric.kind is Kind.COUNTER else None
    if isinstance(value, int):
        return value * MICRO if abs(value) <= 10**12 else None
    try:
        return micro_from_text(value) if isinstance(value, str) else None
    except UnitError:
        return None


def _phase(value: object) -> int | None:
    """Return a phase, also from the text that JSON makes of a key."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == 1:
        value = int(value)
    return (
        value
        if isinstance(value, int) and not isinstance(value, bool) and value in PHASES
        else None
    )
