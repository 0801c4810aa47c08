"""Tables as files: CSV, Excel and PDF. No cell can run as a formula, whoever wrote it."""

import csv
import io
import json
from collections.abc import Callable, Sequence

import typst
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font

from analytics.reports.campaign import Cell, Table
from core.tabular import escape_cell

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PDF = "application/pdf"
# Data comes in as JSON and is only ever shown as text, so nothing a user wrote is read as markup.
_PAPER = """
#let report = json(bytes(sys.inputs.report))
#set document(title: report.title)
#set page(paper: "a4", margin: (x: 1.8cm, y: 2cm), numbering: "1 / 1")
#set text(size: 9pt)
#set table(stroke: (x, y) => if y == 0 { (bottom: 0.8pt + luma(90)) } else { (bottom: 0.4pt + luma(210)) }, inset: 5pt)
#show table.cell.where(y: 0): strong
#text(size: 18pt, weight: "bold", report.title)
#v(-6pt)
#text(fill: luma(90), report.subtitle)
#for part in report.tables {
  v(10pt)
  text(size: 12pt, weight: "bold", part.title)
  v(-4pt)
  table(
    columns: part.widths.map(width => width * 1fr),
    align: (x, y) => if part.numeric.at(x) { right } else { left },
    table.header(..part.head.map(word => [#word])),
    ..part.rows.flatten().map(word => [#word]),
  )
}
"""


def as_csv(title: str, subtitle: str, tables: Sequence[Table]) -> bytes:
    """The tables one after the other, each under its title, with an empty line between; UTF-8 with a mark for Excel."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([escape_cell(title)])
    writer.writerow([escape_cell(subtitle)])
    for table in tables:
        writer.writerows([[], [table.title], table.head])
        writer.writerows([[escape_cell(cell) for cell in row] for row in table.rows])
    return text.getvalue().encode("utf-8-sig")


def as_xlsx(title: str, subtitle: str, tables: Sequence[Table]) -> bytes:
    """One sheet per table."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for table in tables:
        sheet = book.create_sheet(table.title[:31])
        sheet.append([_sheet_cell(title), _sheet_cell(subtitle)])
        sheet.append([])
        sheet.append(table.head)
        for cell in (*sheet[1], *sheet[3]):
            cell.font = Font(bold=True)
        for row in table.rows:
            sheet.append([_sheet_cell(value) for value in row])
        sheet.freeze_panes = "A4"
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _sheet_cell(cell: Cell) -> object:
    """Without the control characters that Excel's format can't hold; a subject or a link's text may."""
    return escape_cell(ILLEGAL_CHARACTERS_RE.sub("", cell) if isinstance(cell, str) else cell)


def as_pdf(title: str, subtitle: str, tables: Sequence[Table]) -> bytes:
    parts = [_paper_table(table) for table in tables]
    report = json.dumps({"title": title, "subtitle": subtitle, "tables": parts})
    return bytes(typst.compile(_PAPER.encode(), format="pdf", sys_inputs={"report": report}))


def _paper_table(table: Table) -> dict[str, object]:
    """Every cell as words, columns as wide as what they hold, numbers to the right."""
    columns = range(len(table.head))
    words = [[_words(cell) for cell in row] for row in table.rows]
    longest = [max([len(table.head[at]), *(len(row[at]) for row in words)]) for at in columns]
    return {
        "title": table.title,
        "head": table.head,
        "rows": words,
        "widths": [min(40, max(9, width)) for width in longest],
        "numeric": [any(isinstance(row[at], int | float) for row in table.rows) for at in columns],
    }


def _words(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:.1%}"
    return f"{cell:,}" if isinstance(cell, int) else cell or "–"


WRITERS: dict[str, tuple[str, Callable[[str, str, Sequence[Table]], bytes]]] = {
    "csv": (CSV, as_csv),
    "xlsx": (XLSX, as_xlsx),
    "pdf": (PDF, as_pdf),
}
