"""Drawing without the PDF library, and what lies in the storage afterwards."""

from datetime import UTC, datetime

from django.utils import timezone

from transcripts import pdf, records, reviews, tasks
from transcripts.models import Certificate, certificate_storage

DOCUMENT = b"%PDF-1.7 the document"


def draw(certificate):
    """What the worker does with the message; the row as it is afterwards."""
    tasks.draw_certificate_pdf(certificate_id=certificate.pk)
    certificate.refresh_from_db()
    return certificate


def wait_is_over(certificate):
    """The pause after a failed attempt, or the lease of a killed worker, has run out."""
    now = timezone.now()
    Certificate.objects.filter(pk=certificate.pk).update(leased_until=now, next_attempt_at=now)


def stored_files():
    """Every file below the storage's folder for certificates, with its bytes."""
    storage = certificate_storage()
    found = {}
    for year in storage.listdir("certificates")[0] if storage.exists("certificates") else []:
        for month in storage.listdir(f"certificates/{year}")[0]:
            for name in storage.listdir(f"certificates/{year}/{month}")[1]:
                path = f"certificates/{year}/{month}/{name}"
                with storage.open(path) as file:
                    found[path] = file.read()
    return found


def draw_long_review():
    """Words in paragraphs, a long title, a reversal and outside credit; no database."""
    line = {"body": "ASWB ACE", "approval_number": "0000", "type": "Ethics", "hours": "1.5"}
    entry = {
        "completed_on": "2026-01-05",
        "title": "Consent as a Conversation " * 7,
        "format": "Text-based",
        "provider": "Hollow Reed Institute",
        "hours": "1.5",
        "holder": "Maya محمد 李 דוד",
        "certificate": "CEP-AAAA-BBBB-CCCC-DDDD",
        "entry": "award",
        "reason": "",
        "credit": [line],
    }
    outside = {
        **entry,
        "id": "0",
        "state": "confirmed",
        "counts": True,
        "certificate_number": "77",
        "decision": {"by": "Helena Brandt", "as": "supervisor", "on": "2026-02-01", "reason": ""},
    }
    seen = {
        "hours": "1.5",
        "credit": [{"body": "ASWB ACE", "type": "Ethics", "hours": "1.5"}],
        "entries": [entry, {**entry, "entry": "reversal", "reason": "Issued in error"}] * 20,
        "hours_together": "3",
        "outside": {"hours_confirmed": "1.5", "hours_recorded": "0", "entries": [outside]},
    }
    license = {"state": "NY", "state_name": "New York", "type": "LCSW-R", "number": "AB-1"}
    record = {
        "version": 1,
        "reviewer": {"name": "Helena Brandt", "licenses": [license]},
        "holder": "Maya محمد 李 דוד",
        "since": "2026-01-01",
        "through": "2026-02-28",
        "decision": "changes",
        "words": "Which hour was ethics?\n\n" + "x" * 300,
        "attestation": reviews.ATTESTATION,
        "time_zone": "America/New_York",
        "seen": seen,
    }
    return pdf.draw_review(
        record=record,
        attachment=records.canonical(record),
        signed_as="Helena Brandt, LCSW-R",
        decision="Changes requested",
        at=datetime(2026, 3, 2, 12, 0, tzinfo=UTC),
    )
