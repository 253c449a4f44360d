"""Curation of credit: one module per subject."""

from transcripts.admin import outside
from transcripts.admin.credit import CreditEntryAdmin

__all__ = ["CreditEntryAdmin", "outside"]
