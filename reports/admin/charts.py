"""The data behind the charts that can be pointed at, in micro dollars and seconds."""

from datetime import datetime
from typing import Any

POINTS_MAX = 400


def chart_data(figures: dict[str, Any]) -> dict[str, Any]:
    """Return the data of each chart by its key, as the page's script takes it."""
    since, until = (datetime.fromisoformat(figures[name]) for name in ("since", "until"))
    found: dict[str, Any] = {}
    for part in figures["money"]:
        name = part["money"].lower()
        points, best = [], 0
        curve = part["realised"]["points"][:POINTS_MAX]
        for index, micro in enumerate(curve, 1):
            best = max(best, micro)
            points.append([_second(since, until, index, len(curve)), micro, best])
        found[f"equity-{name}"] = {"points": points, "marks": _marks(figures)}
        held = part["exposure"]["parts"][:POINTS_MAX]
        found[f"exposure-{name}"] = {
            "points": [
                [_second(since, until, index, len(held)), micro]
                for index, micro in enumerate(held, 1)
            ]
        }
        found[f"edges-{name}"] = {"steps": part["sets"]["steps"]}
    return found


def _second(since: datetime, until: datetime, index: int, parts: int) -> int:
    return int((since + (until - since) * index / parts).timestamp())


def _marks(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """Return starts and ends of engines, and halts, in the order of their times."""
    marks = []
    since, until = figures["since"], figures["until"]
    for run in figures["runs"].get("shown", []):
        if since <= run["started_at"] < until:
            marks.append((run["started_at"], "start", f"engine started: {run['label'].lower()}"))
        if run["state"] in ("CRASHED", "FENCED"):
            marks.append((run["ended_at"], "halt", f"engine {run['state'].lower()}"))
    for note in figures["events"]["loud"]:
        kind = "resume" if note["title"] == "resumed" else "halt"
        marks.append((note["at"], kind, f"{note['title']}: {note['text']}"))
    return [
        {"at": int(datetime.fromisoformat(at).timestamp()), "kind": kind, "text": text}
        for at, kind, text in sorted(marks)
    ]
