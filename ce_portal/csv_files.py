"""How a table leaves the portal as a CSV file: one way, for every export."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence

from django.http import HttpResponse

# A spreadsheet takes a cell that starts so for a formula and would run it.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# But figures below zero, such as the hours of a reversal, are figures, and must add up.
_FIGURE = re.compile(r"-\d+(\.\d+)?", re.ASCII)


def response(rows: Iterable[Sequence[str]], *, filename: str) -> HttpResponse:
    """The rows as a download, every cell plain text or a figure. UTF-8, with the mark for Excel."""
    download = HttpResponse(
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )
    download.write("\N{BYTE ORDER MARK}")
    csv.writer(download).writerows([as_text(cell) for cell in row] for row in rows)
    return download


def as_text(cell: str) -> str:
    """The cell, in a form that no spreadsheet runs."""
    is_formula = cell.startswith(_FORMULA_STARTS) and not _FIGURE.fullmatch(cell)
    return f"'{cell}" if is_formula else cell
