"""The day in three sentences: what ran, what came of it, and whether anything was wrong."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from polyarb_site.formats import age, count, money, percent, plural, utc

Figures = Mapping[str, Any]
NOUNS = {"DAILY": "day", "STOP": "run"}


def title(figures: Figures) -> str:
    """Return the headline."""
    if figures["kind"] == "STOP":
        return f"Stop report of {figures['session_key']}"
    return f"Daily report of {figures['since'][:10]}"


def subtitle(figures: Figures) -> str:
    """Return which time and whose."""
    since, until = (datetime.fromisoformat(figures[name]) for name in ("since", "until"))
    text = f"Account {figures['account']}, {utc(since)} to {utc(until)}"
    return text if figures["whole"] else f"{text}; the day was not over yet"


def sentences(figures: Figures) -> tuple[str, ...]:
    """Return what ran, what each kind of money came to, and what was wrong."""
    return (_ran(figures), *_earned(figures), _wrong(figures))


def _ran(figures: Figures) -> str:
    runs = figures["runs"]
    if figures["idle"]:
        return f"There are no figures of trading: {figures['idle']}."
    last = runs["configurations"][-1]
    text = (
        f"PolyArb ran for {age(runs['ran_ms'])} in phase {last['phase']}, {last['phase_name']}, "
        f"with {last['profile']} r{last['revision']} ({last['label'].lower()})"
    )
    others = len(runs["configurations"]) - 1
    if others:
        text += f", and before with {plural(others, 'other configuration')}"
    if figures["kind"] == "STOP":
        end = runs["shown"][-1]
        text += f"; it ended {end['state'].lower() or 'without a word'}"
        text += f": {end['reason']}" if end["reason"] else ""
    return f"{text}."


def _earned(figures: Figures) -> list[str]:
    told = []
    for part in figures["money"]:
        sets = part["sets"]
        realised = money(part["realised"]["total_micro"], sign=True)
        if not sets["closed"]:
            seen = part["funnel"]["steps"][0]["number"]
            told.append(
                f"It realised {realised} {part['words']}: no set ended, of {plural(seen, 'gap')}."
            )
            continue
        text = (
            f"It realised {realised} {part['words']}; of {plural(sets['closed'], 'set')} that "
            f"ended {count(sets['won'])} won ({percent(sets['win_rate'], decimals=1)})"
        )
        if sets["kept_rate"] is not None:
            text += (
                f", and of the {money(sets['expected_micro'])} expected "
                f"{percent(sets['kept_rate'], decimals=0)} was kept"
            )
        told.append(f"{text}.")
    return told


def _wrong(figures: Figures) -> str:
    found = figures["anomalies"]
    if not found:
        return "Nothing was out of bounds." if not figures["idle"] else "No alert was left open."
    names = "; ".join(
        f"{one['title'][0].lower()}{one['title'][1:]} ({one['value']})" for one in found
    )
    return f"{plural(len(found), 'thing needs', 'things need')} a look: {names}."
