"""The sections of one kind of money: trades, orders, funnel, positions."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from polyarb_site.formats import (
    count,
    money,
    money_exact,
    percent,
    plural,
    shares,
    shares_exact,
)
from reports.render import charts
from reports.render.document import Cell, Chart, Section, Table, value, word
from reports.render.links import Links, record

Part = Mapping[str, Any]
UNKNOWN_WIN = "no set ended"


def money_sections(part: Part, links: Links, noun: str, *, alone: bool) -> tuple[Section, ...]:
    """Return the sections; their titles name the money when there are several kinds."""
    suffix = "" if alone else f" {part['words']}"
    key = "" if alone else f"-{part['money'].lower()}"
    return (
        _trades(part, links, noun, key, suffix),
        _orders(part, links, key, suffix),
        _funnel(part, links, key, suffix),
        _positions(part, links, key, suffix),
    )


def _trades(part: Part, links: Links, noun: str, key: str, suffix: str) -> Section:
    sets, trades, realised = part["sets"], part["trades"], part["realised"]
    whose = {"money": part["money"]}

    def ended(name: str) -> str:
        return links.rows("trading/arbitrageset", "moved_at", ended=name, **whose)

    fills = links.rows("trading/trade", "matched_at", **whose)
    entries = links.rows("trading/ledgerentry", "at", **whose)
    rows: list[tuple[Cell, Cell]] = [
        (word("Realised PnL"), amount(realised["total_micro"], link=entries, sign=True)),
        (word("Sets that ended"), number(sets["closed"], ended("CLOSED"))),
        (word("of these won"), number(sets["won"], ended("WON"))),
        (
            word("of these lost"),
            number(sets["lost"], ended("LOST"), tone="bad" if sets["lost"] else ""),
        ),
        (word("Win rate (won by ended)"), rate(sets["win_rate"])),
        (word("Expected of these"), amount(sets["expected_micro"], sign=True)),
        (word("Kept of it"), amount(sets["kept_micro"], sign=True)),
        (word("Edge kept"), rate(sets["kept_rate"])),
        (word("Deepest drawdown"), amount(realised["drawdown_micro"])),
        (word("Fills"), number(trades["number"], fills)),
        (word("of these confirmed"), number(trades["confirmed"], f"{fills}&state=CONFIRMED")),
        (word("of these failed"), number(trades["failed"], f"{fills}&state=FAILED")),
        (word("Bought, without fees"), amount(trades["bought_micro"])),
        (word("Fees"), amount(trades["fees_micro"])),
        (word("Gas"), amount(trades["gas_micro"])),
    ]
    if trades["capital_micro"]:
        rows.append((word("Capital in or out"), amount(trades["capital_micro"], sign=True)))
    kinds = tuple(
        (
            word(one["kind"].lower()),
            number(one["entries"], f"{entries}&kind={one['kind']}"),
            amount(one["realised_micro"], sign=True),
        )
        for one in realised["kinds"]
    )
    tables = [Table(name="Trades", rows=tuple(rows))]
    if kinds:
        head = ("Ledger entries", "Number", "Realised")
        tables.append(Table(name="Ledger", head=head, rows=kinds))
    for name, title in (("best", "Best sets"), ("worst", "Worst sets")):
        if sets[name]:
            tables.append(_sets(title, sets[name]))
    shown: tuple[Chart | None, ...] = (
        charts.equity(part, links.since, links.until, noun),
        charts.edges(part),
    )
    text = () if sets["closed"] else ("No set ended, so there is no win rate and no kept edge.",)
    return Section(
        key=f"trades{key}",
        title=f"Trade statistics{suffix}",
        text=text,
        charts=_named(shown, suffix),
        tables=tuple(tables),
    )


def _sets(title: str, lines: list[Part]) -> Table:
    rows = tuple(
        (
            word(line["market"], link=record("trading/arbitrageset", line["set_id"])),
            word(line["label"]),
            amount(line["cost_micro"]),
            amount(line["expected_micro"], sign=True),
            amount(line["realised_micro"], sign=True),
        )
        for line in lines
    )
    return Table(name=title, head=("Market", "Now", "Cost", "Expected", "Realised"), rows=rows)


def _orders(part: Part, links: Links, key: str, suffix: str) -> Section:
    found = part["orders"]

    def what(outcome: str) -> str:
        return links.rows("trading/order", "created_at", money=part["money"], outcome=outcome)

    rows = (
        (word("Submitted"), number(found["submitted"], what("SENT"))),
        (word("Filled in full"), number(found["filled"], what("FULL"))),
        (word("Filled in part"), number(found["partly"], what("PART"))),
        (word("Refused"), number(found["refused"], what("REFUSED"))),
        (word("Ended without a match"), number(found["unmatched"], what("UNMATCHED"))),
        (word("Fill rate"), rate(found["fill_rate"])),
        (word("Refusal rate"), rate(found["refuse_rate"])),
    )
    tables = [Table(name="Orders", rows=rows)]
    if found["refusals"]:
        reasons = tuple(
            (word(one["reason"] or "no reason given"), number(one["number"], what("REFUSED")))
            for one in found["refusals"]
        )
        tables.append(Table(name="Why refused", head=("Reason", "Orders"), rows=reasons))
    text = []
    if not found["submitted"]:
        text.append("No order was sent.")
    if found["unknown"]:
        text.append(f"What became of {plural(found['unknown'], 'order')} is not known yet.")
    return Section(
        key=f"orders{key}",
        title=f"Order execution{suffix}",
        text=tuple(text),
        tables=tuple(tables),
    )


def _funnel(part: Part, links: Links, key: str, suffix: str) -> Section:
    found = part["funnel"]
    whose = {"money": part["money"]}
    title = f"Opportunity funnel{suffix}"
    if not found["steps"][0]["number"]:
        text = "No gap was seen: YES and NO never cost less than $1.00 together."
        return Section(key=f"funnel{key}", title=title, text=(text,))
    rows = []
    for step in found["steps"]:
        model, field = ("opportunity", "seen_at")
        if step["frames"] is None:
            model, field = ("arbitrageset", "opened_at")
        link = links.rows(f"trading/{model}", field, reached=step["key"], **whose)
        rows.append(
            (
                word(step["label"]),
                number(step["number"], link),
                number(step["frames"]) if step["frames"] is not None else value("–", ""),
                word(step["meaning"]),
            )
        )
    reasons = tuple(
        (
            word(one["label"]),
            number(
                one["gaps"],
                links.rows("trading/opportunity", "seen_at", refusal=one["code"], **whose),
            ),
            number(one["frames"]),
        )
        for one in found["reasons"]
    )
    tables = [Table(name="Funnel", head=("Step", "Number", "Frames", "Meaning"), rows=tuple(rows))]
    if reasons:
        head = ("Why not taken", "Gaps", "Frames")
        tables.append(Table(name="Refusals", head=head, rows=reasons))
    chart = charts.funnel(part)
    return Section(
        key=f"funnel{key}",
        title=title,
        charts=_named((chart,), suffix),
        tables=tuple(tables),
    )


def _positions(part: Part, links: Links, key: str, suffix: str) -> Section:
    found = part["positions"]
    rows = (
        (word("Cash and reserved, by the ledger"), amount(found["cash_micro"])),
        (word("Tokens held"), number(found["held_count"])),
        (word("Sets open at the end"), number(found["open_count"])),
        (word("Highest exposure"), amount(part["exposure"]["max_micro"])),
        (word("Exposure at the end"), amount(part["exposure"]["last_micro"])),
    )
    tables = [Table(name="Positions", rows=rows)]
    if found["held"]:
        held = tuple(
            (
                word(line["market"] or line["token_id"], exact=line["token_id"]),
                word(line["outcome"]),
                value(shares(line["shares_micro"]), shares_exact(line["shares_micro"])),
                amount(line["cost_micro"]),
            )
            for line in found["held"]
        )
        more = found["held_count"] - len(held)
        note = f"and {plural(more, 'cheaper one')}" if more else ""
        head = ("Market", "Outcome", "Shares", "Cost without fees")
        tables.append(Table(name="Held at the end", head=head, rows=held, note=note))
    if found["open_sets"]:
        tables.append(_sets("Open sets", found["open_sets"]))
    balances = tuple((word(name), amount(micro)) for name, micro in found["dollars"].items())
    if balances:
        tables.append(Table(name="Ledger balances at the end", rows=balances))
    chart = charts.exposure(part, links.since, links.until)
    return Section(
        key=f"positions{key}",
        title=f"Positions{suffix}",
        charts=_named((chart,), suffix),
        tables=tuple(tables),
    )


def _named(shown: tuple[Chart | None, ...], suffix: str) -> tuple[Chart, ...]:
    """Return the charts that there are, with the money in their titles when there are several."""
    known = (chart for chart in shown if chart is not None)
    return tuple(replace(one, title=f"{one.title}{suffix and f' ({suffix[1:]})'}") for one in known)


def amount(micro: int | None, *, link: str = "", sign: bool = False) -> Cell:
    """Return a cell of dollars, exact to the millionth."""
    tone = ("bad" if micro < 0 else "good" if micro else "") if sign and micro is not None else ""
    return value(money(micro, sign=sign), money_exact(micro), link=link, tone=tone)


def number(counted: int, link: str = "", *, tone: str = "") -> Cell:
    """Return a cell of a count."""
    return value(count(counted), counted, link=link, tone=tone)


def rate(micro: int | None) -> Cell:
    """Return a cell of a rate; a dash when nothing could be counted."""
    return value(percent(micro, decimals=1), percent(micro, decimals=4))


def period_of(figures: Part) -> Links:
    """Return the links over the time of figures."""
    since, until = (datetime.fromisoformat(figures[name]) for name in ("since", "until"))
    return Links(since, until)
