"""Drawing without the PDF library, and what lies in the storage afterwards."""

from django.utils import timezone

from transcripts import tasks
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
