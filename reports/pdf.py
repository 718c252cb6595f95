"""A document as PDF: A4, the same sentences, charts and tables, nothing taken from a network.

The built-in fonts of every PDF reader know Western European letters only; what they do not know is
shown as a question mark, and the HTML of the same report has it.
"""

from datetime import datetime

from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace
from fpdf.table import Row

from reports.render.document import Cell, Chart, Document, Table
from reports.render.drawing import Drawing, Path, Rect, Shape, Text

MARGIN_MM = 16
WIDTH_MM = 210 - 2 * MARGIN_MM
SCALE = WIDTH_MM / 960  # a drawing of half the width takes half of the page
FONT = "Helvetica"
COLOURS = {
    "": (59, 71, 84),
    "strong": (22, 29, 38),
    "subtle": (91, 104, 117),
    "line": (221, 227, 232),
    "zero": (147, 161, 174),
    "track": (226, 232, 237),
    "expected": (210, 219, 226),
    "accent": (13, 114, 133),
    "held": (219, 236, 239),
    "good": (27, 127, 77),
    "warn": (160, 96, 0),
    "bad": (195, 48, 37),
    "loss": (246, 221, 219),
    "peak": (226, 160, 154),
}
_ANCHORS = {"start": 0.0, "middle": 0.5, "end": 1.0}
_INSTEAD = str.maketrans({"−": "-", "–": "-", "—": "-", "…": "...", "≤": "<=", "’": "'"})


class _Sheet(FPDF):
    """Pages with a line at the foot that says which report it is."""

    def __init__(self, foot: str) -> None:
        super().__init__(unit="mm", format="A4")
        self._foot = foot

    def footer(self) -> None:
        """Draw the foot of a page."""
        self.set_y(-12)
        self.set_font(FONT, size=7)
        self.set_text_color(*COLOURS["subtle"])
        self.cell(WIDTH_MM - 20, 5, self._foot)
        self.cell(20, 5, f"{self.page_no()} / {{nb}}", align="R")


def pdf(document: Document, *, foot: str, made_at: datetime, address: str = "") -> bytes:
    """Return the file. The same arguments give the same bytes.

    `address` is that of the portal, before the links of the numbers; without it there are none.
    """
    sheet = _Sheet(latin(foot))
    sheet.set_creation_date(made_at)
    sheet.set_title(latin(document.title))
    sheet.set_margins(MARGIN_MM, MARGIN_MM)
    sheet.set_auto_page_break(auto=True, margin=18)
    sheet.add_page()
    _line(sheet, document.title, size=20, tone="strong", style="B", height=9)
    _line(sheet, document.subtitle, size=9, tone="subtle", height=6)
    sheet.ln(2)
    for sentence in document.sentences:
        _line(sheet, sentence, size=11, tone="strong", height=5.5)
        sheet.ln(1)
    for chart in document.charts:
        _chart(sheet, chart)
    for section in document.sections:
        sheet.ln(4)
        if sheet.will_page_break(30):
            sheet.add_page()
        _line(sheet, section.title, size=13, tone="strong", style="B", height=7)
        for text in section.text:
            _line(sheet, text, size=8.5, tone="subtle", height=4.2)
        for table in section.tables:
            _table(sheet, table, address)
    return bytes(sheet.output())


def latin(text: str) -> str:
    """Return the text in the letters that every reader's own fonts have."""
    return text.translate(_INSTEAD).encode("latin-1", "replace").decode("latin-1")


def _line(
    sheet: FPDF, text: str, *, size: float, tone: str, height: float, style: str = ""
) -> None:
    sheet.set_font(FONT, style=style, size=size)
    sheet.set_text_color(*COLOURS[tone])
    sheet.multi_cell(WIDTH_MM, height, latin(text), align="L", new_x="LMARGIN", new_y="NEXT")


def _chart(sheet: FPDF, chart: Chart) -> None:
    drawing = chart.drawing
    height = drawing.height * SCALE
    sheet.ln(2)
    if sheet.will_page_break(height + 12):
        sheet.add_page()
    _line(sheet, chart.title, size=9.5, tone="strong", style="B", height=5)
    _line(sheet, chart.answer, size=8.5, tone="", height=4.2)
    _draw(sheet, drawing, sheet.l_margin, sheet.get_y() + 1)
    sheet.set_y(sheet.get_y() + height + 2)


def _draw(sheet: FPDF, drawing: Drawing, left: float, top: float) -> None:
    for shape in drawing.shapes:
        _shape(sheet, shape, left, top, SCALE)
    sheet.set_dash_pattern()
    sheet.set_line_width(0.2)


def _shape(sheet: FPDF, shape: Shape, left: float, top: float, scale: float) -> None:
    colour = COLOURS[shape.tone]
    if isinstance(shape, Rect):
        sheet.set_fill_color(*colour)
        place = (left + shape.x * scale, top + shape.y * scale)
        sheet.rect(*place, shape.width * scale, shape.height * scale, style="F")
    elif isinstance(shape, Text):
        sheet.set_font(FONT, size=6.5)
        sheet.set_text_color(*colour)
        text = latin(shape.text)
        before = sheet.get_string_width(text) * _ANCHORS[shape.anchor]
        sheet.text(left + shape.x * scale - before, top + shape.y * scale, text)
    elif isinstance(shape, Path):
        points = [(left + x * scale, top + y * scale) for x, y in shape.points]
        sheet.set_draw_color(*colour)
        sheet.set_fill_color(*colour)
        sheet.set_line_width(shape.width * 0.15)
        sheet.set_dash_pattern(*((1, 1) if shape.dashed else ()))
        style = "F" if shape.filled else "D"
        sheet.polyline(points, polygon=shape.filled, style=style)


def _table(sheet: FPDF, table: Table, address: str) -> None:
    if not table.rows:
        return
    sheet.ln(2)
    if sheet.will_page_break(18):
        sheet.add_page()
    _line(sheet, table.name, size=8.5, tone="subtle", style="B", height=5)
    sheet.set_font(FONT, size=8)
    sheet.set_text_color(*COLOURS[""])
    sheet.set_draw_color(*COLOURS["line"])
    numbers = [cell.number for cell in table.rows[0]]
    head = FontFace(emphasis="", color=COLOURS["subtle"])
    with sheet.table(
        width=WIDTH_MM if len(numbers) > 2 else 110,
        align="L",
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        col_widths=_widths(table),
        text_align=tuple("RIGHT" if number else "LEFT" for number in numbers),
        first_row_as_headings=bool(table.head),
        headings_style=head,
        line_height=4.2,
        padding=0.6,
    ) as drawn:
        if table.head:
            row = drawn.row()
            for name in table.head:
                row.cell(latin(name))
        for cells in table.rows:
            row = drawn.row()
            for cell in cells:
                _cell(row, cell, address)
    if table.note:
        _line(sheet, table.note, size=8, tone="subtle", height=4.2)


def _cell(row: Row, cell: Cell, address: str) -> None:
    style = FontFace(color=COLOURS[cell.tone]) if cell.tone else None
    link = f"{address}{cell.link}" if address and cell.link else None
    row.cell(latin(cell.text), style=style, link=link)


def _widths(table: Table) -> tuple[int, ...]:
    """Return the share of each column, by the longest of its texts, within reason."""
    columns = [[row[place].text for row in table.rows] for place in range(len(table.rows[0]))]
    for place, name in enumerate(table.head):
        columns[place].append(name)
    return tuple(min(max(7, *map(len, texts)), 46) for texts in columns)
