"""A check run as a person reads it on a terminal: what to fix first, then all of it."""

from collections.abc import Iterable, Iterator, Mapping
from textwrap import wrap
from typing import Any, TypeAlias

WIDTH = 100
BOLD, RED, GREEN, YELLOW, PLAIN = "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"
COLOURS = {"PASS": GREEN, "FAIL": RED, "UNKNOWN": YELLOW}
WORDS = {"GO": "GO", "NO_GO": "NO-GO", None: "no decision"}
Run: TypeAlias = Mapping[str, Any]


def table(run: Run, *, colours: bool) -> Iterator[str]:
    """Yield the lines of a run, as run_dict has it."""
    yield from _head(run, colours)
    bad = [row for row in run["results"] if row["status"] != "PASS"]
    if bad:
        yield ""
        yield _painted("Fix first", BOLD, colours)
        for row in sorted(bad, key=lambda row: row["priority"]):
            yield from _to_fix(row, colours)
    for category in dict.fromkeys(row["category"] for row in run["results"]):
        rows = [row for row in run["results"] if row["category"] == category]
        passed = sum(row["status"] == "PASS" for row in rows)
        yield ""
        yield _painted(f"{category}  {passed} of {len(rows)} passed", BOLD, colours)
        for row in rows:
            yield from _line(row, colours)


def _head(run: Run, colours: bool) -> Iterator[str]:
    word = WORDS[run["decision"]]
    colour = {"GO": GREEN, "NO_GO": RED}.get(run["decision"] or "", BOLD)
    yield f"{_painted(word, colour, colours)}  phase {run['phase']} on {run['venue']}"
    yield run["sentence"]
    yield f"{run['profile'] or 'no profile'}, software {run['software']}, run {run['id']}"
    if run["valid_until"]:
        yield f"valid until {run['valid_until']}, while nothing changes"


def _to_fix(row: Run, colours: bool) -> Iterator[str]:
    status = _painted(f"{row['status']:7}", COLOURS[row["status"]], colours)
    yield f"  {row['priority']} {status} {row['id']}"
    yield from _wrapped(f"{row['reason']}", "             ")
    yield from _wrapped(f"-> {row['remedy']}", "             ")


def _line(row: Run, colours: bool) -> Iterator[str]:
    status = _painted(f"{row['status']:7}", COLOURS[row["status"]], colours)
    yield f"  {row['priority']} {status} {row['title']}"
    if row["status"] == "PASS":
        yield from _wrapped(row["reason"], "             ")


def _wrapped(text: str, indent: str) -> Iterable[str]:
    return wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def _painted(text: str, colour: str, colours: bool) -> str:
    return f"{colour}{text}{PLAIN}" if colours else text
