"""Markdown from plain values: tables that a person can read as text too."""

from collections.abc import Iterable, Sequence

NOTHING = "-"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table. A bar or a line break in a cell stays within its cell."""
    lines = [_line(heads), _line(["---"] * len(heads))]
    return [*lines, *(_line([cell(text) for text in row]) for row in rows)]


def cell(text: str) -> str:
    """Return a text as one cell."""
    return " ".join(text.split()).replace("|", "\\|") or NOTHING


def code(text: str) -> str:
    """Return a name as code, nothing for nothing."""
    return f"`{text}`" if text else ""


def joined(*parts: Sequence[str]) -> str:
    """Return blocks of lines as one document, a blank line between them."""
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
