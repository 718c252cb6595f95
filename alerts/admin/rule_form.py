"""A rule as a form: what is typed becomes the plain data that alerts.rules.parse reads, and back.

The form judges nothing. What the parser finds wrong is put beside the field that it is about.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.datastructures import MultiValueDict

from alerts.rules.metrics import METRICS, Kind
from alerts.rules.rule import ENGINE_MODES, PHASES, Action, Aggregate, Comparison, Counting, Level

PHASE_NAMES = {0: "0 Shadow", 1: "1 Micro-Live", 2: "2 Constrained", 3: "3 Scaled"}
_COUNTING = {
    Counting.AT_ONCE: "at once, the newest value",
    Counting.HELD_FOR: "bad all through the window",
    Counting.AGGREGATED: "the values in the window together",
}
_AGGREGATES = {
    Aggregate.MEAN: "mean",
    Aggregate.MAX: "highest",
    Aggregate.MIN: "lowest",
    Aggregate.RISE: "rise of the counter",
    Aggregate.QUOTIENT: "quotient of the rises",
}
_ACTIONS = {
    Action.STOP_TRADING: "stop trading (every CRITICAL does)",
    Action.NOTIFY: "tell people",
    Action.LOG: "write it to the log",
}
_QUERY = {"operator", "window_seconds", "counting", "aggregate", "missing_seconds", "metric"}
_SECONDS = ("window_seconds", "missing_seconds", "cooldown_seconds", "escalate_seconds")


def _metric_choices() -> list[tuple[str, str]]:
    return [(one.name, f"{one.name}: {one.text}") for one in METRICS.values()]


def _text(label: str, *, help_text: str = "", rows: int = 0, **more: Any) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows}) if rows else forms.TextInput()
    widget.attrs |= {"autocomplete": "off"}
    return forms.CharField(
        required=False, label=label, help_text=help_text, widget=widget, max_length=1_000, **more
    )


def _many(label: str, choices: Iterable[tuple[Any, str]], help_text: str = "") -> Any:
    return forms.MultipleChoiceField(
        required=False, label=label, choices=list(choices), help_text=help_text,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip


class RuleForm(forms.Form):
    """All that a rule says. Nothing is required here: the parser says what is missing, and why."""

    id = _text("Id", help_text="Capitals, digits and _; it cannot be changed later")
    name = _text("Name")
    severity = forms.ChoiceField(
        required=False, label="Level", choices=[(one.value, one.value) for one in Level],
        help_text="CRITICAL stops trading at once",
    )  # fmt: skip
    enabled = forms.BooleanField(required=False, label="The rule is on")
    metric = forms.ChoiceField(required=False, label="Metric", choices=_metric_choices)
    operator = forms.ChoiceField(
        required=False, label="is bad when", choices=[(one.value, one.value) for one in Comparison]
    )
    value = _text("this value", help_text="In the metric's unit; true or false; or a word")
    counting = forms.ChoiceField(
        required=False,
        label="Counts",
        choices=[(key.value, text) for key, text in _COUNTING.items()],
    )
    window_seconds = _text("Window, seconds", help_text="0 for at once")
    aggregate = forms.ChoiceField(
        required=False, label="Together as",
        choices=[("", "–"), *((key.value, text) for key, text in _AGGREGATES.items())],
    )  # fmt: skip
    missing_seconds = _text("Not known after, seconds", help_text="A value that is older raises")
    cooldown_seconds = _text(
        "Cooldown, seconds", help_text="What fires again within it is the same alert"
    )
    escalate_seconds = _text(
        "Escalate after, seconds", help_text="To the next tier while nobody acknowledges; 0: never"
    )
    phases = _many("Phases", ((str(one), PHASE_NAMES[one]) for one in PHASES))
    modes = _many("Modes", ((one, one) for one in ENGINE_MODES))
    value_0 = _text("in phase 0")
    value_1 = _text("in phase 1")
    value_2 = _text("in phase 2")
    value_3 = _text("in phase 3")
    actions = _many("When it fires", ((one.value, text) for one, text in _ACTIONS.items()))
    channels = _text("Channels", help_text="Names, with commas; empty: all that take the level")
    inhibits = _text(
        "Follows from it", help_text="Ids of rules that nobody is told of while this one fires"
    )
    description = _text("What it means", rows=2)
    message = _text("What to do", rows=2, help_text="The first thing, in a sentence")
    reason = _text(
        "Why do you change it?", rows=2, help_text="Kept with the revision, beside your name"
    )

    def values(self) -> dict[str, Any]:
        """Return the rule as plain data, also when it says nonsense."""
        data = self.data
        metric = METRICS.get(str(data.get("metric", "")))
        query: dict[str, Any] = {name: data.get(name, "") for name in sorted(_QUERY)}
        query["value"] = _bound(str(data.get("value", "")), metric.kind if metric else None)
        if not query["aggregate"]:
            del query["aggregate"]
        made: dict[str, Any] = {
            "id": str(data.get("id", "")).strip(),
            "name": data.get("name", ""),
            "severity": data.get("severity", ""),
            "enabled": bool(data.get("enabled")),
            "query": query,
            "values_by_phase": {
                phase: _bound(str(data.get(f"value_{phase}")), metric.kind if metric else None)
                for phase in PHASES
                if str(data.get(f"value_{phase}") or "").strip()
            },
            "cooldown_seconds": data.get("cooldown_seconds", ""),
            "escalate_seconds": data.get("escalate_seconds", ""),
            "phases": [_number(one) for one in self._several("phases")],
            "modes": self._several("modes"),
            "actions": [{"type": one} for one in self._several("actions")],
            "channels": _names(str(data.get("channels", ""))),
            "inhibits": _names(str(data.get("inhibits", ""))),
            "description": data.get("description", ""),
            "message": data.get("message", ""),
        }
        for name in _SECONDS:
            place = query if name in _QUERY else made
            place[name] = _number(str(place[name]))
        return made

    def tell(self, problems: Iterable[str]) -> None:
        """Put each problem of the parser beside its field."""
        self.is_valid()  # only makes the place for errors
        for problem in problems:
            name, _, said = problem.partition(" ")
            self.add_error(_field(name, self.fields), said or problem)

    def _several(self, name: str) -> list[str]:
        if isinstance(self.data, MultiValueDict):
            return [str(one) for one in self.data.getlist(name)]
        given: Any = self.data.get(name, [])
        return [str(one) for one in given]


def initial(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form shows of a rule's plain data."""
    query: Mapping[str, Any] = values.get("query", {})
    by_phase: Mapping[str, Any] = values.get("values_by_phase") or {}
    return {
        **{name: values.get(name) for name in ("id", "name", "severity", "enabled")},
        **{name: values.get(name, "") for name in ("description", "message")},
        **{name: values.get(name, 0) for name in ("cooldown_seconds", "escalate_seconds")},
        **{name: query.get(name, "") for name in _QUERY},
        "value": _shown(query.get("value")),
        **{f"value_{phase}": _shown(bound) for phase, bound in by_phase.items()},
        "phases": [str(one) for one in values.get("phases", PHASES)],
        "modes": list(values.get("modes", ENGINE_MODES)),
        "actions": [one["type"] for one in values.get("actions", ())],
        "channels": ", ".join(values.get("channels", ())),
        "inhibits": ", ".join(values.get("inhibits", ())),
    }


NEW = {
    "severity": Level.WARNING.value,
    "enabled": True,
    "operator": Comparison.AT_LEAST.value,
    "counting": Counting.AT_ONCE.value,
    "window_seconds": 0,
    "missing_seconds": 15,
    "cooldown_seconds": 300,
    "escalate_seconds": 0,
    "phases": [str(one) for one in PHASES],
    "modes": list(ENGINE_MODES),
    "actions": [Action.NOTIFY.value, Action.LOG.value],
}


def _field(name: str, fields: Mapping[str, Any]) -> str | None:
    """Return the field that a problem is about, None for one of the whole form."""
    plain = name.removeprefix("query.")
    if plain.startswith("values_by_phase."):
        plain = f"value_{plain.rpartition('.')[2]}"
    return plain if plain in fields else None


def _bound(text: str, kind: Kind | None) -> bool | str:
    plain = text.strip()
    if kind in (Kind.BOOL, Kind.COUNTER) and plain.lower() in ("true", "false"):
        return plain.lower() == "true"
    return plain


def _shown(bound: object) -> str:
    if isinstance(bound, bool):
        return "true" if bound else "false"
    return "" if bound is None else str(bound)


def _number(text: str) -> int | str:
    plain = text.strip()
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 12 else plain


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.replace("\n", ",").split(",") if name.strip()]
