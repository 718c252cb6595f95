"""How a terminal shows the ladder of phases."""

from typing import Any

MARKS = {"PASS": "met", "FAIL": "not met", "UNKNOWN": "not enough data", None: "not judged"}
KILL_MARKS = {"PASS": "quiet", "FAIL": "MET", "UNKNOWN": "not known", None: "not judged"}
TITLES = {
    "success": "success criteria",
    "exit": "to leave the phase",
    "kill": "rolled back when",
    "entry": "before the phase",
}


def lines(ladder: dict[str, Any]) -> list[str]:
    """Return the ladder, a line for each phase, and the present one and the next in full."""
    found = [ladder["sentence"]]
    for phase in ladder["phases"]:
        mark = {"past": "done", "present": "HERE", "next": "next", "later": ""}[phase["state"]]
        found.append(
            f"  {phase['number']} {phase['name']:<18} {mark:<5} ${phase['trade_size']} a trade, "
            f"{phase['planned']}"
        )
        if phase["state"] == "present":
            for part in ("success", "exit", "kill"):
                found += _part(TITLES[part], phase["criteria"][part])
        if phase["state"] == "next":
            found += _part(TITLES["entry"], phase["criteria"]["entry"])
    return found


def _part(title: str, rows: list[dict[str, Any]]) -> list[str]:
    return [f"    {title}:", *(_line(row) for row in rows)] if rows else []


def _line(row: dict[str, Any]) -> str:
    marks = KILL_MARKS if row["kind"] == "KILL" else MARKS
    value = row["value"] or "-"
    why = f"  ({row['reason']})" if row["verdict"] in ("UNKNOWN", "FAIL") else ""
    away = f"  {row['distance']}" if row["distance"] else ""
    return f"      {marks[row['verdict']]:<15} {row['text']}: {value}{away}{why}"
