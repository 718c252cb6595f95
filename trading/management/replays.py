"""How a terminal shows replays: one run in lines, trials side by side."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from typing import Any

from trading.adapters.replay import ReplayResult
from trading.engine.units import text_from_micro
from trading.models import ReplayRun
from trading.replaying import JournalReplay, Tally

MORE_REFUSALS_MAX = 8
DIFFERENCES_SHOWN_MAX = 5
DIFFERENCE_SHOWN_MAX = 400

_ROWS = (
    ("gaps seen", "gaps_seen"),
    ("gaps confirmed", "gaps_confirmed"),
    ("gaps allowed", "gaps_allowed"),
    ("sets opened", "sets_opened"),
    ("sets completed", "sets_completed"),
    ("sets failed", "sets_failed"),
    ("sets still open", "sets_open"),
    ("orders", "orders"),
    ("fills", "trades"),
    ("stops of trading", "halts"),
)
_MONEY_ROWS = (("fees", "fees_micro"), ("realised PnL", "realised_micro"))


def recording_lines(profile: str, result: ReplayResult) -> list[str]:
    """Return what a recording gave."""
    return [
        f"{result.frames:,} frames of {result.markets} markets under {profile}",
        f"  gaps seen        {result.gaps_seen:>8,}",
        f"    not one instant{result.gaps_stale:>8,}",
        f"    confirmed      {result.gaps_confirmed:>8,}",
        f"    after the fee  {result.gaps_positive_after_fees:>8,}",
        f"    allowed        {result.gaps_allowed:>8,}",
        f"  sets completed   {result.sets_completed:>8,}   failed {result.sets_failed:,}",
        f"  realised PnL     {text_from_micro(result.realised_pnl_micro):>8} dollars (paper)",
        "  why gaps were not taken, in frames:",
        *(f"    {code:<24}{count:>6,}" for code, count in result.refusals.items()),
        f"  hash {result.result_hash}",
    ]


def journal_lines(replay: JournalReplay) -> list[str]:
    """Return what a journal gave by itself, without a database to compare it with."""
    word = "SAME" if replay.same else "DIFFERENT"
    end = "closed in order" if replay.complete else f"ends at record {replay.last_sequence:,}"
    inputs = f"{replay.inputs:,} inputs, {replay.frames:,} of them frames"
    lines = [
        f"{replay.session_key:<24} {word}",
        f"  {inputs}; {replay.commands:,} commands; {end}",
        f"  realised PnL {text_from_micro(replay.realised_micro)} dollars",
        f"  hash {replay.sha256}",
    ]
    if replay.crash:
        lines.append(f"  the last input crashes the engine, as it did then: {replay.crash}")
    if not replay.same:
        lines.append(f"  journal {replay.recorded_sha256}")
        lines += difference_lines([asdict(one) for one in replay.differences], replay.different)
    return lines


def run_lines(run: ReplayRun) -> list[str]:
    """Return a verdict on a session and a day."""
    lines = [f"{run.session.key:<24} {run.verdict:<10} {run.problem}".rstrip()]
    if run.realised_micro is not None:
        booked = text_from_micro(run.ledger_micro or 0)
        money = f"replayed {text_from_micro(run.realised_micro)}, in the ledger {booked} dollars"
        lines += [
            f"  {run.inputs:,} inputs, {run.commands:,} commands, {run.took_ms:,} ms",
            f"  realised PnL {money}",
            f"  hash {run.sha256}",
        ]
    if run.recorded_sha256 != run.sha256:
        lines.append(f"  journal {run.recorded_sha256}")
    return lines + difference_lines(run.differences, run.different)


def day_line(runs: Sequence[ReplayRun]) -> str:
    """Return all runs of a day in one line."""
    replayed = sum(run.realised_micro or 0 for run in runs)
    booked = sum(run.ledger_micro or 0 for run in runs)
    verdicts = {run.verdict for run in runs}
    word = verdicts.pop() if len(verdicts) == 1 else "NOT ALL THE SAME"
    return (
        f"{word}: {len(runs)} sessions, {sum(run.inputs for run in runs):,} inputs,"
        f" {sum(run.commands for run in runs):,} commands; PnL replayed"
        f" {text_from_micro(replayed)}, in the ledger {text_from_micro(booked)} dollars"
    )


def difference_lines(differences: Iterable[dict[str, Any]], total: int) -> list[str]:
    """Return the first differences and how many there are."""
    shown = list(differences)[:DIFFERENCES_SHOWN_MAX]
    lines = []
    for one in shown:
        lines.append(f"  record {one['sequence']:,}")
        lines += [
            f"    {name} {(one[name] or 'nothing')[:DIFFERENCE_SHOWN_MAX]}"
            for name in ("recorded", "produced")
        ]
    if total > len(shown):
        lines.append(f"  ... and {total - len(shown):,} more")
    return lines


def table(tallies: Sequence[Tally]) -> list[str]:
    """Return trials side by side, one column each."""
    rows: list[tuple[str, list[str]]] = [("", [tally.name for tally in tallies])]
    for label, name in _ROWS:
        rows.append((label, [f"{getattr(tally, name):,}" for tally in tallies]))
    for label, name in _MONEY_ROWS:
        rows.append((label, [text_from_micro(getattr(tally, name)) for tally in tallies]))
    codes = {code for tally in tallies for code in tally.refusals}
    most = sorted(codes, key=lambda one: -max(tally.refusals[one] for tally in tallies))
    rows += [(f"  {code}", [f"{tally.refusals[code]:,}" for tally in tallies]) for code in most]
    first = max(len(label) for label, _ in rows)
    widths = [max(len(cells[index]) for _, cells in rows) for index in range(len(tallies))]
    return [
        f"{label:<{first}}  "
        + "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
        for label, cells in rows[: len(_ROWS) + 3 + MORE_REFUSALS_MAX]
    ]


def tally_facts(tally: Tally) -> dict[str, Any]:
    """Return a trial as plain data."""
    values = {one.name: getattr(tally, one.name) for one in fields(tally)}
    return {
        name: dict(value) if name == "refusals" else value
        for name, value in values.items()
        if not name.startswith("_")
    }


def run_facts(run: ReplayRun) -> dict[str, Any]:
    """Return a verdict as plain data."""
    names = (
        *("account", "verdict", "problem", "inputs", "commands", "last_sequence", "complete"),
        *("sha256", "recorded_sha256", "realised_micro", "ledger_micro", "differences"),
        *("different", "version", "took_ms"),
    )
    facts = {name: getattr(run, name) for name in names}
    return {"day": run.day.isoformat(), "session": run.session.key, **facts}
