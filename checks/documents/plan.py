"""docs/PRODUCTION_PLAN.md: the phases, from the file that the machine judges them by."""

from collections.abc import Mapping, Sequence
from typing import Any

from checks.documents.markdown import code, joined, table

INTRODUCTION = (
    "# PolyArb production plan",
    "",
    "How trading goes live: in phases, each with less paper and more money, and no way round one.",
    "A machine judges every criterion from recorded facts; a second person says yes; and trading",
    "is taken back a phase by itself when a kill criterion is met. The page *Phases* shows where",
    "this installation stands.",
)
VERDICTS = (
    "## How a criterion is judged",
    "",
    "Each has one of three verdicts: Pass, Fail or Unknown. Unknown is what there is too little",
    "data for, or none that can be trusted, and it never counts as passed. A verdict keeps the",
    "value, the bound and the rows that it was made from, so that it can be made again later.",
    "Facts of another venue prove nothing: what was earned with play money opens no phase of real",
    "money.",
    "",
    "What no machine can see, such as a review, is an attestation: a named person states it, with",
    "a note, and it expires.",
)
ROLLBACK = (
    "## Rolling back",
    "",
    "By itself as soon as one kill criterion is met, or by hand at any time and without approval:",
    "[the runbook](PRODUCTION_RUNBOOK.md#roll-back) has the command. In this order, and a step",
    "that fails does not keep the later ones from being done:",
    "",
    "1. new orders are stopped",
    "2. open orders are cancelled",
    "3. half-filled sets are completed or sold back within the loss bound of the phase",
    "4. paper trading is set",
    "5. a backup is taken",
    "6. an incident is opened with the evidence",
    "7. the phase before takes over",
    "8. people are told",
)
PROMOTION = (
    "## Going up a phase",
    "",
    "A request binds what it was made for: the phase, the revision of the profile, the effective",
    "configuration, the version of the program, a go decision not older than 24 hours, the",
    "verdicts on the criteria, and a backup that was restored and compared. Two people approve it,",
    "neither of them the one who asked; an installation of one person may say one instead, which",
    "is kept in the audit and shown. The request is void as soon as anything that it is bound to",
    "changes, and it expires after 24 hours. An approved one is used up by `start_live`.",
)
END = (
    "This text is made from `config/phases.yaml` by `manage.py write_documents`. Change that file,",
    "not this one.",
)
LISTS = (
    ("entry", "Entry", "Needed before this phase can be asked for."),
    ("success", "Success criteria", "What the phase is to show."),
    ("kill", "Kill criteria", "Any one that is met takes trading back to the phase before."),
    ("exit", "Exit", "Needed, beside all success criteria, before the next phase."),
)
HEAD = ("mode", "profile", "trade_size", "planned_days")
_SHOWN = {"id", "text", "metric", "window", "comparison", "bound", "unit", "sample_min"}


def render_plan(phases: Sequence[Mapping[str, Any]]) -> str:
    """Return the document. Of a criterion only `id` and `text` have to be there."""
    return joined(
        INTRODUCTION,
        ("## The phases",),
        table(
            ("phase", "name", "mode", "profile", "trade size", "planned days"),
            ((str(phase["number"]), said(phase["name"]), *_head(phase)) for phase in phases),
        ),
        VERDICTS,
        *(part for phase in phases for part in _phase(phase)),
        PROMOTION,
        ROLLBACK,
        END,
    )


def said(value: Any) -> str:
    """Return a value of the file as a person reads it; nothing for what is not there."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{_words(name)} {said(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(said(one) for one in value)
    return str(value)


def _head(phase: Mapping[str, Any]) -> list[str]:
    shown = {name: said(phase.get(name)) for name in HEAD}
    size = shown["trade_size"]
    days = phase.get("planned_days")
    if isinstance(days, list | tuple) and len(days) == 2:
        shown["planned_days"] = f"{days[0]} to {days[1]}"
    shown["trade_size"] = f"${size}" if size[:1].isdigit() else size
    return [shown["mode"], code(shown["profile"]), shown["trade_size"], shown["planned_days"]]


def _phase(phase: Mapping[str, Any]) -> list[Sequence[str]]:
    parts: list[Sequence[str]] = [(f"## Phase {phase['number']}: {said(phase['name'])}",)]
    goals = phase.get("goals")
    if isinstance(goals, list | tuple):
        parts.append([f"- {said(goal)}" for goal in goals])
    elif goals:
        parts.append([" ".join(said(goals).split())])
    for name, title, what in LISTS:
        criteria = phase.get(name) or []
        parts.append((f"### {title} of phase {phase['number']}", "", what))
        if criteria:
            heads = ("criterion", "what is asked", "how it is judged", "sample")
            parts.append(table(heads, [_criterion(one) for one in criteria]))
        else:
            parts.append(("Nothing of that kind.",))
    return parts


def _criterion(one: Mapping[str, Any] | str) -> tuple[str, str, str, str]:
    if isinstance(one, str):  # a criterion of another list, by its id
        return code(one), "as above", "", ""
    bound = " ".join(said(one.get(name)) for name in ("comparison", "bound", "unit")).split()
    rest = {name: value for name, value in one.items() if name not in _SHOWN}
    parts = [
        code(said(one.get("metric"))),
        " ".join(bound),
        f"over {said(one['window'])}" if one.get("window") else "",
        said(rest),
    ]
    how = "; ".join(part for part in parts if part)
    least = said(one.get("sample_min"))
    return code(said(one["id"])), said(one["text"]), how, f"at least {least}" if least else ""


def _words(name: Any) -> str:
    return str(name).replace("_", " ")
