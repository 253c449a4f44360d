"""Credit, as the ledger's own admin shows it, with what courses know of approvals."""

from __future__ import annotations

from datetime import date

from django.contrib import admin

from courses import approvals
from courses.models import Course
from transcripts import ledger
from transcripts.admin import CreditEntryAdmin as LedgerAdmin
from transcripts.models import CreditEntry

admin.site.unregister(CreditEntry)


@admin.register(CreditEntry)
class CreditEntryAdmin(LedgerAdmin):
    def approvals_on(self, day: date, *, entry: CreditEntry) -> dict[str, ledger.Approval]:
        """A course that is gone has none."""
        course = Course.objects.filter(key=entry.activity).first()
        if course is None:
            return {}
        return {
            approval.body.slug: ledger.Approval(
                of="course" if approval.course_id else "provider",
                number=approval.number,
                statement=approval.statement,
                valid_from=approval.valid_from,
                valid_to=approval.valid_to,
            )
            for approval in approvals.in_date(course, on=day).values()
        }
