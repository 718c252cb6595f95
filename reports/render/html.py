"""A document as HTML: the body that the admin's page shows, and a page of its own for a file."""

from html import escape

from reports.render.document import Cell, Chart, Document, Section, Table
from reports.render.svg import svg

# The colours of shapes by tone. The admin gives the variables its own values.
CHART_STYLE = """
.rp-svg { display: block; width: 100%; height: auto; }
.rp-text { font: 12px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
.rp-f-subtle { fill: var(--rp-subtle); } .rp-f-strong { fill: var(--rp-strong); }
.rp-f-accent { fill: var(--rp-accent); } .rp-f-good { fill: var(--rp-good); }
.rp-f-warn { fill: var(--rp-warn); } .rp-f-bad { fill: var(--rp-bad); }
.rp-f-expected, .rp-f-track { fill: var(--rp-track); }
.rp-f-loss { fill: var(--rp-bad); fill-opacity: .16; }
.rp-f-held { fill: var(--rp-accent); fill-opacity: .14; }
.rp-s-accent { stroke: var(--rp-accent); } .rp-s-line { stroke: var(--rp-line); }
.rp-s-zero { stroke: var(--rp-subtle); } .rp-s-peak { stroke: var(--rp-bad); stroke-opacity: .4; }
"""
_PAGE_STYLE = (
    """
:root {
  color-scheme: light dark; --rp-page: #f7f8f9; --rp-card: #fff; --rp-text: #3b4754;
  --rp-strong: #161d26; --rp-subtle: #5b6875; --rp-line: #dde3e8; --rp-track: #d8e0e6;
  --rp-accent: #0d7285; --rp-good: #1b7f4d; --rp-warn: #a06000; --rp-bad: #c33025;
}
@media (prefers-color-scheme: dark) {
  :root {
    --rp-page: #12181f; --rp-card: #1a222b; --rp-text: #c3ccd5; --rp-strong: #f4f6f8;
    --rp-subtle: #93a1ae; --rp-line: #2f3a45; --rp-track: #37434f; --rp-accent: #4fb6c9;
    --rp-good: #58c98d; --rp-warn: #e0ac55; --rp-bad: #f2837a;
  }
}
@media print { :root { color-scheme: light; } .rp-section { break-inside: avoid-page; } }
body { margin: 0; background: var(--rp-page); color: var(--rp-text);
  font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 980px; margin: 0 auto; padding: 32px 20px 64px; }
h1, h2, h3 { color: var(--rp-strong); letter-spacing: -.01em; }
h1 { margin: 0; font-size: 30px; } h2 { margin: 0 0 8px; font-size: 20px; }
h3 { margin: 18px 0 4px; font-size: 14px; }
.rp-subtitle { margin: 4px 0 20px; color: var(--rp-subtle); }
.rp-lead { margin: 0 0 8px; color: var(--rp-strong); font-size: 18px; line-height: 1.5; }
.rp-section { margin-top: 20px; padding: 18px 20px; border-radius: 10px; background: var(--rp-card);
  border: 1px solid var(--rp-line); }
"""
    """
.rp-note { color: var(--rp-subtle); font-size: 13px; }
.rp-figure { margin: 0; padding: 16px 20px; border-radius: 10px; background: var(--rp-card);
  border: 1px solid var(--rp-line); }
.rp-figure figcaption { margin-bottom: 6px; }
.rp-figure strong { display: block; color: var(--rp-strong); }
.rp-charts { display: grid; gap: 16px; margin-top: 20px;
  grid-template-columns: repeat(2, minmax(0, 1fr)); }
.rp-charts > :first-child { grid-column: 1 / -1; }
.rp-tables { display: grid; gap: 0 40px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 380px), 1fr)); }
.rp-table { min-width: 0; } .rp-wide { grid-column: 1 / -1; }
@media (max-width: 760px) { .rp-charts { grid-template-columns: minmax(0, 1fr); } }
.rp-scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--rp-line); text-align: left;
  vertical-align: top; overflow-wrap: break-word; }
th { color: var(--rp-subtle); font-weight: 500; font-size: 13px; }
.rp-number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.rp-good { color: var(--rp-good); } .rp-warn { color: var(--rp-warn); }
.rp-bad { color: var(--rp-bad); }
a { color: inherit; text-decoration-color: var(--rp-accent); text-underline-offset: 3px; }
"""
)


def page(document: Document) -> str:
    """Return a page that needs nothing beside itself."""
    lead = "".join(
        f'<p class="rp-lead">{escape(together(text))}</p>' for text in document.sentences
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(document.title)}</title>\n<style>{_PAGE_STYLE}{CHART_STYLE}</style>\n"
        f"</head>\n<body>\n<main>\n<h1>{escape(document.title)}</h1>\n"
        f'<p class="rp-subtitle">{escape(document.subtitle)}</p>\n{lead}\n{body(document)}'
        f"</main>\n</body>\n</html>\n"
    )


def body(document: Document) -> str:
    """Return the charts and the sections."""
    sections = "".join(_section(section) for section in document.sections)
    if not document.charts:
        return sections
    charts = "".join(_chart(chart) for chart in document.charts)
    return f'<div class="rp-charts">{charts}</div>\n{sections}'


def _section(section: Section) -> str:
    """Return one section: what is said, then the tables."""
    name = f"rp-{section.key}"
    text = "".join(f'<p class="rp-note">{escape(together(line))}</p>\n' for line in section.text)
    tables = "".join(_table(table) for table in section.tables)
    tables = f'<div class="rp-tables">{tables}</div>\n' if tables else ""
    return (
        f'<section class="rp-section" id="{name}" aria-labelledby="{name}-title">\n'
        f'<h2 id="{name}-title">{escape(section.title)}</h2>\n{text}{tables}</section>\n'
    )


def _chart(chart: Chart) -> str:
    return (
        f'<figure class="rp-figure" data-chart="{escape(chart.key)}"><figcaption>'
        f"<strong>{escape(chart.title)}</strong> {escape(together(chart.answer))}</figcaption>"
        f'<div class="rp-plot">{svg(chart.drawing, chart.title)}</div></figure>\n'
    )


def _table(table: Table) -> str:
    head = ""
    if table.head:
        numbers = [cell.number for cell in table.rows[0]] if table.rows else []
        cells = "".join(
            f'<th scope="col"{_class(number)}>{escape(name)}</th>'
            for name, number in zip(table.head, numbers, strict=False)
        )
        head = f"<thead><tr>{cells}</tr></thead>"
    rows = "".join(_row(row, named=not table.head) for row in table.rows)
    note = f'<p class="rp-note">{escape(table.note)}</p>\n' if table.note else ""
    wide = " rp-wide" if len(table.head) > 3 else ""
    return (
        f'<div class="rp-table{wide}"><h3>{escape(table.name)}</h3>\n'
        f'<div class="rp-scroll"><table>{head}<tbody>{rows}</tbody></table></div>\n{note}</div>\n'
    )


def _row(row: tuple[Cell, ...], *, named: bool) -> str:
    cells = []
    for place, cell in enumerate(row):
        tag = 'th scope="row"' if named and not place else "td"
        end = "th" if named and not place else "td"
        cells.append(f"<{tag}{_class(cell.number, cell.tone)}{_title(cell)}>{_text(cell)}</{end}>")
    return f"<tr>{''.join(cells)}</tr>\n"


def _class(number: bool, tone: str = "") -> str:
    names = [*(["rp-number"] if number else []), *([f"rp-{tone}"] if tone else [])]
    return f' class="{" ".join(names)}"' if names else ""


def _title(cell: Cell) -> str:
    return f' title="{escape(cell.exact)}"' if cell.exact and cell.exact != cell.text else ""


def together(text: str) -> str:
    """Return a sentence whose percent signs stay with their numbers."""
    return text.replace(" %", "\u00a0%")


def _text(cell: Cell) -> str:
    text = escape(cell.text)
    return f'<a href="{escape(cell.link)}">{text}</a>' if cell.link else text
