"""Credit, as the ledger's own admin shows it, with what courses know of approvals."""

from __future__ import annotations

from datetime import date

from django.contrib import admin

from courses import approvals
from courses.models import Course
from transcripts import ledger, records
from transcripts.admin import CreditEntryAdmin as LedgerAdmin
from transcripts.models import CreditEntry

admin.site.unregister(CreditEntry)


@admin.register(CreditEntry)
class CreditEntryAdmin(LedgerAdmin):
    def approvals_on(self, day: date, *, entry: CreditEntry) -> dict[str, ledger.Approval]:
        """Those of the provider that the record prints: a course that another one has now has
        none of it, nor has one that is gone."""
        course = Course.objects.filter(key=entry.activity).select_related("provider").first()
        printed = records.read(entry.record)["activity"]["provider"]["name"]
        if course is None or course.provider.name != printed:
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

    def repeat_after_days(self, entry: CreditEntry) -> int | None:
        course = Course.objects.filter(key=entry.activity).first()
        return course.repeat_after_days if course else None
