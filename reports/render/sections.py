"""The sections that every report has, whatever the money."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from polyarb_site.formats import age, count, micros, percent, plural, ratio, utc
from reports.render import charts
from reports.render.document import Cell, Section, Table, value, word
from reports.render.links import Links, record

Figures = Mapping[str, Any]
TONES = {"CRITICAL": "bad", "WARNING": "warn", "MATCH": "good", "MISMATCH": "bad"}
LATENCY_NOTE = (
    "Made of the percentiles that each second kept, each second by its decisions; how slow the "
    "slowest one in a hundred of a second was is not recorded. Seconds are kept for a day, then "
    "one of each minute: a report made later rests on fewer samples."
)


def configuration(figures: Figures, links: Links) -> Section:
    """Return what ran, with the configuration of then."""
    runs = figures["runs"]
    key = "configuration"
    if figures["idle"]:
        return Section(key=key, title="Mode and configuration", text=(_sentence(figures["idle"]),))
    sessions = links.rows("trading/enginesession", "started_at")
    configured = tuple(
        (
            word(one["label"]),
            word(f"{one['mode'].lower()} on {one['feed']}"),
            word(f"{one['phase']} {one['phase_name']}"),
            word(f"{one['profile']} r{one['revision']}", exact=one["sha256"]),
            value(count(one["runs"]), one["runs"], link=sessions),
            value(age(one["ran_ms"]), one["ran_ms"]),
        )
        for one in runs["configurations"]
    )
    shown = tuple(_run(run) for run in runs["shown"])
    ran = percent(ratio(runs["ran_ms"], runs["period_ms"]), decimals=1)
    left_out = runs["count"] - len(shown)
    return Section(
        key=key,
        title="Mode and configuration",
        text=(f"The engine ran {ran} of the time, in {plural(runs['count'], 'shift')}.",),
        tables=(
            Table(
                name="Configurations",
                head=("Environment", "Orders", "Phase", "Profile", "Shifts", "Ran"),
                rows=configured,
            ),
            Table(
                name="Shifts",
                head=("Session", "Started", "Ended", "How"),
                rows=shown,
                note=f"and {plural(left_out, 'earlier one')}" if left_out else "",
            ),
        ),
    )


def _run(run: Figures) -> tuple[Cell, ...]:
    ended = utc(moment(run["ended_at"])) if run["ended_at"] else "went on"
    how = f"{run['state'].lower()}: {run['reason']}" if run["reason"] else run["state"].lower()
    tone = "bad" if run["state"] in ("CRASHED", "FENCED") else ""
    return (
        word(run["key"], link=record("trading/enginesession", run["key"])),
        word(utc(moment(run["started_at"]))),
        word(ended),
        word(how, tone=tone),
    )


def latency(figures: Figures, links: Links) -> Section:
    """Return how long decisions took."""
    found = figures["latency"]
    chart = charts.latency(found)
    samples = value(
        count(found["samples"]), found["samples"], link=links.rows("trading/metricsample", "at")
    )
    if chart is None:
        return Section(
            key="latency",
            title="Latency",
            text=("No latency was recorded: no second had a decision with all percentiles.",),
            tables=(Table(name="Latency", rows=((word("Samples"), samples),)),),
        )
    rows = (
        *((word(f"p{p}"), _us(found[f"p{p}_us"], over=500_000)) for p in (50, 95, 99)),
        (word("Decisions"), value(count(found["decisions"]), found["decisions"])),
        (word("Samples"), samples),
    )
    return Section(
        key="latency",
        title="Latency",
        text=(LATENCY_NOTE,),
        charts=(chart,),
        tables=(Table(name="Latency", rows=rows),),
    )


def alerts(figures: Figures) -> Section:
    """Return what fired, and what was open at the end."""
    found = figures["alerts"]
    delivered = found["deliveries"]
    sent = sum(delivered.values())
    told = ", ".join(f"{count(number)} {state.lower()}" for state, number in delivered.items())
    summary = (
        (word("Fired"), value(count(found["fired"]), found["fired"])),
        *(
            (
                word(f"Open at the end, {level.lower()}"),
                value(count(n), n, tone=TONES.get(level, "")),
            )
            for level, n in found["open"].items()
        ),
        (word("Messages sent to people"), value(count(sent), sent)),
    )
    lines = tuple(
        (
            word(one["rule_id"], link=one["page"]),
            word(one["level"].lower(), tone=TONES.get(one["level"], "")),
            word(utc(moment(one["fired_at"]))),
            word(utc(moment(one["resolved_at"])) if one["resolved_at"] else "open at the end"),
            value(count(one["count"]), one["count"]),
            word(one["reason"] or one["value"]),
        )
        for one in found["lines"]
    )
    head = ("Rule", "Level", "Fired", "Ended", "Times", "Why")
    tables = [Table(name="Summary", rows=summary, note=f"Messages: {told}" if told else "")]
    if lines:
        tables.append(Table(name="History", head=head, rows=lines))
    text = () if lines else ("No alert fired, and none was open.",)
    return Section(key="alerts", title="Alert summary", text=text, tables=tuple(tables))


def reconciliation(figures: Figures, links: Links) -> Section:
    """Return whether ledger, venue and chain agreed."""
    found = figures["reconciliation"]
    key, title = "reconciliation", "Reconciliation"
    where = links.rows
    incidents = (
        (
            word("Incidents opened"),
            value(
                count(found["incidents_opened"]),
                found["incidents_opened"],
                link=where("trading/incident", "opened_at"),
            ),
        ),
        (
            word("Incidents open at the end"),
            value(count(found["incidents_open"]), found["incidents_open"]),
        ),
    )
    if found["last_verdict"] is None:
        why = (
            "Nothing was compared: on paper there is nothing to compare, and matches are kept for "
            "a week."
        )
        return Section(
            key=key, title=title, text=(why,), tables=(Table(name="Incidents", rows=incidents),)
        )
    counts = tuple(
        (
            word(verdict.capitalize()),
            value(
                count(number),
                number,
                link=where("trading/reconciliationrun", "at", verdict=verdict),
                tone=TONES.get(verdict, "warn"),
            ),
        )
        for verdict, number in found["counts"].items()
    )
    block = f" at block {found['last_block']:,}" if found["last_block"] is not None else ""
    last = f"The last comparison, {utc(moment(found['last_at']))}{block}: {found['last_verdict']}."
    return Section(
        key=key,
        title=title,
        text=(last, *(_sentence(text) for text in found["last"])),
        tables=(Table(name="Comparisons", rows=(*counts, *incidents)),),
    )


def events(figures: Figures, links: Links) -> Section:
    """Return what the engine noted and what people did."""
    found, acts = figures["events"], figures["acts"]
    levels = tuple(
        (
            word(f"Notes, {level.lower()}"),
            value(count(number), number, link=links.rows("trading/enginenote", "at", level=level)),
        )
        for level, number in found["counts"].items()
    )
    done = tuple(
        (
            word(action),
            value(count(number), number, link=links.rows("audit/auditevent", "at", action=action)),
        )
        for action, number in acts["counts"].items()
    )
    loud = tuple(
        (
            word(utc(moment(one["at"]))),
            word(one["title"], tone=TONES.get(one["level"], "")),
            word(one["text"]),
        )
        for one in found["loud"]
    )
    acted = tuple(
        (
            word(utc(moment(one["at"]))),
            word(one["action"]),
            word(one["actor_name"]),
            word(one["reason"]),
        )
        for one in acts["shown"]
    )
    tables = []
    if levels:
        tables.append(Table(name="Notes of the engine", rows=levels))
    if loud:
        tables.append(Table(name="Halts and grave notes", head=("At", "What", "Text"), rows=loud))
    if done:
        tables.append(Table(name="Audit records", rows=done))
    if acted:
        head = ("At", "Act", "By", "Why")
        tables.append(Table(name="Acts", head=head, rows=acted))
    text = () if tables else ("The engine noted nothing, and nobody did anything.",)
    return Section(key="events", title="Events and acts", text=text, tables=tuple(tables))


def diagnosis(figures: Figures) -> Section:
    """Return what was wrong, why most likely, and what the runbook says."""
    found = figures["anomalies"]
    rules = (
        "Judged: refused orders over 10 %, fills under 30 % of more than 10 orders, p95 over "
        "500 ms, negative PnL, open CRITICAL alerts."
    )
    if not found:
        text = (
            "Nothing was out of bounds."
            if not figures["idle"]
            else "There was no trading to judge."
        )
        return Section(key="diagnosis", title="Anomaly diagnosis", text=(f"{text} {rules}",))
    rows = tuple(
        (
            word(one["title"], tone="bad"),
            word(one["value"]),
            word(one["bound"]),
            word(one["cause"]),
            word("runbook", link=one["runbook"]),
        )
        for one in found
    )
    head = ("What", "Seen", "Bound", "Likely cause", "What to do")
    table = Table(name="Anomalies", head=head, rows=rows)
    return Section(key="diagnosis", title="Anomaly diagnosis", text=(rules,), tables=(table,))


def audit(figures: Figures) -> Section:
    """Return the audit chain's head at the end of the time."""
    head = figures["audit"]
    if not head["sequence"]:
        text = "The audit had no record before the end of this time."
        return Section(key="audit", title="Audit chain", text=(text,))
    link = f"/admin/audit/auditevent/?q={head['sha256']}"
    rows = (
        (word("Record"), value(count(head["sequence"]), head["sequence"], link=link)),
        (word("SHA-256"), word(head["sha256"])),
    )
    text = "Noted here, so that a later cut of the chain shows: manage.py verify_audit."
    return Section(
        key="audit", title="Audit chain", text=(text,), tables=(Table(name="Head", rows=rows),)
    )


def moment(text: str | None) -> datetime | None:
    """Return the moment of an ISO text."""
    return datetime.fromisoformat(text) if text else None


def _us(us: int, *, over: int) -> Cell:
    return value(micros(us), us, tone="bad" if us > over else "")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
