"""A document as CSV: one line for each cell, with the value as shown and to its last digit."""

import csv
import re
from io import StringIO

from reports.render.document import Document

COLUMNS = ("section", "table", "row", "column", "shown", "exact", "rows_behind")
# A spreadsheet takes a text that starts with one of these for a formula and runs it.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)


def csv_text(document: Document) -> str:
    """Return the tables of a report as one file, the sentences first."""
    buffer = StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for number, sentence in enumerate(document.sentences, 1):
        writer.writerow(["summary", "", str(number), "", _safe(sentence), "", ""])
    for chart in document.charts:
        writer.writerow(["charts", chart.key, _safe(chart.title), "", _safe(chart.answer), "", ""])
    for section in document.sections:
        for table in section.tables:
            head = table.head or ("", "value")
            for number, row in enumerate(table.rows, 1):
                name = row[0].text if not table.head else str(number)
                cells = list(zip(head, row, strict=False))
                for column, cell in cells if table.head else cells[1:]:
                    texts = (name, column, cell.text, cell.exact, cell.link)
                    writer.writerow([section.key, table.name, *map(_safe, texts)])
    return buffer.getvalue()


def _safe(text: str) -> str:
    """Return the text as a spreadsheet shows it and never runs it."""
    plain = text.replace("−", "-")  # a spreadsheet knows no other minus
    if plain.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(plain):
        return f"'{plain}"
    return plain
