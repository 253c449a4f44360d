"""How a table leaves the portal as a CSV file: one way, for every export."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

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
    _write(download, rows)
    return download


def text(rows: Iterable[Sequence[str]]) -> str:
    """The same, to be put into another file."""
    written = io.StringIO(newline="")
    _write(written, rows)
    return written.getvalue()


def _write(to: Any, rows: Iterable[Sequence[str]]) -> None:
    to.write("\N{BYTE ORDER MARK}")
    csv.writer(to).writerows([as_text(cell) for cell in row] for row in rows)


def as_text(cell: str) -> str:
    """The cell, in a form that no spreadsheet runs."""
    is_formula = cell.startswith(_FORMULA_STARTS) and not _FIGURE.fullmatch(cell)
    return f"'{cell}" if is_formula else cell
