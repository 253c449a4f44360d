"""How a table leaves the portal as a CSV file: one way, for every export."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence

from django.http import HttpResponse

# A spreadsheet takes a cell that starts so for a formula and would run it.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def response(rows: Iterable[Sequence[str]], *, filename: str) -> HttpResponse:
    """The rows as a download, every cell as plain text. UTF-8, with the mark that Excel needs."""
    download = HttpResponse(
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )
    download.write("\N{BYTE ORDER MARK}")
    csv.writer(download).writerows([as_text(cell) for cell in row] for row in rows)
    return download


def as_text(cell: str) -> str:
    """The cell, in a form that no spreadsheet runs."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
