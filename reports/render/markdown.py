"""A document as Markdown: plain enough to be read as it is, and the form whose hash is kept."""

from collections.abc import Sequence

from reports.render.document import Cell, Chart, Document, Section, Table

BARS = "▁▂▃▄▅▆▇█"
SPARK_WIDTH = 48
_ESCAPED = str.maketrans({char: f"\\{char}" for char in "\\`*_[]<>|#"})


def markdown(document: Document) -> str:
    """Return the whole report."""
    lines = [f"# {plain(document.title)}", "", plain(document.subtitle), ""]
    for sentence in document.sentences:
        lines += [plain(sentence), ""]
    for chart in document.charts:
        lines += _chart(chart)
    for section in document.sections:
        lines += _section(section)
    return "\n".join(lines).rstrip("\n") + "\n"


def plain(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    return " ".join(text.split()).translate(_ESCAPED)


def spark(points: Sequence[int | None]) -> str:
    """Return a line of bars; a space where nothing is known. Empty when nothing changes."""
    known = [point for point in points if point is not None]
    if not known or min(known) == max(known):
        return ""
    low, high = min(known), max(known)
    width = min(SPARK_WIDTH, len(points))
    bars = []
    for place in range(width):
        run = points[place * len(points) // width : (place + 1) * len(points) // width]
        last = next((point for point in reversed(run) if point is not None), None)
        bars.append(" " if last is None else BARS[(last - low) * (len(BARS) - 1) // (high - low)])
    return "".join(bars)


def _section(section: Section) -> list[str]:
    lines = [f"## {plain(section.title)}", ""]
    for text in section.text:
        lines += [plain(text), ""]
    for table in section.tables:
        lines += _table(table)
    return lines


def _chart(chart: Chart) -> list[str]:
    lines = [f"**{plain(chart.title)}** {plain(chart.answer)}", ""]
    bars = spark(chart.spark)
    return [*lines, f"`{bars}`", ""] if bars else lines


def _table(table: Table) -> list[str]:
    head = table.head or (table.name, "")
    numbers = [cell.number for cell in table.rows[0]] if table.rows else []
    marks = ["---:" if number else "---" for number in numbers]
    lines = [f"### {plain(table.name)}", ""] if table.head else []
    lines += [_row([plain(name) for name in head]), f"| {' | '.join(marks)} |"]
    lines += [_row([_cell(cell) for cell in row]) for row in table.rows]
    return [*lines, "", *([plain(table.note), ""] if table.note else [])]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    text = plain(cell.text)
    return f"[{text}]({cell.link})" if cell.link else text
