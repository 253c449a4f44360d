"""Have documents recognized that were drawn before their SHA-256 was kept."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from tqdm import tqdm

from transcripts import drawing
from transcripts.models import Certificate

BATCH = 200


class Command(BaseCommand):
    help = (
        "Read each certificate whose SHA-256 was not kept when it was drawn, and keep it, so "
        "that the check of a file recognizes it. The portal goes on meanwhile, and running this "
        "again does no harm. A file that cannot be read is named: draw that certificate again."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        kept, unreadable, last = 0, 0, 0
        unknown = Certificate.objects.unknown_by_file().order_by("pk")
        with tqdm(total=unknown.count(), unit=" documents", disable=None) as bar:
            while batch := list(unknown.filter(pk__gt=last)[:BATCH]):
                for certificate in batch:
                    try:
                        kept += drawing.keep_sha256(certificate=certificate)
                    # A storage may raise what we have never seen; the others go on.
                    except Exception as error:  # noqa: BLE001
                        unreadable += 1
                        self.stderr.write(f"{certificate.code} cannot be read: {error}")
                last = batch[-1].pk
                bar.update(len(batch))
        self.stdout.write(f"Kept the SHA-256 of {kept} document{'' if kept == 1 else 's'}.")
        if unreadable:
            self.stdout.write(f"{unreadable} could not be read: draw them again in the admin.")
