"""A report before it has a format: sentences, charts that answer a question, tables of cells."""

from dataclasses import dataclass

from reports.render.drawing import Drawing


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell. `exact` is the value to its last digit, `link` leads to the rows behind it."""

    text: str
    exact: str = ""
    link: str = ""
    tone: str = ""  # good, warn, bad, or nothing
    number: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under a head. Without a head each row is a name and its value."""

    name: str
    rows: tuple[tuple[Cell, ...], ...]
    head: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A picture whose title asks a question and whose answer is a sentence. `key` names it."""

    key: str
    title: str
    answer: str
    drawing: Drawing
    spark: tuple[int | None, ...] = ()  # for a form without pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a report."""

    key: str
    title: str
    text: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole report: what is most worth knowing first, and the proof last."""

    title: str
    subtitle: str
    sentences: tuple[str, ...]
    charts: tuple[Chart, ...]
    sections: tuple[Section, ...]


def word(text: str, *, link: str = "", tone: str = "", exact: str = "") -> Cell:
    """Return a cell of text."""
    return Cell(text=text, link=link, tone=tone, exact=exact or text)


def value(text: str, exact: int | str, *, link: str = "", tone: str = "") -> Cell:
    """Return a cell of a number."""
    return Cell(text=text, exact=str(exact), link=link, tone=tone, number=True)
